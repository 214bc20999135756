"""One short run on a GPU machine of its own: ``python -m training.gpu_run prepare|smoke|train``.

``prepare`` writes what such a run starts from into a folder that travels with the repository:
vocabulary, scaling factor and the adapters that ship. ``train`` computes shards on every core, then
trains the InstructPix2Pix denoiser and the adapters for edges and sketches side by side: each alone
leaves the GPU waiting for the next kernel. Every training ends ``--seconds`` after the start of it
all, and puts its averaged weights into ``--results`` at every checkpoint, so that little is lost
with the machine; ``python -m training.checkpoints --join`` takes them from there. ``smoke`` does
the same with few pictures and steps and then measures steps. Fails when any part failed.
"""

from __future__ import annotations

import argparse
import os
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Final, TextIO

import torch

from training import checkpoints, t2i_adapter
from training.art import cache_dir

CONTROLS: Final = ("canny", "sketch")
#: Seconds that a process gets after its deadline, and that the end of it all is ahead of the limit.
GRACE: Final = 8.0
RESERVE: Final = 14.0
#: Numbers of the shards that nothing is trained on.
HELD_OUT: Final = 900


@dataclass(frozen=True)
class Command:
    """A process: a name for the log, and the arguments of ``python -m``."""

    name: str
    arguments: tuple[str, ...]


def prepare(out: Path, target: Path) -> None:
    """Write the vocabulary, the scaling factor and the means of the adapters' runs to ``target``.

    The adapters go on as the runs with own samples, from the mean that ships.
    """
    shutil.copytree(out / "tokenizer", target / "tokenizer", dirs_exist_ok=True)
    shutil.copyfile(out / "scaling.json", target / "scaling.json")
    for control in CONTROLS:
        name = f"{t2i_adapter.run_name(control, rollouts=True)}.pt"
        state = checkpoints.read(out / name)
        if state is None:
            raise FileNotFoundError(f"{out / name}: run python -m training.family")
        weights = t2i_adapter.load(out, control).half().state_dict()
        numbers = {key: state[key] for key in ("step", "samples", "spent")}
        torch.save({**numbers, "ema": {"adapter": weights}}, target / name)


def shards(args: argparse.Namespace, work: Path) -> list[Command]:
    """Return the processes that draw and encode: mostly whole scenes, some close-ups, held-out."""
    near = max(1, args.processes // 5)
    whole = max(1, args.processes - near - 1)
    limits = ["--count", str(args.count), "--seconds", str(args.shard_seconds)]
    shared = [*limits, "--device", args.device, "--controls", *CONTROLS]
    held_out = ["--count", str(min(args.count, 512)), *shared[2:], "--out", str(work / "held-out")]

    def command(name: str, number: int, *options: str) -> Command:
        return Command(name, ("training.latents", "--shard", str(number), *options))

    return [
        command("held-out", HELD_OUT, *held_out),
        *(command("close-ups", n, *shared, "--out", str(work), "--close-ups") for n in range(near)),
        *(command("scenes", n, *shared, "--out", str(work)) for n in range(whole)),
    ]


def trainings(args: argparse.Namespace, work: Path, deadline: float) -> list[Command]:
    """Return the three trainings."""
    shared = [
        *("--device", args.device, "--out", str(work), "--held-out", str(work / "held-out")),
        *("--pieces", str(args.results), "--every", "45", "--deadline", str(deadline)),
        *("--workers", str(args.workers), "--tail", "1", "--seed", str(args.seed)),
        *("--steps", str(args.steps)),
    ]
    instruct = [
        *("training.instruct", *shared, "--batch", str(args.instruct_batch)),
        *("--lr", str(args.instruct_lr), "--close-ups", "0.1", "--decay", "0.995"),
        *(("--compile",) if args.compile else ()),
    ]
    adapters = [
        Command(
            f"t2i-{control}",
            (
                *("training.t2i_adapter", *shared, "--control", control, "--rollouts", "0.5"),
                *("--batch", str(args.adapter_batch), "--lr", str(args.adapter_lr)),
                *("--close-ups", "0.2", "--decay", "0.995"),
            ),
        )
        for control in CONTROLS
    ]
    return [Command("instruct", tuple(instruct)), *adapters]


def run(commands: list[Command], deadline: float, log: TextIO) -> list[str]:
    """Run processes side by side until the deadline (unix time); return what went wrong."""
    environment = {
        **os.environ,
        "OMP_NUM_THREADS": "1",
        "PYTHONFAULTHANDLER": "1",
        "PYTHONUNBUFFERED": "1",
        "TOKENIZERS_PARALLELISM": "false",
    }
    running = [
        subprocess.Popen(
            [sys.executable, "-m", *command.arguments],
            stdout=log,
            stderr=log,
            env=environment,
            start_new_session=True,
        )
        for command in commands
    ]
    failures = []
    try:
        for command, process in zip(commands, running, strict=True):
            try:
                code = process.wait(max(0.0, deadline - time.time()))
                problem = f"ended with {code}" if code else ""
            except subprocess.TimeoutExpired:
                problem = "did not end in time"
            if problem:
                failures.append(f"{command.name} {problem}")
    finally:
        for process in running:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()
    return failures


def train(args: argparse.Namespace) -> list[str]:
    """Compute the shards, train, leave the weights in ``--results``; return what went wrong."""
    begun, work = time.time(), args.work
    shutil.copytree(args.start, work, dirs_exist_ok=True)
    shutil.copytree(work / "tokenizer", work / "held-out" / "tokenizer", dirs_exist_ok=True)
    shutil.copyfile(work / "scaling.json", work / "held-out" / "scaling.json")
    with (args.results / "log.txt").open("a", buffering=1) as log:
        said = _Said(log, begun)
        limit = min(begun + args.shard_seconds + 60, begun + args.seconds / 2)
        failures = run(shards(args, work), limit, log)
        said(f"shards done; {failures or 'all well'}")
        if any(name.startswith("held-out") for name in failures):
            return failures
        end = begun + args.seconds - RESERVE
        failures += run(trainings(args, work, end), end + GRACE, log)
        said(f"trainings done; {failures or 'all well'}")
        if args.rate_seconds:
            failures += _measure(args, log)
            said("steps measured")
    return failures


def _measure(args: argparse.Namespace, log: TextIO) -> list[str]:
    """Measure steps; that compiling takes longer than ``--rate-seconds`` is no failure."""
    options = ["--device", args.device, "--batch", str(args.instruct_batch)]
    options += ["--count", str(args.rate_count), *(["--compile"] if args.try_compile else [])]
    command = Command("step rate", ("training.step_rate", *options))
    failures = run([command], time.time() + args.rate_seconds, log)
    late = [failure for failure in failures if failure.endswith("in time")]
    if late:
        log.write(f"{late[0]}: what is missing took over {args.rate_seconds:.0f} s\n")
    return [failure for failure in failures if failure not in late]


class _Said:
    """Writes to the log and to the terminal, with the seconds since the start."""

    def __init__(self, log: TextIO, begun: float) -> None:
        self.log, self.begun = log, begun

    def __call__(self, text: str) -> None:
        line = f"[{time.time() - self.begun:6.1f} s] {text}"
        self.log.write(line + "\n")
        print(line, flush=True)


def _missing(results: Path) -> list[str]:
    runs = ["instruct", *(t2i_adapter.run_name(c, rollouts=True) for c in CONTROLS)]
    return [f"no weights of {r}" for r in runs if not (results / f"{r}.1.safetensors").exists()]


def _options() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("mode", choices=("prepare", "smoke", "train"))
    parser.add_argument("--out", type=Path, default=cache_dir(), help="prepare: cache folder")
    parser.add_argument("--start", type=Path, default=Path(".gpu"), help="folder that travels")
    parser.add_argument("--work", type=Path, help="cache folder of the run; must be new")
    parser.add_argument("--results", type=Path, help="folder for weights and log")
    parser.add_argument("--device", default="cuda", help="cpu or cuda")
    parser.add_argument("--seconds", type=float, default=330, help="of it all")
    parser.add_argument("--shard-seconds", type=float, default=35)
    parser.add_argument("--count", type=int, default=8_000, help="most edits per shard")
    parser.add_argument("--processes", type=int, default=os.cpu_count() or 2)
    parser.add_argument("--workers", type=int, default=2, help="per training")
    parser.add_argument("--steps", type=int, default=0, help="at most; 0: until the end")
    parser.add_argument("--instruct-batch", type=int, default=256)
    parser.add_argument("--instruct-lr", type=float, default=8e-4)
    parser.add_argument("--adapter-batch", type=int, default=128)
    parser.add_argument("--adapter-lr", type=float, default=8e-4)
    parser.add_argument("--compile", action="store_true", help="compile the denoiser of instruct")
    parser.add_argument("--try-compile", action="store_true", help="smoke: measure that too")
    parser.add_argument("--rate-seconds", type=float, default=0, help="limit of that measurement")
    parser.add_argument("--rate-count", type=int, default=20, help="steps to measure")
    parser.add_argument("--seed", type=int, default=1)
    return parser


def main() -> None:
    """Command line."""
    parser = _options()
    if "smoke" in sys.argv[1:2]:
        parser.set_defaults(count=32, shard_seconds=10, steps=60, seconds=200, rate_seconds=45)
    args = parser.parse_args()
    if args.mode == "prepare":
        args.start.mkdir(parents=True, exist_ok=True)
        prepare(args.out, args.start)
        return
    if args.work is None or args.results is None:
        parser.error("--work and --results: say which folders")
    if args.work.exists():
        parser.error(f"--work {args.work}: exists; its shards would be mixed with the new ones")
    args.results.mkdir(parents=True, exist_ok=True)
    failures = train(args) + _missing(args.results)
    print((args.results / "log.txt").read_text()[-9_000:])
    if failures:
        raise SystemExit("failed: " + "; ".join(failures))


if __name__ == "__main__":
    main()
