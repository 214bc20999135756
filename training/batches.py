"""Draw batches beside the training: in the same process on a CPU, in workers on a GPU."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator
from typing import Final

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import DataLoader, IterableDataset, get_worker_info

from training.loop import Run

Batch = dict[str, Tensor]
Draw = Callable[[np.random.Generator], Batch]

#: Batches that each worker keeps ready.
AHEAD: Final = 4


class _Stream(IterableDataset[Batch]):
    """Endless batches; every worker has a generator of its own."""

    def __init__(self, draw: Draw, seed: list[int]) -> None:
        self._draw, self._seed = draw, seed

    def __iter__(self) -> Iterator[Batch]:
        worker = get_worker_info()
        rng = np.random.default_rng([*self._seed, worker.id if worker else 0])
        while True:
            yield self._draw(rng)


def stream(draw: Draw, run: Run, args: argparse.Namespace) -> Iterator[Batch]:
    """Yield what ``draw`` returns, on the run's device, pictures channels last, until it is over.

    The seeds follow from the run's seed, rank and step, so a resumed run draws new batches. With
    ``args.workers`` above 0 that many processes draw ahead.
    """
    cuda = torch.device(args.device).type == "cuda"
    loader = DataLoader(
        _Stream(draw, [args.seed, run.rank, run.step]),
        batch_size=None,
        num_workers=args.workers,
        prefetch_factor=AHEAD if args.workers else None,
        pin_memory=cuda,
    )
    torch.manual_seed(args.seed + 1000 * run.rank + run.step)
    for batch, _ in zip(loader, run.steps(), strict=False):
        moved = {name: part.to(args.device, non_blocking=cuda) for name, part in batch.items()}
        yield {
            name: part.contiguous(memory_format=torch.channels_last) if part.dim() == 4 else part
            for name, part in moved.items()
        }
