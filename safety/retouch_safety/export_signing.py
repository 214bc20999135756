"""Signing a host's flattened export again, with every mark that is found in it as an ingredient.

The host composed layers and wrote a file of its own: manifests are lost, marks are not. What is
signed says where the marks are and what is known of them, and nothing about the rest of the
picture; the detectors look at all of it, as at everything that leaves. What a file holds besides
its picture, no detector sees: it is left out, and said.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Final

from retouch_safety.audit import ChainHead, Entry, Event
from retouch_safety.durable_files import PUBLIC, replace_whole
from retouch_safety.encode import SUFFIXES
from retouch_safety.errors import CannotSave, InvalidContent, InvalidInput
from retouch_safety.fingerprint import fingerprint
from retouch_safety.gate import Gate
from retouch_safety.inspection import Decode, Decoded, authentic_marks
from retouch_safety.job import InputPicture, Job
from retouch_safety.one_picture import LeftOut, OnlyPicture, only_picture
from retouch_safety.provenance import SeenMark, Signed, sign_export
from retouch_safety.provenance.file_kind import FileKind, required_kind
from retouch_safety.provenance.manifest_contents import files_in
from retouch_safety.receipt import digest_of
from retouch_safety.save import check_path

_OPERATIONS: Final = ("sign_export",)
_MOST_PICTURES: Final = 64  # in an export's credentials: each is a look of the detectors


@dataclass(frozen=True, eq=False, repr=False)
class SignedExport:
    """A signed export, logged.

    Attributes:
        data: the file.
        marks: what was found in it.
        known: for each mark, whether a manifest is kept here.
        head: of the audit log with it.
        left_out: what the export held besides its one picture and words.
    """

    data: bytes
    marks: tuple[SeenMark, ...]
    known: tuple[bool, ...]
    head: ChainHead
    left_out: tuple[LeftOut, ...] = ()


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

    Its picture stays bit for bit, and so do colour profile, orientation and texts. Whatever else
    may hold a picture that no detector has seen is left out and named in the result: data behind
    the picture's end, further pictures, thumbnails, layers, makers' notes. The export's own
    content credentials are taken over, and the detectors look at the pictures in them.

    Args:
        data: a PNG, JPEG, WebP or TIFF file, whole.
        decode: how its pixels are read.
        gate: looks at it; its installation's marks are looked for, and it signs.
        title: of the picture, in its manifest.
        version: of the software.
        search: also look for marks in pictures that were scaled, turned or mirrored; seconds.

    Raises:
        InvalidInput: not a picture file, one that shows several pictures, or no mark in it.
        Refused: the gate's detectors say no, or break.
        SigningFailed, ProvenanceUnavailable: it cannot be signed.
        AuditFailed: it cannot be logged, and so is not handed out.
    """
    only = only_picture(data)
    decoded = _same_pixels(data, only, decode)
    installation = gate.installation
    marks = authentic_marks(decoded.shown, installation, search=search)
    if not marks:
        allowed = "a picture with at least one mark of this installation"
        fix = "use the export as it is" if search else "try --search if it was scaled or turned"
        raise InvalidInput("file", "no mark", allowed, fix)
    export = {"export": InputPicture(*decoded)}
    job = gate.admit(Job(pictures=export, operations=_OPERATIONS, version=version)).job
    sign = partial(
        sign_export,
        only.data,
        marks,
        installation.manifests,
        installation.identity,
        version=version,
        title=title,
        original=data,
    )
    signed, unread = _signed(sign, decode, gate, job)
    known = tuple(bool(installation.manifests.get(mark.record)) for mark in marks)
    # the log first: a file without a record of it cannot be
    for entry in _entries(job.id, gate.policy, marks, decoded):
        head = installation.audit.append(entry)
    return SignedExport(signed.data, marks, known, head, (*only.left_out, *unread))


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


def _same_pixels(data: bytes, only: OnlyPicture, decode: Decode) -> Decoded:
    """Return the pixels that will be signed. Raises InvalidInput: they are not the export's."""
    before, after = decode(data), decode(only.data)
    if digest_of(before.pixels, before.alpha) != digest_of(after.pixels, after.alpha):
        given = f"{required_kind(data).name}: another picture without what it holds besides"
        fix = "open and export the picture again"
        raise InvalidInput("file", given, "a picture that stands alone", fix)
    return after


def _signed(
    sign: Callable[..., Signed], decode: Decode, gate: Gate, job: Job
) -> tuple[Signed, tuple[LeftOut, ...]]:
    """Sign, with the export's own credentials where the gate could look at all they bring along."""
    signed = sign()
    brought = _pictures_in(signed.manifest, decode)
    if brought is None:
        bare = sign(history=False)
        gone = max(0, len(signed.manifest) - len(bare.manifest))
        return bare, (LeftOut("content credentials with files in them", gone),)
    if brought:
        gate.admit(replace(job, pictures=brought))
    return signed, ()


def _pictures_in(store: bytes, decode: Decode) -> dict[str, InputPicture] | None:
    """Return the pictures that credentials bring along; None where there is anything else."""
    files = files_in(store)
    if files is None or len(files) > _MOST_PICTURES:
        return None
    pictures: dict[str, InputPicture] = {}
    for number, file in enumerate(files, start=1):
        try:
            if only_picture(file).left_out:
                return None
            pictures[f"credentials-{number}"] = InputPicture(*decode(file))
        except (InvalidInput, InvalidContent):
            return None
    return pictures


def _entries(job: str, policy: str, marks: tuple[SeenMark, ...], decoded: Decoded) -> list[Entry]:
    digest = digest_of(decoded.pixels, decoded.alpha)
    likeness = fingerprint(decoded.pixels, decoded.icc)
    return [
        Entry(
            Event.SIGNED, job=job, policy=policy, record=record, digest=digest, fingerprint=likeness
        )
        for record in dict.fromkeys(mark.record for mark in marks)
    ]
