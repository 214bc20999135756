"""The smallest cases of what random ones have found."""

import struct

import grpc
import pytest
from checked_calls import METHODS, Call, Sender
from endurance.calls import Calls, typed_error
from templates import edits

from retouch.errors import ModelInvalid
from retouch.models.weights_file import read_header
from retouch.v1 import (
    blob_service_pb2,
    catalog_service_pb2,
    edit_service_pb2,
    errors_pb2,
    trust_service_pb2,
)


@pytest.fixture
def refused(fuzzed, loop):
    """Makes one call; returns its status and the Failed that comes with it."""

    async def call(path, *sent):
        sender = Sender(fuzzed.endpoint, loop)
        sender.calls = Calls(fuzzed.endpoint, "found")
        with pytest.raises(grpc.aio.AioRpcError) as problem:
            await sender._made(Call(path, sent), METHODS[path])
        await sender.calls.close()
        return problem.value.code(), typed_error(problem.value)

    return lambda path, *sent: loop.run(call(f"/retouch.v1.{path}", *sent))


@pytest.fixture
def stored(fuzzed, loop):
    """Requests that are right, whose pictures are stored."""
    found, blobs = edits()

    async def upload():
        client = Calls(fuzzed.endpoint, "found")
        for data in blobs.values():
            await client.upload(data)
        await client.close()

    loop.run(upload())
    return found


@pytest.mark.parametrize("path", ["EditService/Plan", "BlobService/Put", "EditService/Watch"])
def test_bytes_that_are_no_message(refused, path):
    """They were UNKNOWN, without a message, and a stack trace in the log each."""
    status, failed = refused(path, b"\xff")
    assert status is grpc.StatusCode.INVALID_ARGUMENT
    assert failed.field_path == "request" and failed.allowed and failed.fix


@pytest.mark.parametrize("name", ["Stat", "Get", "Pin"])
@pytest.mark.parametrize("digest", ["", "../x", "F" * 64])
def test_a_digest_that_is_none(refused, name, digest):
    """It named no field, and said ValueError."""
    request = getattr(blob_service_pb2, f"{name}Request")(sha256=digest)
    status, failed = refused(f"BlobService/{name}", request)
    assert status is grpc.StatusCode.INVALID_ARGUMENT
    assert (failed.code, failed.field_path) == (errors_pb2.ERROR_CODE_INVALID_FIELD, "sha256")
    assert failed.message.startswith("sha256: got ") and failed.allowed and failed.fix


def test_a_piece_that_does_not_follow(refused):
    """It named no field."""
    request = blob_service_pb2.PutRequest(sha256="0" * 64, offset=5, chunk=b"a")
    status, failed = refused("BlobService/Put", request)
    assert status is grpc.StatusCode.ABORTED
    assert (failed.field_path, failed.value) == ("offset", "5") and failed.retryable


@pytest.mark.parametrize("seconds", [-(2**63), 2**63 - 1, -1, 0, 10**10])
def test_a_time_limit_that_no_calendar_has(fuzzed, stored, refused, loop, seconds):
    """The job was kept, and could never be told: listing a client's jobs failed from then on."""
    edit = stored[0]
    edit.time_limit.seconds = seconds
    _, failed = refused("EditService/Submit", edit_service_pb2.SubmitRequest(edit=edit))
    assert failed.field_path == "time_limit"
    listing = Call("/retouch.v1.EditService/ListJobs", (edit_service_pb2.ListJobsRequest(),))
    assert not Sender(fuzzed.endpoint, loop, "found").send([listing]).problems


@pytest.mark.parametrize("name", ["Plan", "Submit"])
def test_an_operation_that_cannot_be_unpacked(refused, name):
    """It named no operation."""
    request = getattr(edit_service_pb2, f"{name}Request")()
    request.edit.CopyFrom(edits()[0][0])
    request.edit.client_job_id = "unpacked"
    custom = request.edit.operations.add().custom
    custom.type_url, custom.value = "type.googleapis.com/retouch.v1.CustomOperation", b"\xff"
    _, failed = refused(f"EditService/{name}", request)
    assert failed.field_path == f"operations[{len(request.edit.operations) - 1}].custom"


def test_a_ranker_that_is_none(stored, refused):
    """It named clip.model, which no message has."""
    request = edit_service_pb2.PlanRequest(edit=stored[5])
    request.edit.operations[0].best_of.model = "retouch-mini"
    _, failed = refused("EditService/Plan", request)
    assert failed.field_path == "operations[0].best_of.model"


def test_a_name_that_no_model_can_have(refused):
    """It named model.name, and advised an option of another command."""
    for name in ("", "../x"):
        request = catalog_service_pb2.LoadModelRequest(model=name)
        _, failed = refused("CatalogService/LoadModel", request)
        assert failed.field_path == "model" and "--name" not in failed.fix


@pytest.mark.parametrize("name", ["Verify", "SignExport"])
def test_bytes_that_are_no_picture(refused, name):
    """It named a file, which the request does not have."""
    picture = trust_service_pb2.PictureFile(data=b"no picture")
    request = getattr(trust_service_pb2, f"{name}Request")(picture=picture)
    _, failed = refused(f"TrustService/{name}", request)
    assert failed.field_path == "picture"


def test_a_header_that_is_nested_without_end(tmp_path):
    """It was a RecursionError."""
    file = tmp_path / "deep.safetensors"
    file.write_bytes(struct.pack("<Q", 100_000) + b"[" * 100_000)
    with pytest.raises(ModelInvalid):
        read_header(file)


@pytest.mark.parametrize("entry", ['{"shape": [1e999], "data_offsets": [0, 4]}',
                                   '{"shape": [1], "data_offsets": [0, "x"]}'])  # fmt: skip
def test_a_header_with_numbers_that_are_none(tmp_path, entry):
    """They were an OverflowError and a TypeError."""
    text = f'{{"a": {entry}}}'.encode()
    file = tmp_path / "odd.safetensors"
    file.write_bytes(struct.pack("<Q", len(text)) + text + bytes(4))
    with pytest.raises(ModelInvalid):
        read_header(file)
