"""The receipt: what was checked, what was marked, when, and a digest of the pixels."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass
from enum import StrEnum

import numpy as np

from retouch_safety.content import Box, Form, Pixels


class MarkStatus(StrEnum):
    """How the picture carries its record id."""

    EMBEDDED = "EMBEDDED"  # in the pixels, and read back after embedding
    METADATA_ONLY = "METADATA_ONLY"  # in the file's metadata alone; the note says why


@dataclass(frozen=True)
class DetectorScores:
    """One detector's verdict.

    Attributes:
        detector: name and version of the detector.
        threshold: score from which on it refuses.
        scores: view of the picture (``whole``, ``region``, ``tile 0,768``) -> score in [0, 1].
    """

    detector: str
    threshold: float
    scores: dict[str, float]


@dataclass(frozen=True)
class Receipt:
    """What the gate did to one picture.

    Attributes:
        record: record id, eight hexadecimal digits; the watermark's payload.
        created: time of release, ISO 8601 in UTC.
        form: ``composite`` or ``patch``.
        detectors: every detector's scores.
        mark: how the picture carries its record id.
        mark_area: the marked rectangle in the picture's pixels, which a reader needs to find the
            mark; None when there is none.
        mark_note: why the mark is not in the pixels, else empty.
        digest: SHA-256 of depth, shape, pixels and alpha, see :func:`digest_of`.
    """

    record: str
    created: str
    form: Form
    detectors: tuple[DetectorScores, ...]
    mark: MarkStatus
    mark_area: Box | None
    mark_note: str
    digest: str

    def to_json(self) -> str:
        """Return one line of ASCII JSON."""
        return json.dumps(asdict(self), sort_keys=True)

    @classmethod
    def from_json(cls, text: str) -> Receipt:
        """Read what :meth:`to_json` wrote.

        Raises:
            ValueError: not a receipt.
        """
        try:
            fields = json.loads(text)
            fields["detectors"] = tuple(DetectorScores(**d) for d in fields["detectors"])
            fields["mark"] = MarkStatus(fields["mark"])
            area = fields["mark_area"]
            fields["mark_area"] = Box(*area) if area else None
            return cls(**fields)
        except (KeyError, TypeError) as error:
            raise ValueError(f"not a receipt: {error}") from error


def digest_of(pixels: Pixels, alpha: Pixels | None) -> str:
    """Return the SHA-256, in hexadecimal, of depth, shape, pixels and alpha."""
    found = hashlib.sha256()
    for array in (pixels, alpha):
        if array is not None:
            found.update(f"{array.dtype.name}{array.shape}".encode())
            found.update(np.ascontiguousarray(array).tobytes())
    return found.hexdigest()
