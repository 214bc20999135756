"""The receipt: what was asked, checked and marked, when, a digest of the pixels, a signature."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any

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
class Ingredient:
    """A mark that was found in a picture that the edit started from or used.

    Attributes:
        picture: which one, for example ``image``.
        mark: ``tilemark`` or the name of another watermark.
        record: what it says, hexadecimal; empty when only its presence is known.
        region: about where it is, None for all over.
    """

    picture: str
    mark: str
    record: str
    region: Box | None


@dataclass(frozen=True)
class Receipt:
    """What the gate did to one picture.

    Attributes:
        record: record id, eight hexadecimal digits; the watermark's payload.
        job: id of the request; previews and variants of one request share it.
        created: time of release, ISO 8601 in UTC.
        form: ``composite``, ``patch`` or ``preview``.
        operations: names of the operations, in the order they acted.
        model: name of the model.
        policy: profile, and a digest of everything that decides under it.
        detectors: every detector's scores.
        ingredients: marks found in what the edit was made from.
        mark: how the picture carries its record id.
        mark_area: the marked rectangle in the picture's pixels; None when there is none.
        mark_key: id of the key it was marked with.
        mark_note: why the mark is not in the pixels, else empty.
        compatibility_mark: whether the mark of Stable Diffusion XL was asked for and ``written``,
            or why it was not; empty when it was not asked for.
        fingerprint: perceptual hash of the pixels, 16 hexadecimal digits.
        digest: SHA-256 of depth, shape, pixels and alpha, see :func:`digest_of`.
        signer: id of the key that signed the receipt.
        signature: Ed25519 over :meth:`signed_bytes`, base64.
    """

    record: str
    job: str
    created: str
    form: Form
    operations: tuple[str, ...]
    model: str
    policy: str
    detectors: tuple[DetectorScores, ...]
    ingredients: tuple[Ingredient, ...]
    mark: MarkStatus
    mark_area: Box | None
    mark_key: int
    mark_note: str
    compatibility_mark: str
    fingerprint: str
    digest: str
    signer: str = ""
    signature: str = ""

    def to_json(self) -> str:
        """Return one line of ASCII JSON."""
        return json.dumps(asdict(self), sort_keys=True)

    def signed_bytes(self) -> bytes:
        """Return what the signature covers: every field but itself, as canonical JSON."""
        fields = asdict(self)
        del fields["signature"]
        return json.dumps(fields, sort_keys=True, separators=(",", ":")).encode("ascii")

    @classmethod
    def from_json(cls, text: str) -> Receipt:
        """Read what :meth:`to_json` wrote.

        Raises:
            ValueError: not a receipt.
        """
        try:
            fields = json.loads(text)
            fields["operations"] = tuple(fields["operations"])
            fields["detectors"] = tuple(DetectorScores(**d) for d in fields["detectors"])
            fields["ingredients"] = tuple(_ingredient(found) for found in fields["ingredients"])
            fields["mark"] = MarkStatus(fields["mark"])
            fields["mark_area"] = _box(fields["mark_area"])
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


def _ingredient(fields: dict[str, Any]) -> Ingredient:
    return Ingredient(**(fields | {"region": _box(fields["region"])}))


def _box(numbers: list[int] | None) -> Box | None:
    return Box(*numbers) if numbers else None
