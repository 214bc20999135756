"""Pictures at another depth or in another profile: exact where that can be, and never wrapped."""

import imagecodecs
import numpy as np
import pytest

from retouch.errors import InvalidField
from retouch.imaging.convert import check_output_form, converted, depth_for
from retouch.imaging.image import Image

ADOBE, SRGB = (imagecodecs.cms_profile(name) for name in ("adobergb", "srgb"))
PIXELS = np.random.default_rng(0).integers(0, 256, (24, 32, 3), dtype=np.uint8)


def picture(**fields):
    return Image(PIXELS, **fields)


def test_what_is_so_already_is_not_touched():
    image = picture(icc=ADOBE)
    assert converted(image, None, None) is image
    assert converted(image, "uint8", ADOBE) is image
    assert converted(picture(), None, "srgb").icc is None


@pytest.mark.parametrize("depth", ["uint16", "float32"])
def test_a_deeper_picture_holds_every_value(depth):
    alpha = PIXELS[..., 0].copy()
    image = picture(alpha=alpha, icc=ADOBE)
    deep = converted(image, depth, None)
    assert (deep.depth, deep.alpha.dtype.name, deep.icc) == (depth, depth, ADOBE)
    back = converted(deep, "uint8", None)
    assert (back.pixels == PIXELS).all() and (back.alpha == alpha).all()
    assert np.abs(deep.unit() - image.unit()).max() < 1e-6


def test_floats_outside_of_the_range_are_cut_and_do_not_wrap():
    values = np.float32([[[-0.5, 0.5, 2.0]]])
    found = converted(Image(values), "uint8", None).pixels
    assert found.tolist() == [[[0, 128, 255]]]
    assert (converted(Image(values), "float32", None).pixels == values).all()


def test_colours_go_to_another_profile_and_back():
    there = converted(picture(), "uint16", ADOBE)
    assert there.icc == ADOBE and there.depth == "uint16"
    saturated = np.uint8([[[255, 0, 0]]])
    red = converted(Image(saturated), None, ADOBE).pixels[0, 0]
    # Adobe RGB (1998) writes sRGB's red as 219, 0, 0.
    assert np.abs(red.astype(int) - (219, 0, 0)).max() <= 2
    back = converted(there, "uint8", "srgb")
    assert back.icc is None
    assert np.abs(back.pixels.astype(int) - PIXELS).max() <= 1


def test_sixteen_bits_are_kept_when_colours_are_converted():
    ramp = np.repeat(np.arange(0, 65536, 64, dtype=np.uint16)[None, :, None], 3, axis=2)
    found = converted(Image(ramp), None, ADOBE).pixels
    assert len(np.unique(found[..., 0])) > 900, "not through 8 bits"


@pytest.mark.parametrize(
    ("depth", "profile", "field"),
    [("uint4", None, "depth"), (None, "p3", "profile"), (None, b"noise" * 40, "profile")],
)
def test_what_no_picture_can_be_is_refused(depth, profile, field):
    with pytest.raises(InvalidField) as caught:
        check_output_form(depth, profile)
    assert caught.value.field == field and caught.value.fix


def test_a_damaged_profile_is_one_clear_error():
    broken = ADOBE[:60] + bytes(len(ADOBE) - 60)
    with pytest.raises(InvalidField, match="profile"):
        converted(picture(), None, broken)


def test_the_depth_of_a_file_is_the_nearest_that_it_holds():
    assert depth_for("PNG", "uint16", None, "-o") is None
    assert depth_for("PNG", "float32", None, "-o") == "uint16"
    assert depth_for("WebP", "uint16", None, "-o") == "uint8"
    assert depth_for("TIFF", "uint8", "float32", "-o") == "float32"
    with pytest.raises(InvalidField, match=r"-o.*TIFF"):
        depth_for("PNG", "uint8", "float32", "-o")
