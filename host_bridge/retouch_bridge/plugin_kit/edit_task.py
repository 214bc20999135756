"""One edit from the snapshot to its results, in a thread of its own.

Callbacks are called in that thread: a host hands them over to its own UI thread.
"""

from __future__ import annotations

import threading
import time
from functools import partial
from typing import Any, Callable

from .client import Retouch
from .edit_events import EditResult, Preview, Progress, ProgressBar, read_preview, read_result
from .edit_request import Choices, Prepared, Snapshot, prepare
from .failures import Blocked, Cancelled, Failed, Lost, RetouchError, error_of_event
from .geometry import Rect
from .stoppable import Stopped

__all__ = ["EditResult", "EditTask", "Preview", "Progress"]

#: Seconds between two progress reports.
_PAUSE = 0.05
#: Seconds for which a cancelled job is waited for to end in the daemon.
_FAREWELL = 10.0


class EditTask:
    """One edit at work.

    Args:
        retouch: the daemon.
        snapshot: what was read of the document.
        choices: what to do.
        on_progress: told a ``Progress``, at most about 20 times a second.
        on_preview: told a ``Preview``.
        on_result: told an ``EditResult``, each variant once.
        on_end: told this task exactly once, after everything else; see ``state`` and ``error``.
        replace_group: whether earlier jobs of the same ``choices.group`` are cancelled.

    Attributes:
        state: "new", "running", then exactly one of "done", "failed", "cancelled".
        error: of "failed": the exception, whose text is one sentence to show; of "done": a
            ``Blocked`` where the gate kept some of the variants, else None.
        job_id: the daemon's name of it; empty until it is submitted.
        results: number of variants that were given.
    """

    def __init__(
        self,
        retouch: Retouch,
        snapshot: Snapshot,
        choices: Choices,
        on_progress: Callable[[Progress], None] | None = None,
        on_preview: Callable[[Preview], None] | None = None,
        on_result: Callable[[EditResult], None] | None = None,
        on_end: Callable[[EditTask], None] | None = None,
        replace_group: bool = False,
    ) -> None:
        self._begin(retouch, snapshot.crop, lambda: prepare(snapshot, choices))
        self._tell(on_progress, on_preview, on_result, on_end, replace_group)

    @classmethod
    def of_request(
        cls, retouch: Retouch, prepared: Prepared, crop: Rect, **callbacks: Any
    ) -> EditTask:
        """Return a task for a request that is ready.

        Args:
            retouch: the daemon.
            prepared: request and blobs.
            crop: where the request's canvas lies in the document.
            callbacks: ``on_progress`` ... ``replace_group`` as above.
        """
        task = cls.__new__(cls)
        task._begin(retouch, crop, lambda: prepared)
        task._tell(**callbacks)
        return task

    def _begin(self, retouch: Retouch, crop: Rect, prepared: Callable[[], Prepared]) -> None:
        self.state, self.job_id, self.results = "new", "", 0
        self.error: RetouchError | None = None
        self._retouch, self._crop, self._prepared = retouch, crop, prepared
        self._stop, self._over = threading.Event(), threading.Event()
        self._bar, self._told = ProgressBar(), 0.0
        self._seen: dict[int, bool] = {}
        self._client_job_id = ""

    def _tell(
        self,
        on_progress: Callable[[Progress], None] | None = None,
        on_preview: Callable[[Preview], None] | None = None,
        on_result: Callable[[EditResult], None] | None = None,
        on_end: Callable[[EditTask], None] | None = None,
        replace_group: bool = False,
    ) -> None:
        self._on_progress, self._on_preview = on_progress, on_preview
        self._on_result, self._on_end = on_result, on_end
        self._replace_group = replace_group

    def start(self) -> EditTask:
        """Begin, in a daemon thread; return the task itself."""
        threading.Thread(target=self.run, name="retouch-edit", daemon=True).start()
        return self

    def run(self) -> EditTask:
        """Do all of it in the calling thread (batch, GIMP's headless procedures)."""
        self.state, ended = "running", "failed"
        try:
            self._work()
            ended = "done"
        except (Stopped, Cancelled) as problem:
            ended = "cancelled"
            self.error = problem if isinstance(problem, Cancelled) else None
            if isinstance(problem, Stopped):
                self._cancel_in_daemon()
        except RetouchError as problem:
            self.error = problem
        except ValueError as problem:
            self.error = Failed(str(problem), "invalid_request")
        except Exception as problem:  # the host's thread must not die in silence
            words = f"The plugin failed: {type(problem).__name__}: {problem}"
            self.error = Failed(f"{words}. Fix: try again; report it if it stays.", "internal")
        self.state = ended
        try:
            if self._on_end is not None:
                self._on_end(self)
        finally:
            self._over.set()
        return self

    def cancel(self) -> None:
        """Stop exactly this job; returns at once. Harmless when it is over."""
        self._stop.set()

    def wait(self, timeout: float | None = None) -> bool:
        """Wait until it is over; return whether it is."""
        return self._over.wait(timeout)

    def _work(self) -> None:
        prepared = self._prepared()
        self._upload(prepared)
        self.job_id = self._submitted(prepared)
        last_blocked: Blocked | None = None
        for event in self._retouch.watch(self.job_id, 0, self._stop):
            problem = error_of_event(event)
            if isinstance(problem, Blocked):
                last_blocked = problem
            elif problem is not None:
                raise problem
            else:
                self._take(event)
            if "done" in event:
                self._end(event["done"], last_blocked)
                return
        if self._stop.is_set():
            raise Stopped
        raise Lost("The edit ended without a word. Fix: look in the history, or edit again.")

    def _end(self, done: dict[str, Any], last_blocked: Blocked | None) -> None:
        self.error = last_blocked
        if last_blocked is not None and not int(done.get("released", 0)):
            raise last_blocked
        self._report(Progress(1.0, "Done", 0.0), at_once=True)

    def _upload(self, prepared: Prepared) -> None:
        everything = sum(map(len, prepared.blobs.values()))
        before = 0
        for data in prepared.blobs.values():
            sent = partial(self._sent, before, everything)
            self._patiently(partial(self._retouch.put, data, sent))
            before += len(data)

    def _sent(self, before: int, everything: int, there: int, _of: int) -> None:
        if self._stop.is_set():
            raise Stopped
        self._report(self._bar.uploaded(before + there, everything))

    def _submitted(self, prepared: Prepared) -> str:
        def submit() -> dict[str, Any]:
            return self._retouch.submit(prepared.request, self._replace_group)

        self._client_job_id = str(prepared.request.get("clientJobId", ""))
        try:
            job = self._patiently(submit)
        except Failed as problem:
            if problem.code != "invalid_image" or not problem.field_path.endswith("sha256"):
                raise
            self._upload(prepared)  # the daemon has lost them meanwhile
            job = self._patiently(submit)
        return str(job.get("jobId", ""))

    def _take(self, event: dict[str, Any]) -> None:
        if "preview" in event and self._on_preview is not None:
            try:
                self._on_preview(read_preview(event, self._crop, self._retouch.get))
            except RetouchError:
                return  # a look that cannot be had is no fault of the edit
        elif "result" in event:
            self._take_result(event)
        progress = self._bar.take(event)
        if progress is not None:
            self._report(progress, at_once=progress.share is None)

    def _take_result(self, event: dict[str, Any]) -> None:
        variant = int(event["result"].get("variant", 0))
        if variant in self._seen:
            return
        result = self._patiently(lambda: read_result(event, self._crop, self._retouch.get))
        self._seen[variant] = True
        self.results += 1
        if self._on_result is not None:
            self._on_result(result)

    def _patiently(self, do: Callable[[], Any]) -> Any:
        return self._retouch.patiently(do, self._stop)

    def _report(self, progress: Progress, at_once: bool = False) -> None:
        now = time.monotonic()
        if self._on_progress is not None and (at_once or now - self._told >= _PAUSE):
            self._told = now
            self._on_progress(progress)

    def _cancel_in_daemon(self) -> None:
        """Tell the daemon, too; where it is gone meanwhile, the job may end by itself."""
        try:
            if self._client_job_id:
                self._retouch.patiently(self._cancel_once, None, _FAREWELL)
        except (RetouchError, Stopped):
            return

    def _cancel_once(self) -> None:
        if not self.job_id:  # its acknowledgement was not waited for
            mine = (e for e in self._retouch.jobs() if e.get("clientJobId") == self._client_job_id)
            self.job_id = str(next(mine, {}).get("jobId", ""))
        if self.job_id:
            self._retouch.cancel([self.job_id])
