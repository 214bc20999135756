"""Real releases: as they were written, changed, cropped, saved again, moved, in folders."""

import json
import subprocess
import sys

import numpy as np
import pytest
from PIL import Image as Pillow

from retouch.cli.verify import WORST_FIRST
from retouch_safety.foreign_marks import write_compatibility_mark
from retouch_safety.provenance import EXIT_CODES

# --- files as they were written ---


@pytest.mark.parametrize("suffix", ["png", "jpg", "webp", "tiff"])
def test_a_file_as_it_was_written_is_trusted(ours, verified, suffix):
    code, (found,) = verified(ours, ours.home / f"edit.{suffix}")
    assert code == 0 and found["status"] == "TRUSTED"
    assert [mark["record"] for mark in found["marks"]] == [ours.record]
    assert found["marks"][0]["claim"] == "AUTHENTIC"
    assert found["receipt"]["signature"] == "VALID"
    assert found["receipt"]["receipt"]["mark_area"] == [40, 16, 256, 256]
    assert found["receipt"]["same_pixels"] == (suffix != "jpg")  # JPEG is lossy
    assert found["receipt"]["bits_apart"] <= 2
    steps = found["provenance"]["active"]["steps"]
    assert [s["operations"] for s in steps if s["operations"]] == [["sdedit"], ["soft_mask"]]


def test_words_say_what_where_when_and_by_which_key(ours, call):
    found = call(ours, "verify", ours.home / "edit.png")
    receipt = ours.released.receipt
    assert found.code == 0 and found.err == ""
    for said in (
        f"{ours.home / 'edit.png'}\n",
        "PNG: Intact",
        "edited with sdedit (by a trained model) in 256x256 pixels at 40,16",
        f"Watermark {ours.record} was written with key 0 of this installation.",
        f"Receipt {ours.record}, signed by {receipt.signer}, valid: released {receipt.created}",
        "The pixels are bit for bit those that were released.",
    ):
        assert said in found.out
    assert found.out.count("edited with sdedit") == 1  # not once more from what is kept here


# --- files that lost or changed something ---


def test_one_changed_byte_is_tampering(ours, verified, call, tmp_path):
    data = bytearray((ours.home / "edit.tiff").read_bytes())
    at = data.index(b'"model": "tiny"') + len('"model": "')
    data[at] ^= 1
    path = tmp_path / "changed.tiff"
    path.write_bytes(data)
    code, (found,) = verified(ours, path)
    assert code == 6 and found["status"] == "TAMPERED"
    assert found["receipt"]["signature"] == "INVALID"
    words = call(ours, "verify", path).out
    assert "Not intact" in words and "changed or forged" in words


def test_pixels_that_cannot_be_decoded_any_more_are_tampering_too(ours, verified, tmp_path):
    data = bytearray((ours.home / "edit.png").read_bytes())
    data[-2000] ^= 255  # in the compressed pixels
    path = tmp_path / "broken.png"
    path.write_bytes(data)
    code, (found,) = verified(ours, path)
    assert code == 6 and "whole PNG" in found["unreadable"] and found["marks"] == []


@pytest.mark.parametrize("quality", [75, 90])
def test_a_resaved_jpeg_is_recovered_by_its_mark(ours, verified, call, quality, resaved):
    path = resaved(ours.home / "edit.png", "again.jpg", quality=quality)
    code, (found,) = verified(ours, path)
    assert code == 4 and found["status"] == "RECOVERED"
    (mark,) = found["provenance"]["marks"]
    assert mark["record"] == ours.record and mark["recovered"]
    (kept,) = found["kept"]
    assert kept["signature"] == "VALID" and kept["bits_apart"] <= 4 and not kept["same_pixels"]
    assert found["receipt"] is None
    words = call(ours, "verify", path).out
    assert "its watermark leads to one" in words and "it looks the same" in words


def test_pixels_alone_are_trusted_when_every_bit_fits(ours, verified, call, resaved):
    path = resaved(ours.home / "edit.png", "again.png")
    code, (found,) = verified(ours, path)
    assert code == 0 and found["provenance"]["kind"] == "PIXELS"
    assert "its pixels fit the one kept here" in call(ours, "verify", path).out


def test_a_crop_is_recovered_and_said_to_look_different(ours, verified, call, tmp_path):
    path = tmp_path / "crop.png"
    Pillow.open(ours.home / "edit.png").crop((100, 60, 300, 272)).save(path)
    code, (found,) = verified(ours, path)
    assert code == 4 and found["kept"][0]["bits_apart"] > 10
    assert "cropped" in call(ours, "verify", path).out


def test_a_mark_that_was_moved_to_another_picture_is_shown(ours, verified, call, tmp_path):
    """Someone subtracts a mark from its picture and adds it to another one."""
    source = np.asarray(Pillow.open(ours.home / "edit.png")).astype(int)
    other = np.random.default_rng(3).integers(60, 200, (9, 11, 3)).astype(np.uint8)
    other = np.asarray(Pillow.fromarray(other).resize((336, 288), Pillow.Resampling.BICUBIC))
    moved = (other + 2 * (source - ours.source)).clip(0, 255).astype(np.uint8)
    path = tmp_path / "moved.png"
    Pillow.fromarray(moved).save(path)
    code, (found,) = verified(ours, path)
    assert code == 4 and found["marks"][0]["claim"] == "AUTHENTIC"
    assert found["kept"][0]["bits_apart"] >= 20
    assert "moved here from another picture" in call(ours, "verify", path).out


def test_a_picture_that_nobody_marked(ours, verified, tmp_path):
    path = tmp_path / "plain.png"
    Pillow.new("RGB", (300, 300), (90, 120, 40)).save(path)
    code, (found,) = verified(ours, path)
    assert code == 5 and found["status"] == "NONE" and found["marks"] == []


def test_marks_of_other_programs_are_told(ours, verified, call, tmp_path):
    marked = write_compatibility_mark(ours.source, np.ones(ours.source.shape[:2], np.bool_))
    assert marked.written
    path = tmp_path / "sdxl.png"
    Pillow.fromarray(marked.pixels).save(path)
    code, (found,) = verified(ours, path)
    assert code == 5 and [mark["name"] for mark in found["foreign"]] == ["sdxl"]
    assert "anyone can write or copy it" in call(ours, "verify", path).out


def test_a_turned_picture_needs_a_search(ours, verified, call, tmp_path):
    path = tmp_path / "turned.png"
    turned = Pillow.open(ours.home / "edit.png").transpose(Pillow.Transpose.ROTATE_90)
    turned.save(path)
    assert verified(ours, path)[0] == 5
    code, (found,) = verified(ours, "--search", path)
    assert code == 4 and found["marks"][0]["record"] == ours.record
    assert "turned by" in call(ours, "verify", "--search", path).out


# --- several files ---


def test_a_folder_gives_the_worst_and_a_bad_file_stops_nothing(ours, theirs, call, tmp_path):
    folder = tmp_path / "mixed"
    (folder / "inner").mkdir(parents=True)
    (folder / "good.png").write_bytes((ours.home / "edit.png").read_bytes())
    (folder / "inner" / "theirs.webp").write_bytes((theirs.home / "edit.webp").read_bytes())
    (folder / "cut.png").write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(40))
    (folder / "empty.jpg").write_bytes(b"")
    (folder / "notes.txt").write_text("not a picture")
    too_long = tmp_path / ("x" * 5000)
    found = call(ours, "verify", folder, tmp_path / "missing.png", too_long)
    assert found.code == 2
    assert found.out.splitlines()[-1] == "6 files: 1 trusted, 4 unreadable, 1 untrusted"
    assert len(found.err.strip().splitlines()) == 4 and "Traceback" not in found.err
    lines = [json.loads(line) for line in call(ours, "verify", "--json", folder).out.splitlines()]
    assert [line["exit_code"] for line in lines] == [2, 2, 0, 3]
    assert "error" in lines[0] and "Fix:" in lines[0]["error"]


def test_a_folder_without_pictures_is_not_a_trusted_one(ours, call, tmp_path):
    found = call(ours, "verify", tmp_path)
    assert found.code == 2 and "in this folder" in found.err


def test_every_exit_code_has_its_place_in_the_order():
    assert set(WORST_FIRST) == {*EXIT_CODES.values(), 2}
    assert WORST_FIRST[0] == 6 and WORST_FIRST[-1] == 0


def test_names_of_files_cannot_move_the_cursor(ours, call, tmp_path):
    path = tmp_path / "a\x1b[2Jb.png"
    path.write_bytes((ours.home / "edit.png").read_bytes())
    found = call(ours, "verify", path)
    assert found.code == 0 and "\x1b" not in found.out


def test_verifying_makes_nothing_and_imports_no_torch(theirs, tmp_path):
    home = tmp_path / "nobody"
    code = (
        "import sys; from retouch.cli.main import run\n"
        f"code = run(['verify', {str(theirs.home / 'edit.png')!r}])\n"
        "heavy = {'torch', 'onnxruntime', 'diffusers', 'transformers'} & set(sys.modules)\n"
        "assert code == 3, code\nassert not heavy, heavy"
    )
    environment = {"RETOUCH_HOME": str(home), "PATH": "/usr/bin:/bin"}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, env=environment)
    assert done.returncode == 0, done.stderr.decode()
    assert not home.exists()
