"""How well the daemon serves many clients: beside diffusers' pipelines behind the same front.

Requests come at times that are fixed beforehand, and are timed from then on. Both contenders are
daemons of their own, asked in turns through gRPC. Goals that are missed are reported, never an
error; what is measured is written as soon as it is known.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch

sys.path.insert(0, str(Path(__file__).parent))

from cases import record
from cases.reference import quiet
from serving_cases import figures, report, single, trace
from serving_cases.contender import OURS, REFERENCE, Contender, contenders
from serving_cases.load import Load, Served

#: Loads relative to B1's capacity -> windows of how many requests, beside those of ``--repeats``.
LOADS = {0.5: 20, 0.8: 40, 1.1: 20}


class Session:
    """One run of the benchmark.

    Args:
        given: the command line.
        running: the contenders.
        loads: connections to them.
    """

    def __init__(
        self, given: argparse.Namespace, running: dict[str, Contender], loads: dict[str, Load]
    ) -> None:
        self.given, self._running, self._loads = given, running, loads
        self._numbers = single.Numbers()
        self._arrivals = trace.read()
        self.found: dict[str, Any] = {"loads": {}}
        self._begin = time.monotonic()

    async def run(self) -> None:
        """Measure everything, the most important first."""
        quick = self.given.quick
        if not quick:
            await self._warm_up()
        self._keep("alone", await single.alone(self._loads, self._numbers, 1 if quick else 2))
        self._keep("burst", await self._burst(3 if quick else trace.BLOCK))
        await self._open_loops()
        ours = self._loads[OURS.name]
        if not quick:  # it loads all networks in this process, too
            from serving_cases.in_process import overhead

            self._keep("overhead", await overhead(ours, self._numbers, "edit", 5))
        self._keep("cancels", await single.cancels(ours, self._numbers, 1 if quick else 12))
        self._keep("previews", await single.previews(ours, self._numbers, 1 if quick else 8))
        second = await single.second_edit(ours, self._numbers, 1 if quick else 8)
        self._keep("second_edit", second)
        peaks = {name: each.peak_bytes() for name, each in self._running.items()}
        self._keep("peak_bytes", peaks)

    async def _warm_up(self) -> None:
        for kind in trace.KINDS:
            for load in self._loads.values():
                await single.timed(load, self._numbers.arrival(kind.name))

    async def _burst(self, count: int) -> dict[str, Any]:
        """Requests of the mix all at once: B1's rate is the capacity that loads are relative to."""
        found = {}
        for name, load in self._loads.items():
            served = await load.open_loop(self._arrivals[-count:], float("inf"))
            found[name] = {"requests_per_second": count / max(each.seconds for each in served)}
        capacity = found[REFERENCE.name]["requests_per_second"]
        return found | {"capacity": capacity}

    async def _open_loops(self) -> None:
        repeats = 1 if self.given.quick else self.given.repeats
        windows = [(report.MAIN, number) for number in range(repeats)]
        windows += [(load, 0) for load in LOADS if load != report.MAIN]
        if self.given.quick or self.given.main_only:
            windows = [each for each in windows if each[0] == report.MAIN]
        runs: dict[float, dict[str, list[tuple[dict[str, Any], list[Served]]]]] = {}
        for turn, (load, number) in enumerate(windows):
            count = 5 if self.given.quick else LOADS[load]
            begin = number * count % (len(self._arrivals) - 2 * count)
            arrivals = self._arrivals[begin : begin + count]
            for name in list(self._loads)[:: 1 if turn % 2 == 0 else -1]:
                runs.setdefault(load, {}).setdefault(name, []).append(
                    await self._window(name, arrivals, load)
                )
            self.found["loads"][f"{load:g}"] = report.compared(runs[load])
            self._keep(f"load {load:g}, window {number + 1}")

    async def _window(
        self, name: str, arrivals: Sequence[trace.Arrival], load: float
    ) -> tuple[dict[str, Any], list[Served]]:
        contender = self._running[name]
        begin, before = time.monotonic(), contender.cpu_seconds()
        rate = load * self.found["burst"]["capacity"]
        served = await self._loads[name].open_loop(arrivals, rate)
        taken = contender.cpu_seconds()
        lines = contender.pages.between(begin, time.monotonic())
        forwards = [line for line in lines if line["what"] == "forward"]
        run = figures.of_run(served, rate, self._solo(), forwards)
        run["rate"] = rate
        run["cpu_ms_per_request"] = {
            part: (taken[part] - before[part]) / len(served) * 1e3 for part in taken
        }
        return run, served

    def _solo(self) -> dict[str, float]:
        """Seconds of each class alone: of the faster side, so that both have the same limit."""
        sides = self.found["alone"].values()
        return {k.name: min(side[k.name]["median"] for side in sides) for k in trace.KINDS}

    def _keep(self, what: str, found: Any = None) -> None:
        if found is not None:
            self.found[what] = found
        print(f"{what}: after {time.monotonic() - self._begin:.0f} s", flush=True)
        if self.given.json:
            judged = report.verdicts(self.found)
            known = {name: value for name, value, _, _ in judged}
            met = {name: verdict == "met" for name, _, _, verdict in judged}
            about = {"quick": self.given.quick, "seconds": time.monotonic() - self._begin}
            results = about | known | {"met": met, "details": self.found}
            record.write_json(self.given.json, trace.SEED, results)


def options() -> argparse.Namespace:
    """The command line."""
    parser = record.arguments(__doc__.splitlines()[0])
    about = "short edits, no comparison with this process: does it run at all"
    parser.add_argument("--quick", action="store_true", help=about)
    parser.add_argument("--repeats", type=int, default=2, help="windows at 0.8 of the capacity")
    parser.add_argument("--main-only", action="store_true", help="leave out the other loads")
    parser.add_argument("--row-cap", type=int, default=16, help="of our engine's forwards")
    return parser.parse_args()


async def measure(given: argparse.Namespace, folder: Path) -> dict[str, Any]:
    """Start both contenders and measure."""
    with contenders(folder, given.threads, ("--row-cap", str(given.row_cap))) as running:
        async with (
            Load(running[REFERENCE.name], given.quick) as theirs,
            Load(running[OURS.name], given.quick) as ours,
        ):
            session = Session(given, running, {REFERENCE.name: theirs, OURS.name: ours})
            await session.run()
            return session.found


def main() -> int:
    """Measure, print, write."""
    given = options()
    torch.set_num_threads(given.threads)
    quiet()
    with tempfile.TemporaryDirectory(prefix="retouch-serving-") as folder:
        found = asyncio.run(measure(given, Path(folder)))
    head = ("load", "contender", "class", "requests", "mean s", "p50 s", "p99 s", "in 3x alone")
    record.print_table(head, report.latencies(found))
    print()
    record.print_table(("figure", "value", "goal", "verdict"), report.verdicts(found))
    print("", *report.explain(found), sep="\n")
    if given.quick:
        print("these edits have two or three steps: the figures only show that it runs")
    return 0


if __name__ == "__main__":
    sys.exit(main())
