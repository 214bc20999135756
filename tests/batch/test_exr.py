"""An EXR with a patch over it: where the patch is not, every bit is the original's."""

import struct
import sys

import numpy as np
import OpenEXR
import pytest

from retouch.batch.choices import Choices, MaskSource
from retouch.batch.formats.color_spaces import color_space
from retouch.batch.formats.exr import ExrDocument, released_layers
from retouch.batch.formats.exr_file import read_exr
from retouch.batch.formats.exr_header import headers, with_attributes
from retouch.errors import InvalidField, InvalidImage

ACESCG = (0.713, 0.293, 0.165, 0.83, 0.128, 0.044, 0.32168, 0.33767)
INSIDE = (slice(9, 29), slice(10, 26))


def bits(array):
    return np.ascontiguousarray(array).view(np.uint8)


@pytest.fixture
def rendered(tmp_path, colours):
    """A file of half RGB with values that no screen has, further channels and attributes."""

    def write(compression="ZIP", kind="scanlineimage", parts=1, alpha=None, **attributes):
        planes = (colours(48, 64) * 5 - 0.2).astype(np.float16)
        planes[0, 0, 1], planes[1, 1, 1] = np.nan, np.inf
        header = {
            "compression": getattr(OpenEXR, f"{compression}_COMPRESSION"),
            "type": getattr(OpenEXR, kind),
            "chromaticities": ACESCG,
            "owner": "us",
            "dataWindow": (np.array([5, 7], np.int32), np.array([68, 54], np.int32)),
            "displayWindow": (np.array([0, 0], np.int32), np.array([99, 99], np.int32)),
        } | attributes
        if kind == "tiledimage":
            header["tiles"] = OpenEXR.TileDescription()
        matte = np.zeros((48, 64), np.float32)
        matte[10:20, 12:24] = 0.75
        channels = dict(zip("RGB", planes.transpose(2, 0, 1).copy(), strict=True))
        channels |= {"matte.A": matte, "id": np.arange(48 * 64, dtype=np.uint32).reshape(48, 64)}
        if alpha is not None:
            channels["A"] = np.full((48, 64), alpha, np.float16)
        depth = {"Z": np.ones((48, 64), np.float32)}
        made = [OpenEXR.Part(dict(header), channels, "beauty")]
        made += [OpenEXR.Part(dict(header), depth, "depth")] * (parts - 1)
        file = tmp_path / "in.exr"
        OpenEXR.File(made).write(str(file))
        data = file.read_bytes()
        speed = {"framesPerSecond": ("rational", struct.pack("<iI", 24, 1))}
        file.write_bytes(with_attributes(data, headers(data), [speed] * parts))
        return file

    return write


def edited(file, patch, **choices):
    chosen = Choices(**choices)
    filed = ExrDocument(file, chosen).with_patch(patch, chosen)
    out = file.with_name("out.exr")
    out.write_bytes(filed.data)
    return out


@pytest.mark.parametrize(
    ("compression", "kind", "parts"),
    [
        ("ZIP", "scanlineimage", 1),
        ("PIZ", "tiledimage", 1),
        ("DWAA", "scanlineimage", 1),
        ("NO", "scanlineimage", 2),
    ],
)
def test_outside_the_patch_and_in_other_channels_every_bit_stays(
    rendered, patch, compression, kind, parts
):
    file, given = rendered(compression, kind, parts), patch(np.float32)
    before, after = read_exr(file), read_exr(edited(file, given))
    assert len(after.parts) == parts
    for number in range(parts):
        old, new = before.channels(number), after.channels(number)
        assert set(new) - set(old) == (
            {f"retouch.{name}" for name in "RGBA"} if number == 0 else set()
        )
        for name, plane in old.items():
            keep = np.ones(plane.shape, bool)
            if number == 0 and name in "RGB":
                keep[INSIDE] = given.alpha == 0
                assert (new[name] != plane)[INSIDE][given.alpha == 1].any()
            assert new[name].dtype == plane.dtype
            assert (bits(new[name][keep]) == bits(plane[keep])).all(), name
    for name, value in before.headers.parts[0].items():
        if name not in ("channels", "compression"):
            assert after.headers.parts[0][name] == value, name
    assert OpenEXR.File(str(file.with_name("out.exr"))).parts[0].header["owner"] == "us"


def test_the_layer_is_what_was_released_and_the_picture_is_that_in_its_own_space(rendered, patch):
    file, given = rendered(), patch(np.float32)
    out = edited(file, given, result_layer="comp")
    (layer, found), (name, shown) = released_layers(out)
    assert (layer, name) == ("comp", "RGB")
    assert (bits(found.pixels) == bits(given.pixels)).all()
    assert (bits(found.alpha) == bits(given.alpha)).all()
    hard = given.alpha == 1
    assert np.abs(shown.pixels[INSIDE][hard] - given.pixels[hard]).max() < 2e-3  # half floats
    again = edited(out, given, result_layer="comp")
    assert "comp2.R" in read_exr(again).channels(0)


def test_the_way_to_the_screen_and_back_is_exact_at_float(rendered):
    header = {"chromaticities": ACESCG}
    space = color_space("", header, 1.0)
    assert space.name == "ACEScg"
    values = np.array([[[-0.3, 0.0, 0.18], [1.0, 4.0, 60.0]]], np.float32)
    back = space.from_srgb(space.to_srgb(values))
    assert np.abs(back - values).max() < 1e-4
    grey = np.full((1, 1, 3), 0.18 / 2, np.float32)  # one stop brighter: middle grey
    assert np.abs(space.to_srgb(grey) - 0.4613).max() < 1e-3


def test_spaces_are_read_from_the_header_or_named(monkeypatch, tmp_path):
    assert color_space("", {}, 0).name == "Linear Rec.709 (sRGB)"
    assert color_space("", {"colorInteropID": "lin_ap0_scene"}, 0).name == "ACES2065-1"
    assert color_space("lin_rec2020", {}, 0).name == "Linear Rec.2020"
    with pytest.raises(InvalidField, match="ACEScg"):
        color_space("acesgc", {}, 0)
    with pytest.raises(InvalidField, match="name the picture's space"):
        color_space("", {"chromaticities": (0.1,) * 8}, 0)
    monkeypatch.setenv("OCIO", str(tmp_path / "absent.ocio"))
    with pytest.raises(InvalidField, match="OCIO"):
        color_space("", {}, 0)


def test_the_network_sees_colours_without_transparency_and_finite_ones(rendered):
    document = ExrDocument(rendered(alpha=0.5), Choices())
    picture = document.picture
    assert picture.pixels.dtype == np.float32 and np.isfinite(picture.pixels).all()
    assert (picture.alpha == 0.5).all() and document.size == (64, 48)
    plain = ExrDocument(rendered(), Choices(exposure=1.0)).picture
    finite = np.s_[2:, 2:]  # at half the opacity, colours are twice what is stored
    assert np.allclose(picture.pixels[finite], plain.pixels[finite], atol=1e-5)


def test_masks_are_channels(rendered):
    document = ExrDocument(rendered(), Choices())
    matte = document.strength(MaskSource("layer", "matte")).strength
    assert matte.max() == 0.75 and (matte > 0).sum() == 120
    with pytest.raises(InvalidField, match=r"matte\.A"):
        document.strength(MaskSource("layer", "absent"))
    with pytest.raises(InvalidField, match="transparency"):
        document.strength(MaskSource("alpha"))


def test_what_cannot_be_edited_is_said(rendered, patch, tmp_path):
    file = rendered()
    with pytest.raises(InvalidField, match=r"matte\.A"):
        ExrDocument(file, Choices(layer="hero"))
    with pytest.raises(InvalidField, match="float32"):
        ExrDocument(file, Choices()).with_patch(patch(np.uint8), Choices())
    for data in (b"", b"no EXR at all", file.read_bytes()[:200], file.read_bytes()[:-500]):
        file.write_bytes(data)
        with pytest.raises(InvalidImage, match="whole OpenEXR"):
            ExrDocument(file, Choices())
    grey = tmp_path / "grey.exr"
    OpenEXR.File({}, {"Y": np.ones((8, 8), np.float16)}).write(str(grey))
    with pytest.raises(InvalidField, match="R, G and B"):
        ExrDocument(grey, Choices())


def test_a_layer_or_a_part_is_edited_by_name(rendered, patch):
    file, given = rendered(parts=2), patch(np.float32)
    out = edited(file, given, layer="beauty", result_layer="fix")
    old = read_exr(out).channels(0)
    new = read_exr(edited(out, given, layer="fix", color_space="ACEScg")).channels(0)
    assert (bits(old["R"]) == bits(new["R"])).all() and (old["fix.R"] != new["fix.R"]).any()
    assert "retouch.R" in new


@pytest.mark.parametrize("package", ["OpenEXR", "PyOpenColorIO"])
def test_without_its_readers_the_file_is_refused_with_what_to_install(
    rendered, monkeypatch, package
):
    file = rendered()
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(InvalidField, match=r"retouch\[studio\]"):
        ExrDocument(file, Choices())
