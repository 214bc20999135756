"""Signing: files, raw pixels, and flattened exports of host applications.

What was signed is read again before it is returned: a manifest that would not verify is never
handed out.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from retouch_safety.content import Pixels
from retouch_safety.provenance import c2pa_library as c2pa
from retouch_safety.provenance.canonical_form import canonical_tiff
from retouch_safety.provenance.errors import InvalidProvenance, SigningFailed
from retouch_safety.provenance.file_kind import FileKind, kind_of, required_kind
from retouch_safety.provenance.identity import Identity
from retouch_safety.provenance.manifest_definition import (
    SOURCE_LABEL,
    definition_of,
    export_definition,
)
from retouch_safety.provenance.metadata_in_files import with_source_metadata
from retouch_safety.provenance.sidecar_store import SidecarStore
from retouch_safety.provenance.statement import MOST_MARKS, SeenMark, Source, Statement
from retouch_safety.provenance.vocabulary import (
    COMPONENT,
    MANIFEST_STORE,
    PARENT,
    SourceType,
    record_text,
)
from retouch_safety.provenance.xmp import SourceMetadata

_UNTRUSTED: Final = "signingCredential.untrusted"  # nobody's roots are known while signing


@dataclass(frozen=True, eq=False, repr=False)
class Signed:
    """A picture with its manifest.

    Attributes:
        data: the file, manifest inside; for pixels their canonical form, which is not kept.
        manifest: the manifest store alone, for :class:`SidecarStore`.
    """

    data: bytes
    manifest: bytes


def sign_file(data: bytes, statement: Statement, identity: Identity) -> Signed:
    """Write metadata and a signed manifest into a file.

    Args:
        data: a PNG, JPEG, WebP or TIFF file, whole.
        statement: what to say about it.
        identity: who signs.

    Raises:
        InvalidProvenance: another kind of file, or a damaged one.
        SigningFailed: the manifest could not be made, or does not verify.
        ProvenanceUnavailable: c2pa-python is missing.
    """
    kind = required_kind(data)
    records = (statement.record,)
    facts = SourceMetadata(str(statement.source_type), statement.version, records)
    described = with_source_metadata(data, facts)
    return _signed(definition_of(statement), _sources(statement), described, kind, identity)


def sign_pixels(
    pixels: Pixels, alpha: Pixels | None, statement: Statement, identity: Identity
) -> Signed:
    """Sign pixels that will not be a file; keep the manifest in a :class:`SidecarStore`.

    Args:
        pixels: H x W x 3, ``uint8``, ``uint16`` or ``float32``, as they were released.
        alpha: H x W at the same depth, or None.
        statement: what to say about them.
        identity: who signs.

    Raises:
        InvalidProvenance: another shape or depth.
        SigningFailed: the manifest could not be made, or does not verify.
        ProvenanceUnavailable: c2pa-python is missing.
    """
    form = canonical_tiff(pixels, alpha)
    definition, sources = definition_of(statement), _sources(statement)
    return _signed(definition, sources, form, FileKind.TIFF, identity, embed=False)


def sign_export(
    data: bytes,
    marks: Sequence[SeenMark],
    store: SidecarStore,
    identity: Identity,
    *,
    created: datetime | None = None,
    version: str = "",
    title: str = "export",
    original: bytes | None = None,
    history: bool = True,
) -> Signed:
    """Sign what a host flattened and exported, with every mark found in it as an ingredient.

    A mark whose manifest is in the store brings it along, signature and history included. Its
    hard binding cannot hold, since the pixels were composited: the ingredient says so. A mark
    that is unknown here is listed with its id alone. The export as it came, with any manifest of
    the host's, is the parent.

    Args:
        data: the exported PNG, JPEG, WebP or TIFF file, whole.
        marks: what the detector found, at least one.
        store: where this installation keeps its manifests.
        identity: who signs.
        created: time of signing, default now.
        version: version of the software.
        title: title of the picture.
        original: the export as it came, the parent, where ``data`` was made of it; None for
            ``data`` itself.
        history: take over the parent's own manifests; False names its digest alone.

    Raises:
        InvalidProvenance: no mark, too many, another kind of file, or a damaged one.
        SigningFailed: the manifest could not be made, or does not verify.
        ProvenanceUnavailable: c2pa-python is missing.
    """
    kind = required_kind(data)
    if not 1 <= len(marks) <= MOST_MARKS:
        fix = "sign only exports in which marks were found"
        raise InvalidProvenance("marks", len(marks), f"1 to {MOST_MARKS}", fix)
    kept = [store.get(mark.record) for mark in marks]
    labels = [f"mark-{number}" for number in range(len(marks))]
    parts = [
        _mark_ingredient(mark, label, manifests)
        for mark, label, manifests in zip(marks, labels, kept, strict=True)
    ]
    found = [part.media_type is not None for part in parts]
    time = created or datetime.now(UTC)
    definition = export_definition(marks, labels, found, time, version, title)
    records = tuple(dict.fromkeys(mark.record for mark in marks))
    facts = SourceMetadata(str(SourceType.EDITED), version, records)
    described = with_source_metadata(data, facts)
    parent = _parent(Source(data if original is None else original, title), history)
    return _signed(definition, [parent, *parts], described, kind, identity)


def _signed(
    definition: dict[str, Any],
    ingredients: Sequence[c2pa.Ingredient],
    data: bytes,
    kind: FileKind,
    identity: Identity,
    *,
    embed: bool = True,
) -> Signed:
    signed, manifest = c2pa.sign(definition, ingredients, data, kind.value, identity, embed=embed)
    again = c2pa.read(signed, kind.value, c2pa.Trust(), None if embed else manifest)
    failures = _failures(again)
    if failures:
        raise SigningFailed(f"the manifest does not verify after signing: {'; '.join(failures)}")
    return Signed(signed, manifest)


def _failures(again: c2pa.Read) -> list[str]:
    if again.store is None:
        return [again.problem or "it is not there"]
    results = again.store.get("validation_results", {}).get("activeManifest")
    if not isinstance(results, dict):
        return ["it was not checked"]
    codes = [str(failure.get("code")) for failure in results.get("failure", [])]
    return [code for code in codes if code != _UNTRUSTED]


def _sources(statement: Statement) -> list[c2pa.Ingredient]:
    return [] if statement.source is None else [_parent(statement.source)]


def _parent(source: Source, history: bool = True) -> c2pa.Ingredient:
    """Return the source as an ingredient: with its manifests if it has any that can be read."""
    digest = hashlib.sha256(source.data).hexdigest()
    definition = {"title": source.title, "relationship": PARENT, "label": SOURCE_LABEL}
    description = f"SHA-256 of the {source.form} {digest}"
    kind = kind_of(source.data)
    if kind is not None and history:
        read = c2pa.read(source.data, kind.value, c2pa.Trust())
        if not read.problem and not read.elsewhere:
            known = {**definition, "format": kind.value, "description": description}
            return c2pa.Ingredient(known, kind.value, source.data)
    kept = {"format": "application/octet-stream", "instance_id": f"sha256:{digest}"}
    what = "not readable for content credentials" if history else "without its credentials"
    note = f"{description}; {what}"
    return c2pa.Ingredient({**definition, **kept, "description": note})


def _mark_ingredient(mark: SeenMark, label: str, manifests: Sequence[bytes]) -> c2pa.Ingredient:
    text = record_text(mark.record)
    definition = {"title": f"record {text}", "relationship": COMPONENT, "label": label}
    for manifest in manifests:  # the newest whose manifest can be read
        if c2pa.read(manifest, MANIFEST_STORE, c2pa.Trust()).store is not None:
            several = f", one of {len(manifests)} with this id" if len(manifests) > 1 else ""
            description = f"found by its watermark {text}{several}; the pixels were composited"
            return c2pa.Ingredient(
                {**definition, "description": description}, MANIFEST_STORE, manifest
            )
    description = f"found by its watermark {text}; its manifest is not known here"
    bare = {"format": "application/octet-stream", "instance_id": f"urn:retouch:record:{text}"}
    return c2pa.Ingredient({**definition, **bare, "description": description})
