"""Frames of a live session as messages."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from retouch.client.operation_messages import NamedOperation, message_of
from retouch.client.uploads import Picture, Uploads
from retouch.errors import InvalidField
from retouch.imaging.image import Mask
from retouch.operation import Operation
from retouch.v1 import edit_pb2, image_pb2, job_pb2, live_pb2

#: Most bytes of one painted rectangle, and of those of one frame.
_BAND: Final = 1 << 20
_FRAME: Final = 3 << 20


class LiveMessages:
    """Numbers frames and cuts what is painted into bands.

    Args:
        first: the whole request, of the first frame. Its canvas must be raw rows (a
            ``retouch.imaging.image.Image``, not a file) for strokes to be painted on it.
        uploads: names pictures and masks.
        show_every: seconds that are waited for a picture before newer frames no longer cancel the
            one at work; None for the daemon's default.
    """

    def __init__(
        self, first: edit_pb2.EditRequest, uploads: Uploads, show_every: float | None = None
    ) -> None:
        self.frame = 0
        self.uploads = uploads
        self._first, self._show_every = first, show_every
        self._raw = first.canvas.source.raw

    def first(self) -> live_pb2.LiveRequest:
        """Return the first frame."""
        message = self._next()
        message.edit.CopyFrom(self._first)
        if self._show_every is not None:
            message.show_every.FromNanoseconds(round(self._show_every * 1e9))
        return message

    def painted(self, x: int, y: int, pixels: NDArray[Any]) -> Iterator[live_pb2.LiveRequest]:
        """Yield the frames of a painted rectangle: one, or several where it is large.

        Args:
            x, y: its top left corner on the canvas.
            pixels: h x w x channels, in the canvas's own channels, order and depth.

        Raises:
            InvalidField: another form than the canvas has.
        """
        height, width = pixels.shape[:2]
        row = np.ascontiguousarray(pixels[:1]).nbytes
        if not self._raw.size.width:
            fix = "begin with the pixels of the canvas instead of a file"
            raise InvalidField("image", "a file", "an Image, to paint on it", fix)
        rows = max(1, _BAND // max(row, 1))
        message, size = self._next(), 0
        for top in range(0, height, rows):
            band = np.ascontiguousarray(pixels[top : top + rows])
            if size + band.nbytes > _FRAME:
                yield message
                message, size = self._next(), 0
            rect = image_pb2.Rect(x=x, y=y + top, width=width, height=len(band))
            message.change.dirty.append(live_pb2.DirtyRect(rect=rect, pixels=band.tobytes()))
            size += band.nbytes
        yield message

    def changed(
        self,
        *,
        prompt: str | None = None,
        negative_prompt: str = "",
        image: Picture | None = None,
        mask: Mask | Picture | None = None,
        no_mask: bool = False,
        operations: Sequence[Operation | NamedOperation] = (),
    ) -> live_pb2.LiveRequest:
        """Return the frame of a change; what is not given stays. Raises InvalidField."""
        message = self._next()
        change = message.change
        change.SetInParent()
        if prompt is not None:
            change.prompt.CopyFrom(edit_pb2.Prompt(text=prompt, negative=negative_prompt))
        if image is not None:
            change.source.CopyFrom(self.uploads.image(image))
            self._raw = change.source.raw
        if mask is not None:
            change.mask.CopyFrom(self.uploads.mask(mask))
        change.no_mask = no_mask
        change.operations.extend(message_of(each, self.uploads) for each in operations)
        return message

    def _next(self) -> live_pb2.LiveRequest:
        self.frame += 1
        return live_pb2.LiveRequest(frame=self.frame)


def missing_picture(response: live_pb2.LiveResponse) -> str:
    """Return the digest of the picture that must be fetched; empty where it came along."""
    kind = response.WhichOneof("output")
    if response.data or kind not in ("preview", "result"):
        return ""
    output = getattr(response, kind)
    if isinstance(output, job_pb2.Preview):
        return output.image.sha256
    return str(output.patch.sha256 or output.composited.sha256)
