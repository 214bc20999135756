"""Distil the base to four steps: ``python -m training.lcm``.

Latent consistency distillation (arXiv 2310.04378) with one fixed guidance scale, so the student
takes no guidance embedding and is sampled without guidance. Boundary conditions are LCMScheduler's:
``f(z, t) = c_skip(t) z + c_out(t) x0(z, t)``.
"""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Final

import torch
from diffusers import UNet2DConditionModel
from torch import Tensor

from training import base, loop, network
from training.batches import stream

GUIDANCE: Final = 3.0
#: DDIM steps of the teacher between two points of a trajectory: 1000 / SOLVER timesteps.
SOLVER: Final = 50
SIGMA_DATA: Final = 0.5
TIMESTEP_SCALING: Final = 10.0
#: Width of the Pseudo-Huber loss (arXiv 2310.14189).
HUBER: Final = 0.01
TARGET_DECAY: Final = 0.95


def load(out: Path) -> UNet2DConditionModel:
    """Return the averaged student."""
    unet = network.build_unet()
    unet.load_state_dict(loop.averaged(out / "lcm.pt", "unet"))
    return unet.eval()


class Trajectory:
    """Velocities to clean latents and one DDIM step (arXiv 2010.02502, eq. 12)."""

    def __init__(self, device: str) -> None:
        self.alphas = network.scheduler().alphas_cumprod.to(device)

    def _root(self, timesteps: Tensor) -> tuple[Tensor, Tensor]:
        # Timestep -1 is the clean picture.
        alpha = torch.where(timesteps >= 0, self.alphas[timesteps.clamp(min=0)], 1.0)
        alpha = alpha.view(-1, 1, 1, 1)
        return alpha.sqrt(), (1 - alpha).sqrt()

    def clean(self, z: Tensor, velocity: Tensor, timesteps: Tensor) -> Tensor:
        """Return x0 of (N, 4, H, W) latents at ``timesteps`` (N,)."""
        alpha, sigma = self._root(timesteps)
        return alpha * z - sigma * velocity

    def step(self, z: Tensor, velocity: Tensor, now: Tensor, then: Tensor) -> Tensor:
        """Return the latents at the earlier timesteps ``then``."""
        alpha, sigma = self._root(now)
        noise = sigma * z + alpha * velocity
        alpha_then, sigma_then = self._root(then)
        return alpha_then * self.clean(z, velocity, now) + sigma_then * noise

    def consistent(self, z: Tensor, velocity: Tensor, timesteps: Tensor) -> Tensor:
        """Return f(z, t); at timestep 0 and below it is z itself."""
        scaled = timesteps.clamp(min=0).view(-1, 1, 1, 1) * TIMESTEP_SCALING
        skip = SIGMA_DATA**2 / (scaled**2 + SIGMA_DATA**2)
        out = scaled / (scaled**2 + SIGMA_DATA**2).sqrt()
        return skip * z + out * self.clean(z, velocity, timesteps)


def main() -> None:
    """Command line."""
    parser = loop.options(__doc__, minutes=40, close_ups=True)
    parser.set_defaults(lr=2e-4)
    args = parser.parse_args()
    torch.manual_seed(args.seed)
    teacher, text, words = base.load(args.out, args.device)
    network.prepare_unet(teacher, args.device).requires_grad_(False)
    student = copy.deepcopy(teacher).train().requires_grad_(True)
    run = loop.Run("lcm", {"unet": student}, args)
    target = copy.deepcopy(student).eval().requires_grad_(False)
    scenes = base.Scenes(args, words)
    empty = torch.from_numpy(words.encode([""])).to(args.device)
    path, stride = Trajectory(args.device), network.STEPS // SOLVER
    for batch in stream(scenes.draw, run, args):
        z, ids = batch["z"], batch["ids"]
        index = torch.randint(1, SOLVER + 1, (len(z),))
        now = (index * stride - 1).to(args.device)
        then = now - stride
        alpha, sigma = path._root(now)
        noised = alpha * z + sigma * torch.randn_like(z)
        with torch.no_grad(), loop.autocast(args.device):
            states = base.states_of(text, torch.cat([ids, empty.expand_as(ids)]), z)
            guided, plain = (
                teacher(torch.cat([noised] * 2), torch.cat([now] * 2), states)
                .sample.float()
                .chunk(2)
            )
            velocity = plain + GUIDANCE * (guided - plain)
            earlier = path.step(noised, velocity, now, then)
            answer = target(earlier, then.clamp(min=0), states[: len(z)]).sample.float()
            goal = path.consistent(earlier, answer, then)
        with loop.autocast(args.device):
            output = student(noised, now, states[: len(z)]).sample.float()
        error = path.consistent(noised, output, now) - goal
        together = batch["masks"].amax(dim=1, keepdim=True)
        weight = 1 + 3 * torch.nn.functional.max_pool2d(together, 3, stride=1, padding=1)
        loss = weight * ((error.square() + HUBER**2).sqrt() - HUBER)
        run.update(loss.mean() / weight.mean(), count=len(z))
        with torch.no_grad():
            for slow, fast in zip(target.parameters(), student.parameters(), strict=True):
                slow.lerp_(fast, 1 - TARGET_DECAY)


if __name__ == "__main__":
    main()
