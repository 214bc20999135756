"""What is stated about a picture: the input of every manifest."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final, Literal

from retouch_safety.content import Box, Pixels
from retouch_safety.provenance.canonical_form import canonical_tiff
from retouch_safety.provenance.errors import InvalidProvenance
from retouch_safety.provenance.vocabulary import (
    RECORD_BITS,
    TILEMARK,
    SourceType,
    record_text,
)
from retouch_safety.receipt import MarkStatus, Receipt

MOST_EDITS: Final = 64
MOST_MARKS: Final = 256
_LONGEST_NAME: Final = 200


@dataclass(frozen=True)
class Edit:
    """One operation that was applied.

    Attributes:
        operation: its name, for example ``sdedit``. Prompts do not belong here: a manifest is
            public.
        region: the pixels it may have changed; None means the whole picture.
    """

    operation: str
    region: Box | None = None

    def __post_init__(self) -> None:
        _check_name("edit.operation", self.operation)


@dataclass(frozen=True, eq=False, repr=False)
class Source:
    """The picture that was opened, before any edit.

    Attributes:
        data: its file, whole; its own manifests become part of the new one.
        title: shown to whoever reads the manifest; a name, not a path.
        form: what the data is, for the digest that the manifest holds.
    """

    data: bytes
    title: str = "source"
    form: Literal["file", "canonical form"] = "file"

    def __post_init__(self) -> None:
        _check_name("source.title", self.title)

    @classmethod
    def of_pixels(cls, pixels: Pixels, alpha: Pixels | None, title: str = "source") -> Source:
        """Return a source that has no file, such as a layer: its canonical form stands for it.

        Args:
            pixels: H x W x 3, ``uint8``, ``uint16`` or ``float32``.
            alpha: H x W at the same depth, or None.
            title: shown to whoever reads the manifest.
        """
        return cls(canonical_tiff(pixels, alpha), title, "canonical form")


@dataclass(frozen=True)
class Statement:
    """All that one manifest says.

    Attributes:
        record: 32-bit record id, the watermark's payload.
        created: when the picture was made; aware, written in UTC.
        edits: the operations, in the order they ran.
        source: what was opened; None says that a model made the whole picture.
        mark: whether the id is in the pixels, or in metadata alone.
        mark_area: where the mark is, None for all over or nowhere.
        model: name or digest of the model, may be empty.
        version: version of the software.
        receipt: the gate's receipt as one line of JSON, or empty.
        title: title of the picture in its manifest.
        mark_algorithm: name of the watermark as a soft binding.

    Raises:
        InvalidProvenance: a value outside of its range.
    """

    record: int
    created: datetime
    edits: tuple[Edit, ...]
    source: Source | None
    mark: MarkStatus = MarkStatus.EMBEDDED
    mark_area: Box | None = None
    model: str = ""
    version: str = ""
    receipt: str = ""
    title: str = "picture"
    mark_algorithm: str = TILEMARK

    def __post_init__(self) -> None:
        check_record("statement.record", self.record)
        check_time("statement.created", self.created)
        if not 1 <= len(self.edits) <= MOST_EDITS:
            fix = "name the operations that ran"
            raise InvalidProvenance(
                "statement.edits", len(self.edits), f"1 to {MOST_EDITS} edits", fix
            )
        for field in ("title", "mark_algorithm"):
            _check_name(f"statement.{field}", getattr(self, field))
        self.receipt_fields()

    @classmethod
    def of_receipt(
        cls,
        receipt: Receipt,
        edits: Sequence[Edit],
        source: Source | None,
        *,
        model: str = "",
        version: str = "",
    ) -> Statement:
        """Return what a gate's receipt and the list of edits say together."""
        return cls(
            record=int(receipt.record, 16),
            created=datetime.fromisoformat(receipt.created),
            edits=tuple(edits),
            source=source,
            mark=receipt.mark,
            mark_area=receipt.mark_area,
            model=model,
            version=version,
            receipt=receipt.to_json(),
        )

    @property
    def source_type(self) -> SourceType:
        """How the picture came about."""
        return SourceType.GENERATED if self.source is None else SourceType.EDITED

    def receipt_fields(self) -> dict[str, Any]:
        """Return the receipt as a mapping, empty without one."""
        try:
            fields = json.loads(self.receipt or "{}")
        except ValueError:
            fields = None
        if not isinstance(fields, dict):
            fix = "pass Receipt.to_json()"
            raise InvalidProvenance("statement.receipt", self.receipt[:40], "a JSON object", fix)
        own = record_text(self.record)
        if fields.get("record", own) != own:
            fix = "pass the receipt of this picture"
            given = str(fields["record"])[:40]
            raise InvalidProvenance("statement.receipt", given, f"record {own}", fix)
        return fields


@dataclass(frozen=True)
class SeenMark:
    """A mark that a detector found in a picture.

    Attributes:
        record: 32-bit record id.
        region: about where it is, in pixels; None for all over.
    """

    record: int
    region: Box | None = None

    def __post_init__(self) -> None:
        check_record("mark.record", self.record)


def check_record(field: str, record: int) -> None:
    """Raise InvalidProvenance unless this is a 32-bit id."""
    if not isinstance(record, int) or not 0 <= record < 1 << RECORD_BITS:
        fix = "use the id that was embedded"
        raise InvalidProvenance(field, record, f"0 to {(1 << RECORD_BITS) - 1}", fix)


def check_time(field: str, time: datetime) -> None:
    """Raise InvalidProvenance for a time without a zone: a reader elsewhere would misread it."""
    if time.tzinfo is None:
        fix = "use datetime.now(UTC)"
        raise InvalidProvenance(field, time.isoformat(), "a time with a zone", fix)


def time_text(time: datetime) -> str:
    """Return RFC 3339 in UTC, as manifests hold it."""
    return time.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _check_name(field: str, name: str) -> None:
    if not name or len(name) > _LONGEST_NAME or not name.isprintable():
        allowed = f"1 to {_LONGEST_NAME} printable characters"
        raise InvalidProvenance(field, name[:40], allowed, "shorten or rename it")
