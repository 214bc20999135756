"""A greedy client floods a daemon: how long do the others wait?

Polite clients edit one picture at a time and rest in between. Stretches without and with the
greedy client take turns, so that a noisy machine is noisy for both. It floods in four ways: with
edits, as many as it may have; with cheap calls as fast as it can; with uploads; and with streams
that it does not read.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import sys
import tempfile
import time
import uuid
from collections.abc import Awaitable, Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import grpc
import numpy as np

sys.path.insert(0, str(Path(__file__).parent))

from cases import record
from endurance.calls import Calls
from endurance.edits import KnownEdit, known_edits
from endurance.served import Served

from retouch.v1 import blob_service_pb2, catalog_service_pb2
from retouch.v1 import edit_service_pb2 as pb

GOAL = 1.5
POLITE = 4
_REST = 0.3
_CALL = 120.0
#: Calls that the greedy client has open: as many as it may.
_AT_ONCE = 64
_PICTURE = 256 << 10
_SETTLE = 3.0
#: What is asked for and not read, and for how long.
_UNREAD, _UNREAD_SECONDS = bytes(4 << 20), 1.0


class Greedy:
    """One client that floods; each way floods until it is cancelled."""

    def __init__(self, calls: Calls, edit: KnownEdit) -> None:
        self._calls, self._edit = calls, edit
        self._unread = ""
        self.made = self.refused = 0
        self.ways: dict[str, Callable[[], Awaitable[None]]] = {
            "edits": self._submit, "calls": self._describe, "uploads": self._upload,
            "unread streams": self._leave_unread,
        }  # fmt: skip

    async def flood(self, way: str) -> None:
        """Flood until cancelled."""
        await asyncio.gather(*(self._again(self.ways[way]) for _ in range(_AT_ONCE)))

    async def leave(self) -> None:
        """Cancel all of its edits."""
        asked = pb.CancelRequest(group="greedy")
        with suppress(grpc.aio.AioRpcError):
            await self._calls.edits.Cancel(asked, metadata=self._calls.metadata, timeout=_CALL)

    async def _again(self, way: Callable[[], Awaitable[None]]) -> None:
        while True:
            try:
                await way()
                self.made += 1
            except grpc.aio.AioRpcError:
                self.refused += 1
                await asyncio.sleep(0.01)

    async def _submit(self) -> None:
        edit = self._edit.named(uuid.uuid4().hex)
        edit.group = "greedy"
        asked = pb.SubmitRequest(edit=edit)
        await self._calls.edits.Submit(asked, metadata=self._calls.metadata, timeout=_CALL)

    async def _describe(self) -> None:
        asked = catalog_service_pb2.DescribeRequest()
        await self._calls.catalog.Describe(asked, metadata=self._calls.metadata, timeout=_CALL)

    async def _upload(self) -> None:
        await self._calls.upload(os.urandom(_PICTURE), _CALL)

    async def _leave_unread(self) -> None:
        """Ask for more than a connection holds, read nothing of it for a while, and leave."""
        if not self._unread:
            self._unread = await self._calls.upload(_UNREAD, _CALL)
        asked = blob_service_pb2.GetRequest(sha256=self._unread)
        call = self._calls.blobs.Get(asked, metadata=self._calls.metadata, timeout=_CALL)
        try:
            await call.initial_metadata()
            await asyncio.sleep(_UNREAD_SECONDS)
        finally:
            call.cancel()


async def edits_of(calls: Calls, edit: KnownEdit, until: float, waits: list[float]) -> None:
    """Make one edit after the other; note how long each took."""
    while time.monotonic() < until:
        began = time.monotonic()
        asked = pb.SubmitRequest(edit=edit.named(uuid.uuid4().hex))
        given: dict[str, Any] = {"metadata": calls.metadata, "timeout": _CALL}
        job = (await calls.edits.Submit(asked, **given)).job.job_id
        async for answer in calls.edits.Watch(pb.WatchRequest(job_id=job), **given):
            if answer.event.HasField("result"):
                await calls.fetch(answer.event.result.composited.sha256, _CALL)
        waits.append(time.monotonic() - began)
        await asyncio.sleep(_REST)


def main() -> int:
    """Run it and print a table; 1 where an edit of a polite client failed."""
    parser = record.arguments("How long do others wait while one client floods?")
    parser.add_argument("--seconds", type=float, default=60.0, help="with, and without, per way")
    parser.add_argument("--stretch", type=float, default=15.0, help="seconds until they change")
    parser.add_argument("--only", default="", help="only the ways that contain this")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        os.environ["RETOUCH_HOME"] = str(Path(folder) / "home")
        served = Served(Path(folder) / "daemon")
        try:
            results = asyncio.run(_run(served, options))
        finally:
            served.stop()
    rows = [[way, *figures.values()] for way, figures in results.items()]
    head = ["flood", "p50 without", "with", "p99 without", "with", "ratio"]
    head += ["edits", "made", "refused"]
    record.print_table(head, rows)
    missed = [way for way, figures in results.items() if figures["p99_ratio"] > GOAL]
    print(f"missed {GOAL}: {', '.join(missed)}" if missed else f"all within {GOAL}")
    if options.json:
        record.write_json(options.json, 0, {"neighbours": results, "goal": GOAL, "missed": missed})
    return 0


async def _run(served: Served, options: argparse.Namespace) -> dict[str, dict[str, Any]]:
    served.start()
    while not await asyncio.to_thread(served.serves):
        await asyncio.sleep(0.2)
    edit = known_edits(0)[0]
    polite = [Calls(served.endpoint, f"polite-{number}") for number in range(POLITE)]
    for data in edit.blobs.values():
        await polite[0].upload(data)
    await edits_of(polite[0], edit, time.monotonic() + _SETTLE, [])
    results = {}
    for way in ("edits", "calls", "uploads", "unread streams"):
        if options.only in way:
            results[way] = await _compared(served, polite, edit, way, options)
    for calls in polite:
        await calls.close()
    return results


async def _compared(
    served: Served, polite: list[Calls], edit: KnownEdit, way: str, options: argparse.Namespace
) -> dict[str, Any]:
    waits: dict[bool, list[float]] = {False: [], True: []}
    greedy = Greedy(Calls(served.endpoint, "greedy"), edit)
    for number in range(2 * max(1, round(options.seconds / options.stretch))):
        flooding = number % 2 == 1
        task = asyncio.create_task(greedy.flood(way)) if flooding else None
        await asyncio.sleep(_SETTLE)
        until = time.monotonic() + options.stretch
        await asyncio.gather(*(edits_of(each, edit, until, waits[flooding]) for each in polite))
        if task is not None:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
            await greedy.leave()
        await asyncio.sleep(_SETTLE)
    p50 = [float(np.percentile(waits[state], 50)) for state in (False, True)]
    p99 = [float(np.percentile(waits[state], 99)) for state in (False, True)]
    return {
        "p50_without": p50[0], "p50_with": p50[1], "p99_without": p99[0], "p99_with": p99[1],
        "p99_ratio": p99[1] / p99[0], "edits": len(waits[False]) + len(waits[True]),
        "made": greedy.made, "refused": greedy.refused,
    }  # fmt: skip


if __name__ == "__main__":
    sys.exit(main())
