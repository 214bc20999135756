"""Marks of others: how often they are found after what happens to pictures, and on clean ones."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from marks.attacks import attacks
from marks.clean import tiles
from marks.contenders import invisible_watermark
from marks.journal import code_digest
from marks.pictures import Draw, Rgb
from retouch_safety.foreign_marks import find_foreign_marks
from retouch_safety.foreign_marks.messages import MESSAGES, KnownMessage, Storage

SIDE = 512
SIDES = (256, 288, 320, 352)
ROWS = ("none", "JPEG 95", "JPEG 75", "WebP 80", "crop 25 % of the area", "blur 1", "noise 5")
#: The package's reader is slow, and has lost the mark in the other rows.
PACKAGE_ROWS = ("none", "JPEG 95")
_SEED = 31


def writers() -> Mapping[str, tuple[KnownMessage, Storage]]:
    """Name -> message and storage of the programs that are measured."""
    known = {message.name: message for message in MESSAGES}
    floats, exchanged, _ = known["sdxl"].storages
    return {
        "sdxl, diffusers since 2024": (known["sdxl"], floats),
        "sdxl, diffusers before": (known["sdxl"], exchanged),
        "sd1": (known["sd1"], known["sd1"].storages[0]),
        "sd2": (known["sd2"], known["sd2"].storages[0]),
    }


def recognition(chosen: Mapping[str, Draw], known: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield, after every picture, found / of for each writer and row, beside the package's own."""
    state = {"pictures": []} | _still_true(known)
    for name, draw in chosen.items():
        if name in state["pictures"]:
            continue
        rgb = draw(SIDE)
        for writer, (message, storage) in writers().items():
            marked = _marked(rgb, message, storage)
            for row in ROWS:
                attacked = attacks()[row].apply(marked, np.random.default_rng(_SEED))
                found = find_foreign_marks(attacked, cropped=attacked.shape != rgb.shape)
                ours = message.name in {mark.name for mark in found}
                counts = state.setdefault(writer, {}).setdefault(row, {"found": 0, "of": 0})
                counts["found"] += ours
                counts["of"] += 1
                if row in PACKAGE_ROWS:
                    read = _package_reads(attacked, message, storage)
                    counts["package"] = counts.get("package", 0) + read
        state["pictures"] = [*state["pictures"], name]
        yield state


def count_accepts(draws: list[Draw], count: int, known: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield, after every 100, how many clean pictures were looked at, and marks that were found."""
    state = {"pictures": 0, "found": 0} | _still_true(known)
    start = state["pictures"]
    for number, rgb in enumerate(tiles(draws, count, start, SIDES), start):
        state["found"] += len(find_foreign_marks(rgb, cropped=True))
        state["pictures"] = number + 1
        if state["pictures"] % 100 == 0 or state["pictures"] == count:
            yield state


def _still_true(known: dict[str, Any]) -> dict[str, Any]:
    """Return what is known, or nothing but the code's digest when the code has changed since."""
    code = code_digest("foreign_marks")
    return known if known.get("code") == code else {"code": code}


def _marked(rgb: Rgb, message: KnownMessage, storage: Storage) -> Rgb:
    encoder = invisible_watermark().WatermarkEncoder()
    encoder.set_watermark("bits", message.bits.astype(int).tolist())
    depth = np.float32 if storage.floats else np.uint8
    written = encoder.encode(_ordered(rgb, storage).astype(depth), "dwtDct")
    return _ordered(np.clip(np.rint(written), 0, 255).astype(np.uint8), storage)


def _package_reads(rgb: Rgb, message: KnownMessage, storage: Storage) -> bool:
    """Whether the package reads every bit, told the channel order that was used."""
    decoder = invisible_watermark().WatermarkDecoder("bits", message.bits.size)
    return bool((decoder.decode(_ordered(rgb, storage), "dwtDct") == message.bits).all())


def _ordered(rgb: Rgb, storage: Storage) -> Rgb:
    return np.ascontiguousarray(rgb if storage.exchanged else rgb[..., ::-1])
