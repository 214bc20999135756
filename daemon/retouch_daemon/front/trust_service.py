"""``TrustService``: where pictures come from, and exports signed again."""

from __future__ import annotations

import asyncio
import re
from typing import Any, Final

import grpc

from retouch.errors import InvalidField
from retouch.v1 import errors_pb2
from retouch.v1 import trust_service_pb2 as pb
from retouch.v1 import trust_service_pb2_grpc as rpc
from retouch_daemon.front.asking import asked
from retouch_daemon.front.identity import client_of
from retouch_daemon.front.inspection_process import InspectionProcess, TooSlow
from retouch_daemon.front.named_blobs import checked_digest
from retouch_daemon.front.statuses import Refusal, refuse_unless_answered
from retouch_daemon.front.worker_process import WorkerProcess
from retouch_daemon.link.frames import BrokenFrame, Frame
from retouch_daemon.storage.blob_store import BlobStore
from retouch_daemon.storage.errors import UnknownBlob
from retouch_daemon.storage.held import FETCH_SECONDS

#: Most bytes of a picture inside a request; most characters of a title.
MOST_INLINE: Final = 1_000_000
_TITLE_CHARACTERS: Final = 200
_RECORD: Final = re.compile("[0-9a-f]{8}")

_Context = grpc.aio.ServicerContext[Any, Any]


class TrustService(rpc.TrustServiceServicer):
    """Answers hosts about where pictures come from.

    Args:
        blobs: where pictures are. inspector: looks at them. gate: signs exports.
    """

    def __init__(self, blobs: BlobStore, inspector: InspectionProcess, gate: WorkerProcess) -> None:
        self._blobs, self._inspector, self._gate = blobs, inspector, gate

    async def Verify(self, request: pb.VerifyRequest, context: _Context) -> pb.VerifyResponse:
        """Say everything that is known about a picture."""
        await self._check(request.picture)
        answer = await self._asked("verify", request.SerializeToString())
        return pb.VerifyResponse.FromString(answer.payload)

    async def Receipt(self, request: pb.ReceiptRequest, context: _Context) -> pb.ReceiptResponse:
        """Return the receipts of a record."""
        if not _RECORD.fullmatch(request.record):
            allowed, fix = "8 lower-case hexadecimal digits", "send a Result's receipt_id"
            raise InvalidField("record", request.record, allowed, fix)
        answer = await self._asked("receipt", request.SerializeToString())
        found = pb.ReceiptResponse.FromString(answer.payload)
        if not found.receipts:
            raise Refusal(_unknown(request.record), grpc.StatusCode.NOT_FOUND)
        return found

    async def SignExport(
        self, request: pb.SignExportRequest, context: _Context
    ) -> pb.SignExportResponse:
        """Sign what a host exported."""
        await self._check(request.picture)
        if len(request.title) > _TITLE_CHARACTERS:
            allowed = f"at most {_TITLE_CHARACTERS} characters"
            given = f"{len(request.title)} characters"
            raise InvalidField("title", given, allowed, "shorten it")
        answer = await asked(self._gate, "sign_export", request.SerializeToString())
        refuse_unless_answered(answer, "sign_export")
        return await self._kept(answer, client_of(context))

    async def _kept(self, answer: Frame, client: str) -> pb.SignExportResponse:
        """The response, whose picture comes behind it and is stored here."""
        length = answer.values.get("message_bytes")
        if not isinstance(length, int) or isinstance(length, bool):
            raise BrokenFrame(f"sign_export.message_bytes is {length!r}, not a number")
        found = pb.SignExportResponse.FromString(answer.payload[:length])
        data = answer.payload[length:]
        stat = await asyncio.to_thread(self._blobs.add, data, client, hold=FETCH_SECONDS)
        found.picture.sha256, found.picture.size_bytes = stat.digest, stat.size
        return found

    async def _check(self, picture: pb.PictureFile) -> None:
        """Refuse what is no picture at all before anybody is asked."""
        if picture.WhichOneof("file") == "sha256":
            checked_digest(picture.sha256, "picture.sha256")
            if not await asyncio.to_thread(self._blobs.has, picture.sha256):
                raise UnknownBlob(picture.sha256)
        elif not picture.data:
            fix = "send its bytes, or the digest of an uploaded blob"
            raise InvalidField("picture.file", "nothing", "data or sha256", fix)
        elif len(picture.data) > MOST_INLINE:
            allowed, given = f"at most {MOST_INLINE} bytes", f"{len(picture.data)} bytes"
            raise InvalidField("picture.data", given, allowed, "upload it and send its digest")

    async def _asked(self, kind: str, payload: bytes) -> Frame:
        try:
            answer = await self._inspector.ask(kind, payload)
        except TooSlow as problem:
            code = errors_pb2.ERROR_CODE_TIME_LIMIT
            failed = errors_pb2.Failed(code=code, field_path="picture", message=str(problem))
            raise Refusal(failed, grpc.StatusCode.DEADLINE_EXCEEDED) from None
        refuse_unless_answered(answer, kind)
        return answer


def _unknown(record: str) -> errors_pb2.Failed:
    return errors_pb2.Failed(
        code=errors_pb2.ERROR_CODE_INVALID_FIELD,
        field_path="record",
        value=record,
        allowed="a record whose manifest is kept here",
        message=f"record: no receipt of {record} is kept here",
        fix="verify the picture itself",
    )
