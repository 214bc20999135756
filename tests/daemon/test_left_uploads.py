"""A caller who leaves in the middle of an upload goes on with it: a part is not taken for all."""

import asyncio
import hashlib
import os

import grpc
import pytest

from retouch.v1 import blob_service_pb2 as pb
from retouch.v1.blob_service_pb2_grpc import BlobServiceStub

PIECE = 1 << 20


@pytest.mark.parametrize("silent", [0.0, 0.3])
def test_what_came_before_a_caller_left_stays(served, silent):
    """Args: silent: seconds between the last piece and the end; at once pieces may be lost."""
    data = os.urandom(4 * PIECE)
    digest = hashlib.sha256(data).hexdigest()
    metadata = (("authorization", f"Bearer {served.endpoint.token()}"), ("retouch-client", "left"))

    async def upload_and_leave():
        async with grpc.aio.insecure_channel(served.endpoint.address) as channel:
            blobs = BlobServiceStub(channel)
            call = blobs.Put(metadata=metadata)
            for number in range(3):
                chunk = data[number * PIECE : (number + 1) * PIECE]
                await call.write(pb.PutRequest(sha256=digest, chunk=chunk))
            await asyncio.sleep(silent)
            call.cancel()
            found = []
            for _ in range(4):
                await asyncio.sleep(0.1)
                asked = pb.MissingRequest(sha256=[digest])
                found.append((await blobs.Missing(asked, metadata=metadata)).missing[0])
            return [each.uploaded_bytes for each in found]

    there = asyncio.run(upload_and_leave())
    assert there == sorted(there)
    assert there[-1] == 3 * PIECE if silent else there[-1] <= 3 * PIECE
