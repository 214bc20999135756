"""Signing a host's flattened export again, with every mark that is found in it as an ingredient.

The host composed layers and wrote a file of its own: manifests are lost, marks are not. What is
signed says where the marks are and what is known of them, and nothing about the rest of the
picture; the detectors look at all of it, as at everything that leaves.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from retouch_safety.audit import ChainHead, Entry, Event
from retouch_safety.content import Pixels
from retouch_safety.durable_files import PUBLIC, replace_whole
from retouch_safety.encode import SUFFIXES
from retouch_safety.errors import CannotSave, InvalidInput
from retouch_safety.fingerprint import fingerprint
from retouch_safety.gate import Gate
from retouch_safety.inspection import Decode, authentic_marks
from retouch_safety.job import InputPicture, Job
from retouch_safety.provenance import SeenMark, sign_export
from retouch_safety.provenance.file_kind import FileKind, required_kind
from retouch_safety.receipt import digest_of
from retouch_safety.save import check_path


@dataclass(frozen=True, eq=False, repr=False)
class SignedExport:
    """A signed export, logged.

    Attributes:
        data: the file.
        marks: what was found in it.
        known: for each mark, whether a manifest is kept here.
        head: of the audit log with it.
    """

    data: bytes
    marks: tuple[SeenMark, ...]
    known: tuple[bool, ...]
    head: ChainHead


def signed_export(
    data: bytes,
    decode: Decode,
    gate: Gate,
    *,
    title: str = "export",
    version: str = "",
    search: bool = False,
) -> SignedExport:
    """Sign an export, and log it before it is returned.

    Args:
        data: a PNG, JPEG, WebP or TIFF file, whole.
        decode: how its pixels are read.
        gate: looks at it; its installation's marks are looked for, and it signs.
        title: of the picture, in its manifest.
        version: of the software.
        search: also look for marks in pictures that were scaled, turned or mirrored; seconds.

    Raises:
        InvalidInput: not a picture file, or no mark in it.
        Refused: the gate's detectors say no, or break.
        SigningFailed, ProvenanceUnavailable: it cannot be signed.
        AuditFailed: it cannot be logged, and so is not handed out.
    """
    required_kind(data)
    pixels, alpha = decode(data)
    installation = gate.installation
    marks = authentic_marks(pixels, installation, search=search)
    if not marks:
        allowed = "a picture with at least one mark of this installation"
        fix = "use the export as it is" if search else "try --search if it was scaled or turned"
        raise InvalidInput("file", "no mark", allowed, fix)
    export = {"export": InputPicture(pixels, alpha)}
    job = gate.admit(Job(pictures=export, operations=("sign_export",), version=version)).job
    store = installation.manifests
    signed = sign_export(data, marks, store, installation.identity, version=version, title=title)
    known = tuple(bool(store.get(mark.record)) for mark in marks)
    # the log first: a file without a record of it cannot be
    for entry in _entries(job.id, gate.policy, marks, pixels, alpha):
        head = installation.audit.append(entry)
    return SignedExport(signed.data, marks, known, head)


def check_target(path: Path, kind: FileKind) -> None:
    """Check where a signed export will be written, before the work.

    Raises:
        CannotSave: another kind of file, a folder, or one that is missing or not writable.
    """
    if check_path(path).upper() != kind.name:
        suffixes = ", ".join(s for s, name in SUFFIXES.items() if name.upper() == kind.name)
        raise CannotSave("out.suffix", path.suffix, suffixes, "keep the kind of the export")


def write_export(signed: SignedExport, path: Path) -> None:
    """Write a signed export, whole or not at all.

    Raises:
        CannotSave: no room, no permission.
    """
    try:
        replace_whole(path, signed.data, PUBLIC)
    except OSError as error:
        raise CannotSave("out", str(path), "a writable file", f"make room: {error}") from error


def _entries(
    job: str, policy: str, marks: tuple[SeenMark, ...], pixels: Pixels, alpha: Pixels | None
) -> list[Entry]:
    digest, likeness = digest_of(pixels, alpha), fingerprint(pixels)
    return [
        Entry(
            Event.SIGNED, job=job, policy=policy, record=record, digest=digest, fingerprint=likeness
        )
        for record in dict.fromkeys(mark.record for mark in marks)
    ]
