"""Train the whole family, or what is left of it: ``python -m training.family``.

Runs every part in order, each until its minutes are over, keeps the checkpoints of long ones in
the repository and goes on with the next; stopped, the same command goes on where it was.
``--until HH:MM`` stops it at a time of day and loses up to three minutes, the time between
checkpoints. On a CPU two processes of one thread share each training; on a GPU one process has
larger batches.
"""

from __future__ import annotations

import argparse
import os
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

from training import checkpoints, loop
from training.art import cache_dir

#: Seconds that a training gets to end when the time is over.
GRACE: Final = 60


@dataclass(frozen=True)
class Part:
    """One training.

    Attributes:
        module: in this package.
        run: name of its checkpoint.
        minutes: length over all starts, on two cores.
        options: further ones.
    """

    module: str
    run: str
    minutes: float
    options: tuple[str, ...] = ()


#: Runs whose checkpoints the repository keeps (ADR 10).
KEPT: Final = ("autoencoder", "autoencoder-decoder", "base", "instruct", "inpaint", "clip")


@dataclass(frozen=True)
class Shards:
    """Latents that trainings read."""

    folder: str
    numbers: tuple[int, ...]
    count: int
    options: tuple[str, ...] = ()


ROLLOUTS: Final = ("--close-ups", "0.7", "--rollouts", "0.5")

FAMILY: Final[tuple[Part | Shards, ...]] = (
    Part("autoencoder", "autoencoder", 19),
    Shards("closeups", (10, 11), 8_000, ("--close-ups",)),
    Part("base", "base", 55, ("--close-ups", "1", "--lr", "1e-3", "--tail", "0")),
    Shards("latents", (0, 1), 6_000),
    Shards("latents", (2, 3), 2_000, ("--kind", "count")),
    Part("base", "base", 115, ("--close-ups", "0.25", "--lr", "1e-3", "--tail", "0.1")),
    Part("instruct", "instruct", 18, ("--close-ups", "1", "--tail", "0")),
    Part("instruct", "instruct", 48, ("--close-ups", "0.3")),
    Part("instruct", "instruct", 70, ("--close-ups", "0.1")),
    Part("inpaint", "inpaint", 26, ("--close-ups", "0.5")),
    Part("lcm", "lcm", 12, ("--close-ups", "0.5")),
    Part("clip", "clip", 20),
    Part("image_tokens", "image-tokens", 9),
    Part("ip_adapter", "ip-adapter-plus", 20, ("--close-ups", "0.6")),
    Part("t2i_adapter", "t2i-canny", 29, ("--control", "canny")),
    Part("t2i_adapter", "t2i-canny-rollouts", 35, ("--control", "canny", *ROLLOUTS)),
    Part("t2i_adapter", "t2i-sketch", 6, ("--control", "sketch")),
    Part("t2i_adapter", "t2i-sketch-rollouts", 12, ("--control", "sketch", *ROLLOUTS)),
    Part("t2i_adapter", "t2i-color", 6, ("--control", "color")),
    Part("autoencoder", "autoencoder-decoder", 7, ("--part", "decoder")),
    Part("autoencoder", "autoencoder-preview", 5, ("--part", "preview")),
)


def command(part: Part, args: argparse.Namespace) -> list[str]:
    """Return the command line of a training."""
    shared = ["--minutes", str(part.minutes * args.scale), "--out", str(args.out), *part.options]
    if args.device == "cpu":
        spread = ["-m", "torch.distributed.run", "--nproc_per_node", "2"]
        return [sys.executable, *spread, "-m", f"training.{part.module}", *shared]
    shared += ["--device", args.device, "--batch", "512", "--workers", "12"]
    return [sys.executable, "-m", f"training.{part.module}", *shared]


def done(part: Part, args: argparse.Namespace) -> bool:
    """Return whether the part has had its minutes."""
    path = args.out / f"{part.run}.pt"
    if not checkpoints.exists(path):
        return False
    return loop.progress(path)[1] >= part.minutes * args.scale - 0.1


def encode(shards: Shards, args: argparse.Namespace, deadline: float) -> bool:
    """Compute the shards that are missing, side by side; return whether all are there."""
    missing = [n for n in shards.numbers if not _shard(shards, n, args.out).exists()]
    commands = [
        [
            *(sys.executable, "-m", "training.latents", "--shard", str(number)),
            *("--count", str(shards.count), "--out", str(args.out), "--device", args.device),
            *shards.options,
        ]
        for number in missing
    ]
    return run(commands, deadline)


def _shard(shards: Shards, number: int, out: Path) -> Path:
    return out / shards.folder / f"{number:03d}" / "edits.pkl"


def run(commands: list[list[str]], deadline: float) -> bool:
    """Run commands side by side; return whether all ended well before the deadline.

    Raises:
        SystemExit: one of them failed.
    """
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    running = [subprocess.Popen(c, env=environment, start_new_session=True) for c in commands]
    try:
        for process in running:
            process.wait(max(0.0, deadline - time.time()))
    except subprocess.TimeoutExpired:
        return False
    finally:
        for process in running:
            _stop(process)
    failed = [process for process in running if process.returncode]
    if failed:
        raise SystemExit(f"failed with {failed[0].returncode}: {failed[0].args!r}")
    return True


def _stop(process: subprocess.Popen[bytes]) -> None:
    if process.poll() is None:
        os.killpg(process.pid, signal.SIGTERM)
        try:
            process.wait(GRACE)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)


def _deadline(text: str) -> float:
    if not text:
        return float("inf")
    now = datetime.now()
    hour, minute = (int(part) for part in text.split(":"))
    then = now.replace(hour=hour, minute=minute, second=0)
    return (then if then > now else then + timedelta(days=1)).timestamp()


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--out", type=Path, default=cache_dir(), help="cache folder")
    parser.add_argument("--device", default="cpu", help="cpu or cuda")
    parser.add_argument("--scale", type=float, default=1.0, help="of all minutes")
    parser.add_argument("--until", default="", help="time of day to stop at, HH:MM")
    args = parser.parse_args()
    args.out.mkdir(parents=True, exist_ok=True)
    deadline = _deadline(args.until)
    for part in FAMILY:
        if isinstance(part, Shards):
            finished = encode(part, args, deadline)
        elif done(part, args):
            continue
        else:
            print(f"{part.run}: up to {part.minutes * args.scale:.0f} minutes", flush=True)
            finished = run([command(part, args)], deadline)
            if part.run in KEPT and (args.out / f"{part.run}.pt").exists():
                print(f"kept {checkpoints.write(args.out / f'{part.run}.pt')}", flush=True)
        if not finished:
            print("stopped; the same command goes on here")
            return


if __name__ == "__main__":
    main()
