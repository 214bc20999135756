"""The prompt filter: every text of a request, through rules, embedding margins and extensions.

The filter reads; it changes nothing. The original text goes to the model.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

from retouch_safety.profiles import Profile
from retouch_safety.prompts.embedding import SentenceEncoder
from retouch_safety.prompts.errors import PromptCheckFailed, PromptRefused
from retouch_safety.prompts.extension import Objection, PromptRule
from retouch_safety.prompts.fields import PromptFields
from retouch_safety.prompts.margin import ADULT, Margins, Measured
from retouch_safety.prompts.policy import FLOOR_LIMITS, load_policy
from retouch_safety.prompts.rules import Found, Rules
from retouch_safety.prompts.text import CheckedText, check_text
from retouch_safety.prompts.verdict import FLOOR, Block, Category, PromptVerdict, Stage
from retouch_safety.prompts.windows import Passage, passages

_MOST_PASSAGES = 600  # of one request

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


class PromptFilter:
    """Says whether a request may run. There is no way to switch a part of it off.

    Args:
        profile: ``strict``, ``standard`` or ``medical-art``.
        extra_rules: asked in addition to our own; they add up, none replaces another.
        encoder: shares the model and the cache between filters; by default each has its own.

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
        self._rules = Rules()
        self._extra_rules = tuple(extra_rules)
        self._encoder = SentenceEncoder() if encoder is None else encoder
        self._margins = Margins(self._encoder, self._policy.accepted)

    def check(self, fields: PromptFields) -> PromptVerdict:
        """Return the verdict on a request.

        The embedding is asked only where no rule has refused.

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
        blocks = [*_without_text(fields), *self._by_rule(texts), *self._by_extension(texts)]
        if not blocks:
            blocks = self._by_embedding(texts)
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

    def _by_rule(self, texts: Sequence[CheckedText]) -> Iterator[Block]:
        for text in texts:
            for finding in text.findings:
                if self._policy.refuses(finding.category):
                    yield _ruled(text.field, finding.category, finding.clause)
        together: tuple[Found, ...] = tuple(one for text in texts for one in text.floor)
        if not any(finding.category is Category.MINORS for t in texts for finding in t.findings):
            for finding in self._rules.floor_findings(together):
                yield _ruled(_JOINT, finding.category, finding.clause)

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

    def _by_embedding(self, texts: Sequence[CheckedText]) -> list[Block]:
        asked = [passage for text in texts for passage in passages(text)]
        if not asked:  # nothing to embed: the model is not even loaded
            return []
        if len(asked) > _MOST_PASSAGES:
            clause = f"{len(asked)} clauses"
            advice = f"Use at most {_MOST_PASSAGES} clauses in all."
            return [
                Block(
                    "request", Stage.FIELDS, Category.UNREADABLE, clause, math.nan, math.nan, advice
                )
            ]
        young = any(one.concept in _YOUNG for text in texts for one in text.floor)
        measured = self._margins.measure([passage.text for passage in asked])
        judged = (self._judged(p, m, young) for p, m in zip(asked, measured, strict=True))
        return [block for block in judged if block is not None]

    def _judged(self, passage: Passage, measured: Measured, young: bool) -> Block | None:
        """Return the block of the category that exceeds its limit most, the floor's first."""
        bounds = [(Category.MINORS, measured.floor[Category.MINORS], FLOOR_LIMITS)]
        if young:
            # with a minor anywhere in the request, this is the floor's matter in every clause
            bounds += [(Category.MINORS, measured.floor[c], FLOOR_LIMITS) for c in ADULT]
        named = self._policy.limits.items()
        bounds += [(category, measured.profile[category], limits) for category, limits in named]
        over = []
        for category, margin, limits in bounds:
            limit = limits.of(passage.text, passage.extent)
            # not (margin < limit): NaN compares False and must refuse
            if not (margin < limit):
                over.append((category in FLOOR, margin - limit, category, margin, limit))
        if not over:
            return None
        _, _, category, margin, limit = max(over)
        advice = _ADVICES.get(category, _ADVICE)
        return Block(passage.field, Stage.EMBEDDING, category, passage.text, margin, limit, advice)


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
