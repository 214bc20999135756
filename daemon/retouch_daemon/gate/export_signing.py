"""Signing what a host exported: the gate looks at it, as at everything that leaves."""

from __future__ import annotations

from pathlib import Path

import retouch
from retouch.admitted import blocking
from retouch.errors import Blocked
from retouch.picture_file import pixels_of
from retouch.v1 import image_pb2
from retouch.v1 import trust_service_pb2 as pb
from retouch_daemon.failures import blocked_of, failed_of
from retouch_daemon.link.frames import Frame, Value
from retouch_daemon.storage.reading import read_blob
from retouch_safety.export_signing import SignedExport, signed_export
from retouch_safety.gate import Gate
from retouch_safety.provenance import SeenMark
from retouch_safety.provenance.file_kind import required_kind

_MEDIA_TYPES = {
    "PNG": "image/png",
    "JPEG": "image/jpeg",
    "WEBP": "image/webp",
    "TIFF": "image/tiff",
}
_TITLE = "export"


def signed_answer(question: Frame, gate: Gate, blobs: Path) -> Frame:
    """Answer a ``sign_export``: its message, and behind it the signed file.

    Args:
        question: its payload is a SignExportRequest.
        gate: looks at the picture, and signs.
        blobs: folder of the blobs.
    """
    call = question.text("call")
    try:
        request = pb.SignExportRequest.FromString(question.payload)
        data = request.picture.data or read_blob(blobs, request.picture.sha256)
        with blocking():
            signed = signed_export(
                data,
                pixels_of,
                gate,
                title=request.title or _TITLE,
                version=retouch.__version__,
                search=request.search,
            )
        message = _message(signed).SerializeToString()
        values: dict[str, Value] = {"call": call, "message_bytes": len(message)}
        return Frame("sign_export", values, message + signed.data)
    except Blocked as refusal:
        payload = blocked_of(refusal).SerializeToString()
        return Frame("sign_export_blocked", {"call": call}, payload)
    except Exception as problem:
        failed = failed_of(problem)
        if failed.field_path.partition(".")[0] == "file":  # what the gate calls a picture's bytes
            failed.field_path = "picture"
        return Frame("sign_export_failed", {"call": call}, failed.SerializeToString())


def _message(signed: SignedExport) -> pb.SignExportResponse:
    kind = required_kind(signed.data).name.upper()
    layout = image_pb2.EncodedLayout(media_type=_MEDIA_TYPES.get(kind, ""))
    return pb.SignExportResponse(
        picture=image_pb2.ImageRef(encoded=layout),
        marks=[_mark(mark, known) for mark, known in zip(signed.marks, signed.known, strict=True)],
        left_out=[pb.LeftOut(what=what, size_bytes=size) for what, size in signed.left_out],
        audit_record=signed.head.number,
    )


def _mark(mark: SeenMark, known: bool) -> pb.SignedMark:
    found = pb.SignedMark(record=f"{mark.record:08x}", known=known)
    if mark.region is not None:
        x, y, width, height = mark.region
        found.region.CopyFrom(image_pb2.Rect(x=x, y=y, width=width, height=height))
    return found
