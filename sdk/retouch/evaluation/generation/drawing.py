"""Pictures from prompts alone, with any installed model."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

import numpy as np

from retouch.errors import Blocked, RetouchError
from retouch.imaging.image import Image
from retouch.models.geometry import read_geometry
from retouch.models.records import find_model
from retouch.request import EditRequest
from retouch.runner import Runner
from retouch_safety.sealed import Released

#: Pictures that are drawn side by side.
_TOGETHER: Final = 16


def draw(
    prompts: Sequence[tuple[str, int]],
    model: str,
    runner: Runner,
    *,
    steps: int | None = None,
    sampler: str | None = None,
) -> Iterator[Released | None]:
    """Yield the model's picture of every (prompt, seed), None where the gate refused it.

    Without an operation that starts from the document, an edit starts from pure noise: on a grey
    canvas of the model's own size that is text to picture, on the product's own path.

    Raises:
        RetouchError: see ``retouch.errors``.
    """
    side = read_geometry(find_model(model)).native_size
    canvas = Image(np.full((side, side, 3), 0.5, np.float32))
    guided = (runner.catalog.make("guidance", {}),)
    requests = [
        EditRequest(
            image=canvas,
            prompt=prompt,
            operations=guided,
            model=model,
            steps=steps,
            sampler=sampler,
            seed=seed,
        )
        for prompt, seed in prompts
    ]
    for first in range(0, len(requests), _TOGETHER):
        for outcome in runner.run_all(requests[first : first + _TOGETHER]):
            if isinstance(outcome, RetouchError) and not isinstance(outcome, Blocked):
                raise outcome
            yield None if isinstance(outcome, Blocked) else outcome[0].composite
