"""Marks: what the gate writes into a picture, and what it finds in those it is given."""

from __future__ import annotations

import hmac
import secrets
from collections.abc import Sequence
from dataclasses import replace
from typing import Final

import numpy as np

from retouch_safety.color_profile import from_srgb, shown
from retouch_safety.content import Content, Pixels, white_of
from retouch_safety.detector_panel import SelfTest
from retouch_safety.detectors import known_picture
from retouch_safety.foreign_marks import find_foreign_marks
from retouch_safety.receipt import Ingredient, MarkStatus
from retouch_safety.tilemark import (
    Keys,
    Marked,
    Payload,
    ReadingKeys,
    detect,
    embed,
    embed_surviving,
)

TILEMARK: Final = "tilemark"
RECORD_BITS: Final = 32


def new_record() -> int:
    """Return a random record id."""
    return secrets.randbits(RECORD_BITS)


def mark(content: Content, seen: Pixels, record: int, keys: Keys) -> Marked:
    """Write a record id into the edited area of a picture, and read it back.

    A preview is gone in a second and gets the mark at its ordinary strength; what stays gets the
    faintest one that survives ordinary handling.

    Args:
        content: what is marked.
        seen: what its pixels look like, see ``color_profile.shown``.
        record: its id.
        keys: to write with.
    """
    payload = Payload(keys.id, record)
    write = embed if content.form == "preview" else embed_surviving
    marked = write(
        seen,
        content.edited,
        payload,
        keys,
        alpha=content.alpha,
        random=_placing(record, keys),
    )
    return marked if seen is content.pixels else _in_profile(content, seen, marked, payload, keys)


def _in_profile(
    content: Content, seen: Pixels, marked: Marked, payload: Payload, keys: Keys
) -> Marked:
    """Bring a mark that was written into what is seen into the pixels, and read it there again."""
    if marked.region is None:
        return replace(marked, pixels=content.pixels)
    part = marked.region.slices
    before, after = from_srgb(seen[part], content.icc), from_srgb(marked.pixels[part], content.icc)
    old, white = content.pixels[part], np.float32(white_of(content.pixels))
    # a change and not the values: those outside [0, 1] are kept
    new = old.astype(np.float32) + (after - before) * white
    if old.dtype.kind == "u":
        new = np.clip(np.rint(new), 0, white)
    touched = (marked.pixels[part] != seen[part]).any(axis=2, keepdims=True)
    pixels = content.pixels.copy()
    pixels[part] = np.where(touched, new.astype(old.dtype), old)
    read = detect(shown(pixels[part], content.icc), [keys.reader()], several=False)
    if payload not in [found.payload for found in read]:
        note = "the mark could not be read back under this picture's colour profile"
        return Marked(content.pixels, MarkStatus.METADATA_ONLY, None, note, 0.0)
    return replace(marked, pixels=pixels)


def _placing(record: int, keys: Keys) -> np.random.Generator:
    """Return what places a mark: nobody can guess it, and one record is always placed alike."""
    message = b"gate/placing" + record.to_bytes(4, "big")
    return np.random.default_rng(int.from_bytes(hmac.digest(keys.auth, message, "sha256"), "big"))


def found_in(name: str, pixels: Pixels, readers: Sequence[ReadingKeys]) -> tuple[Ingredient, ...]:
    """Return the marks in a picture that a request brings along, ours and those of others.

    Args:
        name: of its field.
        pixels: H x W x 3 RGB, any depth.
        readers: keys to read with.
    """
    own = (
        Ingredient(
            picture=name,
            mark=TILEMARK,
            record="" if found.payload is None else f"{found.payload.record:08x}",
            region=found.region,
        )
        for found in detect(pixels, readers)
    )
    others = (
        Ingredient(picture=name, mark=found.name, record=found.message, region=None)
        for found in find_foreign_marks(pixels)
    )
    return (*own, *others)


def self_test(keys: Keys) -> SelfTest:
    """Write a mark into a computed picture and read it back with the public key alone."""
    record = 0x5A3C96E1
    picture = known_picture()
    # the same place every time: a self-test has no luck
    marked = embed(
        picture,
        np.ones(picture.shape[:2], np.bool_),
        Payload(keys.id, record),
        keys,
        random=np.random.default_rng(0),
    )
    read = detect(marked.pixels, [keys.reader()], several=False)
    records = [found.payload.record for found in read if found.payload is not None]
    works = marked.status is MarkStatus.EMBEDDED and records == [record]
    detail = "embedded and read back" if works else f"read {records}, {marked.note}"
    return SelfTest("watermark TileMark", works, detail)
