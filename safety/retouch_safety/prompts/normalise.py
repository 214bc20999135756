"""From any Unicode string to plain readings of it, and from words to forms that compare.

A text has several readings where it was made to be read in several ways: with its invisible
characters cut out or taken as spaces, and with overridden runs turned round (U+202E). All of them
are matched; the original goes to the model.
"""

from __future__ import annotations

import functools
import re
import tomllib
import unicodedata
from collections.abc import Mapping
from importlib import resources
from types import MappingProxyType

from anyascii import anyascii

_OVERRIDE = re.compile("\u202e([^\u202c\u2069\n]*)[\u202c\u2069]?")
# Shown as nothing, though not of category Cf: joiners, fillers, the blank Braille cell.
_BLANKS = frozenset("\u034f\u0640\u115f\u1160\u17b4\u17b5\u2800\u3164\uffa0")
# Marks that belong to letters of these scripts; elsewhere marks decorate and are cut.
_MARKED_SCRIPTS = ((0x0900, 0x0DFF), (0x0E00, 0x0FFF), (0x1000, 0x109F), (0x3099, 0x309A))
# Letters in boxes and flags: first and last code point, each block holding A to Z.
_BOXED = ((0x1F130, 0x1F149), (0x1F150, 0x1F169), (0x1F170, 0x1F189), (0x1F1E6, 0x1F1FF))
_TAG_LETTERS = (0xE0061, 0xE007A)
_TURNED = str.maketrans("ɐqɔpǝɟƃɥᴉɾʞןɯuodbɹsʇnʌʍxʎz", "abcdefghijklmnopqrstuvwxyz")
_TURNED_ONLY = frozenset("ɐɔǝɟƃɥᴉɾʞןɯɹʇʌʍʎ")
# Not where apostrophes part letters: n's'f'w.
_POSSESSIVE = re.compile(r"(?<=\w\w)(?<!['’]\w)(?<!['’]\w\w)(?<!['’]\w\w\w)['’‘`´ʼ]s(?![\w'’])")


def readings(text: str) -> tuple[str, ...]:
    """Return every plain reading of a text, the most literal one first, without repeats.

    Lower case, NFKC, no marks on letters that have none in their script, no invisible characters.
    Never raises for a ``str``, lone surrogates included.
    """
    runs = [text]
    if "\u202e" in text:
        runs.append(_OVERRIDE.sub(lambda found: found[1][::-1], text))
    found: dict[str, None] = {}
    for run in runs:
        for filler in ("", " "):
            found[plain(run, filler)] = None
    return tuple(found)


def plain(text: str, filler: str = "") -> str:
    """Return one plain reading; ``filler`` stands in for invisible characters."""
    if text.isascii() and text.isprintable():
        return _POSSESSIVE.sub("", text.lower())
    shown = "".join(_visible(character, filler) for character in text)
    folded = unicodedata.normalize("NFKC", shown).casefold()
    return _POSSESSIVE.sub("", unmarked(unicodedata.normalize("NFKC", folded)))


def unmarked(text: str) -> str:
    """Return a text without marks, but with those that make another letter in their script."""
    if text.isascii():
        return text
    kept = []
    base = 0
    for character in unicodedata.normalize("NFD", text):
        if unicodedata.combining(character) or unicodedata.category(character) in ("Mn", "Me"):
            # a vowel sign on a Latin letter is decoration, on a Devanagari letter it is a vowel
            if not (_has_marks(ord(character)) and _has_marks(base)):
                continue
        else:
            base = ord(character)
        kept.append(character)
    return unicodedata.normalize("NFC", "".join(kept))


def visual(word: str) -> str:
    """Return a word in the Latin letters that it looks like; what has no shape goes by sound."""
    return _ascii(word.translate(_lookalikes()))


def phonetic(word: str) -> str:
    """Return a word in the Latin letters that it sounds like."""
    return _ascii(word)


def looks_latin(word: str) -> bool:
    """Return whether every letter of a word is Latin or looks like a Latin one."""
    return all(
        "LATIN" in unicodedata.name(character, "")
        for character in word.translate(_lookalikes())
        if character.isalpha()
    )


def turned(word: str) -> str:
    """Return a word that was written upside down, or the word itself."""
    if not _TURNED_ONLY.intersection(word):
        return word
    return word[::-1].translate(_TURNED)


def _visible(character: str, filler: str) -> str:
    code, category = ord(character), unicodedata.category(character)
    if _TAG_LETTERS[0] <= code <= _TAG_LETTERS[1]:
        return chr(code - 0xE0000)
    if character.isspace():
        return character
    if category in ("Cf", "Cc", "Cs", "Cn", "Co") or character in _BLANKS or _is_selector(code):
        return filler
    for first, last in _BOXED:
        if first <= code <= last:
            return chr(ord("a") + code - first)
    return character


def _is_selector(code: int) -> bool:
    return 0xFE00 <= code <= 0xFE0F or 0xE0100 <= code <= 0xE01EF or 0x180B <= code <= 0x180F


def _has_marks(code: int) -> bool:
    return any(first <= code <= last for first, last in _MARKED_SCRIPTS) or (
        0x3040 <= code <= 0x30FF
    )


def _ascii(word: str) -> str:
    return "".join(
        # symbols have names in place of a sound (":fire:"), which nobody wrote
        anyascii(character).lower() if character.isalnum() else character
        for character in word
    )


@functools.cache
def _lookalikes() -> Mapping[int, str]:
    data = resources.files(__package__).joinpath("data", "confusables.toml")
    shapes = tomllib.loads(data.read_text(encoding="utf-8"))
    table = {}
    for letter, characters in shapes.items():
        for character in characters:
            if not character.isascii():
                table[ord(character)] = letter
                table[ord(character.lower())] = letter
    return MappingProxyType(table)
