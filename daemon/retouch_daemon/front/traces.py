"""Jobs as OpenTelemetry spans: queue, run and release below each. Nothing without that package."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import retouch
from retouch.v1 import errors_pb2, job_pb2
from retouch_daemon.front.client_classes import client_class, priority_name
from retouch_daemon.front.job_observers import JobObserver, outcome_of
from retouch_daemon.storage.job_records import JobRecord

if TYPE_CHECKING:
    from opentelemetry.trace import Span, Tracer

#: Variables of OpenTelemetry that say where spans go.
_ENDPOINTS: Final = ("OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")


def job_traces() -> list[JobObserver]:
    """Return what makes spans of jobs; nothing where OpenTelemetry is not installed."""
    try:
        from opentelemetry import trace
    except ImportError:
        return []
    if any(os.environ.get(name) for name in _ENDPOINTS):
        _send_spans()
    return [JobTraces(trace.get_tracer("retouch", retouch.__version__))]


def _send_spans() -> None:
    """Send spans where OpenTelemetry's variables say, if its exporter is installed."""
    try:
        from opentelemetry import trace
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
        from opentelemetry.sdk.resources import Resource
        from opentelemetry.sdk.trace import TracerProvider
        from opentelemetry.sdk.trace.export import BatchSpanProcessor
    except ImportError:
        return
    provider = TracerProvider(resource=Resource.create({"service.name": "retouch"}))
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
    trace.set_tracer_provider(provider)


@dataclass
class _Trace:
    """Spans of one job: of all of it, and of the part that it is in."""

    whole: Span
    part: Span
    name: str


class JobTraces:
    """Makes one span per job and one per part of it. No prompt and no name of a file is in them.

    Args:
        tracer: makes spans.
    """

    def __init__(self, tracer: Tracer) -> None:
        self._tracer = tracer
        self._traces: dict[str, _Trace] = {}

    def queued(self, job: JobRecord) -> None:
        """See ``JobObserver``."""
        began = round(job.created * 1e9)
        attributes: dict[str, Any] = {
            "retouch.job": job.job_id,
            "retouch.client_class": client_class(job.client),
            "retouch.priority": priority_name(job.priority),
            "retouch.pixels": job.pixels,
        }
        whole = self._tracer.start_span("job", attributes=attributes, start_time=began)
        self._traces[job.job_id] = _Trace(whole, self._part(whole, "queue", began), "queue")

    def began(self, job: JobRecord) -> None:
        """See ``JobObserver``; where its worker has died the part before is called interrupted."""
        if (trace := self._traces.get(job.job_id)) is None:
            return
        if trace.name != "queue":
            trace.part.set_attribute("retouch.interrupted", True)
        self._next(trace, "run")

    def told(self, job_id: str, event: job_pb2.JobEvent) -> None:
        """See ``JobObserver``."""
        if (trace := self._traces.get(job_id)) is None:
            return
        if event.HasField("progress") and trace.name == "run":
            if event.progress.step >= event.progress.of_steps:
                self._next(trace, "release")
        elif event.HasField("blocked"):
            stage = errors_pb2.GateStage.Name(event.blocked.stage)
            trace.whole.add_event("blocked", {"retouch.stage": stage})
        if (outcome := outcome_of(event)) is not None:
            self._end(job_id, trace, outcome)

    def _end(self, job_id: str, trace: _Trace, outcome: str) -> None:
        from opentelemetry.trace import StatusCode

        trace.part.end()
        trace.whole.set_attribute("retouch.outcome", outcome)
        if outcome == "failed":
            trace.whole.set_status(StatusCode.ERROR)
        trace.whole.end()
        del self._traces[job_id]

    def _next(self, trace: _Trace, name: str) -> None:
        trace.part.end()
        trace.part, trace.name = self._part(trace.whole, name), name

    def _part(self, whole: Span, name: str, began: int | None = None) -> Span:
        from opentelemetry.trace import set_span_in_context

        return self._tracer.start_span(name, context=set_span_in_context(whole), start_time=began)
