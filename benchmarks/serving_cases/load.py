"""Sends requests when the trace says, whatever has become of those before, and times them."""

from __future__ import annotations

import asyncio
import io
import time
from collections.abc import Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any, Final

import numpy as np
from PIL import Image

import retouch
from retouch.client.async_client import AsyncClient
from retouch.errors import RetouchError
from retouch.v1 import edit_pb2, job_pb2
from serving_cases.contender import Contender
from serving_cases.diary import Pages
from serving_cases.trace import KIND_OF, Arrival, scheduled

PARTS: Final = ("admission", "engine", "release", "fetching")
HOUSE: Final = Path(retouch.__file__).parent / "demo" / "house.png"


@dataclass(frozen=True)
class Served:
    """What became of a request.

    Attributes:
        kind: of the request.
        at: when it was to be sent, and
        sent: when it was, on the machine's monotonic clock.
        seconds: from ``at`` to the last byte of its picture.
        refused: the error that came instead of a picture; empty without one.
        parts: seconds of its way: until the gate had admitted it, from there to the engine's last
            step, to the gate's release, and to the last byte. Empty where it has not come so far.
    """

    kind: str
    at: float
    sent: float
    seconds: float
    refused: str = ""
    parts: Mapping[str, float] = field(default_factory=dict)


class Way:
    """When a request came past which place."""

    def __init__(self) -> None:
        self._passed: dict[str, float] = {}

    def note(self, event: job_pb2.JobEvent) -> None:
        """Take an event; of several of a kind the last one counts."""
        self._passed[event.WhichOneof("event") or ""] = time.monotonic()

    def parts(self, begin: float, end: float) -> dict[str, float]:
        """Seconds between the places."""
        places = [self._passed.get(kind) for kind in ("phases", "progress", "result")]
        if None in places:
            return {}
        times = [begin, *(at for at in places if at is not None), end]
        return dict(zip(PARTS, (b - a for a, b in pairwise(times)), strict=True))


def picture(number: int) -> bytes:
    """Return a picture file of its own for every number: the house, and a box painted on it."""
    random = np.random.default_rng(number)
    pixels = np.asarray(Image.open(HOUSE).convert("RGB")).copy()
    x, y = random.integers(0, 96, 2)
    pixels[y : y + 24, x : x + 24] = random.integers(0, 256, 3)
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "png")
    return file.getvalue()


class Load:
    """Connections of all clients to one contender: ``async with Load(contender) as load``.

    Args:
        contender: that is asked.
        quick: whether edits have a few steps only.
    """

    def __init__(self, contender: Contender, quick: bool = False) -> None:
        self._contender, self._quick = contender, quick
        self._clients: dict[str, AsyncClient] = {}
        self._stack = AsyncExitStack()

    @property
    def pages(self) -> Pages:
        """The engine's diary."""
        return self._contender.pages

    def name_of(self, arrival: Arrival) -> str:
        """As whom a request is sent."""
        return self._contender.side.client(arrival)

    async def __aenter__(self) -> Load:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._stack.aclose()

    async def client(self, name: str) -> AsyncClient:
        """The connection of a client."""
        if name not in self._clients:
            made = AsyncClient(self._contender.endpoint, name=name)
            self._clients[name] = await self._stack.enter_async_context(made)
        return self._clients[name]

    async def message(self, arrival: Arrival, **more: Any) -> edit_pb2.EditRequest:
        """Return a request, whose picture is uploaded."""
        kind = KIND_OF[arrival.kind]
        client = await self.client(self.name_of(arrival))
        return await client.message(
            picture(arrival.picture),
            prompt=arrival.prompt,
            seed=arrival.seed,
            priority=self._contender.side.priority(kind),
            **{**kind.settings(self._quick), **more},
        )

    async def one(self, arrival: Arrival, message: edit_pb2.EditRequest, at: float) -> Served:
        """Send a request at its time, and follow it to its picture."""
        client = await self.client(self.name_of(arrival))
        await asyncio.sleep(max(0.0, at - time.monotonic()))
        sent, refused, way = time.monotonic(), "", Way()
        try:
            await client.results(await client.submit(message), on_event=way.note)
        except RetouchError as problem:
            refused = f"{type(problem).__name__}: {problem}"
        end = time.monotonic()
        return Served(arrival.kind, at, sent, end - at, refused, way.parts(at, end))

    async def open_loop(self, arrivals: Sequence[Arrival], rate: float) -> list[Served]:
        """Send requests at a mean rate per second; return when all are over.

        Args:
            arrivals: of the trace.
            rate: infinite to send them all at once.
        """
        messages = [await self.message(arrival) for arrival in arrivals]
        times = [0.0] * len(arrivals) if rate == float("inf") else scheduled(arrivals, rate)
        begin = time.monotonic() + 0.05
        calls = [
            self.one(arrival, message, begin + at)
            for arrival, message, at in zip(arrivals, messages, times, strict=True)
        ]
        return list(await asyncio.gather(*calls))
