"""Evaluations of different edits as the rows of one forward."""

from __future__ import annotations

import functools
from collections.abc import Sequence

import torch
from torch import Tensor

from retouch.denoiser import Evaluation
from retouch.models.attention import RowAttention, RowGroup
from retouch.models.family import Batch


def batch_of(
    evaluations: Sequence[Evaluation],
    lanes: Sequence[int],
    device: torch.device,
    dtype: torch.dtype,
    memory_format: torch.memory_format,
) -> Batch:
    """Concatenate evaluations of one bucket.

    Args:
        evaluations: in the order of their rows.
        lanes: rows of each.
        device: of the network.
        dtype: of the network.
        memory_format: of the network's weights.
    """
    first = evaluations[0].condition
    texts = [_spread(e.condition.text, n) for e, n in zip(evaluations, lanes, strict=True)]
    vectors = {
        name: torch.cat(
            [_spread(e.condition.vectors[name], n) for e, n in zip(evaluations, lanes, strict=True)]
        )
        for name in first.vectors
    }
    # One copy that a GPU need not be waited for.
    levels = zip(evaluations, lanes, strict=True)
    times = torch.tensor([e.level.time for e, lane in levels for _ in range(lane)])
    inputs = torch.cat([_inputs(e) for e in evaluations]).to(dtype)
    return Batch(
        inputs=inputs.to(memory_format=memory_format),
        times=times.to(device, non_blocking=True),
        text=torch.cat(texts).to(dtype),
        vectors=vectors,
        residuals=_residuals(evaluations, lanes, dtype),
        attention=_row_attention(evaluations, lanes),
    )


def _residuals(
    evaluations: Sequence[Evaluation], lanes: Sequence[int], dtype: torch.dtype
) -> list[Tensor] | None:
    """Residuals of all rows per level; rows without any get zeros, which changes nothing."""
    sums = [_sum_residuals(e.condition.residuals) for e in evaluations]
    known = next((levels for levels in sums if levels), None)
    if known is None:
        return None
    stacked = []
    for level, like in enumerate(known):
        rows = [
            _spread(levels[level] if levels else torch.zeros_like(like[:1]), n)
            for levels, n in zip(sums, lanes, strict=True)
        ]
        stacked.append(torch.cat(rows).to(dtype))
    return stacked


def _inputs(evaluation: Evaluation) -> Tensor:
    x, scale = evaluation.x, evaluation.level.scale
    state = x if scale == 1.0 else x / scale
    channels = evaluation.condition.channels
    if channels is None:
        return state
    return torch.cat([state, _spread(channels, x.shape[0]).to(state.dtype)], dim=1)


def _spread(tensor: Tensor, lanes: int) -> Tensor:
    return tensor if tensor.shape[0] == lanes else tensor.expand(lanes, *tensor.shape[1:])


def _sum_residuals(adapters: tuple[tuple[Tensor, ...], ...]) -> list[Tensor]:
    """Sum over adapters per level; empty without adapters."""
    return [functools.reduce(torch.add, level) for level in zip(*adapters, strict=True)]


def _row_attention(evaluations: Sequence[Evaluation], lanes: Sequence[int]) -> RowAttention | None:
    """None when no row needs anything, so that the plain path stays the fused one."""
    if not any(e.condition.attention or e.condition.image_prompts for e in evaluations):
        return None
    groups, begin = [], 0
    for evaluation, count in zip(evaluations, lanes, strict=True):
        rows = slice(begin, begin + count)
        groups.append(RowGroup(rows, evaluation.condition, evaluation.level))
        begin += count
    height, width = evaluations[0].x.shape[-2:]
    return RowAttention(tuple(groups), (height, width))
