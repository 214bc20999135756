"""What pictures look like under their profiles: to detectors, to marks, and on the way back."""

import imagecodecs
import numpy as np
import pytest

from retouch.testing.color_profiles import linear_profile, one_way_profile
from retouch_safety import InputPicture, Job, MarkStatus, Refused, Sealed
from retouch_safety.color_profile import (
    UnusableProfile,
    from_srgb,
    is_reversible,
    is_srgb,
    shown,
    to_srgb,
    transformed,
)

LINEAR = linear_profile()
ADOBE, SRGB = imagecodecs.cms_profile("adobergb"), imagecodecs.cms_profile("srgb")
DAMAGED = SRGB[:40] + bytes(100)


def linear_of(srgb):
    """IEC 61966-2-1, the curve of sRGB undone."""
    return np.where(srgb <= 0.04045, srgb / 12.92, ((srgb + 0.055) / 1.055) ** 2.4)


def in_linear(rgb, depth):
    """8-bit sRGB as a document of linear light."""
    light = linear_of(rgb / 255)
    return (light * 65535).round().astype(depth) if depth == "uint16" else light.astype(depth)


@pytest.mark.parametrize(
    ("icc", "same"),
    [
        (None, True),
        (SRGB, True),
        (DAMAGED, True),
        (b"profile", True),
        (LINEAR, False),
        (ADOBE, False),
    ],
)
def test_profiles_that_leave_colours_where_they_are(icc, same):
    assert is_srgb(icc) is same
    pixels = np.full((2, 2, 3), 99, np.uint8)
    assert (shown(pixels, icc) is pixels) is same


def test_linear_light_is_shown_by_the_curve_of_srgb():
    levels = np.linspace(0, 1, 256, dtype=np.float32)[None, :, None].repeat(3, axis=2)
    assert np.abs(to_srgb(linear_of(levels).astype(np.float32), LINEAR) - levels).max() < 1e-3
    assert np.abs(from_srgb(levels, LINEAR) - linear_of(levels)).max() < 1e-3


@pytest.mark.parametrize("icc", [LINEAR, ADOBE])
def test_there_and_back_is_finer_than_sixteen_bits_need(icc):
    colours = np.random.default_rng(1).random((40, 50, 3), np.float32)
    back = to_srgb(from_srgb(colours, icc), icc)
    assert np.abs(back - colours).max() < 1 / 4096


def test_an_unusable_profile_says_so_where_it_was_asked_for():
    with pytest.raises(UnusableProfile):
        transformed(np.zeros((1, 1, 3), np.float32), DAMAGED, None)


def test_what_is_not_finite_stays_so():
    """The gate refuses it; integers inside the library would make it a colour."""
    colours = np.full((2, 3, 3), 0.5, np.float32)
    colours[1, 1, 2] = np.nan
    for convert in (to_srgb, from_srgb):
        found = convert(colours, LINEAR)
        assert np.isnan(found[1, 1]).all() and np.isfinite(found[0]).all()


def test_profiles_that_know_the_way_to_srgb_alone_are_told():
    assert is_reversible(None) and is_reversible(LINEAR) and is_reversible(DAMAGED)
    one_way = one_way_profile()
    assert not is_reversible(one_way) and not is_srgb(one_way)
    seen = to_srgb(np.full((1, 1, 3), 0.25, np.float32), one_way)
    assert np.abs(seen - 0.25).max() > 0.1  # detectors see what viewers show
    with pytest.raises(UnusableProfile):
        from_srgb(seen, one_way)


class Brightness:
    """Refuses what is brighter than it should be: it sees what a detector sees."""

    name, category = "brightness 1", "brightness"

    def __init__(self):
        self.seen = []

    def score(self, rgb, region):
        self.seen.append(float(rgb.mean()))
        return {"whole": 0.0}

    def self_test(self):
        pass


@pytest.mark.parametrize("depth", ["uint16", "float32"])
def test_detectors_see_a_linear_document_as_people_do(gate_with, astronaut, depth):
    """As values it would be far too dark for them."""
    detector = Brightness()
    through = gate_with([detector])
    pixels, bright = in_linear(astronaut, depth), astronaut.mean()
    job = Job(pictures={"image": InputPicture(pixels, None, LINEAR)})
    through.release(Sealed.composite(pixels, icc=LINEAR), through.admit(job))
    assert len(detector.seen) == 2 and max(abs(seen - bright) for seen in detector.seen) < 1


def test_a_picture_passes_under_one_profile_and_not_under_another(gate_with, astronaut):
    """What was found in pixels is remembered with their profile."""

    class Dark(Brightness):
        def score(self, rgb, region):
            return {"whole": float(rgb.mean() > 90)}

    through, pixels = gate_with([Dark()]), in_linear(astronaut, "uint16")
    through.admit(Job(pictures={"image": InputPicture(pixels)}))
    with pytest.raises(Refused):
        through.admit(Job(pictures={"image": InputPicture(pixels, None, LINEAR)}))


@pytest.mark.parametrize("depth", ["uint16", "float32"])
@pytest.mark.parametrize("icc", [LINEAR, ADOBE])
def test_the_mark_is_in_what_is_seen(gate, astronaut, records_in, depth, icc):
    """So it is there after the usual conversion for the web, and is no brighter in the shadows."""
    white = 65535 if depth == "uint16" else 1
    pixels = from_srgb(astronaut.astype(np.float32) / 255, icc) * np.float32(white)
    pixels = (pixels.round() if depth == "uint16" else pixels).astype(depth)
    edited = np.zeros(pixels.shape[:2], np.float32)
    edited[100:400, 80:420] = 1
    admission = gate.admit(Job(pictures={"image": InputPicture(pixels, None, icc)}))
    released = gate.release(Sealed.composite(pixels, edited, icc=icc), admission)
    assert released.receipt.mark is MarkStatus.EMBEDDED
    assert (released.pixels == pixels)[edited == 0].all()
    before, after = shown(pixels, icc), shown(released.pixels, icc)
    web = (after * 255).round().astype(np.uint8)
    assert records_in(web) == [released.receipt.record]
    error = ((after - before)[edited > 0] ** 2).mean()
    assert 10 * np.log10(1 / error) > 40


def test_light_beyond_white_is_kept(release, astronaut):
    pixels = in_linear(astronaut, "float32")
    pixels[:100] *= 3
    released = release(Sealed.composite(pixels, icc=LINEAR))
    assert released.receipt.mark is MarkStatus.EMBEDDED
    beyond = pixels > 1.1
    assert beyond.sum() > 1000
    assert np.abs(released.pixels - pixels)[beyond].max() < 0.1
