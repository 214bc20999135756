"""How fast full-size Stable Diffusion 1.5 and SDXL are on a GPU, beside diffusers' pipelines.

Published network sizes, random weights in bfloat16, one process; nothing is downloaded. Rows come
in order of importance and the results are written after each, so that a run which is stopped, or
whose ``--seconds`` are spent, keeps what it has. Goals that are missed are reported, never an
error; a row that fails is.
"""

from __future__ import annotations

# ruff: noqa: E402
import time

BEGIN = time.monotonic()  # before the libraries: loading them counts too

import argparse
import functools
import math
import os
import sys
import traceback
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch

sys.path.insert(0, str(Path(__file__).parent))

from cases import compiled, decoding, different_edits, forward_rates, record, reference, whole_edits
from cases.accelerator import Accelerator, Budget, TimeIsUp
from cases.contenders import Contenders, contenders
from cases.full_size import Making, row_flops

SEED = 7
ROW_CAP = 16  # the engine's default
#: name, goal, whether smaller is better
GOALS = (
    ("sd1.overhead_vs_diffusers", 1.03, True),
    ("sdxl.overhead_vs_diffusers", 1.03, True),
    ("sd1.default_vs_diffusers", 0.67, True),
    ("sdxl.default_vs_diffusers", 0.67, True),
    ("sd1.compiled_vs_diffusers", 0.67, True),
    ("sd1.throughput_ratio", 2.0, False),
    ("sdxl.throughput_ratio", 1.3, False),
    ("sd1.least_psnr_pictures", 40.0, False),
    ("sdxl.least_psnr_pictures", 40.0, False),
    ("sd1.mfu_of_data_sheet", 0.30, False),
    ("sdxl.mfu_of_data_sheet", 0.45, False),
    ("sd1.guided_edit_ms_in_a_full_batch", 170.0, True),
    ("sdxl.guided_edit_ms_in_a_full_batch", 950.0, True),
)


@dataclass
class Session:
    """What rows share: the device, networks once they are made, and what was found."""

    device: Accelerator
    dtype: torch.dtype
    quick: bool
    found: dict[str, Any] = field(default_factory=dict)
    _made: dict[str, Contenders] = field(default_factory=dict)

    def making(self, family: Any) -> Making:
        """How a family's networks are made."""
        return Making(family, self.device.device, self.dtype, self.quick, SEED)

    def known(self, family: str) -> Contenders:
        """Both sides of a family, made when first wanted."""
        if family not in self._made:
            begin = time.monotonic()
            self._made[family] = contenders(self.making(family))
            self.device.wait()
            self.found[f"{family} making"] = {
                "seconds": time.monotonic() - begin,
                "allocated_bytes": self.device.allocated,
            }
        return self._made[family]

    @property
    def matmul(self) -> float:
        """Best FLOP/s of a bfloat16 product of this run."""
        if "limits" not in self.found:
            self.found["limits"] = limits(self)
        return float(self.found["limits"]["matmul_tflops"]) * 1e12


@dataclass(frozen=True)
class Row:
    """One measurement.

    Attributes:
        name: family and what.
        needs: seconds below which it is not begun, on an H100.
        run: measures; an iterator gives what is known after each of its stages.
    """

    name: str
    needs: float
    run: Callable[[Session], dict[str, Any] | Iterator[dict[str, Any]]]


def limits(session: Session) -> dict[str, Any]:
    """What the device reaches in a matrix product."""
    sides = (256,) if session.quick else (4096, 8192)
    rate = session.device.matmul_rate(session.dtype, sides)
    return {"matmul_tflops": rate / 1e12, "data_sheet": session.device.data_sheet}


def rates(session: Session, family: str) -> dict[str, Any]:
    """The forward against rows."""
    most = {"sd1": 64, "sdxl": 32}[family] if not session.quick else 2
    rows = [2**k for k in range(most.bit_length())]
    theirs = [n for n in rows if n <= most // 2] if not session.quick else [1]
    flops = row_flops(session.making(family))
    known, device = session.known(family), session.device
    return forward_rates.against_rows(known, device, flops, session.matmul, rows, theirs)


def together(session: Session, family: str, seconds: float) -> dict[str, Any]:
    """Eight different edits."""
    known, repeats = session.known(family), 1 if session.quick else 3
    wanted = different_edits.EIGHT
    if session.quick:
        wanted = different_edits.shorter(wanted, steps=2)
    return different_edits.compare(known, session.device, wanted, ROW_CAP, repeats, seconds)


def alone(session: Session, family: str, seconds: float) -> dict[str, Any]:
    """One edit."""
    steps = 3 if session.quick else {"sd1": 25, "sdxl": 20}[family]
    known, repeats = session.known(family), 1 if session.quick else 5
    return whole_edits.compare(known, session.device, steps, repeats, seconds)


def decode(session: Session, family: str) -> dict[str, Any]:
    """The autoencoder."""
    known = session.known(family)
    best = session.found.get(f"{family} rates", {}).get("best_rows_per_second")
    sides = {"sd1": (512, 1024), "sdxl": (1024,)}[family] if not session.quick else (128,)
    return decoding.decoding(known, session.device, sides, 1.0 / best if best else None)


def launches(session: Session, family: str) -> dict[str, Any]:
    """Launch costs."""
    if session.device.device.type != "cuda":
        return {"not_measured": "CUDA graphs need a CUDA device"}
    return forward_rates.launches(session.known(family), session.device, (1, 2, 4, 8))


def compile_blocks(session: Session, family: str) -> Iterator[dict[str, Any]]:
    """torch.compile on and off."""
    rows, steps = ((2,), 3) if session.quick else ((2, 16), 25)
    backend = "eager" if session.quick else "inductor"
    return compiled.stages(session.known(family), session.device, rows, steps, backend)


def rows() -> list[Row]:
    """All of them, the most important first; compiling takes longest and comes last."""
    return [
        Row("limits", 2, limits),
        Row("sd1 rates", 12, functools.partial(rates, family="sd1")),
        Row("sd1 together", 12, functools.partial(together, family="sd1", seconds=12)),
        Row("sd1 alone", 5, functools.partial(alone, family="sd1", seconds=9)),
        Row("sdxl rates", 25, functools.partial(rates, family="sdxl")),
        Row("sdxl together", 25, functools.partial(together, family="sdxl", seconds=20)),
        Row("sdxl alone", 8, functools.partial(alone, family="sdxl", seconds=10)),
        Row("sd1 decoding", 4, functools.partial(decode, family="sd1")),
        Row("sdxl decoding", 4, functools.partial(decode, family="sdxl")),
        Row("sd1 launches", 3, functools.partial(launches, family="sd1")),
        Row("sdxl launches", 4, functools.partial(launches, family="sdxl")),
        Row("sd1 compiled", 20, functools.partial(compile_blocks, family="sd1")),
    ]


def measure(session: Session, chosen: list[Row], budget: Budget, keep: Callable[[], None]) -> bool:
    """Run rows while there is time, and ``keep`` what is found; whether time ran out."""
    skipped = session.found.setdefault("skipped", {})
    failed = session.found.setdefault("failed", {})
    try:
        budget.enforce()
        for row in chosen:
            if budget.left < row.needs:
                skipped[row.name] = f"{budget.left:.0f} s left, {row.needs:.0f} s needed"
                print(f"{row.name}: skipped, {skipped[row.name]}", flush=True)
                continue
            began = budget.spent
            try:
                _run(row, session, keep)
            except Exception as problem:
                failed[row.name] = f"{type(problem).__name__}: {problem}"
                traceback.print_exc()
                session.device.free()
            print(f"{row.name}: {budget.spent - began:.1f} s", flush=True)
            keep()
        budget.lift()
    except TimeIsUp:
        skipped[row.name] = "stopped: the time is spent"
        for later in chosen[chosen.index(row) + 1 :]:
            skipped[later.name] = "not begun: the time is spent"
        return True
    return False


def _run(row: Row, session: Session, keep: Callable[[], None]) -> None:
    got = row.run(session)
    if isinstance(got, dict):
        session.found[row.name] = got
        return
    for stage in got:
        session.found[row.name] = stage
        keep()


def summary(found: dict[str, Any]) -> dict[str, Any]:
    """Figures with goals, by family and name."""
    figures: dict[str, Any] = {}
    for name, _, _ in GOALS:
        family, _, figure = name.partition(".")
        for row, part in found.items():
            if row.startswith(f"{family} ") and part.get(figure) is not None:
                figures[name] = part[figure]
    return figures


def verdicts(found: dict[str, Any]) -> list[tuple[str, float, str, str]]:
    """Name, value, goal and whether it is met, of what was measured."""
    figures, lines = summary(found), []
    for name, goal, smaller in GOALS:
        if name in figures:
            met = figures[name] <= goal if smaller else figures[name] >= goal
            sign = "<=" if smaller else ">="
            lines.append((name, figures[name], f"{sign} {goal}", "met" if met else "missed"))
    return lines


def options() -> argparse.Namespace:
    """The command line."""
    parser = record.arguments(__doc__.splitlines()[0])
    parser.set_defaults(threads=torch.get_num_threads())
    parser.add_argument("--quick", action="store_true", help="tiny networks: does it run at all")
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument("--dtype", default="bfloat16", choices=("bfloat16", "float16", "float32"))
    parser.add_argument("--seconds", type=float, default=math.inf, help="wall-clock time for all")
    parser.add_argument("--only", default="", help="rows whose name contains this text")
    parser.add_argument("--commit", default="", help="what to record where git is not there")
    return parser.parse_args()


def main() -> int:
    """Measure, print, write."""
    given = options()
    torch.set_num_threads(given.threads)
    reference.quiet()
    budget = Budget(given.seconds, BEGIN)
    device = Accelerator(torch.device(given.device))
    session = Session(device, getattr(torch, given.dtype), given.quick)

    def keep() -> None:
        if given.json is None:
            return
        met = {name: verdict == "met" for name, _, _, verdict in verdicts(session.found)}
        about = {"device": device.name, "dtype": given.dtype, "quick": given.quick}
        about |= {"seconds": budget.spent} | ({"commit": given.commit} if given.commit else {})
        results = summary(session.found) | {"met": met, "details": session.found}
        record.write_json(given.json, SEED, about | results)

    chosen = [row for row in rows() if given.only in row.name]
    print(f"{device.name}, libraries loaded after {budget.spent:.1f} s", flush=True)
    stopped = measure(session, chosen, budget, keep)
    keep()
    record.print_table(("figure", "value", "goal", "verdict"), verdicts(session.found))
    for kind in ("skipped", "failed"):
        for name, why in session.found[kind].items():
            print(f"{kind}: {name}: {why}")
    if stopped:  # a compiler's workers may still be at it
        sys.stdout.flush()
        os._exit(0)
    return 1 if session.found["failed"] else 0


if __name__ == "__main__":
    sys.exit(main())
