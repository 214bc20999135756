"""Rules: masks first, then terms, pairs of terms and patterns, on words that were read.

The floor (sexualised minors) is looked for on its own copy of the words, from which fewer benign
phrases were taken out: no picture of a person can hide behind one.
"""

from __future__ import annotations

import functools
import re
from bisect import bisect_right
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from retouch_safety.prompts import rulebook
from retouch_safety.prompts.lexicon import Lexicon, load_lexicon
from retouch_safety.prompts.masking import GONE, joined, masked
from retouch_safety.prompts.reading import Reading, read
from retouch_safety.prompts.tables import table
from retouch_safety.prompts.verdict import Category

_REACHES = (1, 2)  # words on either side
_PEOPLE = ("person", "minor", "young", "people_group")
# Where any word leaves a doubt. Of bodies and of hate only those of the list do: too many others
# slipped through when every word could be doubted.
_TOLD = (Category.GORE, Category.SELF_HARM, Category.FORGERY, Category.DANGER)


@dataclass(frozen=True)
class Found:
    """A concept in a text.

    Attributes:
        concept: name in the term lists.
        language: whose list it stands in.
        clause: the clause it stands in.
        place: number of its first word, -1 in scripts without spaces.
        words: the words that stand for it.
    """

    concept: str
    language: str
    clause: str
    place: int
    words: str = ""


@dataclass(frozen=True)
class Finding:
    """What a rule refuses, and in which clause.

    Attributes:
        category: what was asked for.
        clause: the part of the text.
        doubt: the words that the rule rests on, where they could mean something else; empty where
            there is no doubt.
        around: these words with their neighbours, so that nothing can be hidden in a long clause.
        ambiguous: whether the doubt is a word with a well known second meaning, and no person
            beside it who could be meant.
    """

    category: Category
    clause: str
    doubt: str = ""
    around: tuple[str, ...] = ()
    ambiguous: bool = False


@dataclass(frozen=True)
class Pair:
    """Two sets of concepts that are refused together; ``within`` 0 means anywhere."""

    category: Category
    first: frozenset[str]
    second: frozenset[str]
    within: int
    same_language: bool

    def holds(self, one: Found, other: Found) -> bool:
        """Return whether two finds make the pair."""
        if one.concept not in self.first or other.concept not in self.second:
            return False
        if self.same_language and one.language != other.language:
            return False
        if not self.within or one.place < 0 or other.place < 0:
            return True
        return abs(one.place - other.place) <= self.within


class Rules:
    """The rules of ``data/rules`` and ``data/masks``, and the term lists of every language."""

    def __init__(self) -> None:
        data = table("rules")
        self.lexicon: Lexicon = load_lexicon(
            frozenset(data["sensitive"]), frozenset(data["pieces"]), rulebook.pattern_words()
        )
        self._ordinary = frozenset(data["ordinary"])
        self._hard = {concept: Category[name] for concept, name in data["hard"].items()}
        self._ambiguous = frozenset(data["ambiguous"])
        self._foreign = frozenset(data["foreign"])
        self._pairs = tuple(_pair(entry) for entry in data["pairs"])
        self._patterns = tuple(rulebook.patterns())
        self._masks = tuple(rulebook.masks())
        self._floor_masks = tuple(rulebook.floor_masks())
        self._unspaced_masks = tuple(rulebook.unspaced_masks())
        self._unspaced = tuple(rulebook.unspaced_terms())
        self._garment = rulebook.compiled(r"(?:(?:the|her|his|their|any) )?(?:{garment})")
        self._uncovering = rulebook.compiled(data["negative"]["clause"])
        self._uncovering_unspaced = tuple(map(rulebook.hiragana, data["negative"]["unspaced"]))

    def read(self, text: str) -> Reading:
        """Read one plain reading of a text."""
        return read(text, self.lexicon, self._ordinary)

    def findings(self, reading: Reading) -> tuple[Finding, ...]:
        """Return everything that is refused in one text, without repeats."""
        found = self.concepts(reading)
        peopled = {one.clause for one in found if one.concept in _PEOPLE}
        # other lists have English words too: topless
        english = {(one.clause, one.words) for one in found if one.language == "en"}
        foreign = {(one.clause, one.words) for one in found if one.language != "en"}
        readable = self._is_english(reading)
        refused = []
        for one in found:
            if one.concept in self._hard:
                firm = Finding(self._hard[one.concept], one.clause)
                named = (one.clause, one.words)
                person = one.clause in peopled
                doubted = self._refused(reading, one, person) if named in english else firm
                sure = doubted.ambiguous or (readable and named not in foreign)
                refused.append(doubted if sure else firm)
        doubtful = reading if readable else None
        refused += self._paired(found, lambda pair: pair.category is not Category.MINORS, doubtful)
        refused += self.floor_findings(self.floor_concepts(reading))
        return tuple(dict.fromkeys(refused))

    def concepts(self, reading: Reading) -> tuple[Found, ...]:
        """Return every concept in a text after benign phrases were taken out."""
        return self._look(reading, self._masks)

    def floor_concepts(self, reading: Reading) -> tuple[Found, ...]:
        """Return every concept in a text for the floor's rules."""
        return self._look(reading, self._floor_masks)

    def floor_findings(self, found: tuple[Found, ...]) -> list[Finding]:
        """Return what the floor refuses among concepts of one text or of several together."""
        return self._paired(found, lambda pair: pair.category is Category.MINORS)

    def without_benign(self, reading: Reading) -> Reading:
        """Return a reading without the words of benign phrases."""
        masks = (*self._masks, *self._floor_masks)
        kept = masked(reading, masks)
        pairs = zip(reading.words, kept, strict=True)
        return replace(reading, words=tuple(word for word, left in pairs if left != GONE))

    def uncovers(self, reading: Reading, *, garments: bool = False) -> str | None:
        """Return the clause of a negative prompt that pushes clothing away, or None.

        Args:
            reading: what shall not be shown.
            garments: whether a single garment counts too, not only clothes as such.
        """
        for clause in reading.clauses():
            if self._uncovering.fullmatch(clause):
                return clause
            if garments and self._garment.fullmatch(clause):
                return clause
        joined = rulebook.hiragana("".join(character for character, _ in reading.unspaced))
        return next((term for term in self._uncovering_unspaced if term in joined), None)

    def _is_english(self, reading: Reading) -> bool:
        """Return whether nothing shows another language, which the classifier does not read."""
        words = {word.text for word in reading.words}
        return not words & self._foreign and all(word.isascii() for word in words)

    def _refused(self, reading: Reading, one: Found, person: bool) -> Finding:
        """Return what an English concept is, with a doubt where it could mean something else."""
        category = self._hard[one.concept]
        words = one.words.split()
        known = "" if person else next((word for word in words if word in self._ambiguous), "")
        place, length = one.place, len(words)
        if known:
            place, length = place + words.index(known), 1
        around = tuple(dict.fromkeys(_around(reading, place, length, n) for n in _REACHES))
        # alone in their clause, words say nothing about their meaning
        if not (known or category in _TOLD) or len(around[0].split()) <= length:
            return Finding(category, one.clause)
        return Finding(category, one.clause, known or one.words, around, bool(known))

    def _look(self, reading: Reading, masks: tuple[re.Pattern[str], ...]) -> tuple[Found, ...]:
        words = masked(reading, masks)
        found = [
            Found(
                hit.concept,
                hit.language,
                _clause_of(reading, hit.start),
                hit.start,
                " ".join(words[hit.start : hit.stop]),
            )
            for hit in self.lexicon.hits(words)
        ]
        text, starts = joined(words)
        for pattern in self._patterns:
            for match in pattern.expression.finditer(text):
                place = bisect_right(starts, match.start()) - 1
                clause = _clause_of(reading, place)
                found.append(Found(pattern.concept, pattern.language, clause, place, match[0]))
        found += self._unspaced_concepts(reading)
        return tuple(found)

    def _unspaced_concepts(self, reading: Reading) -> Iterator[Found]:
        if not reading.unspaced:
            return
        text = rulebook.hiragana("".join(character for character, _ in reading.unspaced))
        for mask in self._unspaced_masks:
            text = mask.sub(lambda match: GONE * len(match[0]), text)
        for concept, language, term in self._unspaced:
            start = text.find(term)
            if start >= 0:
                clause = reading.clause(reading.unspaced[start][1])
                yield Found(concept, language, clause, -1)

    def _paired(
        self,
        found: tuple[Found, ...],
        wanted: Callable[[Pair], bool],
        reading: Reading | None = None,
    ) -> list[Finding]:
        refused = []
        for pair in self._pairs:
            if not wanted(pair):
                continue
            firsts = [one for one in found if one.concept in pair.first]
            seconds = [one for one in found if one.concept in pair.second]
            for one in firsts:
                other = next((other for other in seconds if pair.holds(one, other)), None)
                if other is not None:
                    refused.append(_of_two(pair.category, one, other, reading))
                    break
        return refused


@functools.cache
def shared_rules() -> Rules:
    """Return the rules of all filters of this process: to compile them takes a second."""
    return Rules()


def _of_two(category: Category, one: Found, other: Found, reading: Reading | None) -> Finding:
    """Return what two concepts are together; of some categories and in English, with a doubt."""
    clause = " … ".join(dict.fromkeys((one.clause, other.clause)))
    foreign = {one.language, other.language} != {"en"} or min(one.place, other.place) < 0
    if reading is None or foreign or category not in _TOLD:
        return Finding(category, clause)
    first, last = sorted((one, other), key=lambda found: found.place)
    stop = last.place + len(last.words.split()) + 1
    words = reading.words[max(first.place - 1, 0) : stop]
    around = " ".join(word.text for word in words)
    return Finding(category, clause, f"{first.words} {last.words}", (around,))


def _around(reading: Reading, place: int, length: int, reach: int) -> str:
    """Return words and those beside them in their clause."""
    nearby = reading.words[max(place - reach, 0) : place + length + reach]
    return " ".join(word.text for word in nearby if word.clause == reading.words[place].clause)


def _clause_of(reading: Reading, place: int) -> str:
    return reading.clause(reading.words[place].clause)


def _pair(entry: Mapping[str, Any]) -> Pair:
    return Pair(
        Category[entry["category"]],
        frozenset(entry["first"]),
        frozenset(entry["second"]),
        entry["within"],
        entry.get("same_language", False),
    )
