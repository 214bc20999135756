"""The wire between a plugin and the daemon's gateway: HTTP/1.1 on this machine.

Every call may be made from any thread. Errors are of :mod:`failures`; the text of each is one
sentence that can be shown as it is, with what to do.
"""

from __future__ import annotations

import json
import threading
import time
from typing import Any, Callable, Dict, Iterator

from .blob_transfers import BlobTransfers, OnSent
from .connection import Connections
from .daemon_address import Found, find_daemon
from .failures import Blocked, Cancelled, Failed, Lost, NotRunning, RetouchError
from .patience import gone, patiently
from .stoppable import Stopped

__all__ = ["Blocked", "Cancelled", "Failed", "Lost", "NotRunning", "Retouch", "RetouchError"]

#: A message in protobuf's JSON form: lowerCamelCase names, defaults left out, 64-bit integers as
#: text, bytes as base64.
Message = Dict[str, Any]

_SERVICES = "/retouch.v1."
_OVER = ("done", "failed", "cancelled")


class Retouch:
    """A daemon, as a plugin sees it.

    Args:
        address: "127.0.0.1:7862".
        token: what the daemon asks callers for.
        client_name: of the plugin, 1 to 64 letters, digits, dots, dashes ("krita"): jobs, quotas
            and history belong to it.
        timeout: seconds without a byte after which a call is given up; streams are exempt.
        give_up: seconds for which a daemon that is gone is waited for while a job is followed.
    """

    def __init__(
        self,
        address: str,
        token: str,
        client_name: str,
        timeout: float = 30.0,
        give_up: float = 120.0,
    ) -> None:
        self._begin(lambda: Found(address, token), client_name, timeout, give_up)

    def _begin(
        self, locate: Callable[[], Found], name: str, timeout: float, give_up: float
    ) -> None:
        self.give_up = give_up
        self._connections = Connections(locate, name, timeout)
        self._blobs = BlobTransfers(self._connections)

    @classmethod
    def find(
        cls,
        client_name: str,
        folder: str | None = None,
        timeout: float = 30.0,
        give_up: float = 120.0,
    ) -> Retouch:
        """Return the daemon of this user.

        Reads ``gateway.json`` and the token in the daemon's folder, and reads them again whenever
        the daemon does not answer: it may have come back elsewhere.

        Args:
            folder: the daemon's; None = ``daemon`` in ``$RETOUCH_HOME``, else this user's own.
            client_name, timeout, give_up: as above.

        Raises:
            NotRunning: no daemon has left its address there.
        """
        found = cls.__new__(cls)
        found._begin(lambda: find_daemon(folder), client_name, timeout, give_up)
        return found

    @property
    def address(self) -> str:
        """Where the gateway was last: "127.0.0.1:7862"."""
        return self._connections.address

    def hello(self) -> Message:
        """Return who answers there, without a token: {"product", "version", "needs"}.

        Raises:
            NotRunning.
        """
        return _json(self._connections.ask("GET", "/v1/hello").body)

    def call(self, method: str, message: Message) -> Message:
        """Make a call with one answer.

        Args:
            method: service and method: "EditService/Plan".
            message: the request in JSON form.

        Raises:
            RetouchError.
        """
        headers = {"Content-Type": "application/json"}
        body = json.dumps(message).encode("utf-8")
        return _json(self._connections.ask("POST", _SERVICES + method, body, headers).body)

    def stream(
        self, method: str, message: Message, stop: threading.Event | None = None
    ) -> Iterator[Message]:
        """Make a call with a stream of answers; closing the iterator closes the connection.

        Args:
            method, message: as of :meth:`call`.
            stop: ends the iteration within about a quarter of a second when it is set.

        Raises:
            RetouchError: Lost where the connection broke before the stream's end.
        """
        body = json.dumps(message).encode("utf-8")
        try:
            yield from self._connections.frames(_SERVICES + method, body, stop)
        except Stopped:
            return

    def put(self, data: bytes, progress: OnSent | None = None) -> str:
        """Upload a picture, mask or profile that the daemon lacks; return its SHA-256.

        What is there already is not sent again, and an upload that broke goes on where it was; so
        it is harmless twice.

        Args:
            data: the bytes.
            progress: told how many bytes of how many are there; what it raises ends the upload.

        Raises:
            RetouchError.
        """
        return self._blobs.put(data, progress or _ignore)

    def get(self, sha256: str) -> bytes:
        """Return the bytes of a blob; goes on where a download broke, and checks the digest.

        Raises:
            Failed: there is no such blob, or it is damaged. RetouchError.
        """
        return self._blobs.get(sha256)

    def describe(self) -> Message:
        """Return the catalogue (``retouch.v1.Catalog``), for ``panel_form``."""
        return dict(self.call("CatalogService/Describe", {}).get("catalog", {}))

    def plan(self, edit: Message) -> Message:
        """Return what a request would do (``retouch.v1.Plan``); changes nothing."""
        return dict(self.call("EditService/Plan", {"edit": edit}).get("plan", {}))

    def submit(self, edit: Message, replace_group: bool = False) -> Message:
        """Submit an edit; return its job (``retouch.v1.Job``: "jobId", "state" ...).

        The edit should have a ``clientJobId`` of its own; submitting it again is harmless then.
        """
        asked = {"edit": edit, "replaceGroup": replace_group}
        return dict(self.call("EditService/Submit", asked).get("job", {}))

    def watch(
        self, job_id: str, from_seq: int = 0, stop: threading.Event | None = None
    ) -> Iterator[Message]:
        """Follow a job to its end; yield its events (``retouch.v1.JobEvent``) once each, in order.

        Connects again by itself, and waits ``give_up`` seconds for a daemon that restarts. The last
        event has one of "done", "failed", "cancelled".

        Args:
            job_id: the daemon's name of the job.
            from_seq: number of the first event that is wanted.
            stop: ends the iteration early when it is set; the job goes on.

        Raises:
            RetouchError: Lost where the daemon did not come back.
        """
        stop, ends, pause = stop or threading.Event(), 0.0, 0.1
        while not stop.is_set():
            asked = {"jobId": job_id, "fromSeq": str(from_seq)}
            try:
                for answer in self.stream("EditService/Watch", asked, stop):
                    event = answer.get("event", {})
                    from_seq, ends, pause = int(event.get("seq", from_seq)) + 1, 0.0, 0.1
                    yield event
                    if any(kind in event for kind in _OVER):
                        return
                return
            except RetouchError as problem:
                ends = ends or time.monotonic() + self.give_up
                if not gone(problem):
                    raise
                if time.monotonic() >= ends:
                    raise self._away(problem) from problem
            stop.wait(pause)
            pause = min(2 * pause, 2.0)

    def cancel(self, job_ids: list[str]) -> list[str]:
        """Cancel jobs of this client; return those that were told to stop."""
        asked = {"jobIds": list(job_ids)}
        return list(self.call("EditService/Cancel", asked).get("jobIds", []))

    def jobs(self, document_id: str = "") -> list[Message]:
        """Return this client's jobs (of one document), in the order in which they came."""
        asked = {"documentId": document_id}
        return list(self.call("EditService/ListJobs", asked).get("jobs", []))

    def patiently(
        self,
        do: Callable[[], Any],
        stop: threading.Event | None = None,
        seconds: float | None = None,
    ) -> Any:
        """Do something that is harmless twice; wait for a daemon that is gone.

        Args:
            do: what.
            stop: ends it at once.
            seconds: for which it is waited; None = ``give_up``.

        Raises:
            stoppable.Stopped: ``stop`` was set. RetouchError: what the last try said.
        """
        return patiently(do, self.give_up if seconds is None else seconds, stop)

    def close(self) -> None:
        """Close idle connections; jobs go on. The object can still be used."""
        self._connections.close()

    def _away(self, problem: RetouchError) -> Lost:
        words = f"Retouch at {self.address} has been gone for {self.give_up:g} s"
        fix = "start it with `retouch serve`; the edit goes on there, see the history"
        return Lost(f"{words} ({str(problem).split('. Fix')[0]}). Fix: {fix}.")


def _ignore(_sent: int, _all: int) -> None:
    """Nobody is told."""


def _json(body: bytes) -> Message:
    try:
        found = json.loads(body.decode("utf-8")) if body else {}
    except ValueError as problem:
        fix = "is something else listening there?"
        raise Failed(
            f"The answer is not Retouch's ({problem}). Fix: {fix}", "internal"
        ) from problem
    return found if isinstance(found, dict) else {}
