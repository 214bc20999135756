"""What a verification found, in types, in words and in JSON."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Final

from retouch_safety.content import Box


class Status(StrEnum):
    """The verdict, best first."""

    TRUSTED = "TRUSTED"  # intact, and signed by a key that counts here
    UNTRUSTED = "UNTRUSTED"  # intact, but the signer's certificate does not count here
    RECOVERED = "RECOVERED"  # no manifest in the file, but its watermark leads to one
    NONE = "NONE"  # nothing that could be checked
    TAMPERED = "TAMPERED"  # changed, cut or damaged after signing


EXIT_CODES: Final = {
    Status.TRUSTED: 0,
    Status.UNTRUSTED: 3,  # 1 is any program's failure, 2 is wrong input
    Status.RECOVERED: 4,
    Status.NONE: 5,
    Status.TAMPERED: 6,
}


class TrustedBy(StrEnum):
    """Why a signer counts."""

    INSTALLATION = "INSTALLATION"  # this installation's own development certificate
    ANCHOR = "ANCHOR"  # a root that the user trusts
    NOBODY = "NOBODY"
    NOT_JUDGED = "NOT_JUDGED"  # an ingredient's; only the picture's own signer is judged


@dataclass(frozen=True)
class Problem:
    """One check that failed: C2PA's status code, and its explanation."""

    code: str
    explanation: str


@dataclass(frozen=True)
class SignedBy:
    """The signer.

    Attributes:
        name: common name of the certificate.
        organisation: its organisation.
        serial: its serial number, decimal.
        algorithm: of the signature.
        trusted_by: why it counts here.
        time: when a time stamp authority saw the signature, empty without one.
    """

    name: str
    organisation: str
    serial: str
    algorithm: str
    trusted_by: TrustedBy
    time: str


@dataclass(frozen=True)
class Step:
    """One action of a manifest.

    Attributes:
        action: C2PA's name of it.
        operations: the operations, if it is one of ours.
        when: as the signer states it, empty if it does not.
        software: what did it.
        source_type: IRI of the digital source type, may be empty.
        regions: the rectangles it may have changed, empty for the whole picture.
    """

    action: str
    operations: tuple[str, ...]
    when: str
    software: str
    source_type: str
    regions: tuple[Box, ...]


@dataclass(frozen=True)
class UsedPicture:
    """An ingredient.

    Attributes:
        title: its title.
        relationship: ``parentOf`` or ``componentOf``.
        manifest: label of its manifest, empty if it has none.
        description: what the signer says about it.
        problems: what was wrong with it already when it was used.
    """

    title: str
    relationship: str
    manifest: str
    description: str
    problems: tuple[Problem, ...]


@dataclass(frozen=True)
class ManifestReport:
    """One manifest.

    Attributes:
        label: its name in the store.
        title: title of the picture.
        generator: the software that made it.
        signer: who signed.
        steps: what was done, in order.
        records: record ids that it is bound to, eight hexadecimal digits each.
        ingredients: what went into the picture.
    """

    label: str
    title: str
    generator: str
    signer: SignedBy
    steps: tuple[Step, ...]
    records: tuple[str, ...]
    ingredients: tuple[UsedPicture, ...]


@dataclass(frozen=True)
class MarkReport:
    """A mark that a detector found, and what is known of it.

    Attributes:
        record: record id, eight hexadecimal digits.
        region: about where it is, None for all over.
        in_file: the file's own manifests name this record.
        recovered: manifests that the store has under this id and whose signatures hold.
    """

    record: str
    region: Box | None
    in_file: bool
    recovered: tuple[ManifestReport, ...]


@dataclass(frozen=True)
class Report:
    """What a verification found.

    Attributes:
        status: the verdict.
        kind: ``PNG``, ``JPEG``, ``WEBP``, ``TIFF`` or ``PIXELS``.
        active: the manifest of the picture as it is, None without one.
        history: the manifests of its ingredients, and of theirs.
        problems: what is wrong with the active manifest or the file.
        metadata_source_type: IPTC digital source type in the XMP, which is not proof of anything.
        metadata_records: record ids in the XMP.
        marks: what the detector found, if it was asked.
    """

    status: Status
    kind: str
    active: ManifestReport | None
    history: tuple[ManifestReport, ...]
    problems: tuple[Problem, ...]
    metadata_source_type: str
    metadata_records: tuple[str, ...]
    marks: tuple[MarkReport, ...]

    @property
    def records(self) -> tuple[str, ...]:
        """Every record id that a signed manifest of the file names, the newest first."""
        manifests = ([self.active] if self.active else []) + list(self.history)
        return tuple(dict.fromkeys(record for m in manifests for record in m.records))

    @property
    def exit_code(self) -> int:
        """0 trusted, 3 untrusted, 4 recovered by its mark, 5 nothing found, 6 tampered."""
        return EXIT_CODES[self.status]

    def words(self) -> str:
        """Return the report in plain sentences, one a line."""
        from retouch_safety.provenance.explanation import explain

        return explain(self)

    def to_json(self) -> str:
        """Return one line of ASCII JSON, with the exit code."""
        fields = asdict(self)
        fields["records"], fields["exit_code"] = self.records, self.exit_code
        return json.dumps(fields, sort_keys=True)
