"""One edit in the worker: admitted, submitted to the shared engine, and told step by step."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from typing import TYPE_CHECKING

from google.protobuf.duration_pb2 import Duration

from retouch.errors import Blocked, RetouchError
from retouch.result import EditResult
from retouch.runner import Runner, never
from retouch.trajectories import Share, Step, Trajectories
from retouch.v1 import edit_pb2, job_pb2
from retouch_daemon.failures import blocked_of, failed_of
from retouch_daemon.storage.journal import State
from retouch_daemon.worker.answers import Answers, SendBlob, event
from retouch_daemon.worker.reading_pictures import Fetch
from retouch_daemon.worker.reading_requests import read_request

if TYPE_CHECKING:
    from retouch.engine.engine import Engine

#: Tells an event: the message, the digests that it names, and the state that it brings.
Tell = Callable[[job_pb2.JobEvent, Sequence[str], "State | None"], None]


class RunningEdit:
    """One job.

    Args:
        job_id: the daemon's name of it.
        share: whose it is, and how urgent.
        message: the request.
        runner: plans, admits and lends models.
        tell: takes its events.
        send_blob: takes bytes before the event that names them.
    """

    def __init__(
        self,
        job_id: str,
        share: Share,
        message: edit_pb2.EditRequest,
        runner: Runner,
        tell: Tell,
        send_blob: SendBlob,
    ) -> None:
        self.job_id, self.share, self.message = job_id, share, message
        self._runner, self._tell = runner, tell
        self._send_blob = send_blob
        self._loans = ExitStack()
        self._step: Step | None = None
        self._told = self._shown = 0
        self._began = time.monotonic()
        self._trajectories: Trajectories | None = None

    def begin(self, fetch: Fetch, engine: Engine) -> bool:
        """Check, admit and submit it; return whether it goes on. All errors become events."""
        try:
            request = read_request(self.message, self._runner.catalog, fetch)
            self.admitted = self._runner.admit(request, self.job_id)
            device = str(self._runner.library.device)
            self.answers = Answers(self.message, self.admitted.plan, device, self._send_blob)
            self._tell(event(phases=self.answers.phases()), (), None)
            if self.admitted.changes_nothing:
                self._tell_results(self.admitted.unchanged())
                return False
            loan = self._loans.enter_context(self._runner.library.borrow())
            row_cap = self._runner.row_cap
            self._trajectories = Trajectories(
                self.admitted.plan, loan, row_cap, self._on_step, never, engine, self.share
            )
            self._trajectories.submit()
        except Exception as problem:
            self.fail(problem)
            return False
        return True

    @property
    def over(self) -> bool:
        """Whether every trajectory has ended, or one has failed."""
        assert self._trajectories is not None
        return self._trajectories.failed or all(job.done for job in self._trajectories.jobs)

    def look(self) -> None:
        """Tell how far it is, and show it where a preview is due."""
        step = self._step
        if step is None or step.done == self._told:
            return
        self._told = step.done
        left = (time.monotonic() - self._began) / step.done * (step.total - step.done)
        progress = job_pb2.Progress(step=step.done, of_steps=step.total)
        progress.remaining.CopyFrom(_duration(left))
        self._tell(event(progress=progress), (), None)
        every = self.message.output.preview.every_steps
        if every and step.done - self._shown >= every and step.done < step.total:
            self._shown = step.done
            self._show(step)

    def finish(self) -> None:
        """Decode, release and tell every variant; errors become events."""
        assert self._trajectories is not None
        try:
            self._tell_results(self.admitted.results(self._trajectories.collect()))
        except Exception as problem:
            self.fail(problem)

    def cancel(self, reason: str) -> None:
        """Stop it between two network calls."""
        done, total = (self._step.done, self._step.total) if self._step else (0, 0)
        self.close()
        cancelled = job_pb2.Cancelled(reason=reason, steps_done=done, steps_left=total - done)
        self._tell(event(cancelled=cancelled), (), State.CANCELLED)

    def fail(self, problem: Exception) -> None:
        """End it with an error, or with the gate's refusal of the whole request."""
        self.close()
        if isinstance(problem, Blocked):
            self._tell(event(blocked=blocked_of(problem)), (), None)
            count = self.message.output.count or 1
            self._tell(event(done=job_pb2.Done(blocked=count)), (), State.FAILED)
        else:
            self._tell(event(failed=failed_of(problem)), (), State.FAILED)

    def close(self) -> None:
        """Stop what runs and give the models back. Harmless twice."""
        if self._trajectories is not None:
            self._trajectories.stop()
        self._loans.close()

    def _tell_results(self, results: Sequence[EditResult]) -> None:
        """Tell the variants; one that the gate refused has its refusal in its place."""
        blocked = 0
        for number, result in enumerate(results):
            if result.refused is not None:
                blocked += 1
                self._tell(event(blocked=blocked_of(result.refused)), (), None)
            else:
                message = self.answers.result(number, result)
                self._tell(event(result=message), self.answers.take_blobs(), None)
        self.close()
        done = job_pb2.Done(released=len(results) - blocked, blocked=blocked)
        done.run_time.CopyFrom(_duration(time.monotonic() - self._began))
        self._tell(event(done=done), (), State.DONE)

    def _show(self, step: Step) -> None:
        try:
            released = self.admitted.look(step)
        except RetouchError:
            return  # a look that cannot be had is no fault of the edit
        if released is not None:
            message = self.answers.preview(step.variant, released)
            self._tell(event(preview=message), self.answers.take_blobs(), None)

    def _on_step(self, step: Step) -> None:
        self._step = step


def _duration(seconds: float) -> Duration:
    found = Duration()
    found.FromNanoseconds(max(0, round(seconds * 1e9)))
    return found
