"""The gate's loop: take commands, do one step of what is to be done, tell what came of it.

A step is at most one decoding or one release. Looks at edits on their way go before everything
else, but never two in a row while something else waits.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from pathlib import Path

from retouch.catalog import installed
from retouch.errors import Blocked, ModelError
from retouch.plan import make_plan
from retouch.v1 import edit_pb2
from retouch_daemon.failures import blocked_of, failed_of
from retouch_daemon.gate.answers import Answers
from retouch_daemon.gate.checked_edit import CheckedEdit
from retouch_daemon.gate.decoders import Decoders
from retouch_daemon.gate.export_signing import signed_answer
from retouch_daemon.gate.telling import Telling
from retouch_daemon.handover import NotAsAdmitted
from retouch_daemon.link.blocking import CLOSED, BlockingLink, Inbox, leave_soon
from retouch_daemon.link.frames import Frame
from retouch_daemon.reading.requests import message_paths, read_request
from retouch_daemon.storage.reading import read_blob
from retouch_safety import Gate, Job, PromptFields
from retouch_safety.errors import Refused


@dataclass(frozen=True, eq=False)
class _Work:
    """Something to do in steps, for one edit or for none."""

    job_id: str
    steps: Iterator[None]


class GateLoop:
    """Checks all edits of all clients.

    Args:
        link: to the front.
        gate: what every picture leaves through.
        device: where pictures are decoded; None: CUDA when there is one.
        blobs: folder of the blobs, which it only reads.
    """

    def __init__(self, link: BlockingLink, gate: Gate, device: str | None, blobs: Path) -> None:
        self._link, self._gate, self._blobs = link, gate, blobs
        self._decoders = Decoders(device)
        self._inbox = Inbox(link, leave_soon)
        self._edits: dict[str, CheckedEdit] = {}
        self._work: deque[_Work] = deque()
        #: The newest look of every edit that waits for one.
        self._looks: dict[str, Frame] = {}
        self._looked = False
        self._at = ""
        self._commands: dict[str, Callable[[Frame], None]] = {
            "admit": self._admit,
            "engine": self._on_engine,
            "look": self._on_look,
            "finished": self._on_finished,
            "drop": self._drop,
            "plan": self._plan,
            "sign_export": self._sign_export,
            "load_model": self._load_model,
        }

    def run(self, beat: float) -> None:
        """Work until the front closes the link. Raises OSError when it is gone.

        Args:
            beat: seconds between two signs of life.
        """
        self._link.send(Frame("ready"))
        self._link.beat(beat)
        self._work.append(_Work("", self._warmed_up()))
        while self._take_commands():
            self._step()

    def _take_commands(self) -> bool:
        """Do what the front has asked; wait for it when there is nothing else to do."""
        wait = not self._work and not self._looks
        if wait:
            self._tell_at("")
        while (frame := self._inbox.take(wait=wait)) is not None:
            if frame is CLOSED:
                return False
            self._tell_at(str(frame.values.get("job_id", "")))
            command = self._commands.get(frame.kind)
            if command is not None:
                command(frame)
            wait = False
        return True

    def _step(self) -> None:
        if self._looks and not (self._looked and self._work):
            self._looked = True
            job_id = next(iter(self._looks))
            frame = self._looks.pop(job_id)
            self._do(job_id, lambda edit: edit.look(frame))
        elif self._work:
            self._looked = False
            work = self._work.popleft()
            if not work.job_id:
                next(work.steps, None)
                return
            self._work.append(work)
            self._do(work.job_id, lambda edit: self._advance(work))

    def _advance(self, work: _Work) -> None:
        try:
            next(work.steps)
        except StopIteration:
            self._work.remove(work)

    def _do(self, job_id: str, step: Callable[[CheckedEdit], None]) -> None:
        """Do a step of an edit; the front knows of which, should it be the last of this process."""
        edit = self._edits[job_id]
        self._tell_at(job_id)
        try:
            step(edit)
        except NotAsAdmitted as problem:
            edit.telling.distrusted(str(problem))
            self._remove(job_id)
        except Exception as problem:
            edit.telling.failed(problem)
            self._remove(job_id)
        if edit.over:
            self._remove(job_id)

    def _tell_at(self, job_id: str) -> None:
        """Say what it works on now, so that no other job is blamed if this process ends of it."""
        if job_id != self._at:
            self._at = job_id
            self._link.send(Frame("at", {"job_id": job_id}))

    def _admit(self, frame: Frame) -> None:
        job_id = frame.text("job_id")
        telling = Telling(self._link, job_id, frame.number("attempt"))
        known = self._edits.get(job_id)
        if known is not None and known.again(frame.payload, telling):
            return
        self._remove(job_id)
        edit = CheckedEdit(job_id, frame.payload, telling, self._gate, self._decoders)
        self._edits[job_id] = edit
        self._work.append(_Work(job_id, edit.admission(self._fetch)))

    def _on_engine(self, frame: Frame) -> None:
        self._decoders.of_engine(frame.text("device"), frame.text("dtype"))

    def _on_look(self, frame: Frame) -> None:
        job_id = frame.text("job_id")
        if job_id in self._edits:
            self._looks[job_id] = frame

    def _on_finished(self, frame: Frame) -> None:
        job_id = frame.text("job_id")
        edit = self._edits.get(job_id)
        if edit is not None:
            self._looks.pop(job_id, None)  # the result comes sooner
            self._work.append(_Work(job_id, edit.release(frame)))

    def _drop(self, frame: Frame) -> None:
        self._remove(frame.text("job_id"))

    def _remove(self, job_id: str) -> None:
        edit = self._edits.pop(job_id, None)
        self._looks.pop(job_id, None)
        if edit is not None:
            edit.close()
            self._work = deque(work for work in self._work if work.job_id != job_id)

    def _plan(self, frame: Frame) -> None:
        call = {"call": frame.text("call")}
        try:
            message = edit_pb2.EditRequest.FromString(frame.payload)
            catalog = installed()
            request = read_request(message, catalog, self._fetch)
            with message_paths(message):
                plan = make_plan(request, catalog)
            found = Answers(message, plan, self._decoders.engine_device, _no_blob).plan()
            self._link.send(Frame("planned", call, found.SerializeToString()))
        except Blocked as refusal:
            payload = blocked_of(refusal).SerializeToString()
            self._link.send(Frame("plan_blocked", call, payload))
        except Exception as problem:
            payload = failed_of(problem).SerializeToString()
            self._link.send(Frame("plan_failed", call, payload))

    def _load_model(self, frame: Frame) -> None:
        self._work.append(_Work("", self._loaded(frame)))

    def _loaded(self, frame: Frame) -> Iterator[None]:
        """Load a model's decoder ahead of its use."""
        call = {"call": frame.text("call")}
        try:
            with ExitStack() as loan:
                self._decoders.borrow(frame.payload.decode(), loan)
            self._link.send(Frame("load_model", call))
        except ModelError as problem:
            payload = failed_of(problem).SerializeToString()
            self._link.send(Frame("load_model_failed", call, payload))
        yield

    def _sign_export(self, frame: Frame) -> None:
        self._link.send(signed_answer(frame, self._gate, self._blobs))

    def _warmed_up(self) -> Iterator[None]:
        """Load filters and detectors before the first edit needs them; that tells what is wrong."""
        with suppress(Refused):
            self._gate.admit(Job(texts=PromptFields(prompt="a house")))
        yield

    def _fetch(self, digest: str) -> bytes:
        return read_blob(self._blobs, digest)


def _no_blob(digest: str, data: bytes) -> None:
    raise AssertionError("a plan has no pictures")
