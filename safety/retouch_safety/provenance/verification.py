"""Verifying: is a picture as it was signed, by whom, and what was done to it. Works offline."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from retouch_safety.content import Pixels
from retouch_safety.provenance import c2pa_library as c2pa
from retouch_safety.provenance.c2pa_library import Trust
from retouch_safety.provenance.canonical_form import canonical_tiff
from retouch_safety.provenance.errors import InvalidProvenance
from retouch_safety.provenance.file_kind import FileKind, required_kind
from retouch_safety.provenance.manifest_reading import manifests_of, problems_of, status_of
from retouch_safety.provenance.metadata_in_files import source_metadata
from retouch_safety.provenance.report import (
    ManifestReport,
    MarkReport,
    Problem,
    Report,
    Status,
)
from retouch_safety.provenance.sidecar_store import SidecarStore
from retouch_safety.provenance.statement import SeenMark
from retouch_safety.provenance.vocabulary import MANIFEST_STORE, record_text
from retouch_safety.provenance.xmp import SourceMetadata

# A bare manifest store has no picture to hash: only this may fail, and must.
_NO_PICTURE: Final = ("assertion.dataHash.mismatch",)
_JUMBF: Final = b"jumb"  # the box that every manifest store is in (ISO/IEC 19566-5)


def verify(
    picture: Path | str | bytes,
    trust: Trust,
    *,
    marks: Sequence[SeenMark] = (),
    store: SidecarStore | None = None,
) -> Report:
    """Verify a file.

    Args:
        picture: path or content of a PNG, JPEG, WebP or TIFF file.
        trust: whose signatures count.
        marks: what a detector found in its pixels, if one was asked.
        store: this installation's manifests, to look marks up in.

    Raises:
        InvalidProvenance: not a readable file of these kinds.
        ProvenanceUnavailable: c2pa-python is missing.
    """
    data = picture if isinstance(picture, bytes) else _content(Path(picture))
    kind = required_kind(data)
    read = c2pa.read(data, kind.value, trust)
    if read.problem and _JUMBF not in data:
        fix = "get another copy of the file"
        raise InvalidProvenance("file", f"{kind.name}: {read.problem}", "a whole file", fix)
    return _report(kind.name, read, source_metadata(data), trust, marks, store)


def verify_pixels(
    pixels: Pixels,
    alpha: Pixels | None,
    record: int,
    store: SidecarStore,
    trust: Trust,
) -> Report:
    """Verify pixels that have no file against the manifests kept under their record id.

    Args:
        pixels: H x W x 3, ``uint8``, ``uint16`` or ``float32``, exactly as they were released.
        alpha: H x W at the same depth, or None.
        record: what their watermark says.
        store: this installation's manifests.
        trust: whose signatures count.

    Returns:
        A report; ``TRUSTED`` or ``UNTRUSTED`` when one manifest fits every bit, ``RECOVERED``
        when manifests are known but the pixels have changed since.

    Raises:
        InvalidProvenance: another shape or depth, or a wrong id.
        ProvenanceUnavailable: c2pa-python is missing.
    """
    form, mark, nothing = canonical_tiff(pixels, alpha), SeenMark(record), SourceMetadata("")
    for manifest in store.get(record):
        read = c2pa.read(form, FileKind.TIFF.value, trust, manifest)
        if read.store is not None and status_of(read.store) is not Status.TAMPERED:
            return _report("PIXELS", read, nothing, trust, [mark], store)
    return _report("PIXELS", c2pa.Read(None), nothing, trust, [mark], store)


def _content(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        reason = error.strerror or type(error).__name__
        fix = "check the path and its permissions"
        given = f"{os.fspath(path)}: {reason}"
        raise InvalidProvenance("file", given, "a readable file", fix) from error


def _report(
    kind: str,
    read: c2pa.Read,
    metadata: SourceMetadata,
    trust: Trust,
    marks: Sequence[SeenMark],
    store: SidecarStore | None,
) -> Report:
    active, history, problems, status = _judged(read)
    named = {record for m in [active, *history] if m is not None for record in m.records}
    seen = tuple(_mark(mark, named, trust, store) for mark in marks)
    if status is Status.NONE and any(mark.recovered for mark in seen):
        status = Status.RECOVERED
    return Report(
        status=status,
        kind=kind,
        active=active,
        history=tuple(history),
        problems=problems,
        metadata_source_type=metadata.source_type,
        metadata_records=tuple(record_text(record) for record in metadata.records),
        marks=seen,
    )


def _judged(
    read: c2pa.Read,
) -> tuple[ManifestReport | None, list[ManifestReport], tuple[Problem, ...], Status]:
    if read.problem:
        return None, [], (Problem("file.unreadable", read.problem[:200]),), Status.TAMPERED
    if read.elsewhere:
        why = f"its manifest is on a server, and nothing is fetched: {read.elsewhere[:200]}"
        return None, [], (Problem("manifest.elsewhere", why),), Status.NONE
    if read.store is None:
        return None, [], (), Status.NONE
    active, history = manifests_of(read.store)
    status = Status.TAMPERED if active is None else status_of(read.store)
    return active, history, problems_of(read.store), status


def _mark(mark: SeenMark, named: set[str], trust: Trust, store: SidecarStore | None) -> MarkReport:
    text = record_text(mark.record)
    found = [] if store is None else [_alone(m, trust) for m in store.get(mark.record)]
    recovered = tuple(manifest for manifest in found if manifest is not None)
    return MarkReport(text, mark.region, text in named, recovered)


def _alone(manifest: bytes, trust: Trust) -> ManifestReport | None:
    """Return a kept manifest if its signature holds; its picture is not here to be checked."""
    read = c2pa.read(manifest, MANIFEST_STORE, trust)
    if read.store is None:
        return None
    broken = [p for p in problems_of(read.store) if p.code not in _NO_PICTURE]
    wrong = [p for p in broken if not p.code.startswith("signingCredential.")]
    return None if wrong else manifests_of(read.store)[0]
