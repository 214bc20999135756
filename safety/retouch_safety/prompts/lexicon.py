"""The term lists: which words and phrases stand for which concept, in every language.

A term is one word or several; a word that ends in ``*`` stands for all that begin with it. A
concept that is in ``sensitive`` is looked for behind obfuscation of every kind, any other only
behind letters of other alphabets and plain leet.
"""

from __future__ import annotations

import functools
import re
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from retouch_safety.prompts.normalise import phonetic, plain, turned, visual
from retouch_safety.prompts.skeleton import SYMBOLS, Runs, covers, key_of, runs_of
from retouch_safety.prompts.tables import names, table

_SHORTEST_STEM = 4  # of a word that ends in *
_SHORTEST_SKELETON = 3
_SHORTEST_PHRASED = 2  # of a word in a phrase: in the nude
_LONGEST_WORD = 24  # letters of a term; longer words are only cut into pieces
_STRETCHED = re.compile(r"(.)\1\1")
_ARABIC_PREFIXES = ("وال", "بال", "لل", "ال", "و", "ب")


@dataclass(frozen=True)
class Term:
    """One entry of a list; ``words`` keep their ``*``."""

    words: tuple[str, ...]
    concept: str
    language: str


@dataclass(frozen=True)
class Hit:
    """A term that was found in words ``start`` up to, not including, ``stop``."""

    concept: str
    language: str
    start: int
    stop: int


@dataclass(frozen=True)
class _Known:
    word: str
    runs: Runs
    sensitive: bool


class Lexicon:
    """All term lists, indexed for look-up.

    Args:
        terms: every term; words in the form that :func:`~.normalise.plain` returns.
        sensitive: concepts to look for behind every obfuscation.
        pieces: concepts whose words may be stuck to a sensitive one (``nudewoman``).
        spelt: further words that patterns are made of; read behind the same disguises as words
            of a phrase.
    """

    def __init__(
        self,
        terms: list[Term],
        sensitive: frozenset[str],
        pieces: frozenset[str],
        spelt: frozenset[str] = frozenset(),
    ) -> None:
        self._phrases: dict[str, list[Term]] = defaultdict(list)
        self._stems: dict[str, list[Term]] = defaultdict(list)
        self._skeletons: dict[str, list[_Known]] = defaultdict(list)
        self._stem_skeletons: dict[str, list[_Known]] = defaultdict(list)
        self._sensitive: set[str] = set()
        self._pieces: set[str] = set()
        self._words: set[str] = set()
        for term in terms:
            first = term.words[0]
            (self._stems[first[:-1]] if first[-1] == "*" else self._phrases[first]).append(term)
            alone = len(term.words) == 1
            for word in term.words:
                self._add(word, alone and term.concept in sensitive)
            if alone and term.concept in pieces | sensitive:
                self._pieces.add(first.rstrip("*"))
        for word in sorted(spelt - self._words):
            self._add(word, sensitive=False)

    def _add(self, word: str, sensitive: bool) -> None:
        stem, skeletons = word.rstrip("*"), self._skeletons
        if word != stem:
            skeletons = self._stem_skeletons
        else:
            self._words.add(word)
        if sensitive:
            self._sensitive.add(word)
        if len(stem) >= _SHORTEST_SKELETON and stem.isascii():
            runs = runs_of(stem)
            skeletons[key_of(runs)].append(_Known(stem, runs, sensitive))

    def known(self, written: str) -> str | None:
        """Return the word of the lists that a written word stands for, or None.

        Args:
            written: one word of a plain reading; may hold digits and symbols for letters.
        """
        if written in self._words or self._has_stem(written):
            return written
        if len(written) == _SHORTEST_PHRASED and not written.isalpha():  # t0, n0, 1n
            return self._short(written)
        # a letter that stands alone may be part of a word written apart: keep its shape
        if written.isdigit() or not _SHORTEST_SKELETON <= len(written) <= 4 * _LONGEST_WORD:
            return None
        # "fail" is not "fall": plain letters hide only what somebody has a reason to hide
        plainly = written.isascii() and written.isalpha() and not _STRETCHED.search(written)
        for form in self._forms(written):
            if form in self._words or self._has_stem(form):
                return form
            found = self._behind_skeleton(form, only_sensitive=plainly)
            if found is not None:
                return found
        swapped = visual(written).replace("z", "s")  # undrezz
        if "z" in written and self.is_sensitive(swapped):
            return swapped
        return self._starred(written) if "*" in written else None

    def hidden(self, joined: str) -> str | None:
        """Return the sensitive word that letters stand for which were written apart, or None."""
        if not _SHORTEST_SKELETON < len(joined) <= 2 * _LONGEST_WORD:
            return None
        if joined in self._sensitive:
            return joined
        for form in dict.fromkeys((visual(joined), phonetic(joined))):
            found = self._behind_skeleton(form, only_sensitive=True)
            if found is not None:
                return found
        return None

    def is_word(self, word: str) -> bool:
        """Return whether a word stands in the lists, alone or in a phrase, letter by letter."""
        return word in self._words or word in self._stems

    def is_sensitive(self, word: str) -> bool:
        """Return whether one word alone is a sensitive term."""
        if word in self._sensitive:
            return True
        return any(f"{stem}*" in self._sensitive for stem in self._stems_of(word))

    def pieces(self, word: str) -> tuple[str, ...] | None:
        """Return the known words that a long word is made of, one of them sensitive, or None."""
        if not word.isascii() or not 7 <= len(word) <= 4 * _LONGEST_WORD:
            return None
        parts = self._cut(word)
        if parts is None or not any(map(self.is_sensitive, parts)):
            return None
        return parts

    def hits(self, words: tuple[str, ...]) -> Iterator[Hit]:
        """Yield every term in a sequence of words."""
        for start, word in enumerate(words):
            candidates = list(self._phrases.get(word, ()))
            for stem in self._stems_of(word):
                candidates += self._stems[stem]
            for term in candidates:
                stop = start + len(term.words)
                if all(map(_matches, words[start:stop], term.words)) and stop <= len(words):
                    yield Hit(term.concept, term.language, start, stop)

    def _short(self, written: str) -> str | None:
        """Return the word of two letters that a letter and a digit or symbol stand for."""
        if not any(character.isalpha() for character in written):
            return None
        key = key_of(runs_of(visual(written)))
        return key if key in self._words else None

    def _forms(self, written: str) -> Iterator[str]:
        shown = visual(written)
        forms = [shown, phonetic(written), visual(turned(written))]
        bare = shown.strip("0123456789" + SYMBOLS)
        forms += [shown.rstrip(SYMBOLS), shown.strip(SYMBOLS), bare]
        if shown.endswith("z"):
            forms.append(f"{shown[:-1]}s")
        for prefix in _ARABIC_PREFIXES:
            if written.startswith(prefix):
                forms.append(written[len(prefix) :])
        yield from dict.fromkeys(form for form in forms if form)

    def _behind_skeleton(self, form: str, *, only_sensitive: bool) -> str | None:
        if sum(character.isalpha() for character in form) < 1 or len(form) < _SHORTEST_SKELETON:
            return None
        runs = runs_of(form)
        key = key_of(runs)
        for known in self._skeletons.get(key, ()):
            wanted = known.sensitive or not only_sensitive
            if wanted and covers(runs, known.runs, stretched=known.sensitive):
                return known.word
        for length in range(_SHORTEST_STEM, len(key) + 1):
            for known in self._stem_skeletons.get(key[:length], ()):
                wanted = known.sensitive or not only_sensitive
                if wanted and covers(runs[:length], known.runs, stretched=known.sensitive):
                    return known.word + key[length:]
        return None

    def _starred(self, written: str) -> str | None:
        """Return the sensitive word behind ``n*de``: letters must outnumber the stars."""
        stars = written.count("*")
        if written[0] == "*" or written[-1] == "*" or len(written) - stars <= stars:
            return None
        for word in sorted(self._sensitive):
            stem = word.rstrip("*")
            fits = len(stem) == len(written) or (stem != word and len(stem) < len(written))
            shared = zip(written, stem, strict=False)  # a stem may be shorter
            if fits and all(mine in ("*", theirs) for mine, theirs in shared):
                return stem
        return None

    def _has_stem(self, word: str) -> bool:
        return next(self._stems_of(word), None) is not None

    def _stems_of(self, word: str) -> Iterator[str]:
        for length in range(2, len(word) + 1):
            if word[:length] in self._stems:
                yield word[:length]

    def _cut(self, word: str, first: bool = True) -> tuple[str, ...] | None:
        for length in range(len(word), 2, -1):
            if word[:length] not in self._pieces:
                continue
            if length == len(word):
                return (word,)
            rest = self._cut(word[length:], first=False)
            if rest is not None:
                return (word[:length], *rest)
        if first and word[0] == "a":
            rest = self._cut(word[1:], first=False)
            # "a" and one word more is another word: asexual
            return rest if rest is not None and len(rest) > 1 else None
        return None


def _matches(word: str, pattern: str) -> bool:
    return word.startswith(pattern[:-1]) if pattern[-1] == "*" else word == pattern


@functools.cache
def term_files() -> Mapping[str, Mapping[str, Any]]:
    """Return language -> its table, for everything in ``data/terms``."""
    return {language: table("terms", language) for language in names("terms")}


def load_lexicon(
    sensitive: frozenset[str], pieces: frozenset[str], spelt: frozenset[str]
) -> Lexicon:
    """Read the term lists of all languages that write spaces between words."""
    terms = []
    for language, file in term_files().items():
        if file.get("spaced", True):
            for concept, entries in file["concepts"].items():
                for entry in entries:
                    words = tuple(plain(word) for word in entry.split())
                    terms.append(Term(words, concept, language))
    return Lexicon(terms, sensitive, pieces, spelt)
