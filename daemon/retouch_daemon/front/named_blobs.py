"""The blobs that a request names, however deep."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from google.protobuf.any_pb2 import Any
from google.protobuf.message import DecodeError, Message

from retouch.errors import InvalidField
from retouch.v1 import edit_pb2, image_pb2, operation_pb2
from retouch_daemon.storage.blob_store import BlobStore
from retouch_daemon.storage.errors import UnknownBlob

_DIGEST: Final = re.compile(r"[0-9a-f]{64}")


def parts_of(message: Message) -> Iterator[Message]:
    """Yield a message and every message in it, also in maps and in packed operations.

    Raises:
        InvalidField: a packed operation that cannot be read.
    """
    yield message
    if isinstance(message, Any):
        packed = _unpacked(message)
        if packed is not None:
            yield from parts_of(packed)
        return
    for descriptor, value in message.ListFields():
        kind = descriptor.message_type
        if kind is None:
            continue
        if kind.GetOptions().map_entry:
            if kind.fields_by_name["value"].message_type is not None:
                for each in value.values():
                    yield from parts_of(each)
            continue
        for each in value if descriptor.is_repeated else (value,):
            yield from parts_of(each)


def digests_of(message: Message) -> list[str]:
    """Return every digest of a stored blob that a message names, each once. Raises InvalidField."""
    found = []
    for part in parts_of(message):
        if isinstance(part, image_pb2.ImageRef):
            found.append(part.sha256)
        elif isinstance(part, image_pb2.ColorProfile) and part.icc_sha256:
            found.append(part.icc_sha256)
    return list(dict.fromkeys(found))


def checked_blobs(edit: edit_pb2.EditRequest, blobs: BlobStore) -> list[str]:
    """Return the digests that a request names, all of which are stored. Reads the disk.

    Raises:
        UnknownBlob: one is not. InvalidField: the source is not named, or no digest.
    """
    if not edit.canvas.source.sha256:
        fix = "upload the picture and name it"
        raise InvalidField("canvas.source", "unset", "an ImageRef", fix)
    for i, operation in enumerate(edit.operations):
        if operation.WhichOneof("technique") == "custom":
            _unpacked(operation.custom, f"operations[{i}].custom")
    digests = digests_of(edit)
    for digest in digests:
        checked_digest(digest, "sha256")
    missing = blobs.missing(digests)
    if missing:
        raise UnknownBlob(next(iter(missing)))
    return digests


def checked_digest(digest: str, field: str) -> str:
    """Return a digest. Raises InvalidField for what is none."""
    if not _DIGEST.fullmatch(digest):
        allowed = "64 lower-case hexadecimal digits"
        raise InvalidField(field, digest, allowed, "send the SHA-256 of the bytes")
    return digest


def _unpacked(message: Any, field: str = "custom") -> operation_pb2.CustomOperation | None:
    packed = operation_pb2.CustomOperation()
    try:
        return packed if message.Unpack(packed) else None
    except DecodeError as problem:
        allowed = "a CustomOperation"
        raise InvalidField(field, str(problem), allowed, "pack the message anew") from None
