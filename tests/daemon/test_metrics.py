"""Numbers for Prometheus: they can be read by its own parser and hold no name, no prompt."""

from dataclasses import replace

import pytest
from prometheus_client.parser import text_string_to_metric_families

from retouch.v1 import errors_pb2, job_pb2
from retouch_daemon.front.client_classes import client_class
from retouch_daemon.front.metrics import Metrics
from retouch_daemon.front.worker_numbers import WorkerNumbers
from retouch_daemon.storage.job_records import JobRecord, State

JOB = JobRecord(
    "id", "photoshop-of-anna", "1", "", "", 1, State.QUEUED, created=100.0, deadline=None
)
NUMBERS = WorkerNumbers()


def status(numbers=NUMBERS):
    """A status as small as it can be."""
    return {
        "jobs_by_class": [
            {"state": "queued", "priority": "live", "client_class": "krita", "count": 3}
        ],
        "watchers": 4,
        "uptime_seconds": 1.5,
        "state": "serving",
        "worker": {
            "ready": True, "restarts": {"engine": 2, "gate": 1},
            "edits": 3, "model_bytes": 7, "device_bytes": 0,
            "cache": {"hits": 12, "misses": 5, "evictions": 1, "bytes": 900},
            "rows": numbers.total("rows"), "forwards_by_rows": numbers.forwards_by_rows(),
        },
        "processes": [{"role": "front", "pid": 1, "resident_bytes": 5000}],
        "blobs": {"count": 1, "bytes": 9, "evictions": 6, "evicted_bytes": 8,
                  "disk_free_bytes": 10},
        "open_calls": 2,
        "refused_calls": {"token": 11, "calls at once": 1},
    }  # fmt: skip


def samples(text):
    """Every sample of an exposition: name and labels to value."""
    return {
        (sample.name, *sorted(sample.labels.values())): sample.value
        for family in text_string_to_metric_families(text.decode())
        for sample in family.samples
    }


def test_the_status_can_be_scraped():
    found = samples(Metrics().text(status()))
    assert found["retouch_jobs", "krita", "live", "queued"] == 3
    assert found["retouch_event_watchers",] == 4
    assert found["retouch_worker_restarts_total", "engine"] == 2
    assert found["retouch_resident_bytes", "front"] == 5000
    assert found["retouch_blob_evictions_total",] == 6
    assert found["retouch_cache_hits_total",] == 12
    assert found["retouch_cache_bytes",] == 900
    assert found["retouch_refused_calls_total", "token"] == 11


def test_rows_per_forward_are_a_histogram_over_all_lives_of_the_worker():
    numbers = WorkerNumbers()
    numbers.beat({"forwards": 3, "rows": 10, "forwards_to_2": 1, "forwards_to_4": 2})
    numbers.restarted()
    numbers.beat({"forwards": 1, "rows": 100, "forwards_to_more": 1})
    found = samples(Metrics().text(status(numbers)))
    assert found["retouch_rows_per_forward_bucket", "2.0"] == 1
    assert found["retouch_rows_per_forward_bucket", "4.0"] == 3
    assert found["retouch_rows_per_forward_bucket", "64.0"] == 3
    assert found["retouch_rows_per_forward_bucket", "+Inf"] == 4
    assert found["retouch_rows_per_forward_count",] == 4
    assert found["retouch_rows_per_forward_sum",] == 110


def test_waits_and_runs_are_measured_and_a_second_beginning_is_no_second_wait():
    times = iter([103.0, 200.0])
    clock = iter([10.0, 50.0, 54.0])
    metrics = Metrics(now=lambda: next(times), clock=lambda: next(clock))
    metrics.queued(JOB)
    metrics.began(JOB)
    metrics.began(JOB)  # its worker has died
    metrics.told("id", job_pb2.JobEvent(done=job_pb2.Done(released=1)))
    found = samples(metrics.text(status()))
    assert found["retouch_queue_wait_seconds_sum", "interactive"] == 3.0
    assert found["retouch_queue_wait_seconds_count", "interactive"] == 1
    assert found["retouch_run_seconds_sum", "done", "interactive"] == 4.0
    assert found["retouch_jobs_finished_total", "done", "interactive", "photoshop"] == 1
    assert metrics.over == {"done": 1}


def test_refusals_are_counted_by_their_stage_and_end_as_blocked():
    metrics = Metrics()
    metrics.queued(JOB)
    blocked = errors_pb2.Blocked(stage=errors_pb2.GATE_STAGE_PROMPT, clause="a secret prompt")
    metrics.told("id", job_pb2.JobEvent(blocked=blocked))
    metrics.told("id", job_pb2.JobEvent(done=job_pb2.Done(blocked=1)))
    text = metrics.text(status())
    assert samples(text)["retouch_gate_refusals_total", "prompt"] == 1
    assert metrics.over == {"blocked": 1}
    assert b"secret" not in text and b"anna" not in text


def test_a_job_that_never_ran_has_no_run():
    metrics = Metrics()
    metrics.queued(JOB)
    metrics.told("id", job_pb2.JobEvent(cancelled=job_pb2.Cancelled(reason="asked")))
    metrics.told("unknown", job_pb2.JobEvent(failed=errors_pb2.Failed()))
    found = samples(metrics.text(status()))
    assert found["retouch_jobs_finished_total", "cancelled", "interactive", "photoshop"] == 1
    assert not any(name[0].startswith("retouch_run_seconds") for name in found)


def test_names_of_clients_make_no_new_series():
    metrics = Metrics()
    for number in range(50):
        job = replace(JOB, job_id=str(number), client=f"client-{number}")
        metrics.queued(job)
        metrics.told(str(number), job_pb2.JobEvent(done=job_pb2.Done(released=1)))
    found = samples(metrics.text(status()))
    assert found["retouch_jobs_finished_total", "done", "interactive", "other"] == 50


@pytest.mark.parametrize(
    ("name", "kind"),
    [("krita", "krita"), ("Photoshop-2026", "photoshop"), ("gimp3_anna", "gimp"),
     ("tests", "other"), ("7", "other"), ("kritaish", "other"), ("default", "other")],
)  # fmt: skip
def test_kinds_of_clients(name, kind):
    assert client_class(name) == kind


@pytest.mark.parametrize("value", [-1, 1 << 63, True, "9", None, 1.5, [1]])
def test_a_worker_that_counts_nonsense_is_not_believed(value):
    numbers = WorkerNumbers()
    numbers.beat({"forwards": value, "rows": value, "edits": 2})
    assert (numbers.total("forwards"), numbers.now("edits")) == (0, 2)
    assert list(numbers.recent) == [0.0]


def test_recent_rows_per_forward_are_of_each_beat():
    numbers = WorkerNumbers()
    for forwards, rows in ((2, 8), (2, 8), (5, 20), (6, 30)):
        numbers.beat({"forwards": forwards, "rows": rows})
    assert list(numbers.recent) == [4.0, 0.0, 4.0, 10.0]
