"""What a status stands for, whichever of gRPC's clients has got it."""

import grpc
import pytest
from grpc.aio import AioRpcError, Metadata

from retouch.client.failures import FAILED_KEY, error_of_call
from retouch.errors import InvalidField
from retouch.v1 import errors_pb2


@pytest.mark.parametrize("kind", [Metadata, lambda *pairs: pairs])
def test_a_status_of_the_asynchronous_client_is_read(kind):
    failed = errors_pb2.Failed(
        code=errors_pb2.ERROR_CODE_INVALID_FIELD,
        field_path="sampling.steps",
        message="sampling.steps: got 0; allowed: 1 to 250. Fix: give more.",
        allowed="1 to 250",
        fix="give more",
    )
    sent = kind((FAILED_KEY, failed.SerializeToString()))
    problem = AioRpcError(grpc.StatusCode.INVALID_ARGUMENT, kind(), sent, "no")
    found = error_of_call(problem, "127.0.0.1:1")
    assert isinstance(found, InvalidField) and "sampling.steps" in str(found)
