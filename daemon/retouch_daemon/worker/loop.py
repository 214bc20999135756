"""The worker's loop: take commands, advance all edits by one forward, tell what came of it."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Final

from retouch.engine.engine import Engine
from retouch.errors import Blocked
from retouch.runner import Runner
from retouch.trajectories import Share
from retouch.v1 import edit_pb2, job_pb2
from retouch_daemon.failures import blocked_of, failed_of
from retouch_daemon.link.blocking import CLOSED, BlockingLink, Inbox
from retouch_daemon.link.frames import Frame
from retouch_daemon.storage.journal import State
from retouch_daemon.storage.reading import read_blob
from retouch_daemon.worker.answers import Answers
from retouch_daemon.worker.reading_requests import read_request
from retouch_daemon.worker.running_edit import RunningEdit

#: Seconds between two signs of life.
BEAT: Final = 1.0


class Worker:
    """Advances all edits of all clients together.

    Args:
        link: to the front.
        runner: gate, library and catalogue of this process.
        blobs: folder of the blobs, which it only reads.
    """

    def __init__(self, link: BlockingLink, runner: Runner, blobs: Path) -> None:
        self._link, self._runner, self._blobs = link, runner, blobs
        self._inbox = Inbox(link)
        self._engine = Engine(row_cap=runner.row_cap)
        self._edits: dict[str, RunningEdit] = {}
        self._commands: dict[str, Callable[[Frame], None]] = {
            "start": self._start,
            "cancel": self._cancel,
            "plan": self._plan,
        }

    def run(self) -> None:
        """Work until the front closes the link. Raises OSError when it is gone."""
        self._link.send(Frame("ready", {"device": str(self._runner.library.device)}))
        threading.Thread(target=self._beat, name="beat", daemon=True).start()
        try:
            while self._take_commands():
                if self._engine.active:
                    self._engine.tick()
                self._tell_all()
        finally:
            for edit in self._edits.values():
                edit.close()

    def _take_commands(self) -> bool:
        """Do what the front has asked; wait for it when there is nothing else to do."""
        wait = not self._engine.active
        while (frame := self._inbox.take(wait=wait)) is not None:
            if frame is CLOSED:
                return False
            self._commands[frame.kind](frame)
            wait = False
        return True

    def _tell_all(self) -> None:
        for job_id, edit in list(self._edits.items()):
            edit.look()
            if edit.over:
                del self._edits[job_id]
                edit.finish()

    def _start(self, frame: Frame) -> None:
        job_id = frame.text("job_id")
        share = Share(frame.text("client"), int(str(frame.values.get("priority", 1))))
        message = edit_pb2.EditRequest.FromString(frame.payload)
        edit = RunningEdit(
            job_id, share, message, self._runner, partial(self._tell, job_id), self._send_blob
        )
        if edit.begin(self._fetch, self._engine):
            self._edits[job_id] = edit

    def _cancel(self, frame: Frame) -> None:
        edit = self._edits.pop(frame.text("job_id"), None)
        if edit is not None:
            edit.cancel(frame.text("reason"))

    def _plan(self, frame: Frame) -> None:
        call = {"call": frame.text("call")}
        try:
            message = edit_pb2.EditRequest.FromString(frame.payload)
            plan = self._runner.plan(read_request(message, self._runner.catalog, self._fetch))
            device = str(self._runner.library.device)
            found = Answers(message, plan, device, self._send_blob).plan()
            self._link.send(Frame("planned", call, found.SerializeToString()))
        except Blocked as refusal:
            payload = blocked_of(refusal).SerializeToString()
            self._link.send(Frame("plan_blocked", call, payload))
        except Exception as problem:
            payload = failed_of(problem).SerializeToString()
            self._link.send(Frame("plan_failed", call, payload))

    def _tell(
        self, job_id: str, event: job_pb2.JobEvent, blobs: Sequence[str], state: State | None
    ) -> None:
        values = {"job_id": job_id, "blobs": list(blobs), "state": state and str(state)}
        self._link.send(Frame("event", values, event.SerializeToString()))

    def _send_blob(self, digest: str, data: bytes) -> None:
        self._link.send(Frame("blob", {"digest": digest}, data))

    def _fetch(self, digest: str) -> bytes:
        return read_blob(self._blobs, digest)

    def _beat(self) -> None:
        try:
            while True:
                time.sleep(BEAT)
                self._link.send(Frame("beat"))
        except OSError:
            return
