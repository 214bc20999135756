"""Log lines: for people, or one JSON object each; never a token, a prompt or a picture."""

from __future__ import annotations

import json
import logging
import re
import sys
import traceback
from datetime import UTC, datetime
from types import TracebackType
from typing import Any, Final

from retouch.v1 import job_pb2
from retouch_daemon.front.client_classes import priority_name
from retouch_daemon.front.job_observers import outcome_of
from retouch_daemon.storage.job_records import JobRecord

#: What is not said of whoever called, whatever a library logs.
_BEARER: Final = re.compile(r"(?i)(bearer\s+)\S+")
#: Errors whose own words are the system's, not a client's.
_SPEAKING: Final = (OSError, MemoryError)
#: Fields that our own lines carry.
FIELDS: Final = ("job", "client", "priority", "outcome", "seconds", "code", "stage")
_Exception = (
    tuple[type[BaseException], BaseException, TracebackType | None] | tuple[None, None, None]
)

_log = logging.getLogger(__name__)


class Lines(logging.Formatter):
    """Lines for people. Of an exception they say the kind and the place, not the words."""

    def __init__(self) -> None:
        super().__init__("%(asctime)s %(levelname)s %(message)s")

    def format(self, record: logging.LogRecord) -> str:
        """Return a record as text."""
        return _BEARER.sub(r"\1…", super().format(record))

    def formatException(self, ei: _Exception) -> str:
        """Return where an exception came from; its words may repeat what a client sent."""
        return told(ei[1]) if ei[1] is not None else ""


class JsonLines(Lines):
    """One JSON object per line: time, level, logger, message, and the fields of ours."""

    def format(self, record: logging.LogRecord) -> str:
        """Return a record as JSON."""
        found: dict[str, Any] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        for name in FIELDS:
            if hasattr(record, name):
                found[name] = getattr(record, name)
        if record.exc_info and record.exc_info[1] is not None:
            found["exception"] = told(record.exc_info[1])
        return _BEARER.sub(r"\1…", json.dumps(found, ensure_ascii=False))


def told(problem: BaseException) -> str:
    """Return the kind and the place of an exception, and the system's own words."""
    frames = traceback.extract_tb(problem.__traceback__)
    places = "".join(f"\n  {each.filename}:{each.lineno} {each.name}" for each in frames)
    words = f": {problem}" if isinstance(problem, _SPEAKING) else ""
    return f"{type(problem).__name__}{words}{places}"


def write_lines(form: str, level: str) -> None:
    """Have everything that is logged written to standard error, as ``text`` or ``json``."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonLines() if form == "json" else Lines())
    logging.basicConfig(level=level.upper(), handlers=[handler], force=True)


class JobLog:
    """Logs what becomes of jobs; live ones, of which there are many, at the level of debugging."""

    def __init__(self) -> None:
        self._jobs: dict[str, JobRecord] = {}

    def queued(self, job: JobRecord) -> None:
        """See ``JobObserver``."""
        self._jobs[job.job_id] = job
        self._say(job, "waits")

    def began(self, job: JobRecord) -> None:
        """See ``JobObserver``."""
        self._say(job, "begins")

    def told(self, job_id: str, event: job_pb2.JobEvent) -> None:
        """See ``JobObserver``."""
        outcome = outcome_of(event)
        job = None if outcome is None else self._jobs.pop(job_id, None)
        if job is not None:
            self._say(job, f"is over: {outcome}", outcome=outcome)

    def _say(self, job: JobRecord, what: str, **fields: Any) -> None:
        level = logging.DEBUG if job.priority == 0 else logging.INFO
        fields |= {"job": job.job_id, "client": job.client}
        fields["priority"] = priority_name(job.priority)
        _log.log(level, "job %s of %s %s", job.job_id, job.client, what, extra=fields)
