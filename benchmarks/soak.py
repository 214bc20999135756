"""Work a daemon for a long time near what it can do: does anything grow or slow down?

What it can do is measured first, by as many visits at a time as it likes. Then visits come evenly
at a share of that rate (``--load``, 0.9): edits, previews, cancelled ones, dropped streams, blocked
prompts, malformed requests, broken pictures, uploads that stop. Few jobs are remembered and little
room is given to pictures, so that what bounds the folder is reached within minutes.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import random
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch

sys.path.insert(0, str(Path(__file__).parent))

from cases import record
from endurance.measuring import Samples, grows
from endurance.served import Served
from endurance.visitors import Visitors

#: Visits at a time while capacity is measured, and how long that is, in shares of the run that
#: follows: what comes is drawn, and after a minute of it the rate is still a tenth off.
_AT_ONCE, _MEASURING = 12, 0.25
#: Share of the run that is warm-up.
_WARM = 0.25
_KEPT_JOBS = 60
_BLOB_BYTES = 32 << 20
_OPTIONS = (
    "--total-bytes", f"{_BLOB_BYTES}", "--client-bytes", f"{_BLOB_BYTES // 2}",
    "--keep-free-bytes", "0", "--cache-bytes", f"{16 << 20}",
)  # fmt: skip
#: What a later third may have more than the first one: of the slowest waits, and of the journal.
_SLOWER, _LARGER = 1.5, 1.1
_MIB = 1 << 20
_SHOWN = 12


async def capacity(visitors: Visitors, seconds: float) -> float:
    """Visits per second that a daemon can do, with as many at a time as fill it."""
    ends = time.monotonic() + seconds
    warm = time.monotonic() + seconds / 3
    done = 0

    async def one_after_another() -> None:
        nonlocal done
        while time.monotonic() < ends:
            await visitors.visit()
            done += warm < time.monotonic() < ends

    await asyncio.gather(*(one_after_another() for _ in range(_AT_ONCE)))
    return done / (ends - warm)


async def visits(visitors: Visitors, rate: float, seconds: float, seed: int) -> float:
    """Have visits come at a rate; return how many seconds the last came late."""
    drawn = random.Random(seed)
    open_: set[asyncio.Task[None]] = set()
    began, number = time.monotonic(), 0
    while (due := began + (number + drawn.uniform(-0.5, 0.5)) / rate) < began + seconds:
        await asyncio.sleep(max(0.0, due - time.monotonic()))
        task = asyncio.create_task(visitors.visit())
        open_.add(task)
        task.add_done_callback(open_.discard)
        number += 1
    ended = time.monotonic()
    await asyncio.gather(*open_)
    return time.monotonic() - ended


def main() -> int:
    """Run it, print a table, and return 1 where anything grows, slows down or fails."""
    parser = record.arguments("Does a daemon grow or slow down?")
    parser.add_argument("--minutes", type=float, default=10.0)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--load", type=float, default=0.9, help="of what it can do")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    with tempfile.TemporaryDirectory() as folder:
        os.environ["RETOUCH_HOME"] = str(Path(folder) / "home")
        served = Served(Path(folder) / "daemon", _OPTIONS, _KEPT_JOBS)
        try:
            results, faults = asyncio.run(_run(served, options))
        finally:
            served.stop()
        if faults and options.json:
            options.json.with_suffix(".log").write_bytes(served.log.read_bytes())
    for fault in faults[:_SHOWN]:
        print(f"FAULT: {fault}")
    if options.json:
        record.write_json(options.json, options.seed, {"soak": results, "faults": faults})
    print("nothing grows, nothing slows down" if not faults else f"{len(faults)} faults")
    return 1 if faults else 0


async def _run(served: Served, options: argparse.Namespace) -> tuple[dict[str, Any], list[str]]:
    served.start()
    while not await asyncio.to_thread(served.serves):
        await asyncio.sleep(0.2)
    visitors, seconds = Visitors(served.endpoint, options.seed), options.minutes * 60
    await visitors.visit()  # waits until all have started
    can = await capacity(visitors, max(10.0, _MEASURING * seconds))
    print(f"capacity: {can:.2f} visits per second; {options.load * can:.2f} come now")
    faults = [f"while capacity was measured: {fault}" for fault in visitors.seen.faults]
    visitors.began()
    samples = Samples()
    sampling = asyncio.create_task(samples.gather(served, max(0.5, seconds / 600)))
    behind = await visits(visitors, options.load * can, seconds, options.seed)
    sampling.cancel()
    await visitors.close()
    results = {
        "capacity per second": can,
        "asked per second": options.load * can,
        "last visits ended after seconds": behind,
        "visits": dict(visitors.seen.counts),
    }
    if (ended := served.ended()) is not None:
        faults.append(f"the front ended by itself, with {ended}")
    faults += visitors.seen.faults + served.complaints() + served.replaced()
    for part in (_memory(samples, seconds), _folder(samples), _speed(visitors)):
        results |= part[0]
        faults += part[1]
    return results, faults


def _memory(samples: Samples, seconds: float) -> tuple[dict[str, Any], list[str]]:
    warm, rows, found, faults = _WARM * seconds, [], {}, []
    for name, all_ in samples.processes.items():
        late = [sample for sample in all_ if sample.seconds >= warm]
        if len(late) < 4 or name == "inspector":  # it comes and goes with what is asked of it
            continue
        memory = [sample.memory / _MIB for sample in late]
        slope = samples.slope(name, warm)
        found[name] = {
            "MiB": float(np.median(memory)), "most MiB": max(memory),
            "MiB per hour": slope.per_hour, "low": slope.low, "high": slope.high,
            "descriptors": [late[0].descriptors, max(s.descriptors for s in late)],
            "threads": [late[0].threads, max(s.threads for s in late)],
            "course": [round(mib, 2) for mib in samples.course(name)[1]],
            "starts": len({sample.pid for sample in all_}),
        }  # fmt: skip
        rows.append([name, *_cells(found[name])])
        if grows(slope, seconds - warm, found[name]["MiB"]):
            faults.append(f"{name} grows by {slope.low:.0f} to {slope.high:.0f} MiB per hour")
        if found[name]["starts"] > 1:
            faults.append(f"{name} was started {found[name]['starts']} times")
        faults += _more(name, "descriptors", [s.descriptors for s in late])
        faults += _more(name, "threads", [s.threads for s in late])
    head = ["process", "MiB", "most", "MiB/h", "low", "high", "descriptors", "threads", "starts"]
    record.print_table(head, rows)
    return {"processes": found}, faults


def _cells(figures: dict[str, Any]) -> list[object]:
    shown = [value for name, value in figures.items() if name != "course"]
    return [str(value) if isinstance(value, list) else value for value in shown]


def _more(name: str, what: str, values: list[int]) -> list[str]:
    """A fault where the usual number of the last third is above all of the first."""
    third = max(1, len(values) // 3)
    first, last = max(values[:third]), float(np.median(values[-third:]))
    return [f"{name}: {last:g} {what}, {first} at first"] if last > first else []


def _folder(samples: Samples) -> tuple[dict[str, Any], list[str]]:
    third = len(samples.sizes) // 3
    early = max(size.journal for size in samples.sizes[: max(1, third)])
    late = max(size.journal for size in samples.sizes[-max(1, third) :])
    blobs = max(size.blobs for size in samples.sizes)
    print(
        f"journal: {early / _MIB:.1f} MiB at most in the first third, {late / _MIB:.1f} in the last"
    )
    print(f"pictures: {blobs / _MIB:.1f} MiB at most of {_BLOB_BYTES / _MIB:.0f} MiB")
    faults = []
    if late > _LARGER * early:
        faults.append(f"the journal grows: {early} bytes at first, {late} at last")
    # A file that gets its name while it is looked for counts twice.
    if blobs > 1.02 * _BLOB_BYTES:
        faults.append(f"{blobs} bytes of pictures, {_BLOB_BYTES} are allowed")
    sizes = {"journal bytes": [early, late], "blob bytes at most": blobs}
    return sizes, faults


def _speed(visitors: Visitors) -> tuple[dict[str, Any], list[str]]:
    waits = [seconds for _, seconds in sorted(visitors.seen.waits)]
    third = len(waits) // 3
    if not third:
        return {}, ["no edit ended"]
    parts = [waits[:third], waits[third : 2 * third], waits[-third:]]
    p99 = [float(np.percentile(part, 99)) for part in parts]
    p50 = [float(np.percentile(part, 50)) for part in parts]
    rows = [["median", *p50], ["99 %", *p99]]
    record.print_table([f"{len(waits)} edits, seconds", "first", "middle", "last third"], rows)
    faults = []
    if p99[-1] > _SLOWER * p99[0]:
        faults.append(f"the slowest waits grow: {p99[0]:.2f} s at first, {p99[-1]:.2f} at last")
    return {"edits": len(waits), "p50 seconds": p50, "p99 seconds": p99}, faults


if __name__ == "__main__":
    sys.exit(main())
