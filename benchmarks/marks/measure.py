"""One case: mark a picture, attack it in every way, read it back."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any

import cv2
import numpy as np

from marks.attacks import Attack
from marks.contenders import BITS, Contender, balanced_bits
from marks.journal import Case
from marks.pictures import Rgb
from retouch_safety.tilemark.fidelity import psnr, ssim
from retouch_safety.tilemark.luma import luma_of

SEED = 4


def measure(
    case: Case, contender: Contender, rgb: Rgb, name: str, rows: Mapping[str, Attack]
) -> bool:
    """Fill in the rows that a case lacks; return whether anything was measured."""
    missing = [row for row in rows if row not in case["rows"]]
    if not missing:
        return False
    seed = _number(name)
    bits = balanced_bits(np.random.default_rng([SEED, seed]))
    marked = contender.write(rgb, bits, seed)
    case |= fidelity(rgb, marked) | {"marked": marked is not rgb}
    for row in missing:
        attack = rows[row]
        attacked = attack.apply(marked, np.random.default_rng([SEED, seed, _number(row)]))
        read = contender.read(attacked, placed=attack.placed)
        # None: the method says that it does not know, which is right half of the time
        right = BITS / 2 if read is None else int((read == bits).sum())
        case["rows"][row] = round(right / BITS, 3)
    return True


def fidelity(rgb: Rgb, marked: Rgb) -> dict[str, Any]:
    """PSNR over all channels; SSIM on luma."""
    error = float(np.mean((rgb.astype(np.float32) - marked) ** 2))
    return {
        "psnr": round(cv2.PSNR(rgb, marked), 2) if error else None,
        "psnr_luma": round(psnr(luma_of(rgb), luma_of(marked)), 2) if error else None,
        "ssim": round(ssim(luma_of(rgb), luma_of(marked)), 5),
    }


def _number(text: str) -> int:
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:4], "big")
