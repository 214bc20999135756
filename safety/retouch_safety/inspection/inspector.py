"""Looks at picture files with the keys of an installation, or with published ones."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Final, NamedTuple, TypeAlias

from cryptography import x509

from retouch_safety.color_profile import shown
from retouch_safety.content import Pixels
from retouch_safety.errors import InvalidInput
from retouch_safety.foreign_marks import find_foreign_marks
from retouch_safety.inspection.picture_report import UNAVAILABLE, PictureReport
from retouch_safety.inspection.published_keys import PublishedKeys
from retouch_safety.inspection.receipt_check import (
    Likeness,
    ReceiptReport,
    check,
    kept_receipts,
    read_receipt,
)
from retouch_safety.inspection.receipt_in_files import receipt_text
from retouch_safety.installation import TRUST_ANCHORS, Installation
from retouch_safety.provenance import (
    ProvenanceUnavailable,
    Report,
    SeenMark,
    SidecarStore,
    Status,
    Trust,
    verify,
    verify_pixels,
)
from retouch_safety.provenance.file_kind import required_kind
from retouch_safety.provenance.report import MarkReport, Problem
from retouch_safety.receipt_key import key_id
from retouch_safety.tilemark import Claim, FoundMark, ReadingKeys, detect

_FARTHEST: Final = 64  # bits: of receipts that are no more alike than two pictures can be


class Decoded(NamedTuple):
    """A file's pixels.

    Attributes:
        pixels: H x W x 3 RGB, ``uint8``, ``uint16`` or ``float32`` where 1.0 is white.
        alpha: H x W at the same depth, or None.
        icc: ICC profile bytes of the RGB values, or None.
    """

    pixels: Pixels
    alpha: Pixels | None
    icc: bytes | None = None

    @property
    def shown(self) -> Pixels:
        """What the pixels look like; marks are in that."""
        return shown(self.pixels, self.icc)


#: Turns a file's content into pixels, or raises InvalidInput.
Decode: TypeAlias = Callable[[bytes], Decoded]


@dataclass(frozen=True, eq=False, repr=False)
class Inspector:
    """Looks at files; keeps, makes and changes nothing.

    Attributes:
        readers: keys to find marks with.
        receipt_keys: id -> public key, PEM, of the gates whose receipts count.
        trust: whose manifests count.
        store: manifests to look marks up in, None for none.
        public: the readers are published ones, which cannot tell who wrote a mark.
    """

    readers: tuple[ReadingKeys, ...]
    receipt_keys: Mapping[str, bytes]
    trust: Trust
    store: SidecarStore | None
    public: bool

    @classmethod
    def of_installation(cls, installation: Installation) -> Inspector:
        """Look with an installation's own keys; what it has not made yet is not made for it.

        Raises:
            SafetyError, OSError: a key that is damaged, or that others can read.
        """
        folder = installation.folder
        marked = any((folder / "keys").glob("auth-*.key"))
        readers = installation.keys.readers() if marked else ()
        signed = (folder / "receipts" / "receipt.key").is_file()
        known = {installation.receipts.id: installation.receipts.public} if signed else {}
        roots = replace(installation, anchors=None).trust.installation
        trust = Trust(roots, chosen_anchors(installation))
        return cls(readers, known, trust, installation.manifests, public=False)

    @classmethod
    def of_published(cls, keys: PublishedKeys, anchors: bytes = b"") -> Inspector:
        """Look with what another installation published.

        Args:
            keys: its public keys. Its roots count: whoever passes them has chosen to trust them.
            anchors: other roots that count, PEM.
        """
        known = {key_id(key): key for key in keys.receipts}
        return cls(keys.readers(), known, Trust(b"", keys.roots + anchors), None, public=True)

    def inspect(self, data: bytes, decode: Decode, *, search: bool = False) -> PictureReport:
        """Say everything about a file.

        Args:
            data: a PNG, JPEG, WebP or TIFF file, whole.
            decode: how its pixels are read, at their own depth.
            search: also look for marks of pictures that were scaled, turned or mirrored, and for
                others' marks in cropped ones; seconds.

        Returns:
            The report. A file that has a manifest but pixels that cannot be decoded has one, too.

        Raises:
            InvalidInput: not a picture file, or one without a manifest that cannot be decoded.
        """
        required_kind(data)
        try:
            decoded = decode(data)
        except InvalidInput as problem:
            return self._undecoded(data, problem)
        shown_pixels = decoded.shown
        marks = tuple(detect(shown_pixels, self.readers, any_placement=search))
        seen = seen_marks(marks, public=self.public)
        pixels = Likeness.of(*decoded)
        receipt = read_receipt(receipt_text(data))
        report = self._verified(data, seen)
        if report.status in (Status.NONE, Status.RECOVERED):
            claimed = [] if receipt is None else [int(receipt.record, 16)]
            with suppress(ProvenanceUnavailable):  # the report says so already
                report = self._by_pixels(report, decoded, [*(m.record for m in seen), *claimed])
        return PictureReport(
            provenance=report,
            marks=marks,
            foreign=find_foreign_marks(shown_pixels, cropped=search),
            receipt=None if receipt is None else check(receipt, self.receipt_keys, pixels),
            kept=self._kept(seen, pixels),
            public=self.public,
        )

    def inspect_pixels(self, decoded: Decoded, *, search: bool = False) -> PictureReport:
        """Say everything about pixels that have no picture file of their own, as a layer has none.

        Args:
            decoded: at their own depth.
            search: as of :meth:`inspect`.

        Returns:
            The report, of kind ``PIXELS``: by their marks, and the manifests that are kept here.
        """
        shown_pixels = decoded.shown
        marks = tuple(detect(shown_pixels, self.readers, any_placement=search))
        seen = seen_marks(marks, public=self.public)
        pixels = Likeness.of(*decoded)
        named = tuple(MarkReport(f"{mark.record:08x}", mark.region, False, ()) for mark in seen)
        report = Report(Status.NONE, "PIXELS", None, (), (), "", (), named)
        if self.store is not None:
            with suppress(ProvenanceUnavailable):
                found = [
                    verify_pixels(
                        decoded.pixels, decoded.alpha, mark.record, self.store, self.trust
                    )
                    for mark in seen
                ]
                report = min([*found, report], key=lambda each: tuple(Status).index(each.status))
        return PictureReport(
            provenance=report,
            marks=marks,
            foreign=find_foreign_marks(shown_pixels, cropped=search),
            receipt=None,
            kept=self._kept(seen, pixels),
            public=self.public,
        )

    def _undecoded(self, data: bytes, problem: InvalidInput) -> PictureReport:
        report = self._verified(data, ())
        if report.status is Status.NONE:
            raise problem
        return PictureReport(report, (), (), None, (), self.public, unreadable=str(problem))

    def _verified(self, data: bytes, seen: Sequence[SeenMark]) -> Report:
        try:
            return verify(data, self.trust, marks=seen, store=self.store)
        except ProvenanceUnavailable as error:  # what needs no manifest can still be said
            marks = tuple(MarkReport(f"{m.record:08x}", m.region, False, ()) for m in seen)
            problem = Problem(UNAVAILABLE, str(error))
            kind = required_kind(data).name
            return Report(Status.NONE, kind, None, (), (problem,), "", (), marks)

    def _by_pixels(self, report: Report, decoded: Decoded, records: Sequence[int]) -> Report:
        """Return what a kept manifest says that fits every bit of the pixels, if there is one.

        Who claims the record is no matter: the manifest's own signature covers the pixels.
        """
        if self.store is None:
            return report
        for record in dict.fromkeys(records):
            if not self.store.get(record):
                continue
            exact = verify_pixels(decoded.pixels, decoded.alpha, record, self.store, self.trust)
            if exact.status in (Status.TRUSTED, Status.UNTRUSTED):
                return replace(
                    exact,
                    marks=report.marks,
                    metadata_source_type=report.metadata_source_type,
                    metadata_records=report.metadata_records,
                )
        return report

    def _kept(self, seen: Sequence[SeenMark], pixels: Likeness) -> tuple[ReceiptReport, ...]:
        if self.store is None:
            return ()
        records = dict.fromkeys(mark.record for mark in seen)
        found = [
            check(receipt, self.receipt_keys, pixels)
            for record in records
            for receipt in kept_receipts(self.store.get(record), record)
        ]
        return tuple(sorted(found, key=_distance))


def chosen_anchors(installation: Installation) -> bytes:
    """Return the roots that the user trusts besides, PEM.

    Raises:
        InvalidInput: they cannot be read. Left to the library, every picture would look damaged.
    """
    try:
        anchors = installation.trust.anchors
        if anchors:
            x509.load_pem_x509_certificates(anchors)
    except (OSError, ValueError) as error:
        fix = f"set {TRUST_ANCHORS} to a file of root certificates, or unset it"
        given = f"{installation.anchors}: {error}"
        raise InvalidInput(TRUST_ANCHORS, given, "certificates in PEM", fix) from error
    return anchors


def seen_marks(marks: Sequence[FoundMark], *, public: bool) -> tuple[SeenMark, ...]:
    """Return the marks whose ids count.

    Whoever has the published pattern can write any id. With the secret keys only authentic marks
    count; the public detector has no better than what it reads.
    """
    counts = (Claim.AUTHENTIC, Claim.READ) if public else (Claim.AUTHENTIC,)
    return tuple(
        SeenMark(mark.payload.record, mark.region)
        for mark in marks
        if mark.claim in counts and mark.payload is not None
    )


def authentic_marks(
    pixels: Pixels, installation: Installation, *, search: bool = False
) -> tuple[SeenMark, ...]:
    """Return the marks that an installation wrote.

    Args:
        pixels: H x W x 3 RGB, any depth.
        installation: whose.
        search: also in pictures that were scaled, turned or mirrored; seconds.
    """
    found = detect(pixels, installation.keys.readers(), any_placement=search)
    return seen_marks(found, public=False)


def _distance(found: ReceiptReport) -> int:
    return _FARTHEST if found.bits_apart is None else found.bits_apart
