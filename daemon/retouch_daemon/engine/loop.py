"""The engine's loop: take commands, advance all edits by one forward, tell what came of it."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import torch

from retouch.catalog import installed
from retouch.engine.engine import Engine
from retouch.engine.row_caps import RowCaps, no_wait
from retouch.models.precision import choose_dtype
from retouch.trajectories import Share
from retouch_daemon.engine.counts import Counts, remembered
from retouch_daemon.engine.model_commands import LoadedBytes, ModelCommands
from retouch_daemon.engine.running_edit import RunningEdit, Told
from retouch_daemon.link.blocking import CLOSED, BlockingLink, Inbox, leave_soon
from retouch_daemon.link.frames import Frame, Value
from retouch_daemon.link.pulse import Pulse
from retouch_daemon.storage.reading import read_blob

if TYPE_CHECKING:
    from retouch.models.library import Library


class EngineLoop:
    """Advances all edits of all clients together.

    Args:
        link: to the front.
        library: of models.
        blobs: folder of the blobs, which it only reads.
        row_cap: most rows of one forward.
        loaded_bytes: that the library tells, if it does.
        pulse: told of every step, so that one that never ends is seen: operations of third parties
            run here.
    """

    def __init__(
        self,
        link: BlockingLink,
        library: Library,
        blobs: Path,
        row_cap: int,
        loaded_bytes: LoadedBytes | None = None,
        pulse: Pulse | None = None,
    ) -> None:
        self._link, self._library, self._blobs = link, library, blobs
        self._bytes, self._pulse = loaded_bytes or LoadedBytes(), pulse or Pulse(math.inf)
        models = ModelCommands(link, library, self._bytes)
        self._inbox = Inbox(link, leave_soon)
        self._bytes.on_note = self._wake
        self._engine = Engine(row_cap=row_cap, caps=RowCaps(row_cap, _wait_for(library.device)))
        self._edits: dict[str, RunningEdit] = {}
        self._counts = Counts()
        self._commands: dict[str, Callable[[Frame], None]] = {
            "start": self._start,
            "drop": self._drop,
            "serve": self._serve,
            "load_model": models.load,
            "unload_model": models.unload,
            "models": models.models,
        }

    def run(self, beat: float) -> None:
        """Work until the front closes the link. Raises OSError when it is gone.

        Args:
            beat: seconds between two signs of life.
        """
        dtype = self._library.dtype or choose_dtype(self._library.device)
        values = {"device": str(self._library.device), "dtype": str(dtype).removeprefix("torch.")}
        self._link.send(Frame("ready", values))
        self._link.beat(beat, self._numbers, self._pulse)
        self._pulse.step()
        import_networks()
        try:
            while self._take_commands():
                self._begin_loaded()
                if self._engine.runnable:
                    self._pulse.step()
                    self._counts.add(self._engine.tick().rows)
                self._tell_all()
        finally:
            for edit in self._edits.values():
                edit.close()

    def _numbers(self) -> dict[str, Value]:
        """What goes with a sign of life; called in another thread."""
        device = self._library.device
        taken = torch.cuda.memory_reserved(device) if device.type == "cuda" else 0
        return {
            **self._counts.values(),
            "model_bytes": self._library.bytes,
            "device_bytes": taken,
            **remembered(self._library.contents),
        }

    def _take_commands(self) -> bool:
        """Do what the front has asked; wait for it when there is nothing else to do."""
        wait = not self._engine.runnable
        self._pulse.rest()
        while (frame := self._inbox.take(wait=wait)) is not None:
            self._pulse.step()
            if frame is CLOSED:
                return False
            command = self._commands.get(frame.kind)
            if command is not None:
                command(frame)
            wait = False
        return True

    def _wake(self) -> None:
        """Have the loop look again at what it waits for; called in threads that load."""
        self._inbox.put(Frame("woken"))

    def _begin_loaded(self) -> None:
        """Begin what has its models by now; of the rest tell how far they are."""
        for job_id, edit in list(self._edits.items()):
            self._pulse.step()
            if edit.loading and not edit.begin_if_loaded(self._engine, self._bytes.of):
                del self._edits[job_id]

    def _tell_all(self) -> None:
        for job_id, edit in list(self._edits.items()):
            self._pulse.step()
            edit.look()
            if edit.over:
                del self._edits[job_id]
                edit.finish()
        self._counts.edits = len(self._edits)

    def _start(self, frame: Frame) -> None:
        job_id = frame.text("job_id")
        share = Share(frame.text("client"), frame.number("priority"))
        told = Told(self._link, job_id, frame.number("attempt"), frame.payload)
        edit = RunningEdit(frame.payload, told)
        if edit.load(installed(), self._library, self._fetch, share, self._wake):
            self._edits[job_id] = edit

    def _drop(self, frame: Frame) -> None:
        edit = self._edits.pop(frame.text("job_id"), None)
        if edit is not None:
            edit.close()

    def _serve(self, frame: Frame) -> None:
        edit = self._edits.get(frame.text("job_id"))
        if edit is not None:
            edit.serve(frame.number("priority"), paused=bool(frame.values.get("paused")))

    def _fetch(self, digest: str) -> bytes:
        return read_blob(self._blobs, digest)


def _wait_for(device: torch.device) -> Callable[[], None]:
    """Return what waits until a device has done what it was asked for."""
    if device.type != "cuda":
        return no_wait
    return lambda: torch.cuda.synchronize(device)


def import_networks() -> None:
    """Import what any model needs, seconds of it, while the gate looks at the first request."""
    from diffusers import AutoencoderKL, AutoencoderTiny, UNet2DConditionModel  # noqa: F401
    from transformers import CLIPTextModel, CLIPTokenizer  # noqa: F401
