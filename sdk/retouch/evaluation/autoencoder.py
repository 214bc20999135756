"""Pictures through a model's autoencoder alone: the bound that no edit of that model can beat."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import torch

from retouch.imaging.image import Floats, from_model_range, to_model_range
from retouch.runner import Runner


def round_trips(pictures: Sequence[Floats], model: str, runner: Runner) -> Iterator[Floats]:
    """Yield pictures after the model's autoencoder: what the network could reach at most."""
    with runner.library.borrow() as loan:
        autoencoder = loan.model(model)
        for picture in pictures:
            x = torch.from_numpy(to_model_range(picture))[None]
            decoded = autoencoder.decode(autoencoder.encode_picture(x))[0]
            yield from_model_range(decoded.numpy())
