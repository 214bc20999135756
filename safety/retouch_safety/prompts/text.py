"""One text of a request: all of its readings, and what the rules say about them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import pairwise

from retouch_safety.prompts.fields import Role
from retouch_safety.prompts.names import inside, words_of
from retouch_safety.prompts.normalise import readings
from retouch_safety.prompts.reading import Reading
from retouch_safety.prompts.rules import Finding, Found, Rules
from retouch_safety.prompts.syntax import strip_syntax
from retouch_safety.prompts.tables import table
from retouch_safety.prompts.verdict import Category

_WORDS = re.compile(r"[^\W\d_]+")
_SHORTEST_HALF = 3  # letters


@dataclass(frozen=True)
class CheckedText:
    """A text that the rules have seen.

    Attributes:
        field: which text.
        original: as the user wrote it.
        plain: its plain readings.
        drawn: readings of what the picture shall show, without benign phrases, for the embedding.
        findings: what the rules refuse.
        avoided: what the inverted rule refuses: clothes that shall not be there.
        floor: concepts for the floor's rules across fields.
    """

    field: str
    original: str
    plain: tuple[str, ...]
    drawn: tuple[Reading, ...]
    findings: tuple[Finding, ...]
    avoided: tuple[Finding, ...]
    floor: tuple[Found, ...]


def check_text(rules: Rules, field: str, text: str, role: Role) -> CheckedText:
    """Read one text in every way and ask the rules.

    Args:
        rules: the rules.
        field: which text, for example ``region_prompts[1]``.
        text: as the user wrote it.
        role: how it acts on the picture.
    """
    if role is Role.NAME:
        plain = readings(words_of(text))
        named = [rules.read(reading) for reading in plain]
        found = _drawn_findings(rules, named) or list(_inside_names(rules, named))
        found = [replace(finding, doubt="", around=(), ambiguous=False) for finding in found]
        return CheckedText(field, text, plain, (), _distinct(found), (), _floor(rules, named))
    stripped = strip_syntax(text)
    shown, hidden = _readings(stripped.drawn), _readings(stripped.avoided)
    names = [check_text(rules, field, name, Role.NAME) for name in stripped.names]
    if role is not Role.POSITIVE:
        shown, hidden = hidden, shown
    drawn_readings = tuple(rules.read(reading) for reading in shown)
    found = [_if_written(one, text) for one in _drawn_findings(rules, drawn_readings)]
    found += _slang_in_disguise(drawn_readings, text)
    # a negative prompt may name a garment; a prompt that takes one back does not want it worn
    avoided = _avoided_findings(rules, hidden, garments=role is not Role.NEGATIVE)
    found += [finding for name in names for finding in name.findings]
    floor = _floor(rules, drawn_readings) + tuple(one for name in names for one in name.floor)
    # a window may cut a benign phrase in two, and half of one is no longer benign
    embedded = tuple(rules.without_benign(reading) for reading in drawn_readings)
    plain = (*shown, *hidden)
    return CheckedText(field, text, plain, embedded, _distinct(found), _distinct(avoided), floor)


def _readings(texts: tuple[str, ...]) -> tuple[str, ...]:
    found = dict.fromkeys(reading for text in texts for reading in readings(text))
    return tuple(reading for reading in found if reading.strip())


def _drawn_findings(rules: Rules, read: list[Reading] | tuple[Reading, ...]) -> list[Finding]:
    return [finding for reading in read for finding in rules.findings(reading)]


def _if_written(finding: Finding, text: str) -> Finding:
    """Return the finding without its doubt where a word was disguised: that has one meaning."""
    words = _WORDS.findall(text.lower())
    # glory hole, cream pie; not n u d e
    words += [a + b for a, b in pairwise(words) if min(len(a), len(b)) >= _SHORTEST_HALF]
    if set(finding.doubt.split()).issubset(words):
        return finding
    return replace(finding, doubt="", around=(), ambiguous=False)


def _slang_in_disguise(read: tuple[Reading, ...], text: str) -> Iterator[Finding]:
    written = _WORDS.findall(text.lower())
    slang = table("terms", "en")["concepts"].get("slang", ())
    for reading in read:
        for word in reading.words:
            if word.text in slang and not any(word.text in one for one in written):
                yield Finding(Category.SEXUAL, reading.clause(word.clause))


def _avoided_findings(rules: Rules, hidden: tuple[str, ...], *, garments: bool) -> list[Finding]:
    read = (rules.read(reading) for reading in hidden)
    clauses = (rules.uncovers(reading, garments=garments) for reading in read)
    return [Finding(Category.UNDRESS, clause) for clause in clauses if clause is not None]


def _inside_names(rules: Rules, read: list[Reading]) -> Iterator[Finding]:
    for reading in read:
        for word in rules.without_benign(reading).words:
            if inside(word.text) is not None:
                yield Finding(Category.SEXUAL, word.text)


def _floor(rules: Rules, read: list[Reading] | tuple[Reading, ...]) -> tuple[Found, ...]:
    return tuple(found for reading in read for found in rules.floor_concepts(reading))


def _distinct(found: list[Finding]) -> tuple[Finding, ...]:
    return tuple(dict.fromkeys(found))
