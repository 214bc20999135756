"""Errors as messages and statuses: what errors.proto promises, for every exception there is."""

import inspect
import re
from pathlib import Path

import grpc
import pytest

from retouch import errors
from retouch.v1 import errors_pb2
from retouch_daemon.failures import blocked_of, failed_of, status_of
from retouch_daemon.storage import errors as storage

PROTO = (Path(__file__).parents[2] / "proto/retouch/v1/errors.proto").read_text()
#: (exception, status, code), as the comments say.
DOCUMENTED = re.findall(
    r"\((\w+), ([A-Z_]+)\)\.\n  (ERROR_CODE_[A-Z_]+) =", PROTO.replace("\n  // ", " ")
)
Code = errors_pb2.ErrorCode
Status = grpc.StatusCode

RAISED = (
    errors.RetouchError("unexpected"),
    errors.InvalidRequest("nothing to do"),
    errors.InvalidField("steps", 0, "1 to 250", "choose more"),
    errors.InvalidImage("image", "noise", "a PNG", "send a picture"),
    errors.UnknownName("model", "nix", "tiny", "install it"),
    errors.CannotCombine("a and b", "both decide", "leave one out"),
    errors.ModelError("no model"),
    errors.ModelMissing("tiny", "install it"),
    errors.ModelInvalid("tiny", "it is pickled", "convert it"),
    errors.ModelInUse("tiny"),
    errors.Blocked("prompt", "explicit", "Write something else."),
    errors.Cancelled("cancelled by the caller"),
    errors.OperationFailed("sdedit", "prepare", "IndexError"),
    errors.ForwardFailed("tiny", "out of memory"),
)
KEPT = (
    (storage.StorageError("unexpected"), "INTERNAL", Status.INTERNAL, False),
    (storage.NoDigest("../x"), "INVALID_FIELD", Status.INVALID_ARGUMENT, False),
    (storage.UnknownBlob("ab"), "INVALID_IMAGE", Status.NOT_FOUND, False),
    (storage.UnknownJob("j"), "INVALID_FIELD", Status.NOT_FOUND, False),
    (storage.CorruptBlob("ab", "cd"), "INVALID_IMAGE", Status.DATA_LOSS, False),
    (storage.WrongOffset("ab", 3, 4), "INVALID_FIELD", Status.ABORTED, True),
    (
        storage.QuotaExceeded("jobs", 4, 3, "wait for some"),
        "EXHAUSTED",
        Status.RESOURCE_EXHAUSTED,
        True,
    ),
    (storage.StorageFailed("keep a job", "disk is full"), "UNAVAILABLE", Status.UNAVAILABLE, True),
)


def named(problems):
    return pytest.mark.parametrize("problem", problems, ids=lambda each: type(each).__name__)


def kinds_of(module, base):
    found = [kind for _, kind in inspect.getmembers(module, inspect.isclass)]
    return {kind for kind in found if issubclass(kind, base)}


def test_no_exception_is_forgotten_here():
    assert {type(each) for each in RAISED} == kinds_of(errors, errors.RetouchError)
    assert {type(each) for each, *_ in KEPT} == kinds_of(storage, storage.StorageError)


def test_the_comments_were_read():
    assert len(DOCUMENTED) == 10
    assert ("ModelMissing", "NOT_FOUND", "ERROR_CODE_MODEL_MISSING") in DOCUMENTED


@pytest.mark.parametrize(("name", "status", "code"), DOCUMENTED)
def test_codes_and_statuses_are_those_of_the_comments(name, status, code):
    (problem,) = (each for each in RAISED if type(each).__name__ == name)
    assert status_of(problem) is Status[status]
    assert Code.Name(failed_of(problem).code) == code


@pytest.mark.parametrize(
    ("kind", "status"),
    [
        (errors.RetouchError, Status.INTERNAL),
        (errors.ModelError, Status.FAILED_PRECONDITION),
        (errors.Blocked, Status.PERMISSION_DENIED),
        (errors.Cancelled, Status.CANCELLED),
    ],
)
def test_what_has_no_code_of_its_own_has_the_status_that_it_documents(kind, status):
    (problem,) = (each for each in RAISED if type(each) is kind)
    assert status_of(problem) is status
    if status is not Status.INTERNAL:
        drawn = re.search(rf"{kind.__name__} .*\(([A-Z_]+)\)", errors.__doc__)
        assert drawn.group(1) == status.name


@pytest.mark.parametrize(("problem", "code", "status", "retryable"), KEPT)
def test_errors_of_the_storage(problem, code, status, retryable):
    assert status_of(problem) is status
    failed = failed_of(problem)
    assert Code.Name(failed.code) == f"ERROR_CODE_{code}"
    assert failed.retryable is retryable
    assert failed.message == str(problem)
    assert failed.fix
    if code != "INTERNAL":
        assert f"Fix: {failed.fix}." in failed.message


@named([each for each in RAISED if not isinstance(each, errors.Blocked)])
def test_every_message_is_the_errors_own(problem):
    failed = failed_of(problem)
    assert failed.message == str(problem)
    assert not failed.retryable
    assert errors_pb2.Failed.FromString(failed.SerializeToString()) == failed


def test_all_fields_of_an_invalid_field_are_told():
    failed = failed_of(errors.InvalidField("ops[1].steps", "9" * 500, "1 to 250", "choose fewer"))
    assert (failed.field_path, failed.allowed, failed.fix) == (
        "ops[1].steps",
        "1 to 250",
        "choose fewer",
    )
    assert failed.value == "9" * 80
    assert failed.operation == ""
    assert failed_of(errors.OperationFailed("sdedit", "step 3", "no")).operation == "sdedit"


def test_what_nobody_raises_on_purpose_is_a_fault_of_the_daemons():
    failed = failed_of(ZeroDivisionError("division by zero"))
    assert failed.code == Code.ERROR_CODE_INTERNAL
    assert failed.message == "ZeroDivisionError: division by zero"
    assert status_of(ZeroDivisionError()) is Status.INTERNAL


def test_a_subclass_has_what_its_base_has():
    class Odd(errors.UnknownName):
        pass

    problem = Odd("model", "nix", "tiny", "install it")
    assert failed_of(problem).code == Code.ERROR_CODE_UNKNOWN_NAME
    assert status_of(problem) is Status.INVALID_ARGUMENT


NAMES = errors_pb2.GateStage.DESCRIPTOR.values_by_name
STAGES = [name for name in NAMES if name != "GATE_STAGE_UNSPECIFIED"]


@pytest.mark.parametrize("name", STAGES)
def test_every_stage_of_the_gate_has_its_name(name):
    stage = name.removeprefix("GATE_STAGE_").lower().replace("_", "-")
    assert blocked_of(errors.Blocked(stage, "c", "a")).stage == errors_pb2.GateStage.Value(name)


def test_every_stage_that_the_gate_names_can_be_told():
    source = Path(__file__).parents[2] / "safety/retouch_safety"
    named = set()
    for file in source.rglob("*.py"):
        named |= set(re.findall(r'(?:refusing|Refused)\(\s*"([\w-]+)"', file.read_text()))
    assert {"prompt", "input", "detector", "self-test", "watermark"} <= named
    for stage in named:
        assert blocked_of(errors.Blocked(stage, "c", "a")).stage, stage


def test_a_refusal_is_told_whole():
    refusal = errors.Blocked(
        "input", "explicit", "Choose another.", score=0.0, threshold=0.5, field="ops[1].image",
        clause="words",
    )  # fmt: skip
    told = blocked_of(refusal)
    assert (told.category, told.advice, told.clause) == ("explicit", "Choose another.", "words")
    assert (told.score, told.threshold, told.field_path) == (0.0, 0.5, "ops[1].image")
    assert told.HasField("score")


def test_a_check_that_does_not_measure_has_no_score_and_an_unknown_one_no_stage():
    told = blocked_of(errors.Blocked("new", "c", "a"))
    assert not told.HasField("score")
    assert not told.HasField("threshold")
    assert told.stage == errors_pb2.GATE_STAGE_UNSPECIFIED
