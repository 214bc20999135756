"""How fast a denoiser trains here: ``python -m training.step_rate --device cuda --batch 256``.

Steps of the InstructPix2Pix denoiser on random numbers: forward, backward and both optimisers.
``--compile`` adds ``torch.compile`` and what it takes to compile.
"""

from __future__ import annotations

import argparse
import time
from typing import Final

import torch
from torch import nn

from training import loop, network
from training.network import CELLS, WIDTH
from training.optimiser import Optimiser
from training.tokenizer import POSITIONS

WARM: Final = 4


def _synchronise(device: str) -> None:
    if torch.device(device).type == "cuda":
        torch.cuda.synchronize()


def seconds_per_step(unet: nn.Module, device: str, batch: int, steps: int) -> tuple[float, float]:
    """Return (seconds until the first steps were done, seconds per step after that)."""
    optimiser = Optimiser({"unet": unet}, 1e-4, 0.01)
    noise = network.Noise().to(device)
    latents = torch.randn(batch, 4, CELLS, CELLS, device=device)
    states = torch.randn(batch, POSITIONS, WIDTH, device=device)
    mask = torch.zeros(batch, 1, CELLS, CELLS, device=device)

    def step() -> None:
        noised, times, velocity = noise(latents)
        with loop.autocast(device):
            output = unet(torch.cat([noised, latents], dim=1), times, states).sample
        network.velocity_loss(output, velocity, mask).backward()  # type: ignore[no-untyped-call]
        if torch.isfinite(nn.utils.clip_grad_norm_(unet.parameters(), 1.0)):
            optimiser.step()

    times = []
    for count in (WARM, steps):
        begun = time.monotonic()
        for _ in range(count):
            step()
        _synchronise(device)
        times.append(time.monotonic() - begun)
    return times[0], times[1] / steps


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--device", default="cpu", help="cpu or cuda")
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--count", type=int, default=20, help="steps to time")
    parser.add_argument("--compile", action="store_true")
    args = parser.parse_args()
    loop.fast_products(args.device)
    for compiled in (False, True) if args.compile else (False,):
        torch.manual_seed(0)
        unet = network.prepare_unet(network.build_unet(in_channels=8), args.device)
        if compiled:
            unet.compile()
        first, each = seconds_per_step(unet, args.device, args.batch, args.count)
        print(
            f"{'compiled' if compiled else 'eager'}: {1 / each:.2f} it/s, {1e3 * each:.1f} ms, "
            f"{args.batch / each:.0f} samples/s; first {WARM} steps {first:.1f} s",
            flush=True,
        )


if __name__ == "__main__":
    main()
