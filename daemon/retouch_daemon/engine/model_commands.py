"""Models loaded ahead of their use: in a thread of their own, while edits go on."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from retouch.errors import ModelError
from retouch_daemon.failures import failed_of
from retouch_daemon.link.blocking import BlockingLink
from retouch_daemon.link.frames import Frame, Value

if TYPE_CHECKING:
    from retouch.models.library import Library

#: Models that are loaded at a time: a disk reads one faster than several.
_AT_A_TIME: Final = 1


class LoadedBytes:
    """How many bytes of every checkpoint that is being loaded are in memory.

    Attributes:
        on_note: called after every number, in the thread that loads.
    """

    def __init__(self) -> None:
        self._bytes: dict[str, int] = {}
        self.on_note: Callable[[], None] = lambda: None

    def note(self, name: str, count: int) -> None:
        """Take what the library tells; in any thread."""
        self._bytes[name] = count
        self.on_note()

    def of(self, name: str) -> int:
        """Bytes of a model; 0 where nothing is known."""
        return self._bytes.get(name, 0)

    def forget(self, name: str) -> None:
        """The model is loaded, or cannot be."""
        self._bytes.pop(name, None)


class ModelCommands:
    """Answers the front about models.

    Args:
        link: to the front.
        library: of models.
        loaded_bytes: told by it.
    """

    def __init__(self, link: BlockingLink, library: Library, loaded_bytes: LoadedBytes) -> None:
        self._link, self._library, self._bytes = link, library, loaded_bytes
        self._turn = threading.Semaphore(_AT_A_TIME)

    def load(self, frame: Frame) -> None:
        """Load a model; the answer comes when it is in memory."""
        threading.Thread(target=self._load, args=(frame,), name="load", daemon=True).start()

    def unload(self, frame: Frame) -> None:
        """Give a model's memory back."""
        call, name = frame.text("call"), frame.payload.decode()
        try:
            dropped = self._library.unload(name)
        except ModelError as problem:
            self._fail(call, "unload_model", problem)
        else:
            self._link.send(Frame("unload_model", {"call": call, "was_loaded": dropped}))

    def models(self, frame: Frame) -> None:
        """Say which models are in memory, and how far the one in the payload is."""
        name = frame.payload.decode()
        values: dict[str, Value] = {
            "call": frame.text("call"),
            "loaded": list(self._library.loaded()),
            "bytes": self._bytes.of(name),
        }
        self._link.send(Frame("models", values))

    def _load(self, frame: Frame) -> None:
        call, name = frame.text("call"), frame.payload.decode()
        try:
            with self._turn:
                self._library.load(name)
        except Exception as problem:  # a damaged file raises anything; the engine goes on
            self._fail(call, "load_model", problem)
        else:
            self._answer(Frame("load_model", {"call": call}))
        finally:
            self._bytes.forget(name)

    def _fail(self, call: str, kind: str, problem: Exception) -> None:
        failed = failed_of(problem).SerializeToString()
        self._answer(Frame(f"{kind}_failed", {"call": call}, failed))

    def _answer(self, frame: Frame) -> None:
        try:
            self._link.send(frame)
        except OSError:
            return  # the front is gone, and so is this process in a moment
