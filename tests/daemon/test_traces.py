"""Jobs as spans, through OpenTelemetry's own kit; nothing at all where it is not installed."""

import sys
from dataclasses import replace

import pytest

from retouch.v1 import errors_pb2, job_pb2
from retouch_daemon.front.traces import JobTraces, job_traces
from retouch_daemon.storage.job_records import JobRecord, State

JOB = JobRecord("4f2a", "krita-of-anna", "1", "", "a secret name", 0, State.QUEUED, 1000.0, None)


@pytest.fixture
def traced():
    """Traces, and the spans that have ended."""
    trace = pytest.importorskip("opentelemetry.sdk.trace")
    from opentelemetry.sdk.trace.export import SimpleSpanProcessor
    from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

    exporter = InMemorySpanExporter()
    provider = trace.TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    return JobTraces(provider.get_tracer("tests")), exporter.get_finished_spans


def progress(step):
    return job_pb2.JobEvent(progress=job_pb2.Progress(step=step, of_steps=2))


def test_a_job_is_a_span_with_its_parts_below(traced):
    traces, spans = traced
    traces.queued(JOB)
    traces.began(JOB)
    for event in (progress(1), progress(2), job_pb2.JobEvent(done=job_pb2.Done(released=1))):
        traces.told("4f2a", event)
    queue, run, release, job = spans()
    assert [each.name for each in (queue, run, release, job)] == ["queue", "run", "release", "job"]
    assert {each.parent.span_id for each in (queue, run, release)} == {job.context.span_id}
    assert job.start_time == queue.start_time == 1000 * 10**9
    assert dict(job.attributes) == {
        "retouch.job": "4f2a", "retouch.client_class": "krita", "retouch.priority": "live",
        "retouch.pixels": 0, "retouch.outcome": "done",
    }  # fmt: skip


def test_a_dead_worker_is_seen_in_the_trace(traced):
    traces, spans = traced
    traces.queued(JOB)
    traces.began(JOB)
    traces.began(JOB)
    traces.told("4f2a", job_pb2.JobEvent(failed=errors_pb2.Failed(message="a secret prompt")))
    _, first, second, job = spans()
    assert first.attributes == {"retouch.interrupted": True}
    assert second.name == "run" and not second.attributes
    assert job.attributes["retouch.outcome"] == "failed"
    assert not job.status.is_ok


def test_a_refusal_is_an_event_without_the_text(traced):
    traces, spans = traced
    traces.queued(replace(JOB, job_id="b"))
    blocked = errors_pb2.Blocked(stage=errors_pb2.GATE_STAGE_PROMPT, clause="a secret prompt")
    traces.told("b", job_pb2.JobEvent(blocked=blocked))
    traces.told("b", job_pb2.JobEvent(done=job_pb2.Done(blocked=1)))
    (event,) = spans()[-1].events
    assert dict(event.attributes) == {"retouch.stage": "GATE_STAGE_PROMPT"}
    assert spans()[-1].attributes["retouch.outcome"] == "blocked"


def test_a_job_of_before_is_no_trouble(traced):
    traces, spans = traced
    traces.began(JOB)
    traces.told("4f2a", progress(1))
    assert not spans()


def test_without_the_package_there_is_nothing(monkeypatch):
    monkeypatch.setitem(sys.modules, "opentelemetry", None)
    assert job_traces() == []
