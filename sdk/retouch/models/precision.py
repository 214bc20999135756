"""Which number format a network runs in, by measuring instead of guessing."""

from __future__ import annotations

import time
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import torch
from torch import nn

if TYPE_CHECKING:
    from collections.abc import Callable


def choose_dtype(device: torch.device) -> torch.dtype:
    """bfloat16 where it is faster here, float32 otherwise.

    On a CPU both formats run a convolution and a matrix product of a typical network for a few
    milliseconds; AMX and AVX512-BF16 win by 2 to 10 times, processors without them lose.
    """
    if device.type == "cuda":
        # Cards before Ampere only emulate bfloat16; float16 overflows in some autoencoders.
        native = torch.cuda.is_bf16_supported(including_emulation=False)
        return torch.bfloat16 if native else torch.float32
    if device.type != "cpu":
        return torch.float32
    return torch.bfloat16 if _bfloat16_gain(torch.get_num_threads()) > 1.1 else torch.float32


def choose_memory_format(device: torch.device) -> torch.memory_format:
    """Order of convolution weights: channels-last on a CPU, contiguous on CUDA.

    Measured (``benchmarks/results/gpu.json``): on an H100 in bfloat16 sixteen rows take 52.1 ms
    contiguous and 56.8 ms channels-last in SD 1.5's network, 272 and 298 ms in SDXL's. On a CPU
    with AMX channels-last is the faster one.
    """
    return torch.contiguous_format if device.type == "cuda" else torch.channels_last


@lru_cache(maxsize=8)
def _bfloat16_gain(threads: int) -> float:
    """Time in float32 over time in bfloat16; ``threads`` only keys the memory."""
    single, half = (_best_of(_probe(dtype)) for dtype in (torch.float32, torch.bfloat16))
    return single / half


def _probe(dtype: torch.dtype) -> Callable[[], Any]:
    picture = torch.randn(1, 128, 32, 32, dtype=dtype).to(memory_format=torch.channels_last)
    kernel = torch.randn(128, 128, 3, 3, dtype=dtype).to(memory_format=torch.channels_last)
    matrix = torch.randn(256, 256, dtype=dtype)

    def run() -> None:
        torch.nn.functional.conv2d(picture, kernel, padding=1)
        matrix @ matrix

    return run


def _best_of(run: Callable[[], Any], repeats: int = 5) -> float:
    with torch.no_grad():
        run()
        best = float("inf")
        for _ in range(repeats):
            begin = time.perf_counter()
            run()
            best = min(best, time.perf_counter() - begin)
    return best


def place_network(
    network: nn.Module, device: torch.device, dtype: torch.dtype, order: torch.memory_format
) -> None:
    """Move a network in place, for evaluation, with convolution weights in ``order``."""
    network.eval().requires_grad_(False)
    # diffusers warns about layers to keep in float32 even when there are none: plain torch here.
    move: Any = nn.Module.to
    move(network, device=device, dtype=dtype)
    move(network, memory_format=order)
