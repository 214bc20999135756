"""The gate's loop: take commands, do one step of what is to be done, tell what came of it.

A step is at most one decoding or one release. Looks at edits on their way go before all else of
their class, but never two in a row while something else waits.
"""

from __future__ import annotations

import math
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

from retouch.catalog import installed
from retouch.errors import Blocked
from retouch.plan import make_plan
from retouch.v1 import edit_pb2
from retouch_daemon.failures import blocked_of, failed_of
from retouch_daemon.gate.answers import Answers
from retouch_daemon.gate.checked_edit import CheckedEdit
from retouch_daemon.gate.decoders import Decoders
from retouch_daemon.gate.export_signing import signed_answer
from retouch_daemon.gate.telling import Telling
from retouch_daemon.gate.work_queue import INTERACTIVE, LIVE, Work, WorkQueue
from retouch_daemon.handover import NotAsAdmitted
from retouch_daemon.link.blocking import CLOSED, BlockingLink, Inbox, leave_soon
from retouch_daemon.link.frames import Frame
from retouch_daemon.link.pulse import Pulse
from retouch_daemon.reading.requests import message_paths, read_request
from retouch_daemon.storage.reading import read_blob
from retouch_safety import Gate, Job, PromptFields
from retouch_safety.errors import Refused


class GateLoop:
    """Checks all edits of all clients.

    Args:
        link: to the front.
        gate: what every picture leaves through.
        device: where pictures are decoded; None: CUDA when there is one.
        blobs: folder of the blobs, which it only reads.
        pulse: told of every step, so that one that never ends is seen: operations of third parties
            are asked here what they think of a request.
    """

    def __init__(
        self,
        link: BlockingLink,
        gate: Gate,
        device: str | None,
        blobs: Path,
        pulse: Pulse | None = None,
    ) -> None:
        self._link, self._gate, self._blobs = link, gate, blobs
        self._pulse = pulse or Pulse(math.inf)
        self._decoders = Decoders(device)
        self._inbox = Inbox(link, leave_soon)
        self._edits: dict[str, CheckedEdit] = {}
        self._work = WorkQueue()
        #: The newest look of every edit that waits for one, and class and client of all edits.
        self._looks: dict[str, Frame] = {}
        self._priorities: dict[str, int] = {}
        self._clients: dict[str, str] = {}
        self._questions: deque[Callable[[], None]] = deque()
        self._answering = False
        self._looked = False
        self._at = ""
        self._commands: dict[str, Callable[[Frame], None]] = {
            "admit": self._admit,
            "engine": self._on_engine,
            "look": self._on_look,
            "finished": self._on_finished,
            "drop": self._drop,
            "serve": self._serve,
            "plan": self._asked(self._planned),
            "sign_export": self._asked(self._signed),
            "load_model": self._asked(self._loaded),
        }

    def run(self, beat: float) -> None:
        """Work until the front closes the link. Raises OSError when it is gone.

        Args:
            beat: seconds between two signs of life.
        """
        self._link.send(Frame("ready"))
        self._link.beat(beat, pulse=self._pulse)
        self._work.add(Work("", self._warmed_up(), LIVE))
        while self._take_commands():
            self._step()

    def _take_commands(self) -> bool:
        """Do what the front has asked; wait for it when there is nothing else to do."""
        wait = not self._work and not self._looks
        if wait:
            self._tell_at("")
        self._pulse.rest()
        while (frame := self._inbox.take(wait=wait)) is not None:
            if frame is CLOSED:
                return False
            self._pulse.step()
            self._tell_at(str(frame.values.get("job_id", "")))
            command = self._commands.get(frame.kind)
            if command is not None:
                command(frame)
            wait = False
        return True

    def _step(self) -> None:
        self._pulse.step()
        began = time.monotonic()
        client = self._do_next()
        self._work.spent(client, time.monotonic() - began)

    def _do_next(self) -> str:
        """Do a look or a step of some work; return whose it was."""
        look = min(self._looks, key=self._priorities.__getitem__, default=None)
        if look is not None and self._may_look(look):
            self._looked = True
            frame, client = self._looks.pop(look), self._clients[look]
            self._do(look, lambda edit: edit.look(frame))
            return client
        if not self._work:
            return ""
        self._looked = False
        work = self._work.next()
        if work.job_id:
            self._do(work.job_id, lambda edit: self._advance(work))
        else:
            self._tell_at("")
            self._advance(work)
        return work.client

    def _may_look(self, job_id: str) -> bool:
        lets = self._work.lets(self._clients[job_id], self._priorities[job_id])
        return not self._work or (not self._looked and lets)

    def _advance(self, work: Work) -> None:
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
            self._serve(frame)
            return
        self._remove(job_id)
        edit = CheckedEdit(job_id, frame.payload, telling, self._gate, self._decoders)
        client, priority = frame.text("client"), frame.number("priority")
        self._edits[job_id] = edit
        self._priorities[job_id], self._clients[job_id] = priority, client
        self._work.add(Work(job_id, edit.admission(self._fetch), priority, client))

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
            priority, client = self._priorities[job_id], self._clients[job_id]
            self._work.add(Work(job_id, edit.release(frame), priority, client))

    def _drop(self, frame: Frame) -> None:
        self._remove(frame.text("job_id"))

    def _serve(self, frame: Frame) -> None:
        """Go on with an edit of another class."""
        job_id, priority = frame.text("job_id"), frame.number("priority")
        if job_id in self._edits:
            self._priorities[job_id] = priority
            self._work.serve(job_id, priority)

    def _remove(self, job_id: str) -> None:
        edit = self._edits.pop(job_id, None)
        self._looks.pop(job_id, None)
        if edit is not None:
            del self._priorities[job_id], self._clients[job_id]
            edit.close()
            self._work.drop(job_id)

    def _asked(self, answer: Callable[[Frame], None]) -> Callable[[Frame], None]:
        """Return the command of a question. All questions together have the turns of one edit."""

        def command(frame: Frame) -> None:
            self._questions.append(lambda: answer(frame))
            if not self._answering:
                self._answering = True
                self._work.add(Work("", self._answered(), INTERACTIVE))

        return command

    def _answered(self) -> Iterator[None]:
        while self._questions:
            self._questions.popleft()()
            yield
        self._answering = False

    def _planned(self, frame: Frame) -> None:
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

    def _loaded(self, frame: Frame) -> None:
        """Load a model's decoder ahead of its use."""
        call = {"call": frame.text("call")}
        try:
            with ExitStack() as loan:
                self._decoders.borrow(frame.payload.decode(), loan)
            self._link.send(Frame("load_model", call))
        except Exception as problem:  # a damaged file raises anything; the gate goes on
            payload = failed_of(problem).SerializeToString()
            self._link.send(Frame("load_model_failed", call, payload))

    def _signed(self, frame: Frame) -> None:
        self._link.send(signed_answer(frame, self._gate, self._blobs))

    def _warmed_up(self) -> Iterator[None]:
        """Load filters and detectors before the first edit needs them, and tell of it."""
        refusal = ""
        try:
            self._gate.admit(Job(texts=PromptFields(prompt="a house")))
        except Refused as problem:
            refusal = str(problem)
        self._link.send(Frame("warm", {"refusal": refusal}))
        yield from ()

    def _fetch(self, digest: str) -> bytes:
        return read_blob(self._blobs, digest)


def _no_blob(digest: str, data: bytes) -> None:
    raise AssertionError("a plan has no pictures")
