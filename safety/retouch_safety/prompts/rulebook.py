"""What the rules are made of: patterns, benign phrases and terms, compiled."""

from __future__ import annotations

import functools
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from retouch_safety.prompts.lexicon import term_files
from retouch_safety.prompts.normalise import unmarked
from retouch_safety.prompts.tables import table

_CONCEPT = re.compile(r"\{\w+\}")
_ESCAPE = re.compile(r"\\.")
_PATTERN_WORD = re.compile(r"(?<![a-z])[a-z]{4,}(?![a-z(\[*?])")
_IN_BRACES = (
    "person",
    "garment",
    "outerwear",
    "clothing",
    "taking",
    "document",
    "people_group",
    "accessory",
)
_HIRAGANA = {code: code - 0x60 for code in range(0x30A1, 0x30F7)}


@dataclass(frozen=True)
class Pattern:
    """A way to say something, and the concept that it stands for."""

    concept: str
    language: str
    expression: re.Pattern[str]


def patterns() -> Iterator[Pattern]:
    """Yield the patterns of every language."""
    for language, entries in _pattern_entries():
        for entry in entries:
            yield Pattern(entry["concept"], language, compiled(entry["pattern"]))


def pattern_words() -> frozenset[str]:
    """Return the words that patterns name letter by letter, so that ``w1thout`` is one too."""
    texts = (entry["pattern"] for _, entries in _pattern_entries() for entry in entries)
    # escapes first: the w of \w is no letter of a word; a stem before \w* counts as a word too
    return frozenset(
        word
        for text in texts
        for word in _PATTERN_WORD.findall(_ESCAPE.sub(" ", _CONCEPT.sub(" ", text)))
    )


def masks() -> Iterator[re.Pattern[str]]:
    """Yield the benign phrases of the languages that write spaces between words."""
    yield from map(compiled, table("masks")["phrases"])
    yield from map(compiled, _masks_of_languages(spaced=True))


def floor_masks() -> Iterator[re.Pattern[str]]:
    """Yield the benign phrases that the floor's rules accept too."""
    yield from map(compiled, table("masks")["floor_phrases"])


def unspaced_masks() -> Iterator[re.Pattern[str]]:
    """Yield the benign phrases of Chinese and Japanese."""
    yield from (re.compile(hiragana(phrase)) for phrase in _masks_of_languages(spaced=False))


def unspaced_terms() -> Iterator[tuple[str, str, str]]:
    """Yield concept, language and term of Chinese and Japanese."""
    for language, file in term_files().items():
        if not file.get("spaced", True):
            for concept, terms in file["concepts"].items():
                for term in terms:
                    yield concept, language, hiragana(term)


def compiled(pattern: str) -> re.Pattern[str]:
    """Compile a pattern of whole words, the words of English concepts in place of their names."""
    return re.compile(rf"(?<!\w)(?:{unmarked(pattern.format(**_words_in_braces()))})(?!\w)")


def hiragana(text: str) -> str:
    """Return a text with every katakana as hiragana."""
    return text.translate(_HIRAGANA)


@functools.cache
def _words_in_braces() -> Mapping[str, str]:
    concepts = term_files()["en"]["concepts"]
    return {
        name: "|".join(
            re.escape(term).replace(r"\*", r"\w*").replace(r"\ ", " ")
            for term in sorted(concepts[name], key=len, reverse=True)
        )
        for name in _IN_BRACES
    }


def _pattern_entries() -> Iterator[tuple[str, list[Mapping[str, str]]]]:
    yield "en", table("rules")["patterns"]
    for language, file in term_files().items():
        if language != "en":
            yield language, file.get("patterns", [])


def _masks_of_languages(*, spaced: bool) -> Iterator[str]:
    for file in term_files().values():
        if file.get("spaced", True) is spaced:
            yield from (entry["phrase"] for entry in file.get("masks", ()))
