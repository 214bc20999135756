"""Saving: every format and depth, atomically, from released pictures only."""

import numpy as np
import pytest
from PIL import Image as Pillow
from PIL import ImageCms
from PIL.TiffImagePlugin import ImageFileDirectory_v2

from retouch.imaging.decode import read_image
from retouch_safety import CannotSave, Receipt, Sealed
from retouch_safety.provenance import Status, verify
from retouch_safety.save import check_path, save

ICC = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
KEPT = {".png": ("uint8", "uint16"), ".tiff": ("uint8", "uint16", "float32"), ".webp": ("uint8",)}


def as_depth(rgb, depth):
    scale = {"uint8": 1, "uint16": 257, "float32": 1 / 255}[depth]
    return (rgb.astype(np.float64) * scale).astype(depth)


@pytest.fixture(scope="module", params=["uint8", "uint16", "float32"])
def depth(request):
    return request.param


@pytest.fixture(scope="module", params=[False, True], ids=["opaque", "alpha"])
def released(request, release, astronaut, depth):
    pixels = as_depth(astronaut[:300, :301], depth)
    ramp = as_depth(np.tile(np.linspace(0, 255, 301), (300, 1)), depth)
    return release(Sealed.composite(pixels, alpha=ramp if request.param else None, icc=ICC))


@pytest.mark.parametrize("suffix", [".png", ".tiff", ".webp", ".jpg"])
def test_round_trip(released, depth, suffix, records_in, tmp_path):
    path = save(released, tmp_path / f"out{suffix}")
    assert [entry.name for entry in tmp_path.iterdir()] == [path.name]
    image = read_image(path)
    assert image.icc == ICC and image.size == (301, 300)
    if depth in KEPT.get(suffix, ()):
        assert image.pixels.tobytes() == released.pixels.tobytes()
        assert (image.alpha is None) == (released.alpha is None)
        assert image.alpha is None or image.alpha.tobytes() == released.alpha.tobytes()
    else:
        assert image.depth == ("uint16" if suffix == ".png" else "uint8")
    if suffix != ".jpg" or released.alpha is None:
        assert records_in(image.pixels) == [released.receipt.record]
    assert receipt_in(path) == released.receipt


def receipt_in(path):
    if path.suffix == ".tiff":  # Pillow cannot open float colour: read the tag alone
        with path.open("rb") as stream:
            tags = ImageFileDirectory_v2(stream.read(8))
            stream.seek(tags.next)
            tags.load(stream)
            return Receipt.from_json(tags[270])
    with Pillow.open(path) as opened:
        text = opened.info.get("retouch:receipt") or opened.getexif()[270]
        return Receipt.from_json(text)


def test_patch_is_saved_with_its_alpha(release, tmp_path):
    alpha = np.linspace(0, 1, 400, dtype=np.float32).reshape(20, 20)
    released = release(Sealed.patch(np.full((20, 20, 3), 90, np.uint8), alpha, x=1, y=2))
    image = read_image(save(released, tmp_path / "patch.png"))
    assert (image.alpha == np.rint(alpha * 255)).all()


def test_jpeg_is_flattened_onto_white(release, tmp_path):
    alpha = np.zeros((32, 32), np.uint8)
    alpha[:, 16:] = 255
    sealed = Sealed.composite(np.full((32, 32, 3), 40, np.uint8), alpha=alpha)
    image = read_image(save(release(sealed), tmp_path / "x.jpeg"))
    assert image.pixels[:, :8].min() > 245 and image.pixels[:, 24:].max() < 50


def test_a_file_is_signed_and_verifies(release, gate, tmp_path):
    released = release(Sealed.composite(np.full((24, 24, 3), 90, np.uint8)))
    for suffix in (".png", ".jpg", ".webp", ".tiff"):
        report = verify(save(released, tmp_path / f"out{suffix}"), gate.installation.trust)
        assert report.status is Status.TRUSTED, report.words()
    assert verify(released.encoded("PNG"), gate.installation.trust).status is Status.TRUSTED


def test_a_preview_has_no_file(release, tmp_path):
    alpha = np.ones((20, 20), np.float32)
    preview = release(Sealed.preview(np.full((20, 20, 3), 90, np.uint8), alpha, x=0, y=0))
    with pytest.raises(CannotSave, match="wait for the result"):
        save(preview, tmp_path / "x.png")
    assert not list(tmp_path.iterdir())


def test_unknown_names_are_refused_before_anything(tmp_path):
    for name in ("x", "x.gif", "x.psd", "x.png.exe", ".png"):
        with pytest.raises(CannotSave, match=r"allowed: \.png, .* Fix: "):
            check_path(tmp_path / name)
    with pytest.raises(CannotSave, match="existing folder"):
        check_path(tmp_path / "none" / "x.png")
    (tmp_path / "folder.png").mkdir()
    with pytest.raises(CannotSave, match="not a folder"):
        check_path(tmp_path / "folder.png")
    assert check_path(tmp_path / "X.JPEG") == "JPEG"


def test_only_released_pictures_are_saved(tmp_path, astronaut):
    for other in (astronaut, Sealed.composite(astronaut), None, "x"):
        with pytest.raises(TypeError, match="released by the gate"):
            save(other, tmp_path / "x.png")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("failure", [OSError("disk full"), KeyboardInterrupt()])
def test_failures_leave_nothing_behind(release, tmp_path, monkeypatch, failure):
    released = release(Sealed.composite(np.zeros((8, 8, 3), np.uint8)))
    target = tmp_path / "x.png"
    target.write_bytes(b"the old file")

    def fail(descriptor):
        raise failure

    monkeypatch.setattr("retouch_safety.save.os.fsync", fail)
    with pytest.raises((CannotSave, KeyboardInterrupt)):
        save(released, target)
    assert [entry.name for entry in tmp_path.iterdir()] == ["x.png"]
    assert target.read_bytes() == b"the old file"


def test_too_large_for_the_format(release, tmp_path):
    edited = np.zeros((1, 16_384), np.float32)
    edited[0, 0] = 1
    wide = release(Sealed.composite(np.zeros((1, 16_384, 3), np.uint8), edited))
    with pytest.raises(CannotSave, match="16383"):
        save(wide, tmp_path / "x.webp")
    assert read_image(save(wide, tmp_path / "x.png")).width == 16_384
