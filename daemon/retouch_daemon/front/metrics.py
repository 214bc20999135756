"""Numbers of the daemon in Prometheus' form: no names of clients, no prompts, no pictures."""

from __future__ import annotations

import time
from collections import Counter as Counted
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest
from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    Metric,
)

from retouch.v1 import errors_pb2, job_pb2
from retouch_daemon.front.client_classes import client_class, priority_name
from retouch_daemon.front.job_observers import outcome_of
from retouch_daemon.storage.job_records import JobRecord

#: Clients whose finished jobs are counted one by one.
MOST_CLIENTS: Final = 1000
_SECONDS: Final = (0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300, 600, 1800, 3600)

Status = Mapping[str, Any]


class Metrics:
    """Counts what becomes of jobs; the rest is read from the status when somebody asks.

    Args:
        now, clock: seconds since the epoch, and of a clock that never jumps.
    """

    def __init__(
        self,
        now: Callable[[], float] = time.time,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._now, self._clock = now, clock
        self._jobs: dict[str, JobRecord] = {}
        self._begun: dict[str, float] = {}
        self.registry = CollectorRegistry()
        self.over: dict[str, int] = {}
        self.over_by_client: Counted[str] = Counted()
        self.refusals: dict[str, int] = {}
        self._wait = self._histogram("queue_wait", "From submission to work.", ("priority",))
        self._run = self._histogram("run", "From work to the end.", ("priority", "outcome"))
        self._finished = Counter(
            "retouch_jobs_finished", "Jobs that are over.", ("priority", "outcome", "client_class"),
            registry=self.registry,
        )  # fmt: skip
        self._refusals = Counter(
            "retouch_gate_refusals", "Requests and variants that the gate kept.", ("stage",),
            registry=self.registry,
        )  # fmt: skip
        self._rest = _FromStatus()
        self.registry.register(self._rest)

    def text(self, status: Status) -> bytes:
        """Return all numbers as Prometheus reads them."""
        self._rest.status = status
        return generate_latest(self.registry)

    def queued(self, job: JobRecord) -> None:
        """See ``JobObserver``."""
        self._jobs[job.job_id] = job

    def began(self, job: JobRecord) -> None:
        """See ``JobObserver``; a second beginning is no second wait."""
        if job.job_id not in self._begun:
            waited = max(0.0, self._now() - job.created)
            self._wait.labels(priority_name(job.priority)).observe(waited)
        self._begun[job.job_id] = self._clock()

    def told(self, job_id: str, event: job_pb2.JobEvent) -> None:
        """See ``JobObserver``."""
        if event.HasField("blocked"):
            stage = errors_pb2.GateStage.Name(event.blocked.stage)
            word = stage.removeprefix("GATE_STAGE_").lower()
            self._refusals.labels(word).inc()
            self.refusals[word] = self.refusals.get(word, 0) + 1
        outcome = outcome_of(event)
        job = None if outcome is None else self._jobs.pop(job_id, None)
        if outcome is None or job is None:
            return
        self._count_client(job.client)
        self.over[outcome] = self.over.get(outcome, 0) + 1
        priority = priority_name(job.priority)
        self._finished.labels(priority, outcome, client_class(job.client)).inc()
        begun = self._begun.pop(job_id, None)
        if begun is not None:
            self._run.labels(priority, outcome).observe(self._clock() - begun)

    def run_seconds(self, job_id: str) -> float:
        """Return for how long a job has been at work; 0 where it is not."""
        begun = self._begun.get(job_id)
        return 0.0 if begun is None else self._clock() - begun

    def _count_client(self, client: str) -> None:
        if len(self.over_by_client) >= MOST_CLIENTS:  # names are the clients' own choice
            del self.over_by_client[min(self.over_by_client, key=self.over_by_client.__getitem__)]
        self.over_by_client[client] += 1

    def _histogram(self, name: str, about: str, labels: tuple[str, ...]) -> Histogram:
        return Histogram(
            f"retouch_{name}_seconds", about, labels, buckets=_SECONDS, registry=self.registry
        )


class _FromStatus:
    """What the status has anyway, as metrics."""

    def __init__(self) -> None:
        self.status: Status | None = None

    def collect(self) -> Iterator[Metric]:
        if self.status is not None:
            yield from _of_jobs(self.status)
            yield from _of_worker(self.status)
            yield from _of_storage(self.status)
            yield from _of_calls(self.status)


def _gauge(name: str, about: str, value: float) -> GaugeMetricFamily:
    return GaugeMetricFamily(f"retouch_{name}", about, value=value)


def _counter(name: str, about: str, value: float) -> CounterMetricFamily:
    return CounterMetricFamily(f"retouch_{name}", about, value=value)


def _of_jobs(status: Status) -> Iterator[Metric]:
    jobs = GaugeMetricFamily(
        "retouch_jobs", "Jobs that are not over.", labels=("state", "priority", "client_class")
    )
    for each in status["jobs_by_class"]:
        jobs.add_metric((each["state"], each["priority"], each["client_class"]), each["count"])
    yield jobs
    yield _gauge("event_watchers", "Streams that follow a job.", status["watchers"])
    yield _gauge("uptime_seconds", "Since the daemon was started.", status["uptime_seconds"])
    yield _gauge("draining", "Whether nothing new is taken.", status["state"] == "draining")


def _of_worker(status: Status) -> Iterator[Metric]:
    worker = status["worker"]
    yield _gauge("worker_ready", "Whether a worker takes work.", worker["ready"])
    restarts = CounterMetricFamily(
        "retouch_worker_restarts", "Workers that were started anew.", labels=("worker",)
    )
    for name, count in worker["restarts"].items():
        restarts.add_metric((name,), count)
    yield restarts
    yield _gauge("worker_edits", "Edits that the worker advances.", worker["edits"])
    yield _gauge("model_bytes", "Of loaded models.", worker["model_bytes"])
    cache = worker["cache"]
    yield _gauge("cache_bytes", "Of what networks have encoded before.", cache["bytes"])
    yield _counter("cache_hits", "Prompts and pictures not encoded again.", cache["hits"])
    yield _counter("cache_misses", "Prompts and pictures encoded.", cache["misses"])
    yield _counter("cache_evictions", "Of those, dropped for room.", cache["evictions"])
    yield _gauge("device_bytes", "Taken on the accelerator.", worker["device_bytes"])
    rows = HistogramMetricFamily("retouch_rows_per_forward", "Rows of one network call.")
    total, buckets = 0, []
    for bound, count in worker["forwards_by_rows"]:
        total += count
        buckets.append((bound, total))
    rows.add_metric((), buckets, sum_value=worker["rows"])
    yield rows
    memory = GaugeMetricFamily(
        "retouch_resident_bytes", "Memory of the daemon's processes.", labels=("process",)
    )
    for process in status["processes"]:
        memory.add_metric((process["role"],), process["resident_bytes"])
    yield memory


def _of_storage(status: Status) -> Iterator[Metric]:
    blobs = status["blobs"]
    yield _gauge("blobs", "Stored pictures.", blobs["count"])
    yield _gauge("blob_bytes", "Of stored pictures.", blobs["bytes"])
    yield _counter("blob_evictions", "Pictures that made room.", blobs["evictions"])
    yield _counter("blob_evicted_bytes", "Of those.", blobs["evicted_bytes"])
    yield _gauge("disk_free_bytes", "Where pictures are kept.", blobs["disk_free_bytes"])


def _of_calls(status: Status) -> Iterator[Metric]:
    yield _gauge("open_calls", "Calls that are being answered.", status["open_calls"])
    refused = CounterMetricFamily(
        "retouch_refused_calls", "Calls that were not let in.", labels=("reason",)
    )
    for reason, count in status["refused_calls"].items():
        refused.add_metric((reason,), count)
    yield refused
