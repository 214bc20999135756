"""A picture report in plain sentences."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from retouch_safety.content import Box
from retouch_safety.foreign_marks import ForeignMark
from retouch_safety.inspection.picture_report import PictureReport
from retouch_safety.inspection.receipt_check import ReceiptReport, ReceiptSignature
from retouch_safety.provenance.report import Status
from retouch_safety.tilemark import Claim, FoundMark

#: Bits of 64 that differ: up to the first, two pictures look alike; from the second on, unlike.
#: Measured on 18 photographs: at most 4 after JPEG at quality 50, 2 at half the size, 10 when 1.2
#: times as bright; from 20 (32 on average) between different ones.
ALIKE: Final = 10
UNLIKE: Final = 20

_SHOWN: Final = 200
_UPRIGHT: Final = 0.5  # degrees and per cent: less is the search's own error


def explain(report: PictureReport) -> str:
    """Return plain sentences, one a line: verdict, manifests, marks, receipts."""
    lines = [*_verdict(report), *_provenance(report)]
    lines += [_mark(mark, public=report.public) for mark in report.marks]
    lines += [_foreign(mark) for mark in report.foreign]
    lines += _receipt(report)
    lines += _kept(report)
    if report.unreadable:
        lines.append(f"Its pixels could not be looked at: {report.unreadable}")
    return "\n".join(lines)


def _verdict(report: PictureReport) -> list[str]:
    found = report.provenance
    if report.rests_on_receipt:
        return [
            f"{found.kind}: Intact: its pixels are bit for bit those of its signed receipt. "
            "It has no manifest."
        ]
    if report.unchecked:
        (reason,) = (problem.explanation for problem in found.problems[:1])
        return [f"{found.kind}: Whether it has a manifest could not be checked: {reason}"]
    if found.status is Status.NONE and found.marks:
        return [f"{found.kind}: It has no manifest: what is known of it comes from its watermark."]
    verdict = found.words().splitlines()[0]
    if found.kind == "PIXELS" and found.status is not Status.NONE:
        return [verdict, "The file has lost its manifest; its pixels fit the one kept here."]
    return [verdict]


def _provenance(report: PictureReport) -> list[str]:
    """Return the lines after the verdict; what the file itself says is not said again."""
    found = report.provenance
    marks = [replace(mark, recovered=()) if mark.in_file else mark for mark in found.marks]
    return replace(found, marks=tuple(marks)).words().splitlines()[1:]


def _mark(mark: FoundMark, *, public: bool) -> str:
    if mark.payload is None:
        return f"A watermark is in {_box(mark.region)}; its id could not be read."
    record, key = f"{mark.payload.record:08x}", mark.payload.key_id
    since = _placement(mark)
    if mark.claim is Claim.AUTHENTIC:
        return f"Watermark {record} was written with key {key} of this installation{since}."
    if public:
        return (
            f"Watermark {record} in {_box(mark.region)} was read with a published key{since}. "
            "Anyone who has that key could have written it."
        )
    return (
        f"A watermark in {_box(mark.region)} says {record}, key {key}, but was not written with "
        "a key of this installation: do not rely on it."
    )


def _foreign(mark: ForeignMark) -> str:
    bits = f"{mark.matching} of {mark.length} bits"
    return (
        f"The public mark {mark.name} was found ({bits}), as written by {mark.writer}. "
        "It has no key: anyone can write or copy it."
    )


def _placement(mark: FoundMark) -> str:
    scale, degrees, mirrored = mark.placement
    done = [f"scaled to {scale:.3g}"] if abs(scale - 1) * 100 > _UPRIGHT else []
    done += [f"turned by {degrees:.1f} degrees"] if abs(degrees) > _UPRIGHT else []
    done += ["mirrored"] if mirrored else []
    return f"; the picture was {', '.join(done)} since" if done else ""


def _receipt(report: PictureReport) -> list[str]:
    found = report.receipt
    if found is None:
        return []
    receipt = found.receipt
    if found.signature is ReceiptSignature.UNKNOWN_KEY:
        signer = _shown(receipt.signer) or "nobody"
        return [
            f"A receipt for {receipt.record} in its metadata is signed by {signer}, which is not "
            "known here: it proves nothing."
        ]
    if found.signature is ReceiptSignature.INVALID:
        return [
            f"Problem: a receipt for {receipt.record} in its metadata has a signature that does "
            "not hold: it was changed or forged."
        ]
    made = _made(found)
    if found.same_pixels:
        return [f"{made} The pixels are bit for bit those that were released."]
    lossy = " JPEG keeps no pixels bit for bit." if report.provenance.kind == "JPEG" else ""
    return [f"{made} The pixels are not those bit for bit; {_alike(found)}{lossy}"]


def _made(found: ReceiptReport) -> str:
    receipt = found.receipt
    model = f", model {_shown(receipt.model)}" if receipt.model else ""
    operations = ", ".join(_shown(name) for name in receipt.operations)
    return (
        f"Receipt {receipt.record}, signed by {receipt.signer}, valid: released "
        f"{_shown(receipt.created)} after {operations}{model}."
    )


def _kept(report: PictureReport) -> list[str]:
    """Return one line for each record: of its forms, the one that is most like the picture."""
    lines: list[str] = []
    own = report.receipt
    said = {own.receipt.record} if own and own.signature is ReceiptSignature.VALID else set()
    for found in report.kept:
        record = found.receipt.record
        if record in said:
            continue
        said.add(record)
        if found.signature is not ReceiptSignature.VALID:
            lines.append(f"Problem: the receipt kept here for {record} has no valid signature.")
        elif found.same_pixels:
            lines.append(f"{_made(found)} The pixels are bit for bit those that were released.")
        else:
            lines.append(f"{_made(found)} Against what was released then, {_alike(found)}")
    return lines


def _alike(found: ReceiptReport) -> str:
    if found.bits_apart is None:
        return "it cannot be compared."
    bits = f"{found.bits_apart} of 64 bits of the fingerprint differ"
    if found.bits_apart <= ALIKE:
        return f"it looks the same ({bits})."
    if found.bits_apart < UNLIKE:
        return f"it looks similar ({bits}): cropped or edited since."
    return (
        f"it looks different ({bits}): cropped, turned or part of another picture, or the mark was "
        "moved here from another picture."
    )


def _box(box: Box) -> str:
    return f"{box.width}x{box.height} pixels at {box.x},{box.y}"


def _shown(text: str) -> str:
    return "".join(c if c.isprintable() else "�" for c in text[:_SHOWN])
