"""What the inspector is asked, and what it answers: a message, or the fault as a message."""

from __future__ import annotations

from pathlib import Path

from retouch.picture_file import pixels_of
from retouch.v1 import errors_pb2
from retouch.v1 import trust_service_pb2 as pb
from retouch_daemon.failures import failed_of
from retouch_daemon.inspector.reports import kept_receipt, verified
from retouch_daemon.link.frames import Frame
from retouch_daemon.storage.reading import read_blob
from retouch_safety.errors import InvalidInput
from retouch_safety.inspection import Inspector
from retouch_safety.inspection.receipt_check import kept_receipts
from retouch_safety.installation import Installation


def answered(question: Frame, blobs: Path) -> Frame:
    """Answer a question of kind ``verify`` or ``receipt``.

    Args:
        question: its payload is the request's message.
        blobs: folder of the blobs.
    """
    call = {"call": question.text("call")}
    try:
        answer = _answers(question, blobs)
        return Frame(question.kind, call, answer.SerializeToString())
    except MemoryError:
        failed = errors_pb2.Failed(
            code=errors_pb2.ERROR_CODE_EXHAUSTED,
            message="picture: it needs more memory than the inspector may have",
            fix="send a smaller one",
        )
    except Exception as problem:  # of hostile files anything may come
        failed = failed_of(problem)
        if (
            failed.field_path.partition(".")[0] == "file"
        ):  # what the inspector calls a picture's bytes
            failed.field_path = "picture"
    return Frame(f"{question.kind}_failed", call, failed.SerializeToString())


def _answers(question: Frame, blobs: Path) -> pb.VerifyResponse | pb.ReceiptResponse:
    # Anew for every question: keys and roots may have changed.
    installation = Installation.default()
    inspector = Inspector.of_installation(installation)
    if question.kind == "verify":
        request = pb.VerifyRequest.FromString(question.payload)
        data = file_of(request.picture, blobs)
        return verified(inspector.inspect(data, pixels_of, search=request.search))
    record = int(pb.ReceiptRequest.FromString(question.payload).record, 16)
    found = kept_receipts(installation.manifests.get(record), record)
    return pb.ReceiptResponse(receipts=[kept_receipt(each, inspector) for each in found])


def file_of(picture: pb.PictureFile, blobs: Path) -> bytes:
    """Return a picture file's bytes.

    Raises:
        InvalidInput: none was given. StorageError: it is not stored.
    """
    if picture.WhichOneof("file") == "sha256":
        return read_blob(blobs, picture.sha256)
    if not picture.data:
        fix = "send its bytes, or the digest of an uploaded blob"
        raise InvalidInput("picture.file", "nothing", "data or sha256", fix)
    return picture.data
