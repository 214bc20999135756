"""Fail closed: whatever goes wrong inside a check is a refusal."""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from retouch_safety.audit import Entry, Event
from retouch_safety.errors import Refused
from retouch_safety.job import Job
from retouch_safety.prompts import PromptRefused

BROKEN: Final = "Nothing was released. Run `retouch doctor`."
FAILED: Final = "failed"


@contextmanager
def refusing(stage: str) -> Iterator[None]:
    """Turn whatever goes wrong inside into a refusal.

    Raises:
        Refused: something went wrong, or a check said no.
    """
    try:
        yield
    except Refused:
        raise
    except Exception as error:
        advice = f"The check itself broke ({error}). {BROKEN}"
        raise Refused(stage, FAILED, math.nan, math.nan, advice) from error


def refusal_of(found: PromptRefused) -> Refused:
    """Return the prompt filter's first objection as the gate's refusal."""
    block = found.blocks[0]
    return Refused(
        "prompt",
        block.category,
        block.score,
        block.threshold,
        block.advice,
        field=block.field,
        clause=block.clause,
    )


def refusal_entry(job: Job, policy: str, refusal: Refused, record: int | None = None) -> Entry:
    """Return what the audit log says about a refusal: no text of the prompt, of no error."""
    broke = refusal.category == FAILED
    cause = type(refusal.__cause__).__name__ if broke and refusal.__cause__ else ""
    return Entry(
        event=Event.FAILED if broke else Event.REFUSED,
        job=job.id,
        record=record,
        stage=refusal.stage,
        category=_as_name(refusal.category),
        score=_measured(refusal.score),
        threshold=_measured(refusal.threshold),
        policy=policy,
        model=job.model_name,
        error=cause,
        prompts=logged_prompts(job),
    )


def logged_prompts(job: Job) -> dict[str, str]:
    """Return every text of a request under a name that holds none of it."""
    numbered = enumerate(job.texts.texts())
    found = {f"{number} {_kind(name)}": text for number, (name, text, _) in numbered if text}
    return dict(list(found.items())[:_MOST_PROMPTS])


_MOST_PROMPTS: Final = 200


def _kind(field: str) -> str:
    # word_weights['cat'] names a word of the prompt: only what stands before the bracket is logged
    return _as_name(field.split("[")[0])


def _as_name(text: str) -> str:
    kept = "".join(c if c.isascii() and (c.isalnum() or c in " .,:/+@=#_-") else "_" for c in text)
    return kept[:70] or "unnamed"


def _measured(number: float) -> float | None:
    return None if math.isnan(number) else number
