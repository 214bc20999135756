"""What every call of a client has, and what its messages are, for both kinds of client."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import grpc

from retouch.client.edit_messages import PRIORITIES, known_word
from retouch.client.finding import Endpoint
from retouch.client.uploads import Uploads
from retouch.errors import InvalidField
from retouch.v1 import edit_pb2, trust_service_pb2
from retouch.v1 import edit_service_pb2 as pb

#: Seconds between two attempts to reach the daemon, and for how long.
PAUSE: Final = 0.5
PATIENCE: Final = 60.0
#: Statuses after which a stream is taken up again.
GONE: Final = (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.CANCELLED)
#: Most bytes of a picture inside a request.
_INLINE: Final = 1_000_000
_NAME: Final = re.compile(r"[A-Za-z0-9._-]{1,64}")

Metadata = tuple[tuple[str, str], ...]


def metadata_of(endpoint: Endpoint, name: str) -> Metadata:
    """Return what every call carries.

    Raises:
        InvalidField: no token can be read; or no name: a daemon takes its owner for ``default``.
    """
    if not _NAME.fullmatch(name):
        allowed = "1 to 64 letters, digits, dots, dashes or underscores"
        raise InvalidField("name", name, allowed, "choose another")
    return (("authorization", f"Bearer {endpoint.token()}"), ("retouch-client", name))


def update_request(
    job_ids: Sequence[str],
    *,
    group: str,
    document_id: str,
    priority: str | None,
    paused: bool | None,
    new_group: str | None,
    time_limit: float | None,
    no_time_limit: bool,
) -> pb.UpdateRequest:
    """Return the message of an update. Raises InvalidField."""
    request = pb.UpdateRequest(job_ids=job_ids, group=group, document_id=document_id)
    if priority is not None:
        chosen = known_word("priority", priority, PRIORITIES)
        request.priority = edit_pb2.PriorityClass.ValueType(chosen)
    if paused is not None:
        request.paused = paused
    if new_group is not None:
        request.new_group = new_group
    if no_time_limit:
        if time_limit is not None:
            fix = "give one of them"
            raise InvalidField("time_limit", time_limit, "None, with no_time_limit", fix)
        request.no_time_limit = True
    elif time_limit is not None:
        request.time_limit.FromNanoseconds(round(time_limit * 1e9))
    return request


def picture_file(file: bytes | str | Path, uploads: Uploads) -> trust_service_pb2.PictureFile:
    """Return a picture file for the trust service: small ones go along, others are uploaded."""
    data = file if isinstance(file, bytes) else Path(file).read_bytes()
    if len(data) <= _INLINE:
        return trust_service_pb2.PictureFile(data=data)
    return trust_service_pb2.PictureFile(sha256=uploads.data(data).sha256)
