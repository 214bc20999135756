"""From a plain reading to words as the rules know them: joined, unmasked, cut apart, by clause."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from itertools import takewhile

from retouch_safety.prompts.lexicon import Lexicon
from retouch_safety.prompts.normalise import looks_latin, visual
from retouch_safety.prompts.skeleton import SYMBOLS

_CLAUSE_ENDS = frozenset(",;\n:()?!、。，；：！？،؛।…—")
_SOFT_ENDS = frozenset(".-–")  # end a clause only before a space: n.u.d.e
_MOST_JOINED = 6  # words that may be parts of one, without spaces between them
_MOST_JOINED_APART = 3  # the same, with spaces
_MOST_BESIDE_LETTERS = 2  # longer parts among letters that stand alone
_LONGEST_RUN = 24  # letters that stand alone, one after the other; no word of the lists has more
_SHORTEST_GLUED = 6  # letters of a word that is no sensitive one, in parts: pass-port


@dataclass(frozen=True)
class Word:
    """One word.

    Attributes:
        text: as the rules know it.
        clause: number of its clause, from 0.
        glued: whether no space stands between it and the next one.
        known: whether it stands in the term lists.
    """

    text: str
    clause: int
    glued: bool
    known: bool = False


@dataclass(frozen=True)
class Reading:
    """A text as words.

    Attributes:
        words: the words in order.
        unspaced: the characters of scripts without spaces, joined, with the clause of each.
    """

    words: tuple[Word, ...]
    unspaced: tuple[tuple[str, int], ...]

    def clauses(self) -> tuple[str, ...]:
        """Return every clause as its words with single spaces, empty ones left out."""
        found: dict[int, list[str]] = {}
        for word in self.words:
            found.setdefault(word.clause, []).append(word.text)
        return tuple(" ".join(words) for words in found.values())

    def clause(self, number: int) -> str:
        """Return one clause."""
        return " ".join(word.text for word in self.words if word.clause == number)


def read(text: str, lexicon: Lexicon, ordinary: frozenset[str]) -> Reading:
    """Read one plain reading.

    Args:
        text: what :func:`~.normalise.readings` returned.
        lexicon: the term lists.
        ordinary: short words that are never parts of a word written apart.
    """
    latin = looks_latin(text)
    words = [known for word in _split(text) for known in _look_up(word, lexicon, latin)]
    # sensitive words first: "a n a k e d" is no "ana"
    words = _join_letters(words, lexicon, only_sensitive=True)
    words = _join_letters(words, lexicon, only_sensitive=False)
    words = _join_parts(words, lexicon, ordinary)
    words = [part for word in words for part in _cut(word, lexicon)]
    unspaced = tuple(
        (character, word.clause)
        for word in words
        for character in word.text
        if is_unspaced(character)
    )
    return Reading(tuple(words), unspaced)


def is_unspaced(character: str) -> bool:
    """Return whether a character belongs to Chinese or Japanese, which write no spaces."""
    code = ord(character)
    return 0x3040 <= code <= 0x30FF or 0x3400 <= code <= 0x9FFF or 0x20000 <= code <= 0x3FFFF


def _split(text: str) -> Iterator[Word]:
    """Yield runs of letters, digits and symbols inside of words; scripts without spaces apart."""
    run, clause, pending = "", 0, None
    for place, character in enumerate(text):
        inside = _is_letter(character) or character in SYMBOLS
        if inside and (not run or is_unspaced(character) == is_unspaced(run[-1])):
            run += character
            continue
        if run:
            if pending is not None:
                yield pending
            pending = Word(run, clause, glued=True)
        run = character if inside else ""
        if not inside:
            after = text[place + 1 : place + 2]
            soft = character in _SOFT_ENDS and (not after or after.isspace())
            clause += character in _CLAUSE_ENDS or soft
            if pending is not None and character.isspace():
                pending = replace(pending, glued=False)
    if pending is not None:
        yield pending
    if run:
        yield Word(run, clause, glued=False)


def _is_letter(character: str) -> bool:
    return character.isalnum() or unicodedata.category(character)[0] == "M"


def _look_up(word: Word, lexicon: Lexicon, latin: bool) -> Iterator[Word]:
    """Yield the word as the lists know it, else as it looks, cut at symbols.

    Cyrillic has words of lookalikes only: they stay unless the whole text looks Latin.
    """
    if is_unspaced(word.text[0]):
        yield word
        return
    known = lexicon.known(word.text)
    if known is not None:
        yield replace(word, text=known, known=True)
        return
    for symbol in set(SYMBOLS).intersection(word.text):  # n*u*d*e
        known = lexicon.hidden(word.text.replace(symbol, ""))
        if known is not None:
            yield replace(word, text=known, known=True)
            return
    parts = "".join(" " if c in SYMBOLS else c for c in word.text).split()
    if not parts:  # a symbol that stands alone may be a letter of a word written apart: $ e x
        yield word
    for number, part in enumerate(parts):
        last = number == len(parts) - 1
        known = lexicon.known(part) if len(parts) > 1 or part != word.text else None
        mixed = latin or any(c.isascii() and c.isalpha() for c in part)
        shown = visual(part) if mixed and looks_latin(part) else part
        glued = word.glued if last else True
        yield replace(word, text=known or shown, glued=glued, known=known is not None)


def _joined(words: list[Word], found: Callable[[int], tuple[int, str | None]]) -> list[Word]:
    """Put one word where ``found`` says how many from a place on are one, and which."""
    joined: list[Word] = []
    place = 0
    while place < len(words):
        length, known = found(place)
        if known is None:
            joined.append(words[place])
            place += 1
        else:
            last = words[place + length - 1]
            joined.append(Word(known, words[place].clause, last.glued, known=True))
            place += length
    return joined


def _join_letters(words: list[Word], lexicon: Lexicon, *, only_sensitive: bool) -> list[Word]:
    """Join letters that stand alone where they spell a word of the lists: ``n u d e``."""

    def found(place: int) -> tuple[int, str | None]:
        run = takewhile(lambda word: _is_one_letter(word.text), words[place : place + _LONGEST_RUN])
        return _spelt(list(run), lexicon, only_sensitive)

    return _joined(words, found)


def _is_one_letter(text: str) -> bool:
    return len(set(text)) == 1  # nn u dd e


def _spelt(letters: list[Word], lexicon: Lexicon, only_sensitive: bool) -> tuple[int, str | None]:
    """Return how many letters from the first on spell a word of the lists, and which."""
    for length in range(len(letters), 2, -1):
        text = "".join(word.text for word in letters[:length])
        known = lexicon.known(text)
        if known is not None and (lexicon.is_sensitive(known) or not only_sensitive):
            return length, known
    return 0, None


def _join_parts(words: list[Word], lexicon: Lexicon, ordinary: frozenset[str]) -> list[Word]:
    """Join parts that together are one word: ``na.ked``, ``nu de``, ``pass-port``."""
    return _joined(
        words, lambda place: _part_of(words[place : place + _MOST_JOINED], lexicon, ordinary)
    )


def _part_of(
    words: list[Word], lexicon: Lexicon, ordinary: frozenset[str]
) -> tuple[int, str | None]:
    # the shortest first: a stem would swallow what follows, "cream pie, diner"
    for length in range(2, len(words) + 1):
        parts = words[:length]
        glued = all(word.glued for word in parts[:-1])
        # und r e s s: letters that stand alone are parts whatever their number
        longer = sum(len(word.text) > 1 for word in parts)
        if not glued and length > _MOST_JOINED_APART and longer > _MOST_BESIDE_LETTERS:
            continue
        if any(lexicon.is_sensitive(word.text) for word in parts if word.known):
            continue
        if not glued and all(word.text in ordinary for word in parts):
            continue
        together = "".join(word.text for word in parts)
        known = lexicon.hidden(together)
        if known is not None:
            return length, known
        if glued and len(together) >= _SHORTEST_GLUED and lexicon.is_word(together):
            return length, together
    return 0, None


def _cut(word: Word, lexicon: Lexicon) -> Iterator[Word]:
    """Yield the words that were stuck together: ``nudewoman``."""
    parts = None if word.known else lexicon.pieces(word.text)
    if parts is None:
        yield word
        return
    for part in parts:
        yield replace(word, text=part, known=True)
