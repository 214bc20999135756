"""Log lines: one JSON object each where that is asked for, and never what must not be said."""

import json
import logging

import pytest

from retouch.v1 import job_pb2
from retouch_daemon.front.log_lines import JobLog, JsonLines, Lines
from retouch_daemon.storage.job_records import JobRecord, State

JOB = JobRecord("4f2a", "krita", "1", "", "a secret name", 1, State.QUEUED, 0.0, None)


@pytest.fixture
def lines():
    """What is logged as JSON, at every level."""
    found = []

    class Kept(logging.Handler):
        def emit(self, record):
            found.append(self.format(record))

    handler = Kept()
    handler.setFormatter(JsonLines())
    logger = logging.getLogger("retouch_daemon")
    level = logger.level
    logger.addHandler(handler)
    logger.setLevel(logging.DEBUG)
    yield found
    logger.removeHandler(handler)
    logger.setLevel(level)


def test_jobs_are_logged_with_their_names_and_nothing_of_their_content(lines):
    log = JobLog()
    log.queued(JOB)
    log.began(JOB)
    log.told("4f2a", job_pb2.JobEvent(progress=job_pb2.Progress(step=1, of_steps=2)))
    log.told("4f2a", job_pb2.JobEvent(done=job_pb2.Done(released=1)))
    log.told("4f2a", job_pb2.JobEvent(done=job_pb2.Done(released=1)))
    found = [json.loads(line) for line in lines]
    assert [each["message"] for each in found] == [
        "job 4f2a of krita waits",
        "job 4f2a of krita begins",
        "job 4f2a of krita is over: done",
    ]
    assert {each["job"] for each in found} == {"4f2a"}
    assert found[-1]["outcome"] == "done" and found[-1]["priority"] == "interactive"
    assert "secret" not in "".join(lines)


def test_an_exception_is_told_by_kind_and_place_not_by_its_words(lines):
    logger = logging.getLogger("retouch_daemon.front.statuses")
    try:
        raise ValueError("prompt: a secret prompt")
    except ValueError:
        logger.exception("a call failed")
    try:
        raise OSError(28, "No space left on device")
    except OSError:
        logger.exception("a call failed")
    assert "secret" not in lines[0]
    assert "ValueError\n" in json.loads(lines[0])["exception"]
    assert "test_log_lines.py:" in json.loads(lines[0])["exception"]
    assert "No space left" in json.loads(lines[1])["exception"]


@pytest.mark.parametrize("formatter", [Lines(), JsonLines()])
def test_a_token_is_never_written(formatter):
    text = "metadata: authorization: Bearer abc-DEF_123, bearer x.y"
    record = logging.LogRecord("x", logging.INFO, "f", 1, "%s", (text,), None)
    line = formatter.format(record)
    assert "abc" not in line and "x.y" not in line
    assert line.count("…") == 2


def test_lines_for_people_have_no_words_of_exceptions_either():
    try:
        raise KeyError("a secret prompt")
    except KeyError as problem:
        record = logging.LogRecord(
            "x", logging.ERROR, "f", 1, "it failed", (), (KeyError, problem, problem.__traceback__)
        )
    line = Lines().format(record)
    assert "it failed" in line and "KeyError" in line and "secret" not in line
