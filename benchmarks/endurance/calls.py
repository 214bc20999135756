"""One client's calls, over a real socket, with what the daemon asks of every caller."""

from __future__ import annotations

import hashlib
from typing import Any

import grpc

from retouch.client.calls import GONE, metadata_of
from retouch.client.failures import BLOCKED_KEY, FAILED_KEY
from retouch.client.finding import Endpoint
from retouch.client.uploads import pieces_of
from retouch.v1 import blob_service_pb2, errors_pb2
from retouch.v1.blob_service_pb2_grpc import BlobServiceStub
from retouch.v1.catalog_service_pb2_grpc import CatalogServiceStub
from retouch.v1.edit_service_pb2_grpc import EditServiceStub
from retouch.v1.trust_service_pb2_grpc import TrustServiceStub

#: A daemon that is back is noticed within half a second.
_OPTIONS = (
    ("grpc.initial_reconnect_backoff_ms", 100),
    ("grpc.min_reconnect_backoff_ms", 100),
    ("grpc.max_reconnect_backoff_ms", 500),
    ("grpc.max_receive_message_length", 4 << 20),
    # Every client has a connection of its own.
    ("grpc.use_local_subchannel_pool", 1),
)


class Calls:
    """Stubs of one client on one connection. Make it on the event loop that uses it."""

    def __init__(self, endpoint: Endpoint, name: str) -> None:
        self.name = name
        self.metadata = metadata_of(endpoint, name)
        self.channel = grpc.aio.insecure_channel(endpoint.address, options=_OPTIONS)
        self.edits: Any = EditServiceStub(self.channel)
        self.blobs: Any = BlobServiceStub(self.channel)
        self.catalog: Any = CatalogServiceStub(self.channel)
        self.trust: Any = TrustServiceStub(self.channel)

    async def close(self) -> None:
        """Close the connection."""
        await self.channel.close()

    async def upload(self, data: bytes, seconds: float = 30.0) -> str:
        """Upload what the daemon lacks, from where it stands; return the digest."""
        digest = hashlib.sha256(data).hexdigest()
        asked = blob_service_pb2.MissingRequest(sha256=[digest])
        answer = await self.blobs.Missing(asked, metadata=self.metadata, timeout=seconds)
        for missing in answer.missing:
            pieces = pieces_of(digest, data, missing.uploaded_bytes)
            await self.blobs.Put(pieces, metadata=self.metadata, timeout=seconds)
        return digest

    async def fetch(self, digest: str, seconds: float = 30.0) -> bytes:
        """Return the bytes of a blob."""
        data = bytearray()
        asked = blob_service_pb2.GetRequest(sha256=digest)
        async for piece in self.blobs.Get(asked, metadata=self.metadata, timeout=seconds):
            data += piece.chunk
        return bytes(data)


def typed_error(
    problem: grpc.aio.AioRpcError,
) -> errors_pb2.Failed | errors_pb2.Blocked | None:
    """Return the message that comes with a status; None where there is none."""
    sent = {key: value for key, value in problem.trailing_metadata() or ()}
    if isinstance(message := sent.get(FAILED_KEY), bytes):
        return errors_pb2.Failed.FromString(message)
    if isinstance(message := sent.get(BLOCKED_KEY), bytes):
        return errors_pb2.Blocked.FromString(message)
    return None


def is_gone(problem: grpc.aio.AioRpcError) -> bool:
    """Whether the daemon, or a process of it, is away, so that the same call is made again."""
    failed = typed_error(problem)
    if isinstance(failed, errors_pb2.Failed):
        return failed.retryable
    return problem.code() in GONE
