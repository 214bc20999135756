"""A caller who leaves in the middle of an upload goes on with it: a part is not taken for all."""

import asyncio
import hashlib
import os

import grpc
import pytest

from retouch.v1 import blob_service_pb2 as pb
from retouch.v1.blob_service_pb2_grpc import BlobServiceStub

PIECE = 1 << 20


@pytest.mark.parametrize("written", [False, True])
def test_what_came_before_a_caller_left_stays(served, written):
    """Args: written: the caller leaves once all is written; at once pieces may be lost."""
    data = os.urandom(4 * PIECE)
    digest = hashlib.sha256(data).hexdigest()
    metadata = (("authorization", f"Bearer {served.endpoint.token()}"), ("retouch-client", "left"))

    async def upload_and_leave():
        async with grpc.aio.insecure_channel(served.endpoint.address) as channel:
            blobs = BlobServiceStub(channel)

            async def there():
                asked = pb.MissingRequest(sha256=[digest])
                found = await blobs.Missing(asked, metadata=metadata)
                return found.missing[0].uploaded_bytes

            call = blobs.Put(metadata=metadata)
            for number in range(3):
                chunk = data[number * PIECE : (number + 1) * PIECE]
                await call.write(pb.PutRequest(sha256=digest, chunk=chunk))
            async with asyncio.timeout(30):
                while written and await there() < 3 * PIECE:
                    await asyncio.sleep(0.02)
            call.cancel()
            found = []
            for _ in range(4):
                await asyncio.sleep(0.1)
                found.append(await there())
            return found

    there = asyncio.run(upload_and_leave())
    assert there == sorted(there)
    assert there[-1] == 3 * PIECE if written else there[-1] <= 3 * PIECE
