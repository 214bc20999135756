"""What clients have seen of their jobs, and everything that must not happen to it."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from endurance.edits import KnownEdit
from retouch.v1 import job_pb2

#: Kinds of events that are told and not kept: they may be missing later.
PASSING = ("queued", "progress", "preview", "updated")
ENDS = ("done", "failed", "cancelled")


@dataclass
class SeenFile:
    """A picture that a client has fetched.

    Attributes:
        form: ``composite`` or ``patch``.
        variant: from 0.
        digest: of the bytes, as the event named it.
        data: the bytes.
    """

    form: str
    variant: int
    digest: str
    data: bytes


@dataclass
class SeenJob:
    """One acknowledged job, as its client has seen it.

    Attributes:
        job_id: the daemon's name.
        edit: what it does.
        last: number of the newest event.
        events: number -> kind and bytes of all events.
        files: pictures of its results.
        previews: raw rows of its previews, by digest.
        end: kind of its end; empty while it is not over.
        words: what a failure says.
    """

    job_id: str
    edit: KnownEdit
    last: int = 0
    events: dict[int, tuple[str, bytes]] = field(default_factory=dict)
    files: list[SeenFile] = field(default_factory=list)
    previews: dict[str, bytes] = field(default_factory=dict)
    end: str = ""
    words: str = ""

    def take(self, event: job_pb2.JobEvent) -> str:
        """Take an event; return what is wrong with it, empty where nothing is."""
        kind = event.WhichOneof("event") or "nothing"
        wrong = ""
        if event.seq <= self.last:
            wrong = f"{self.job_id}: event {event.seq} ({kind}) came after {self.last}"
        elif self.end:
            wrong = f"{self.job_id}: {kind} came after the end"
        elif event.job_id != self.job_id:
            wrong = f"{self.job_id}: got an event of {event.job_id}"
        self.last = max(self.last, event.seq)
        self.events[event.seq] = kind, event.SerializeToString(deterministic=True)
        if kind in ENDS:
            self.end = kind
            self.words = event.failed.message if kind == "failed" else ""
        return wrong

    def differs(self, again: list[job_pb2.JobEvent]) -> list[str]:
        """What is wrong with its events, read again from the first one after all was over."""
        seqs = [event.seq for event in again]
        found = []
        if seqs != sorted(set(seqs)):
            found.append(f"{self.job_id}: numbers twice or out of order: {seqs}")
        kept = {e.seq: e.SerializeToString(deterministic=True) for e in again}
        for seq, data in kept.items():
            if seq in self.events and self.events[seq][1] != data:
                found.append(f"{self.job_id}: event {seq} is another one than before")
            if seq not in self.events:
                found.append(f"{self.job_id}: event {seq} was never told to its watcher")
        lost = {s for s, (kind, _) in self.events.items() if kind not in PASSING} - set(kept)
        found += [f"{self.job_id}: event {seq} is lost" for seq in sorted(lost)]
        return found

    def incomplete(self) -> str:
        """Why it is no complete job; empty where it is."""
        counts = Counter(kind for kind, _ in self.events.values())
        wanted = self.edit.message.output.count or 1
        if self.end != "done":
            return f"{self.job_id} ({self.edit.name}): {self.end or 'no end'} {self.words}"
        if counts["result"] != wanted or counts["done"] != 1:
            return f"{self.job_id} ({self.edit.name}): {dict(counts)} for {wanted} variants"
        return ""


@dataclass
class Record:
    """Everything that all clients have seen.

    Attributes:
        jobs: acknowledged ones, by name.
        order: event numbers twice or out of order.
        errors: answers that no client could expect.
        results: how many results have come.
        resumed: streams that were taken up again.
        resent: submits that were sent again, as nobody had acknowledged them.
    """

    jobs: dict[str, SeenJob] = field(default_factory=dict)
    order: list[str] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)
    results: int = 0
    resumed: int = 0
    resent: int = 0
