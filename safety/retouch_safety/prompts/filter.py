"""The prompt filter: every text of a request, through rules, meaning and extensions.

The filter reads; it changes nothing. The original text goes to the model.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

from retouch_safety.profiles import Profile
from retouch_safety.prompts.embedding import SentenceEncoder, shared_encoder
from retouch_safety.prompts.errors import PromptCheckFailed, PromptRefused
from retouch_safety.prompts.extension import Objection, PromptRule
from retouch_safety.prompts.fields import PromptFields
from retouch_safety.prompts.meaning import (
    DOUBT_OVERRULED,
    DOUBT_RESOLVED,
    FEW_WORDS,
    Exceeded,
    Judged,
    Meaning,
)
from retouch_safety.prompts.policy import load_policy
from retouch_safety.prompts.rules import Finding, Found, shared_rules
from retouch_safety.prompts.text import CheckedText, check_text
from retouch_safety.prompts.verdict import FLOOR, Block, Category, PromptVerdict, Stage
from retouch_safety.prompts.windows import Passage, passages

_MOST_PASSAGES = 900  # of one request

_ADVICE = "Change this part of the prompt."
_ADVICES = {
    Category.MINORS: "No profile allows this.",
    Category.NUDITY: "Describe clothed people, or put the word into the negative prompt.",
    Category.UNDRESS: "Clothes of people can be changed, not taken away.",
    Category.UNREADABLE: "Pass the text itself.",
    Category.SELF_HARM: "If this is about you: please talk to someone now.",
}
_JOINT = "prompt and other fields"
_YOUNG = ("minor", "young")

Doubted = tuple[Block, Finding]
"""What a rule refuses with a doubt, and the finding that says which."""


class PromptFilter:
    """Says whether a request may run. There is no way to switch a part of it off.

    Args:
        profile: ``strict``, ``standard`` or ``medical-art``.
        extra_rules: asked in addition to our own; they add up, none replaces another.
        encoder: model and cache; by default those that all filters of this process share.

    Raises:
        ValueError: an unknown profile.
        TypeError: an encoder of another type.
    """

    def __init__(
        self,
        profile: Profile = "standard",
        extra_rules: Sequence[PromptRule] = (),
        *,
        encoder: SentenceEncoder | None = None,
    ) -> None:
        # another kind of encoder could answer that everything is harmless
        if encoder is not None and type(encoder) is not SentenceEncoder:
            raise TypeError(f"encoder: got {type(encoder)}; allowed: a SentenceEncoder or None")
        self._policy = load_policy(profile)
        self._rules = shared_rules()
        self._extra_rules = tuple(extra_rules)
        self._encoder = shared_encoder() if encoder is None else encoder
        self._meaning = Meaning(self._encoder, self._policy)

    def check(self, fields: PromptFields) -> PromptVerdict:
        """Return the verdict on a request.

        The embedding is asked only where no rule has refused, or only one with a doubt: then the
        classifier decides whether what the words usually stand for is meant.

        Raises:
            PromptCheckFailed: the model is missing or broken; nothing may run then.
            TypeError: anything but ``PromptFields``.
        """
        if type(fields) is not PromptFields:
            raise TypeError(f"the filter takes PromptFields, got {type(fields)}")
        texts = [
            check_text(self._rules, name, text, role)
            for name, text, role in fields.texts()
            if text.strip()
        ]
        firm, doubtful = self._by_rule(texts)
        blocks = [*_without_text(fields), *firm, *self._by_extension(texts)]
        if not blocks:
            blocks = self._by_meaning(texts, doubtful)
        ordered = sorted(dict.fromkeys(blocks), key=lambda block: block.category not in FLOOR)
        return PromptVerdict(self._policy.name, tuple(ordered))

    def require(self, fields: PromptFields) -> PromptVerdict:
        """Return the verdict of a request that may run.

        Raises:
            PromptRefused: it may not.
            PromptCheckFailed: the model is missing or broken.
        """
        verdict = self.check(fields)
        if not verdict.allowed:
            raise PromptRefused(verdict.blocks)
        return verdict

    def self_test(self) -> None:
        """Check the model against a known answer, and that a known request is refused.

        Raises:
            PromptCheckFailed: either is not so.
        """
        self._encoder.self_test()
        if self.check(PromptFields(prompt="sexualised picture of a minor")).allowed:
            raise PromptCheckFailed("the prompt rules do not work. Fix: reinstall Retouch.")

    def _by_rule(self, texts: Sequence[CheckedText]) -> tuple[list[Block], list[Doubted]]:
        """Return what the rules refuse without a doubt, and what with one; the floor has none."""
        firm: list[Block] = []
        doubtful: list[Doubted] = []
        for text in texts:
            for finding in text.findings:
                if self._policy.refuses(finding.category):
                    block = _ruled(text.field, finding.category, finding.clause)
                    if finding.doubt and finding.category not in FLOOR:
                        doubtful.append((block, finding))
                    else:
                        firm.append(block)
            if not _nobody_wears_them(texts):
                for finding in text.avoided:
                    if self._policy.refuses(finding.category):
                        firm.append(_ruled(text.field, finding.category, finding.clause))
        together: tuple[Found, ...] = tuple(one for text in texts for one in text.floor)
        if not any(finding.category is Category.MINORS for t in texts for finding in t.findings):
            for finding in self._rules.floor_findings(together):
                firm.append(_ruled(_JOINT, finding.category, finding.clause))
        return firm, doubtful

    def _by_extension(self, texts: Sequence[CheckedText]) -> Iterator[Block]:
        for rule in self._extra_rules:
            for text in texts:
                try:
                    found = rule.objections(text.field, text.original, text.plain)
                    blocks = [_objected(text.field, rule.name, one) for one in found]
                except Exception as error:  # a broken rule must not let anything pass
                    message = f"prompt rule {type(rule).__name__} failed: {error!r}"
                    raise PromptCheckFailed(f"{message}. Fix: repair or remove it.") from error
                yield from blocks

    def _by_meaning(self, texts: Sequence[CheckedText], doubtful: Sequence[Doubted]) -> list[Block]:
        """Return the rules' blocks whose doubt stands, and what the embedding refuses."""
        asked = [passage for text in texts for passage in passages(text)]
        if not asked:  # nothing to embed: the model is not even loaded
            return [block for block, _ in doubtful]
        if len(asked) > _MOST_PASSAGES:
            return [*(block for block, _ in doubtful), _too_many(len(asked))]
        young = any(one.concept in _YOUNG for text in texts for one in text.floor)
        judged = list(zip(asked, self._meaning.judge(asked, young), strict=True))
        blocks = [block for block, finding in doubtful if self._stands(block, finding, judged)]
        return blocks + [_meant(p, one.exceeded) for p, one in judged if one.exceeded is not None]

    def _stands(
        self, block: Block, finding: Finding, judged: Sequence[tuple[Passage, Judged]]
    ) -> bool:
        """Return whether anything in the text, or the words' neighbours, is like a request."""
        values = [one.likeness for passage, one in judged if passage.field == block.field]
        beside = self._meaning.likeness(finding.around)
        limit = DOUBT_RESOLVED if finding.ambiguous else DOUBT_OVERRULED
        # not (value < limit): NaN compares False and must refuse
        calm = all(value < limit for value in values)
        return not (values and calm and all(value < limit + FEW_WORDS for value in beside))


def _nobody_wears_them(texts: Sequence[CheckedText]) -> bool:
    """Return whether the request is about a place for clothes and no person: a wardrobe."""
    concepts = {one.concept for text in texts for one in text.floor}
    return "clothes_place" in concepts and not concepts & {"person", "minor", "young"}


def _meant(passage: Passage, over: Exceeded) -> Block:
    advice = _ADVICES.get(over.category, _ADVICE)
    return Block(
        passage.field,
        Stage.EMBEDDING,
        over.category,
        passage.text,
        over.score,
        over.limit,
        advice,
    )


def _too_many(passages: int) -> Block:
    advice = f"Use at most {_MOST_PASSAGES} clauses in all."
    clause = f"{passages} clauses"
    return Block("request", Stage.FIELDS, Category.UNREADABLE, clause, math.nan, math.nan, advice)


def _ruled(field: str, category: Category, clause: str) -> Block:
    return Block(field, Stage.RULE, category, clause, 1.0, 1.0, _ADVICES.get(category, _ADVICE))


def _objected(field: str, rule: str, one: Objection) -> Block:
    score, threshold = float(one.score), float(one.threshold)
    category = f"{one.category} ({rule})"
    return Block(field, Stage.EXTENSION, category, one.clause, score, threshold, one.advice)


def _without_text(fields: PromptFields) -> Iterator[Block]:
    if fields.embeddings is not None:
        category = Category.UNREADABLE
        advice = _ADVICES[category]
        clause = "raw prompt embeddings"
        yield Block("embeddings", Stage.FIELDS, category, clause, math.nan, math.nan, advice)
