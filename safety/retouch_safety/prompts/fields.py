"""The request: every text that reaches a text encoder or names something that changes weights."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import Enum
from types import MappingProxyType

from retouch_safety.prompts.errors import InvalidPrompt

LONGEST_TEXT = 4_000
"""Characters of one text. A text encoder reads about 300; more only costs time."""

MOST_TEXTS = 64
"""Entries of a list or mapping."""

_NO_WEIGHTS: Mapping[str, float] = MappingProxyType({})
_NO_TEXTS: Mapping[str, str] = MappingProxyType({})


class Role(Enum):
    """How a text acts on the picture."""

    POSITIVE = "positive"  # what the picture shall show
    NEGATIVE = "negative"  # what it shall not show: the inverted rule
    SILENCED = "silenced"  # a word of the prompt whose weight is 0 or less
    NAME = "name"  # of an adapter, a LoRA or an embedding


@dataclass(frozen=True)
class PromptFields:
    """All texts of one request. Whatever is missing here is not checked, so pass every one.

    Attributes:
        prompt: what the result shall show.
        negative_prompt: what it shall not show.
        region_prompts: prompts of parts of the picture.
        source_prompt: Prompt-to-Prompt's description of the picture as it is.
        target_prompt: Prompt-to-Prompt's description of the picture as it shall be.
        instruction: InstructPix2Pix's instruction.
        operation_texts: dotted name of the field -> any other text that an operation takes.
        word_weights: word -> weight; below 0 the word is negated, at 0 it is both.
        adapters: names of adapters.
        loras: names of LoRAs.
        tokens: names of textual-inversion embeddings.
        guidance_scale: below 1 the negative prompt is drawn instead of avoided (Ho and Salimans
            2022, eq. 6), so it is then checked as a prompt too; None: 1 or more.
        embeddings: anything but None is refused: vectors in place of text cannot be read.

    Raises:
        InvalidPrompt: a wrong type, a text that is too long, a weight that is not finite.
    """

    prompt: str = ""
    negative_prompt: str = ""
    region_prompts: tuple[str, ...] = ()
    source_prompt: str = ""
    target_prompt: str = ""
    instruction: str = ""
    operation_texts: Mapping[str, str] = field(default_factory=lambda: _NO_TEXTS)
    word_weights: Mapping[str, float] = field(default_factory=lambda: _NO_WEIGHTS)
    adapters: tuple[str, ...] = ()
    loras: tuple[str, ...] = ()
    tokens: tuple[str, ...] = ()
    guidance_scale: float | None = None
    embeddings: object = None

    def __post_init__(self) -> None:
        for name in ("region_prompts", "adapters", "loras", "tokens"):
            object.__setattr__(self, name, _own_list(name, getattr(self, name)))
        object.__setattr__(self, "operation_texts", _own_texts(self.operation_texts))
        object.__setattr__(self, "word_weights", _own_weights(self.word_weights))
        for name, text in _named(self):
            _check_text(name, text)
        scale = self.guidance_scale
        if scale is not None and not _is_finite(scale):
            raise InvalidPrompt("guidance_scale", scale, "a finite number or None", "give a number")

    def texts(self) -> Iterator[tuple[str, str, Role]]:
        """Yield field, text and role of everything to check; one text may have two roles."""
        for name in ("prompt", "source_prompt", "target_prompt", "instruction"):
            yield name, getattr(self, name), Role.POSITIVE
        yield from _entries("region_prompts", self.region_prompts, Role.POSITIVE)
        for name, text in self.operation_texts.items():
            yield name, text, Role.POSITIVE
        yield "negative_prompt", self.negative_prompt, Role.NEGATIVE
        if self.guidance_scale is not None and self.guidance_scale < 1:
            yield "negative_prompt", self.negative_prompt, Role.POSITIVE
        for word, weight in self.word_weights.items():
            name = f"word_weights[{word!r}]"
            # without its weight the word is silenced: neither shown nor, perhaps, covered
            if weight >= 0:
                yield name, word, Role.POSITIVE
            if weight <= 0:
                yield name, word, Role.SILENCED
        for name in ("adapters", "loras", "tokens"):
            yield from _entries(name, getattr(self, name), Role.NAME)


def _entries(name: str, texts: tuple[str, ...], role: Role) -> Iterator[tuple[str, str, Role]]:
    for number, text in enumerate(texts):
        yield f"{name}[{number}]", text, role


def _named(fields: PromptFields) -> Iterator[tuple[str, object]]:
    for name in ("prompt", "negative_prompt", "source_prompt", "target_prompt", "instruction"):
        yield name, getattr(fields, name)
    for name in ("region_prompts", "adapters", "loras", "tokens"):
        for number, text in enumerate(getattr(fields, name)):
            yield f"{name}[{number}]", text
    yield from fields.operation_texts.items()
    for word in fields.word_weights:
        yield "word_weights", word


def _check_text(name: str, text: object) -> None:
    if not isinstance(text, str):
        raise InvalidPrompt(name, text, "text", "pass a str")
    if len(text) > LONGEST_TEXT:
        allowed = f"at most {LONGEST_TEXT} characters"
        raise InvalidPrompt(name, f"{len(text)} characters", allowed, "shorten the text")


def _own_list(name: str, texts: object) -> tuple[str, ...]:
    # a str is iterable too, and would be checked letter by letter
    if isinstance(texts, str) or not isinstance(texts, (tuple, list)):
        raise InvalidPrompt(name, texts, "a tuple of texts", "put the text into a tuple")
    if len(texts) > MOST_TEXTS:
        allowed = f"at most {MOST_TEXTS} entries"
        raise InvalidPrompt(name, f"{len(texts)} entries", allowed, "pass fewer")
    return tuple(texts)


def _own_texts(texts: object) -> Mapping[str, str]:
    if not isinstance(texts, Mapping):
        fix = "pass a dict"
        raise InvalidPrompt("operation_texts", texts, "a mapping of field name to text", fix)
    if len(texts) > MOST_TEXTS:
        allowed = f"at most {MOST_TEXTS} entries"
        raise InvalidPrompt("operation_texts", f"{len(texts)} entries", allowed, "pass fewer")
    return MappingProxyType(dict(texts))


def _own_weights(weights: object) -> Mapping[str, float]:
    if not isinstance(weights, Mapping):
        raise InvalidPrompt("word_weights", weights, "a mapping of word to weight", "pass a dict")
    if len(weights) > MOST_TEXTS:
        allowed = f"at most {MOST_TEXTS} entries"
        raise InvalidPrompt("word_weights", f"{len(weights)} entries", allowed, "pass fewer")
    for word, weight in weights.items():
        if not _is_finite(weight):
            name = f"word_weights[{word!r}]"
            raise InvalidPrompt(name, weight, "a finite number", "give a number such as 1.5")
    # a copy: the caller cannot change it after the check
    return MappingProxyType(dict(weights))


def _is_finite(value: object) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)
