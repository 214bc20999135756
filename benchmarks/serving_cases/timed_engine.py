"""The daemon's own engine, with a diary of its forwards and of when it takes and drops edits."""

from __future__ import annotations

from collections import Counter
from typing import Any

from retouch.engine.engine import Job, Tick
from retouch_daemon.engine import __main__ as own
from retouch_daemon.engine import loop
from retouch_daemon.link.frames import Frame
from serving_cases.diary import Diary


class TimedLoop(loop.EngineLoop):
    """Writes down what it does."""

    def __init__(self, *given: Any, **named: Any) -> None:
        super().__init__(*given, **named)
        self._diary = Diary()
        self._plain = self._engine.tick, self._engine._fill
        self._batch: list[tuple[Job, int]] = []
        engine: Any = self._engine
        engine.tick, engine._fill = self._tick, self._fill

    def _fill(self, ranked: list[Job]) -> list[tuple[Job, int]]:
        self._batch = self._plain[1](ranked)
        return self._batch

    def _tick(self) -> Tick:
        owners = {
            job: job_id
            for job_id, edit in self._edits.items()
            for job in getattr(edit._trajectories, "jobs", ())
        }
        rows: Counter[str] = Counter()
        with self._diary.timed("forward") as line:
            tick = self._plain[0]()
            rows.update(owners[job] for job, _ in self._batch)
            line |= {"rows": tick.rows, "edits": tick.jobs, "of": rows}
        return tick

    def _start(self, frame: Frame) -> None:
        with self._diary.timed("start") as line:
            super()._start(frame)
            line["job"] = frame.text("job_id")

    def _drop(self, frame: Frame) -> None:
        super()._drop(frame)
        self._diary.note("drop", job=frame.text("job_id"))

    def _tell_all(self) -> None:
        before = set(self._edits)
        super()._tell_all()
        for job_id in before - set(self._edits):
            self._diary.note("finished", job=job_id)


if __name__ == "__main__":
    loop.EngineLoop = TimedLoop  # type: ignore[misc]
    own.main()
