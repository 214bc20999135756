"""One edit at a time: alone, a second time, seen on its way, and cancelled."""

from __future__ import annotations

import asyncio
import statistics
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np

from serving_cases.figures import spread
from serving_cases.load import Load
from serving_cases.trace import KINDS, PROMPTS, Arrival

#: Numbers of pictures that the trace has not.
_OTHERS: Final = 1_000_000
#: Steps of the edit that goes on and of the one that is cancelled, and how many that does before.
_LONG: Final = (200, 150)
_BEFORE: Final = 3
#: Seconds until the diary of a cancelled edit has its last line.
_SETTLING: Final = 1.0


@dataclass
class Numbers:
    """Gives out pictures and seeds that nobody has seen."""

    last: int = _OTHERS

    def arrival(self, kind: str, prompt: str = PROMPTS[0]) -> Arrival:
        """A request of its own."""
        self.last += 1
        return Arrival(0.0, kind, "single", prompt, self.last, self.last)


async def timed(load: Load, arrival: Arrival, **more: Any) -> float:
    """Return the seconds of a request, from sending it to the last byte of its picture.

    Raises:
        RuntimeError: it has no picture.
    """
    message = await load.message(arrival, **more)
    served = await load.one(arrival, message, time.monotonic())
    if served.refused:
        raise RuntimeError(f"{arrival}: {served.refused}")
    return served.seconds


async def alone(
    loads: dict[str, Load], numbers: Numbers, repeats: int
) -> dict[str, dict[str, dict[str, float]]]:
    """Seconds of every class on each side while nothing else runs, in turns."""
    taken: dict[str, dict[str, list[float]]] = {
        name: {kind.name: [] for kind in KINDS} for name in loads
    }
    for _ in range(repeats):
        for kind in KINDS:
            for name, load in loads.items():
                seconds = await timed(load, numbers.arrival(kind.name))
                taken[name][kind.name].append(seconds)
    return {
        name: {kind: spread(values) for kind, values in kinds.items()}
        for name, kinds in taken.items()
    }


async def second_edit(load: Load, numbers: Numbers, repeats: int) -> dict[str, Any]:
    """A 4-step edit of a new picture with a new prompt, and another of the same picture."""
    first: list[float] = []
    second: list[float] = []
    engine: dict[str, list[float]] = {"first": [], "second": []}
    for number in range(repeats):
        arrival = numbers.arrival("live", f"{PROMPTS[number % len(PROMPTS)]}, number {number}")
        again = replace(arrival, seed=arrival.seed + 1)
        for name, each, taken in (("first", arrival, first), ("second", again, second)):
            begin = time.monotonic()
            taken.append(await timed(load, each))
            engine[name].append(_at_engine(load, begin))
    at_engine = {name: spread(values) for name, values in engine.items()}
    return {
        "first_seconds": spread(first),
        "second_seconds": spread(second),
        "second_vs_first": statistics.median(second) / statistics.median(first),
        "engine_seconds": at_engine,
        "engine_second_vs_first": at_engine["second"]["median"] / at_engine["first"]["median"],
    }


def _at_engine(load: Load, begin: float) -> float:
    """Seconds from the engine's taking the only edit since ``begin`` to its handing it over."""
    lines = load.pages.between(begin, time.monotonic())
    starts = [line["begin"] for line in lines if line["what"] == "start"]
    ends = [line["at"] for line in lines if line["what"] == "finished"]
    return float(ends[-1] - starts[0])


async def previews(load: Load, numbers: Numbers, repeats: int) -> dict[str, Any]:
    """When the first preview of an edit with guidance is there, and how long a step takes."""
    waited: list[float] = []
    steps: list[float] = []
    gate: list[float] = []
    for _ in range(repeats):
        arrival = numbers.arrival("edit")
        message = await load.message(arrival, preview_steps=1)
        client = await load.client(load.name_of(arrival))
        begin = time.monotonic()
        job, stepped = await client.submit(message), 0.0
        async for event in client.watch(job):
            kind = event.WhichOneof("event")
            if kind == "progress" and not stepped:
                stepped = time.monotonic()
            if kind == "preview":
                await client.fetch(event.preview.image.sha256)
                shown = time.monotonic()
                break
        else:
            raise RuntimeError("the edit had no preview")
        await client.cancel(job)
        forwards = [line for line in load.pages.between(begin, shown) if line["what"] == "forward"]
        waited.append(shown - forwards[0]["begin"])
        gate.append(shown - stepped)
        steps += [line["at"] - line["begin"] for line in forwards]
        await asyncio.sleep(_SETTLING / 4)
    return {
        "first_preview_ms": _milliseconds(waited),
        "after_the_step_ms": _milliseconds(gate),
        "step_ms": _milliseconds(steps),
        "beyond_one_step_ms": (statistics.median(waited) - statistics.median(steps)) * 1e3,
    }


def _milliseconds(seconds: Sequence[float]) -> dict[str, float]:
    return spread(each * 1e3 for each in seconds)


async def cancels(load: Load, numbers: Numbers, repeats: int) -> dict[str, Any]:
    """Cancel long edits on their way, at any moment of a step, while another edit goes on.

    A step is one of those that the cancelled edit is part of: what goes on beside it is alone
    afterwards, and its steps are shorter.
    """
    random = np.random.default_rng(numbers.last)
    client = await load.client(load.name_of(numbers.arrival("instruct")))
    free: list[float] = []
    after: list[float] = []
    wasted: list[int] = []
    steps: list[float] = []
    for _ in range(repeats):
        beside, job = [
            await client.submit(await load.message(numbers.arrival("instruct"), steps=steps_of))
            for steps_of in _LONG
        ]
        begin = await _under_way(load, client, job)
        await asyncio.sleep(float(random.uniform(0.0, 0.1)))
        asked = time.monotonic()
        await client.cancel(job)
        await asyncio.sleep(_SETTLING / 2)
        if await client.cancel(beside) != (beside,):
            raise RuntimeError("the edit beside the cancelled one did not go on")
        await asyncio.sleep(_SETTLING / 2)
        lines = load.pages.between(begin, time.monotonic())
        dropped = next(x["at"] for x in lines if x["what"] == "drop" and x["job"] == job)
        shared = [x for x in lines if x["what"] == "forward" and job in x["of"]]
        free.append(dropped - asked)
        after.append(dropped - max([asked, *(x["at"] for x in shared if x["begin"] <= asked)]))
        wasted.append(_rows_started(lines, job, asked))
        steps += [x["at"] - x["begin"] for x in shared]
    step = statistics.median(steps)
    return {
        "cancels": repeats,
        "cancel_to_free_ms": _milliseconds(free),
        "p99_cancel_to_free_ms": float(np.percentile(free, 99)) * 1e3,
        "step_ms": _milliseconds(steps),
        "after_the_step_in_flight_ms": _milliseconds(after),
        "p99_cancel_to_free_steps": float(np.percentile(free, 99)) / step,
        "rows_started_after_cancel": max(wasted),
    }


async def _under_way(load: Load, client: Any, job: str) -> float:
    """Wait until an edit has done some calls; return when it was asked."""
    begin = time.monotonic()
    async for event in client.watch(job):
        if event.WhichOneof("event") == "progress" and event.progress.step >= _BEFORE:
            return begin
    raise RuntimeError("the edit ended before it could be cancelled")


def _rows_started(lines: Sequence[dict[str, Any]], job: str, asked: float) -> int:
    """Rows of forwards with this edit that began after it was asked to be cancelled."""
    return sum(
        line["of"][job]
        for line in lines
        if line["what"] == "forward" and job in line["of"] and line["begin"] > asked
    )
