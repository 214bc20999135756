"""Questions to a worker; one that is being started is waited for."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Final

from retouch_daemon.front.worker_process import WorkerGone, WorkerProcess
from retouch_daemon.link.frames import Frame

#: Seconds that a worker has for its start, and between two looks at whether it is there.
START: Final = 60.0
_LOOK: Final = 0.1


async def starting(worker: WorkerProcess) -> AsyncIterator[None]:
    """Yield until a worker can be asked. Raises WorkerGone where its start takes too long."""
    ends = asyncio.get_running_loop().time() + START
    while not worker.ready:
        if asyncio.get_running_loop().time() > ends:
            raise WorkerGone(f"it could not be started within {START:g} s")
        yield
        await asyncio.sleep(_LOOK)


async def asked(worker: WorkerProcess, kind: str, payload: bytes) -> Frame:
    """Ask a worker; return its answer, which may be ``KIND_failed`` or ``KIND_blocked``.

    Raises:
        WorkerGone: it could not be started, or it ended over the question.
    """
    async for _ in starting(worker):
        pass
    return await worker.call(kind, payload)
