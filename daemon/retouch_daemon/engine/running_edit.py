"""One edit in the engine: from an admitted request to latents that are handed over."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING

from retouch.plan import make_plan
from retouch.trajectories import Share, Step, Trajectories
from retouch.v1 import edit_pb2
from retouch_daemon.engine.loaded_soon import LoadedSoon
from retouch_daemon.failures import failed_of
from retouch_daemon.handover import digest_of, packed, packed_look
from retouch_daemon.link.blocking import BlockingLink
from retouch_daemon.link.frames import Frame, Value
from retouch_daemon.reading.pictures import Fetch
from retouch_daemon.reading.requests import read_request

if TYPE_CHECKING:
    from retouch.catalog import Catalog
    from retouch.engine.engine import Engine
    from retouch.models.library import Library


class Told:
    """Tells the front about one job.

    Args:
        link: to the front.
        job_id: of the job.
        attempt: number of this beginning of it.
        request: as the gate admitted it.
    """

    def __init__(self, link: BlockingLink, job_id: str, attempt: int, request: bytes) -> None:
        self._link, self._digest = link, digest_of(request)
        self._named: dict[str, Value] = {"job_id": job_id, "attempt": attempt}

    def loading(self, there: int, of: int) -> None:
        """How many bytes of its models are in memory."""
        self._link.send(Frame("loading", {**self._named, "done": there, "of": of}))

    def progress(self, step: Step) -> None:
        """How many network calls are done."""
        self._link.send(Frame("progress", {**self._named, "done": step.done, "of": step.total}))

    def look(self, step: Step, payload: bytes) -> None:
        """What a trajectory has come to."""
        values: dict[str, Value] = {
            "trajectory": step.trajectory, "done": step.done, "of": step.total
        }  # fmt: skip
        self._link.send(Frame("look", self._of_request(values), payload))

    def finished(self, order: str, payload: bytes) -> None:
        """All of it."""
        self._link.send(Frame("finished", self._of_request({"order": order}), payload))

    def failed(self, problem: Exception) -> None:
        """Why there is nothing."""
        self._link.send(Frame("failed", self._named, failed_of(problem).SerializeToString()))

    def _of_request(self, values: dict[str, Value]) -> dict[str, Value]:
        return {**self._named, "digest": self._digest, **values}


class RunningEdit:
    """One job.

    Args:
        request: as the gate admitted it, serialised.
        told: takes what comes of it.
    """

    def __init__(self, request: bytes, told: Told) -> None:
        self.message = edit_pb2.EditRequest.FromString(request)
        self._told = told
        self._borrowing: LoadedSoon | None = None
        self._step: Step | None = None
        self._told_step = self._shown = 0
        self._share, self._paused = Share(), False
        self._trajectories: Trajectories | None = None

    def load(
        self,
        catalog: Catalog,
        library: Library,
        fetch: Fetch,
        share: Share,
        wake: Callable[[], None],
    ) -> bool:
        """Read it and have its models loaded; return whether it goes on. All errors are told.

        Args:
            catalog: of operations.
            library: of models.
            fetch: reads blobs.
            share: whose it is and how urgent.
            wake: called when one of its models has been loaded.
        """
        self._share = share
        try:
            plan = make_plan(read_request(self.message, catalog, fetch), catalog)
            self._borrowing = LoadedSoon(plan, library, wake)
        except Exception as problem:
            self._fail(problem)
            return False
        return True

    @property
    def loading(self) -> bool:
        """Whether it waits for its models, and asks nothing of any network yet."""
        return self._trajectories is None

    def begin_if_loaded(self, engine: Engine, bytes_of: Callable[[str], int]) -> bool:
        """Begin, or tell how far its models are; return whether it goes on. Errors are told.

        Args:
            engine: that is to run it.
            bytes_of: how many bytes of a checkpoint that is being loaded are in memory.
        """
        known = self._borrowing
        assert known is not None
        if not known.ready:
            if (there := known.news(bytes_of)) is not None:
                self._told.loading(there, known.bytes)
            return True
        try:
            self._trajectories = Trajectories(
                known.plan, known.loan(), engine.row_cap, self._on_step, lambda: False, engine,
                self._share,
            )  # fmt: skip
            self._trajectories.submit()
        except Exception as problem:
            self._fail(problem)
            return False
        self.serve(self._share.priority, paused=self._paused)
        return True

    @property
    def over(self) -> bool:
        """Whether every trajectory has ended, or one has failed."""
        known = self._trajectories
        return known is not None and (known.failed or all(job.done for job in known.jobs))

    def look(self) -> None:
        """Tell how far it is, and hand over what it has come to where a preview is due.

        A look that cannot be handed over is left out: the result says what is wrong.
        """
        step = self._step
        if step is None or step.done == self._told_step:
            return
        self._told_step = step.done
        self._told.progress(step)
        every = self.message.output.preview.every_steps
        if every and step.done - self._shown >= every and step.done < step.total:
            assert self._trajectories is not None
            latest = self._trajectories.latest.get(step.trajectory)
            if latest is not None:  # nothing is to be seen while a picture is inverted
                self._shown = step.done
                with suppress(RuntimeError, ValueError, TypeError):
                    self._told.look(step, packed_look(latest))

    def finish(self) -> None:
        """Choose and hand over; errors are told."""
        assert self._trajectories is not None
        try:
            model = self._trajectories.plan.model.name
            order, payload = packed(self._trajectories.finished(), model)
        except Exception as problem:
            self._fail(problem)
            return
        self.close()
        self._told.finished(order, payload)

    def serve(self, priority: int, *, paused: bool) -> None:
        """Change how urgent it is, and whether it goes on."""
        from retouch.engine.engine import Priority

        self._share, self._paused = replace(self._share, priority=priority), paused
        for job in self._trajectories.jobs if self._trajectories is not None else ():
            job.priority, job.paused = Priority(priority), paused

    def close(self) -> None:
        """Stop what runs, give the models back, and let go of its tensors. Harmless twice."""
        if self._trajectories is not None:
            self._trajectories.stop()
            # It knows this edit, too: a circle would keep megabytes until the collector, which
            # counts objects and not bytes, thinks a full look worth it.
            self._trajectories = None
        if self._borrowing is not None:
            self._borrowing.close()
            self._borrowing = None

    def _fail(self, problem: Exception) -> None:
        self.close()
        self._told.failed(problem)

    def _on_step(self, step: Step) -> None:
        self._step = step
