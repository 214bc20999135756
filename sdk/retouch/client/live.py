"""A live session on this side: strokes go out, pictures come in."""

from __future__ import annotations

import queue
from collections.abc import Callable, Iterator
from types import TracebackType
from typing import Any, Self

import grpc
from numpy.typing import NDArray

from retouch.client.calls import Metadata
from retouch.client.failures import error_of_call
from retouch.client.live_messages import LiveMessages, missing_picture
from retouch.v1 import live_pb2
from retouch.v1.edit_service_pb2_grpc import EditServiceStub


class LiveEdit:
    """Frames out, pictures in: iterate over it in one thread, and paint in another if need be.

    Args:
        messages: of the frames.
        edits: the daemon's.
        metadata: of the call.
        fetch: gives pictures that are too large to come along.
        address: of the daemon, for errors.
    """

    def __init__(
        self,
        messages: LiveMessages,
        edits: EditServiceStub,
        metadata: Metadata,
        fetch: Callable[[str], bytes],
        address: str,
    ) -> None:
        self._messages, self._fetch, self._address = messages, fetch, address
        self._frames: queue.SimpleQueue[live_pb2.LiveRequest | None] = queue.SimpleQueue()
        self._frames.put(messages.first())
        self._call = edits.Live(iter(self._frames.get, None), metadata=metadata)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        problem: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def paint(self, x: int, y: int, pixels: NDArray[Any]) -> int:
        """Paint a rectangle; return the number of its frame.

        Args:
            x, y: its top left corner on the canvas.
            pixels: h x w x channels, in the canvas's own channels, order and depth.

        Raises:
            InvalidField: another form than the canvas has.
        """
        for message in self._messages.painted(x, y, pixels):
            self._frames.put(message)
        return self._messages.frame

    def change(self, **settings: Any) -> int:
        """Change something else; return the number of the frame.

        Args:
            settings: ``prompt``, ``mask``, ``operations``, ... as of ``LiveMessages.changed``.

        Raises:
            RetouchError.
        """
        try:
            self._frames.put(self._messages.changed(**settings))
        except grpc.RpcError as problem:
            raise error_of_call(problem, self._address) from problem
        return self._messages.frame

    def finish(self) -> None:
        """Send no more frames; what the last one gives still comes."""
        self._frames.put(None)

    def close(self) -> None:
        """End at once: what is at work is cancelled. Harmless twice."""
        self._frames.put(None)
        self._call.cancel()

    def __iter__(self) -> Iterator[live_pb2.LiveResponse]:
        """Yield what comes of frames, pictures with their bytes in ``data``, until it ends.

        Raises:
            RetouchError.
        """
        try:
            for response in self._call:
                if digest := missing_picture(response):
                    response.data = self._fetch(digest)
                yield response
        except grpc.RpcError as problem:
            if problem.code() is not grpc.StatusCode.CANCELLED:
                raise error_of_call(problem, self._address) from problem
