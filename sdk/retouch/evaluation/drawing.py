"""Pictures from prompts alone, and through the autoencoder alone, with any installed model."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

import numpy as np
import torch

from retouch.errors import Blocked
from retouch.evaluation.together import run_together
from retouch.imaging.image import Floats, Image, from_model_range, to_model_range, white_of
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
        for result in run_together(runner, requests[first : first + _TOGETHER]):
            yield None if isinstance(result, Blocked) else result.composite


def unit(picture: Released) -> Floats:
    """Return a released picture as (H, W, 3) float32 in [0, 1]."""
    return np.asarray(picture.pixels / white_of(picture.pixels.dtype), np.float32)


def round_trips(pictures: Sequence[Floats], model: str, runner: Runner) -> Iterator[Floats]:
    """Yield pictures after the model's autoencoder: what the network could reach at most."""
    with runner.library.borrow() as loan:
        autoencoder = loan.model(model)
        for picture in pictures:
            x = torch.from_numpy(to_model_range(picture))[None]
            decoded = autoencoder.decode(autoencoder.encode_picture(x))[0]
            yield from_model_range(decoded.numpy())
