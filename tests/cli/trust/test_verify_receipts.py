"""Receipts in metadata and beside the file: what is believed of them."""

import json
import sys
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image as Pillow
from PIL.PngImagePlugin import PngInfo

from retouch.picture_file import pixels_of
from retouch_safety import Receipt
from retouch_safety.inspection import Inspector
from retouch_safety.inspection.receipt_in_files import receipt_text
from retouch_safety.inspection.receipt_in_manifests import receipt_texts


def with_receipt(pixels, receipt, path):
    info = PngInfo()
    info.add_text("retouch:receipt", receipt.to_json())
    Pillow.fromarray(pixels).save(path, pnginfo=info)
    return path


def test_a_receipt_proves_pixels_where_no_manifest_is_left(ours, tmp_path):
    """As on a machine that cannot write manifests."""
    receipt = ours.installation.receipts.sign(
        replace(ours.released.receipt, record="00000007", signature="")
    )
    path = with_receipt(ours.released.pixels, receipt, tmp_path / "receipt.png")
    pixels = ours.released.pixels
    ours_only = Inspector((), {receipt.signer: ours.installation.receipts.public}, *nothing())
    report = ours_only.inspect(path.read_bytes(), pixels_of)
    assert report.exit_code == 0 and "its signed receipt" in report.words()
    stranger = Inspector((), {}, *nothing())
    report = stranger.inspect(path.read_bytes(), pixels_of)
    assert report.exit_code == 5 and "it proves nothing" in report.words()
    forged = with_receipt(pixels, replace(receipt, model="other"), tmp_path / "forged.png")
    report = ours_only.inspect(forged.read_bytes(), pixels_of)
    assert report.exit_code == 5 and "changed or forged" in report.words()
    pixels = pixels.copy()
    pixels[0, 0] ^= 1
    changed = with_receipt(pixels, receipt, tmp_path / "changed.png")
    report = ours_only.inspect(changed.read_bytes(), pixels_of)
    assert report.exit_code == 5 and "not those bit for bit" in report.words()


def nothing():
    from retouch_safety.provenance import Trust

    return Trust(), None, False


@pytest.mark.parametrize(
    "text",
    [
        *("", "x", "[]", "{}", "null", "[" * 100_000, '{"record": 1}'),
        *(json.dumps({"operations": 5}), '{"operations": null, "detectors": "x"}'),
    ],
    ids=len,
)
def test_whatever_is_in_the_receipts_place_is_no_reason_to_stop(text, tmp_path):
    path = tmp_path / "x.png"
    info = PngInfo()
    info.add_text("retouch:receipt", text)
    Pillow.new("RGB", (20, 20)).save(path, pnginfo=info)
    report = Inspector((), {}, *nothing()).inspect(path.read_bytes(), pixels_of)
    assert report.receipt is None and report.exit_code == 5


@pytest.mark.parametrize(
    "change",
    [
        {"record": ["x"]},
        {"record": "../../etc"},
        {"signature": 5},
        {"signer": None},
        {"created": {}},
        {"mark_area": ["a", 1, 2, 3]},
        {"operations": [1]},
        {"mark_key": "0"},
    ],
    ids=str,
)
def test_receipts_of_wrong_types_are_none(ours, change, tmp_path):
    fields = json.loads(ours.released.receipt.to_json()) | change
    info = PngInfo()
    info.add_text("retouch:receipt", json.dumps(fields))
    path = tmp_path / "x.png"
    Pillow.new("RGB", (20, 20)).save(path, pnginfo=info)
    public = ours.installation.receipts
    report = Inspector((), {public.id: public.public}, *nothing()).inspect(
        path.read_bytes(), pixels_of
    )
    assert report.receipt is None
    json.loads(report.to_json())


def test_control_characters_of_a_stranger_are_not_shown(ours, tmp_path):
    receipt = replace(ours.released.receipt, signer="\x1b[2Jsomebody")
    path = with_receipt(np.zeros((20, 20, 3), np.uint8), receipt, tmp_path / "x.png")
    words = Inspector((), {}, *nothing()).inspect(path.read_bytes(), pixels_of).words()
    assert "somebody" in words and "\x1b" not in words


def test_kept_receipts_are_read_byte_for_byte(ours):
    (manifest,) = ours.installation.manifests.get(int(ours.record, 16))
    (text,) = receipt_texts(manifest)
    assert Receipt.from_json(text) == ours.released.receipt
    for cut in range(0, len(manifest), 97):
        assert len(list(receipt_texts(manifest[:cut]))) <= 1
    noise = np.random.default_rng(0).bytes(4000)
    assert list(receipt_texts(noise)) == [] and list(receipt_texts(b"")) == []


@pytest.mark.parametrize("suffix", ["png", "jpg", "webp", "tiff"])
def test_the_receipt_is_found_in_every_kind(ours, suffix):
    text = receipt_text((ours.home / f"edit.{suffix}").read_bytes())
    assert Receipt.from_json(text) == ours.released.receipt


def test_without_the_library_a_manifest_is_unchecked_and_a_receipt_does_not_stand_for_it(
    ours, call, verified, monkeypatch
):
    """As on Windows, for which the library of manifests has no wheel."""
    monkeypatch.setitem(sys.modules, "c2pa", None)
    code, (found,) = verified(ours, ours.home / "edit.png")
    assert code == 5 and found["provenance"]["active"] is None
    words = call(ours, "verify", ours.home / "edit.png").out
    assert "could not be checked" in words and "c2pa-python" in words
    assert "has no manifest" not in words
    # what the receipt says is still told
    assert "bit for bit those that were released" in words
    code, (found,) = verified(ours, ours.home / "edit.jpg")
    assert code == 5 and found["marks"][0]["record"] == ours.record
