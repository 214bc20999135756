"""What a live session edits: the last request, changed frame by frame, and its canvas."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Final

from retouch.errors import InvalidField
from retouch.v1 import edit_pb2, image_pb2, live_pb2
from retouch_daemon.storage.blob_store import BlobStore

#: Bytes of one sample, and samples of one pixel.
_SAMPLE_BYTES: Final = {
    image_pb2.SAMPLE_TYPE_UINT8: 1,
    image_pb2.SAMPLE_TYPE_UINT16: 2,
    image_pb2.SAMPLE_TYPE_FLOAT16: 2,
    image_pb2.SAMPLE_TYPE_FLOAT32: 4,
}
_CHANNELS: Final = {
    image_pb2.CHANNEL_ORDER_GRAY: 1,
    image_pb2.CHANNEL_ORDER_GRAY_ALPHA: 2,
    image_pb2.CHANNEL_ORDER_RGB: 3,
    image_pb2.CHANNEL_ORDER_RGBA: 4,
    image_pb2.CHANNEL_ORDER_BGRA: 4,
}


class RawCanvas:
    """A canvas in raw rows, onto which rectangles are painted.

    Args:
        layout: of the rows.
        data: the rows.

    Raises:
        InvalidField: a layout that is not complete, or too few bytes.
    """

    def __init__(self, layout: image_pb2.RawLayout, data: bytes) -> None:
        channels = _CHANNELS.get(layout.channel_order, 0)
        self._pixel = channels * _SAMPLE_BYTES.get(layout.sample_type, 0)
        self._width, self._height = layout.size.width, layout.size.height
        self._stride = layout.row_stride_bytes or self._width * self._pixel
        wanted = self._stride * (self._height - 1) + self._width * self._pixel
        if not self._pixel or not self._width or not self._height or len(data) < wanted:
            fix = "give size, channel_order and sample_type, and whole rows"
            allowed = f"a complete layout of {len(data)} bytes"
            raise InvalidField("canvas.source.raw", f"{wanted} bytes", allowed, fix)
        self._data = bytearray(data)

    def check(self, dirty: live_pb2.DirtyRect, field: str) -> None:
        """Raise InvalidField where a rectangle cannot be painted."""
        rect = dirty.rect
        inside = rect.x >= 0 and rect.y >= 0 and rect.width > 0 and rect.height > 0
        inside &= rect.x + rect.width <= self._width and rect.y + rect.height <= self._height
        if not inside:
            given = f"{rect.width}x{rect.height} at {rect.x},{rect.y}"
            allowed = f"inside the {self._width}x{self._height} canvas, not empty"
            raise InvalidField(f"{field}.rect", given, allowed, "cut it to the canvas")
        wanted = rect.width * rect.height * self._pixel
        if len(dirty.pixels) != wanted:
            fix = "send its rows without gaps, in the canvas's own channels and samples"
            given = f"{len(dirty.pixels)} bytes"
            raise InvalidField(f"{field}.pixels", given, f"{wanted} bytes", fix)

    def paint(self, dirty: live_pb2.DirtyRect) -> None:
        """Paint a rectangle that was checked."""
        rect, row = dirty.rect, dirty.rect.width * self._pixel
        rows = memoryview(dirty.pixels)
        for y in range(rect.height):
            start = (rect.y + y) * self._stride + rect.x * self._pixel
            self._data[start : start + row] = rows[y * row : (y + 1) * row]

    def snapshot(self) -> bytes:
        """Return the rows as they are now."""
        return bytes(self._data)


class LiveFrames:
    """The newest state of what a live session edits.

    Args:
        blobs: where canvases are.
        client: whose they are.
    """

    def __init__(self, blobs: BlobStore, client: str) -> None:
        self._blobs, self._client = blobs, client
        self._edit: edit_pb2.EditRequest | None = None
        self._canvas: RawCanvas | None = None
        self._painted = False
        self._last = 0
        #: Held by whoever paints or copies: what is large takes time, so both are done in threads.
        self._turn = asyncio.Lock()

    async def apply(self, request: live_pb2.LiveRequest) -> None:
        """Take a frame; what is wrong changes nothing.

        Raises:
            InvalidField: naming it. StorageError: its canvas cannot be read.
        """
        if request.frame <= self._last:
            allowed = f"above {self._last}"
            raise InvalidField("frame", request.frame, allowed, "number frames upwards")
        self._last = request.frame
        async with self._turn:
            if request.WhichOneof("content") == "edit":
                _check_count(request.edit)
                self._edit = edit_pb2.EditRequest()
                self._edit.CopyFrom(request.edit)
                self._canvas, self._painted = None, False
            elif request.WhichOneof("content") == "change" and self._edit is not None:
                await self._change(self._edit, request.change)
            else:
                fix = "send a whole EditRequest first"
                raise InvalidField("content", "none that can be used", "edit, then change", fix)

    async def request(self) -> edit_pb2.EditRequest:
        """Return the newest state as a request whose canvas is stored. Raises StorageError."""
        assert self._edit is not None
        found, rows = edit_pb2.EditRequest(), b""
        async with self._turn:
            found.CopyFrom(self._edit)
            if self._painted and self._canvas is not None:
                rows = await asyncio.to_thread(self._canvas.snapshot)
        if rows:
            stat = await asyncio.to_thread(self._blobs.add, rows, self._client)
            found.canvas.source.sha256 = stat.digest
            found.canvas.source.size_bytes = stat.size
        return found

    async def _change(self, edit: edit_pb2.EditRequest, change: live_pb2.LiveChange) -> None:
        if change.HasField("mask") and change.no_mask:
            raise InvalidField("change.no_mask", True, "false, with a mask", "send one of them")
        canvas = self._canvas
        source = change.source if change.HasField("source") else edit.canvas.source
        if change.HasField("source"):
            canvas = None
        if change.dirty:
            canvas = canvas or await self._read(source)
            await asyncio.to_thread(_paint, canvas, change.dirty)
        if change.HasField("source"):
            edit.canvas.source.CopyFrom(source)
            self._painted = False
        self._canvas, self._painted = canvas, self._painted or bool(change.dirty)
        if change.HasField("mask"):
            edit.mask.CopyFrom(change.mask)
        if change.no_mask:
            edit.ClearField("mask")
        if change.HasField("prompt"):
            edit.prompt.CopyFrom(change.prompt)
        if change.HasField("sampling"):
            edit.sampling.CopyFrom(change.sampling)
        if change.operations:
            del edit.operations[:]
            edit.operations.extend(change.operations)

    async def _read(self, source: image_pb2.ImageRef) -> RawCanvas:
        if source.WhichOneof("layout") != "raw":
            fix = "send the canvas as raw rows to paint on it"
            raise InvalidField("canvas.source.layout", "a file", "raw", fix)
        return await asyncio.to_thread(self._opened, source)

    def _opened(self, source: image_pb2.ImageRef) -> RawCanvas:
        return RawCanvas(source.raw, self._blobs.read(source.sha256))


def _paint(canvas: RawCanvas, dirty: Sequence[live_pb2.DirtyRect]) -> None:
    for number, each in enumerate(dirty):
        canvas.check(each, f"change.dirty[{number}]")
    for each in dirty:
        canvas.paint(each)


def _check_count(edit: edit_pb2.EditRequest) -> None:
    if edit.output.count > 1:
        raise InvalidField("output.count", edit.output.count, "1", "live edits make one variant")
