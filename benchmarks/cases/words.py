"""Parity of Prompt-to-Prompt with an independent writing of the published algorithm.

The reference is ``tests/reference/prompt_to_prompt.py``: attention processors, integer step windows
and the scheduler's own loop on diffusers' network, because diffusers' wheel does not carry its
community pipeline. Latents are 16x16 here, the grid
that the paper edits and blends on.
"""

from __future__ import annotations

import functools
import sys
from collections.abc import Iterator
from typing import Any

import torch

from cases.record import ROOT
from cases.setting import (
    NEGATIVE,
    SCALE,
    SEED,
    STEPS,
    Case,
    Outcome,
    ReplayedNoise,
    checkpoint,
    our_model,
    ours,
)
from cases.stable_diffusion import GUIDED
from retouch_plugins.prompt_to_prompt import PromptToPrompt

sys.path.insert(0, str(ROOT / "tests" / "reference"))
import prompt_to_prompt as published

SIDE = 128
SHAPE = (1, 4, SIDE // 8, SIDE // 8)
BEFORE = "a cat sits on a green hill"
SWAPPED = "a dog sits on a green hill"
ADDED = "a fluffy cat sits on a green hill"
#: Windows are fractions of progress here and step counts there: both end after 4 and 3 of 8 steps.
WINDOWS = {"cross_stop": 0.5, "self_stop": 0.375}
STEP_WINDOWS = {"cross": (0.0, 0.5), "own": (0.0, 0.375)}


def cases() -> Iterator[Case]:
    """Replace, replace with LocalBlend, refine, reweight."""
    name = "Prompt-to-Prompt (published form)"
    yield Case("P2P replace", name, functools.partial(words, SWAPPED, "replace"))
    # Random maps are flat: only a high threshold leaves some places out.
    blend = {"blend": (["cat"], ["dog"]), "threshold": 0.9}
    more = {"blend_words": ("dog",), "blend_threshold": 0.9}
    run = functools.partial(words, SWAPPED, "replace", more, blend)
    yield Case("P2P replace + LocalBlend", name, run)
    yield Case("P2P refine", name, functools.partial(words, ADDED, "refine"))
    weights: dict[str, Any] = {"words": {"cat": 3.0}}
    run = functools.partial(words, BEFORE, "reweight", weights, {"weights": {"cat": 3.0}})
    yield Case("P2P reweight", name, run)


def words(
    prompt: str, mode: Any, more: dict[str, Any] | None = None, theirs: dict[str, Any] | None = None
) -> Outcome:
    """The second lane of both; without: the new prompt alone, or without blending."""
    given = {"prompt": prompt, "size": (SIDE, SIDE), "noise": ReplayedNoise(SEED, SHAPE)}
    settings = {"source_prompt": BEFORE, "mode": mode, "blend_start": 0.0, **WINDOWS}
    operation = PromptToPrompt(**(settings | (more or {})))
    less = [PromptToPrompt(**settings)] if operation.blend_words else []
    noise = torch.randn(SHAPE, generator=torch.Generator().manual_seed(SEED))
    lanes = published.prompt_to_prompt(
        checkpoint(),
        [BEFORE, prompt],
        noise,
        mode=mode,
        steps=STEPS,
        negative=NEGATIVE,
        scale=SCALE,
        **STEP_WINDOWS,
        **(theirs or {}),
    )
    return Outcome(
        ours([GUIDED, operation], our_model(), **given),
        lanes[1:],
        ours([GUIDED, *less], our_model(), **given),
    )
