"""What goes wrong is one sentence, made of what gate and daemon really send."""

import pytest
from google.protobuf.json_format import MessageToDict
from google.rpc import error_details_pb2

from retouch.errors import Blocked as GateBlocked
from retouch.errors import CannotCombine, InvalidField, ModelMissing
from retouch.v1 import job_pb2
from retouch_bridge.gateway.refusals import Refused, packed, refusal
from retouch_bridge.plugin_kit.failures import (
    Blocked,
    Cancelled,
    Failed,
    error_of_answer,
    error_of_event,
)
from retouch_daemon.failures import blocked_of, failed_of


def event(**what):
    return MessageToDict(job_pb2.JobEvent(job_id="1", seq=3, **what))


@pytest.mark.parametrize(
    "problem",
    [
        InvalidField("sampling.steps", 300, "1 to 250", "choose a number in that range"),
        CannotCombine("a and b", "they do not go together", "leave one out"),
        ModelMissing("nope", "run `retouch models add`"),
        RuntimeError("boom"),
    ],
)
def test_a_failed_job_says_what_and_what_to_do_once(problem):
    found = error_of_event(event(failed=failed_of(problem)))
    assert isinstance(found, Failed)
    assert str(found).count("Fix: ") == 1
    assert found.fix and found.fix in str(found)


def test_a_refused_job_says_which_check_and_the_advice():
    refused = GateBlocked("prompt", "explicit", "Say it otherwise.", field="prompt", clause="xyz")
    found = error_of_event(event(blocked=blocked_of(refused)))
    assert isinstance(found, Blocked)
    assert (found.stage, found.category, found.clause) == ("prompt", "explicit", "xyz")
    assert str(found) == 'Blocked by the prompt check (explicit in "xyz"). Say it otherwise.'


def test_a_cancelled_job_says_why():
    found = error_of_event(event(cancelled=job_pb2.Cancelled(reason="replaced")))
    assert isinstance(found, Cancelled) and found.reason == "replaced"


def test_progress_is_no_error():
    assert error_of_event(event(progress=job_pb2.Progress(of_steps=3))) is None


def answer(problem):
    """As the gateway answers a call."""
    return error_of_answer(problem.described(), problem.status)


def test_a_refused_call_has_field_and_fix():
    failed = failed_of(InvalidField("prompt.text", "x", "0 to 2000 characters", "shorten it"))
    found = answer(Refused("invalid_argument", "said", (packed(failed),)))
    assert isinstance(found, Failed)
    assert (found.code, found.field_path, found.status, found.retryable) == (
        *("invalid_field", "prompt.text", "invalid_argument"),
        False,
    )


def test_a_blocked_call_is_a_refusal_of_the_gate():
    blocked = blocked_of(GateBlocked("prompt", "explicit", "Say it otherwise."))
    assert isinstance(answer(Refused("permission_denied", "x", (packed(blocked),))), Blocked)


def test_a_full_daemon_says_when_to_come_back():
    retry = error_details_pb2.RetryInfo()
    retry.retry_delay.FromMilliseconds(1500)
    problem = Refused("resource_exhausted", "too many jobs", (packed(retry),))
    found = answer(problem)
    assert found.retryable and found.retry_seconds == 1.5


def test_a_wrong_token_says_to_restart_or_pair():
    found = answer(refusal("unauthenticated", "missing or wrong", "send it", field="authorization"))
    assert (found.code, found.retryable) == ("unauthenticated", False)
    assert "pair" in str(found) and "Authorization" not in str(found)


@pytest.mark.parametrize("status", [500, 404, 429, 502, 418])
def test_an_answer_without_words_still_is_a_sentence(status):
    found = error_of_answer({}, status)
    assert isinstance(found, Failed) and str(status) in str(found)
