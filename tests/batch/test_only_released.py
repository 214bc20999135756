"""What a container gets is what the gate released: nothing else can be put into it."""

import ast
from pathlib import Path

import numpy as np
import pytest

from retouch.batch.released import released_patch
from retouch.client.failures import DaemonFailed
from retouch.imaging.region import Rect
from retouch_safety.encode import Picture, encode

BATCH = Path(__file__).resolve().parents[2] / "sdk/retouch/batch"


def file_of(given, pixels=None):
    shown = given.pixels if pixels is None else pixels
    return encode(Picture(shown, given.alpha, None, given.receipt.to_json()), "TIFF")


@pytest.mark.parametrize("dtype", ["uint8", "uint16", "float32"])
def test_a_patch_is_taken_out_of_its_file_bit_for_bit(patch, dtype):
    given = patch(dtype)
    found = released_patch(file_of(given), given.bounds)
    assert (found.pixels == given.pixels).all() and (found.alpha == given.alpha).all()
    assert found.pixels.dtype == dtype and found.receipt == given.receipt


def test_what_differs_from_its_receipt_goes_nowhere(patch):
    given = patch(np.uint8)
    changed = given.pixels.copy()
    changed[5, 5] ^= 1
    bare = encode(Picture(given.pixels, given.alpha, None, "{}"), "TIFF")
    opaque = encode(Picture(given.pixels, None, None, given.receipt.to_json()), "TIFF")
    for file, bounds in (
        (file_of(given, changed), given.bounds),
        (file_of(given), Rect(0, 0, 3, 3)),
        (bare, given.bounds),
        (opaque, given.bounds),
        (None, given.bounds),
    ):
        with pytest.raises(DaemonFailed):
            released_patch(file, bounds)


def test_patches_come_out_of_one_function_and_files_out_of_one_module():
    """Who makes ``ReleasedPatch``, who calls it, and who writes, read from the syntax trees."""
    makers, callers, writers = set(), set(), set()
    for file in BATCH.rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text("utf-8"))):
            if isinstance(node, ast.Call):
                name = getattr(node.func, "attr", getattr(node.func, "id", ""))
                makers |= {file.name} if name == "ReleasedPatch" else set()
                callers |= {file.name} if name in ("with_patch", "released_patch") else set()
                writers |= {file.name} if name in ("replace_whole", "write_bytes") else set()
    assert makers == {"released.py"} and callers == {"writing.py"} and writers == {"writing.py"}
