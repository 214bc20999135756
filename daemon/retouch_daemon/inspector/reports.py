"""What was found in a picture, as messages."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterable
from datetime import datetime

from google.protobuf.struct_pb2 import Struct

from retouch.v1 import image_pb2, trust_pb2
from retouch.v1 import trust_service_pb2 as pb
from retouch_safety.content import Box
from retouch_safety.foreign_marks import ForeignMark
from retouch_safety.inspection import (
    Inspector,
    PictureReport,
    ReceiptReport,
    ReceiptSignature,
)
from retouch_safety.inspection.receipt_check import Likeness, check
from retouch_safety.provenance.report import ManifestReport, Status, Step, TrustedBy
from retouch_safety.receipt import Receipt
from retouch_safety.tilemark import Claim, FoundMark

_INTACT = (Status.TRUSTED, Status.UNTRUSTED)


def verified(report: PictureReport) -> pb.VerifyResponse:
    """Return a report as a message: its verdict, sentences, parts, and all of it."""
    own = [report.receipt] if report.receipt is not None else []
    # The one in the file is most often kept here, too.
    receipts = {each.receipt.to_json(): each for each in (*report.kept, *own)}
    ordered = sorted(receipts.values(), key=lambda each: each is not report.receipt)
    provenance = report.provenance
    active = [] if provenance.active is None else [provenance.active]
    found = pb.VerifyResponse(
        status=trust_pb2.TrustStatus.Value(f"TRUST_STATUS_{report.status}"),
        ours=is_ours(report),
        intact=report.status in _INTACT,
        words=report.words(),
        marks=[_mark(mark) for mark in report.marks],
        foreign=[_foreign(mark) for mark in report.foreign],
        receipts=[receipt_message(each) for each in ordered],
        manifests=[_manifest(each) for each in (*active, *provenance.history)],
        problems=[
            trust_pb2.TrustProblem(code=each.code, explanation=each.explanation)
            for each in provenance.problems
        ],
    )
    found.report.CopyFrom(_struct(report.fields()))
    return found


def is_ours(report: PictureReport) -> bool:
    """Whether something that only this installation can write says that it made the picture.

    That is a mark of its secret keys, a receipt or a manifest with a signature of its own.
    """
    receipts = (report.receipt, *report.kept)
    signed = report.provenance.active
    return (
        any(mark.claim is Claim.AUTHENTIC for mark in report.marks)
        or any(each and each.signature is ReceiptSignature.VALID for each in receipts)
        or (signed is not None and signed.signer.trusted_by is TrustedBy.INSTALLATION)
    )


def kept_receipt(receipt: Receipt, inspector: Inspector) -> trust_pb2.CheckedReceipt:
    """Return a receipt that is kept here, without a picture to compare it with."""
    report = check(receipt, inspector.receipt_keys, Likeness("", receipt.fingerprint))
    found = receipt_message(report)
    found.ClearField("bits_apart")
    return found


def receipt_message(report: ReceiptReport) -> trust_pb2.CheckedReceipt:
    """Return a checked receipt as a message."""
    receipt = report.receipt
    found = trust_pb2.CheckedReceipt(
        record=receipt.record,
        signature=trust_pb2.ReceiptSignature.Value(f"RECEIPT_SIGNATURE_{report.signature}"),
        same_pixels=report.same_pixels,
        bits_apart=report.bits_apart,
        operations=receipt.operations,
        model=receipt.model,
        form=receipt.form,
        signer=receipt.signer,
        job_id=receipt.job,
        json=receipt.to_json(),
    )
    if receipt.mark_area is not None:
        found.mark_area.CopyFrom(_rect(receipt.mark_area))
    with contextlib.suppress(ValueError, OverflowError):  # a stranger's may say anything
        found.created.FromDatetime(datetime.fromisoformat(receipt.created))
    return found


def _mark(mark: FoundMark) -> trust_pb2.FoundMark:
    payload = mark.payload
    return trust_pb2.FoundMark(
        claim=trust_pb2.MarkClaim.Value(f"MARK_CLAIM_{mark.claim}"),
        record="" if payload is None else f"{payload.record:08x}",
        key=0 if payload is None else payload.key_id,
        region=_rect(mark.region),
        false_accept=mark.false_accept,
    )


def _foreign(mark: ForeignMark) -> trust_pb2.ForeignMark:
    return trust_pb2.ForeignMark(
        name=mark.name, writer=mark.writer, matching_bits=mark.matching, bits=mark.length
    )


def _manifest(manifest: ManifestReport) -> trust_pb2.TrustManifest:
    return trust_pb2.TrustManifest(
        label=manifest.label,
        title=manifest.title,
        generator=manifest.generator,
        signer=manifest.signer.name,
        trusted_by=manifest.signer.trusted_by,
        records=manifest.records,
        steps=_steps(manifest.steps),
    )


def _steps(steps: Iterable[Step]) -> list[trust_pb2.TrustStep]:
    return [
        trust_pb2.TrustStep(
            action=step.action,
            operations=step.operations,
            when=step.when,
            software=step.software,
            regions=[_rect(box) for box in step.regions],
        )
        for step in steps
    ]


def _rect(box: Box) -> image_pb2.Rect:
    return image_pb2.Rect(x=box.x, y=box.y, width=box.width, height=box.height)


def _struct(fields: dict[str, object]) -> Struct:
    found = Struct()
    # Through JSON, as the command line prints it: enumerations become words.
    found.update(json.loads(json.dumps(fields, default=str)))
    return found
