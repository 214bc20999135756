"""Stable Diffusion 1.5 in its published size, with random weights, installed for a benchmark."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final
from unittest import mock

import torch

from cases.full_size import Making, checkpoint, lines
from retouch.models.store import add
from retouch.testing.adapters import write_t2i_adapter
from retouch.testing.checkpoints import write_folder

MODEL: Final = "random-sd1"
ADAPTER: Final = "random-canny"


@contextmanager
def installed_full_size(seed: int, quick: bool) -> Iterator[int]:
    """Have the model and a T2I-Adapter for it installed, beside those that ship.

    Args:
        seed: of the weights.
        quick: tiny ones with the same layout.

    Yields:
        Side of its pictures in pixels.
    """
    making = Making("sd1", torch.device("cpu"), torch.bfloat16, quick, seed)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        known = checkpoint(making)
        write_folder(known, folder / MODEL)
        write_t2i_adapter(lines(making, known).adapter, folder / ADAPTER)
        del known
        with mock.patch.dict("os.environ", RETOUCH_HOME=str(folder / "home")):
            for installed in (MODEL, ADAPTER):
                add(folder / installed)
            yield making.side
