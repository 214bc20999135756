"""What every training run shares: options, learning-rate schedule, EMA, checkpoints, gradients."""

from __future__ import annotations

import argparse
import contextlib
import copy
import math
import os
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, Final

import torch
from torch import Tensor, distributed, nn

from training import checkpoints
from training.art import cache_dir
from training.optimiser import Optimiser

#: Steps over which the learning rate rises where all moments start anew, and where only Muon's do.
WARMUP_STEPS: Final = 100
MOMENTUM_STEPS: Final = 20


def options(
    description: str | None, minutes: float, *, close_ups: bool = False
) -> argparse.ArgumentParser:
    """Return the command line that every training part shares; some can also take close-ups."""
    parser = argparse.ArgumentParser(description=(description or "").splitlines()[0])
    parser.add_argument("--out", type=Path, default=cache_dir(), help="cache folder")
    parser.add_argument("--device", default="cpu", help="cpu or cuda")
    parser.add_argument("--minutes", type=float, default=minutes, help="length of the whole run")
    parser.add_argument("--batch", type=int, default=32, help="samples per step and process")
    parser.add_argument("--lr", type=float, default=6e-4, help="highest learning rate")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--tail", type=float, default=0.4, help="share in which the rate falls")
    parser.add_argument("--optimiser", choices=("muon", "adamw"), default="muon")
    if close_ups:
        parser.add_argument("--close-ups", type=float, default=0.0, help="share of steps, 0 to 1")
    parser.add_argument("--workers", type=int, default=0, help="processes that draw ahead (GPU)")
    parser.add_argument("--deadline", type=float, help="unix time of the end, instead of --minutes")
    parser.add_argument("--steps", type=int, default=0, help="end after so many; 0: no limit")
    parser.add_argument("--decay", type=float, help="of the averaged weights; default: the part's")
    parser.add_argument("--every", type=float, default=180.0, help="seconds between checkpoints")
    parser.add_argument("--pieces", type=Path, help="folder that every checkpoint also goes to")
    return parser


def start_processes() -> tuple[int, int]:
    """Join the processes of ``torchrun`` with gloo, if any; return (rank, world size)."""
    if "WORLD_SIZE" not in os.environ:
        return 0, 1
    if not distributed.is_initialized():
        distributed.init_process_group("gloo")
    return distributed.get_rank(), distributed.get_world_size()


def average_gradients(parameters: Iterable[nn.Parameter], world: int) -> None:
    """Average the gradients over the processes in one all-reduce."""
    if world == 1:
        return
    gradients = [p.grad for p in parameters if p.grad is not None]
    flat = torch.cat([g.flatten() for g in gradients])
    distributed.all_reduce(flat)
    flat /= world
    offset = 0
    for gradient in gradients:
        gradient.copy_(flat[offset : offset + gradient.numel()].view_as(gradient))
        offset += gradient.numel()


def fast_products(device: str) -> None:
    """Let a GPU round float32 products to TensorFloat-32 and time convolutions by shape."""
    if torch.device(device).type == "cuda":
        torch.set_float32_matmul_precision("high")
        torch.backends.cudnn.allow_tf32 = True
        torch.backends.cudnn.benchmark = True


def autocast(device: str) -> contextlib.AbstractContextManager[object]:
    """Return the bfloat16 autocast context of the device."""
    return torch.autocast(torch.device(device).type, dtype=torch.bfloat16)


class Run:
    """One bounded, resumable training run: clock, optimiser, EMA copies and checkpoint.

    ``modules`` are trained; ``Run.ema`` holds their averaged copies. Progress is the share of
    ``minutes`` spent over all starts, so an interrupted run resumes where it stopped. With
    ``deadline`` it is the share of the time between this start and then, and with ``steps`` the
    run ends sooner.
    """

    def __init__(
        self,
        name: str,
        modules: dict[str, nn.Module],
        args: argparse.Namespace,
        *,
        decay: float = 0.999,
        weight_decay: float = 0.01,
    ) -> None:
        self.rank, self.world = start_processes()
        self.modules, self.args = modules, args
        self.decay: float = decay if args.decay is None else args.decay
        fast_products(args.device)
        self.parameters = [p for m in modules.values() for p in m.parameters() if p.requires_grad]
        self.optimiser = Optimiser(
            modules,
            args.lr,
            weight_decay,
            muon=args.optimiser == "muon",
            rank=self.rank,
            world=self.world,
        )
        self.ema = {
            name: copy.deepcopy(m).eval().requires_grad_(False) for name, m in modules.items()
        }
        self.path: Path = args.out / f"{name}.pt"
        self.name, self.step, self.samples, self.spent = name, 0, 0, 0.0
        self._begun, self._warmup = 0, WARMUP_STEPS
        state = checkpoints.read(self.path)
        if state is not None:
            self._resume(state)
        self._clock = self._saved = time.monotonic()
        self._started, self._skipped = time.time(), 0
        self._reported = self._clock, self.samples
        self._terms: dict[str, list[Tensor]] = {}

    @property
    def minutes(self) -> float:
        """Minutes trained over all starts."""
        return (self.spent + time.monotonic() - self._clock) / 60

    @property
    def progress(self) -> float:
        """Share of the run that is over; 1 or more at the end."""
        args = self.args
        if args.steps and self.step - self._begun >= args.steps:
            return 1.0
        if args.deadline is None:
            return float(self.minutes / args.minutes)
        whole = max(args.deadline - self._started, 1e-9)
        return float((time.time() - self._started) / whole)

    def steps(self) -> Iterator[int]:
        """Yield step numbers until the minutes are over; checkpoint on the way and at the end."""
        while True:
            progress = torch.tensor(self.progress)
            if self.world > 1:
                distributed.broadcast(progress, 0)
            if float(progress) >= 1:
                break
            rate = self.args.lr * min(1.0, (self.step - self._begun + 1) / self._warmup)
            into_tail = (float(progress) - 1 + self.args.tail) / max(self.args.tail, 1e-9)
            if into_tail > 0:
                rate *= 0.02 + 0.98 * 0.5 * (1 + math.cos(math.pi * into_tail))
            self.optimiser.rate(rate)
            yield self.step
        if self._terms and self.rank == 0:
            self.report()
        self.save()

    def update(
        self,
        loss: Tensor,
        clip: float = 1.0,
        watch: dict[str, Tensor] | None = None,
        count: int = 0,
    ) -> None:
        """Back-propagate, average over processes, step, follow with the EMA, log, checkpoint.

        ``watch`` names the terms of the loss that are logged beside it; ``count`` is the number of
        samples of this process where it is not ``--batch``.
        """
        loss.backward()  # type: ignore[no-untyped-call]
        average_gradients(self.parameters, self.world)
        norm = nn.utils.clip_grad_norm_(self.parameters, clip)
        if torch.isfinite(norm):
            self.optimiser.step()
        else:
            self._skipped += 1
        self.optimiser.forget()
        self.step += 1
        self.samples += (count or self.args.batch) * self.world
        decay = min(self.decay, (1 + self.step) / (10 + self.step))
        with torch.no_grad():
            for name, module in self.modules.items():
                averaged = list(self.ema[name].parameters())
                torch._foreach_lerp_(averaged, list(module.parameters()), 1 - decay)
        for name, term in {"loss": loss, **(watch or {})}.items():
            # Read later: a GPU would have to finish the step first.
            self._terms.setdefault(name, []).append(term.detach())
        if self.step % 50 == 0 and self.rank == 0:
            self.report()
        if time.monotonic() - self._saved > self.args.every:
            self.save()

    def report(self) -> None:
        """Print where the run is, and the mean terms of the loss since the last report."""
        means = (f"{name} {float(torch.stack(v).mean()):.4f}" for name, v in self._terms.items())
        now = time.monotonic()
        rate = (self.samples - self._reported[1]) / max(now - self._reported[0], 1e-9)
        self._reported = now, self.samples
        line = f"{self.name} step {self.step} samples {self.samples} min {self.minutes:.1f}"
        line += f" samples/s {rate:.0f} {' '.join(means)}"
        if torch.device(self.args.device).type == "cuda":
            line += f" GPU {torch.cuda.max_memory_reserved() / 2**30:.1f} GiB"
        print(line + (f" skipped {self._skipped}" if self._skipped else ""), flush=True)
        self._terms.clear()

    def save(self) -> None:
        """Write the checkpoint (rank 0 only), replacing the former one in one move."""
        self._saved = time.monotonic()
        if self.rank != 0:
            return
        state: dict[str, Any] = {
            "step": self.step,
            "samples": self.samples,
            "spent": self.minutes * 60,
            "optimiser": self.optimiser.state_dict(),
            "modules": {name: m.state_dict() for name, m in self.modules.items()},
            "ema": {name: m.state_dict() for name, m in self.ema.items()},
        }
        partial = self.path.with_suffix(".partial")
        torch.save(state, partial)
        partial.replace(self.path)
        if self.args.pieces is not None:
            checkpoints.split(state, self.args.pieces, self.name)

    def _resume(self, state: dict[str, Any]) -> None:
        for name, module in self.modules.items():
            module.load_state_dict(state.get("modules", state["ema"])[name])
            self.ema[name].load_state_dict(state["ema"][name])
        if "optimiser" in state:
            self.optimiser.load_state_dict(state["optimiser"])
            self._warmup = MOMENTUM_STEPS
        self.step, self.samples, self.spent = state["step"], state["samples"], state["spent"]
        self._begun = self.step


def _state(path: Path) -> dict[str, Any]:
    state = checkpoints.read(path)
    if state is None:
        raise FileNotFoundError(f"{path.stem} is not trained: run python -m training.family")
    return state


def averaged(path: Path, name: str) -> dict[str, Tensor]:
    """Return the EMA state of module ``name`` of the run whose checkpoint is at ``path``."""
    weights: dict[str, Tensor] = _state(path)["ema"][name]
    return weights


def progress(path: Path) -> tuple[int, float]:
    """Return (samples seen, minutes trained) of the run whose checkpoint is at ``path``."""
    state = _state(path)
    return int(state["samples"]), float(state["spent"]) / 60
