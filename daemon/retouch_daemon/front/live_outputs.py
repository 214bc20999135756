"""What a live session has to say: only the newest of each kind, so a slow reader fills nothing."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from typing import Final

from google.protobuf.message import Message

from retouch.v1 import image_pb2, job_pb2, live_pb2
from retouch_daemon.storage.blob_store import BlobStore
from retouch_daemon.storage.errors import StorageError

#: Most bytes of a picture that go along with the message that names it.
INLINE: Final = 1 << 20


class LiveOutputs:
    """Responses that wait to be read.

    Args:
        blobs: where pictures are.
    """

    def __init__(self, blobs: BlobStore) -> None:
        self._blobs = blobs
        self._waiting: dict[str, live_pb2.LiveResponse] = {}
        self._changed = asyncio.Event()
        self._shown = time.monotonic()

    def put(self, frame: int, *, data: bytes = b"", **output: Message) -> None:
        """Say something, in the place of what was said of its kind and not read yet."""
        (kind,) = output
        self._waiting.pop(kind, None)  # the newest comes last
        found = live_pb2.LiveResponse(frame=frame, data=data, **output)  # type: ignore[arg-type]
        self._waiting[kind] = found
        self._changed.set()

    async def show(self, frame: int, kind: str, output: Message) -> None:
        """Say something that may have a picture, with its bytes where they are few."""
        ref = _picture(output)
        data = b"" if ref is None else await self._bytes(ref)
        if isinstance(output, job_pb2.Result):
            self._shown = time.monotonic()
        self.put(frame, data=data, **{kind: output})

    def unseen_seconds(self) -> float:
        """Seconds since the last result, or since the beginning."""
        return time.monotonic() - self._shown

    async def until(self, over: asyncio.Task[None]) -> AsyncIterator[live_pb2.LiveResponse]:
        """Yield what is said until a task is over and all is read."""
        over.add_done_callback(lambda _: self._changed.set())
        while True:
            while self._waiting:
                yield self._waiting.pop(next(iter(self._waiting)))
            if over.done():
                return
            await self._changed.wait()
            self._changed.clear()

    async def _bytes(self, ref: image_pb2.ImageRef) -> bytes:
        if not ref.sha256 or ref.size_bytes > INLINE:
            return b""
        try:
            return await asyncio.to_thread(self._blobs.read, ref.sha256)
        except StorageError:
            return b""  # whoever fetches it is told why


def _picture(output: Message) -> image_pb2.ImageRef | None:
    if isinstance(output, job_pb2.Preview):
        return output.image
    if isinstance(output, job_pb2.Result):
        return output.patch if output.HasField("patch") else output.composited
    return None
