"""Prompt-weighting syntax: what a prompt says once brackets and weights are taken away.

Understands the notations of A1111 (``(word:1.4)``, ``[from:to:0.3]``, ``[a|b]``, ``<lora:x:1>``),
ComfyUI (``embedding:x``), dynamic prompts (``__x__``) and compel (``word++``, ``(words)1.2``,
``("a", "b").blend(1, -1)``). A part whose weight is negative may be avoided or, by an encoder that
does not know the notation, drawn: it counts both ways.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

_NUMBER = r"[-+]?\d*\.?\d+"
_REFERENCE = re.compile(
    r"<\s*[a-z_]{1,16}\s*:\s*([^<>:]*)(?::[^<>]*)?>|embedding:\s*([^\s,()]+)", re.I
)
_WILDCARD = re.compile(r"__([^\s,]+?)__")
_WEIGHTED = re.compile(
    rf"\(([^()]*?)(?::\s*({_NUMBER})\s*\)|\)\s?({_NUMBER})(?![\w.])|\))", re.DOTALL
)
_METHOD = re.compile(r"\.\s*(?:swap|blend|and|or)\s*\(")
_SCHEDULE = re.compile(rf":{{1,2}}\s*{_NUMBER}\s*(?=[\])}}])")
_COMPEL_SIGNS = re.compile(r"(?<=[^\W_])[+-]+(?=[\s,.)\]]|$)|(?<=\))[+-]+")
_JOINER = re.compile(r"\b(?:AND|BREAK|ADDCOMM|ADDBASE|ADDROW|ADDCOL)\b")
_BRACKETS = str.maketrans("", "", "()[]{}\\")
_BRACKETS_APART = str.maketrans(dict.fromkeys("()[]{}|", " , ") | {"\\": None})
_MOST_WEIGHTS = 256  # in one text; the brackets of any more are cut later, their words stay


@dataclass(frozen=True)
class Stripped:
    """A prompt without its notation.

    Attributes:
        drawn: readings of what the picture shall show: with the brackets as separators, and with
            the brackets cut out where that differs (``nu[d]e``).
        avoided: parts with a negative weight; they are in ``drawn`` too.
        names: LoRAs, embeddings and wildcards that the prompt calls for.
    """

    drawn: tuple[str, ...]
    avoided: tuple[str, ...]
    names: tuple[str, ...]


def strip_syntax(text: str) -> Stripped:
    """Take the notation out of a prompt; any text is fine, unbalanced brackets too."""
    names = [first or second for first, second in _REFERENCE.findall(text)]
    names += _WILDCARD.findall(text)
    text = _WILDCARD.sub(" ", _REFERENCE.sub(" ", text))
    text = _METHOD.sub(" (", _JOINER.sub(" , ", text))
    text, avoided = _weights_off(text)
    text = _COMPEL_SIGNS.sub("", _SCHEDULE.sub("", text))
    apart = text.translate(_BRACKETS_APART)
    glued = text.translate(_BRACKETS)
    drawn = (apart,) if _same(apart, glued) else (apart, glued)
    return Stripped(drawn, tuple(avoided), tuple(name for name in names if name.strip()))


def _weights_off(text: str) -> tuple[str, list[str]]:
    """Take the weights off, innermost first; parts with a negative weight are listed, and stay.

    They stay because an encoder that does not know the notation draws them, and because two
    negative weights around each other make a positive one.
    """
    avoided: list[str] = []
    for _ in range(_MOST_WEIGHTS):
        found = _WEIGHTED.search(text)
        if found is None:
            break
        inside, weight = found[1], float(found[2] or found[3] or 1)
        if weight < 0:
            avoided.append(inside)
        # round brackets inside of a word vanish; elsewhere the spaces are there already
        text = f"{text[: found.start()]}{inside}{text[found.end() :]}"
    return text, avoided


def _same(one: str, other: str) -> bool:
    return one.replace(",", " ").split() == other.replace(",", " ").split()
