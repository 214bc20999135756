"""Documents of other depths and profiles, all the way through an edit and the gate."""

import numpy as np
import pytest
import torch

import retouch.admitted
from retouch.errors import InvalidField
from retouch.imaging.convert import converted
from retouch.imaging.image import Image, Mask
from retouch.models.library import Library
from retouch.request import EditRequest
from retouch.runner import Runner
from retouch.testing.color_profiles import linear_profile, one_way_profile
from retouch_plugins.guidance import Guidance
from retouch_plugins.sdedit import SDEdit
from retouch_safety.color_profile import to_srgb

pytestmark = pytest.mark.usefixtures("same_mark")


def picture():
    return Image(np.random.default_rng(0).random((64, 64, 3), np.float32) * 0.8 + 0.1)


def edit(image, **fields):
    given = {"model": "tiny", "steps": 2, "prompt": "a cat", "operations": (SDEdit(), Guidance())}
    return EditRequest(image=image, **given | fields)


def seen(released):
    white = 1.0 if released.pixels.dtype.kind == "f" else np.iinfo(released.pixels.dtype).max
    return to_srgb(released.pixels.astype(np.float32) / np.float32(white), released.icc)


@pytest.mark.parametrize("depth", ["uint16", "float32"])
def test_a_linear_document_is_edited_as_it_looks(runner, depth):
    plain = runner.run(edit(picture()))[0].composite
    linear = runner.run(edit(converted(picture(), depth, linear_profile())))[0].composite
    assert linear.icc == linear_profile() and linear.pixels.dtype.name == depth
    assert np.abs(seen(linear) - seen(plain)).mean() < 0.001


def test_so_are_its_previews(runner):
    def previews(image):
        found = []

        def look(step):
            if step.preview is not None:
                found.append(admitted.look(step))

        admitted = runner.admit(edit(image))
        runner.run(admitted, on_step=look)
        return found[-1]

    plain, linear = (
        previews(each) for each in (picture(), converted(picture(), None, linear_profile()))
    )
    assert np.abs(seen(linear) - seen(plain)).mean() < 0.05  # the first look is blurred


def test_more_than_eight_bits_are_decoded_in_float32(runner):
    """The network reckons in bfloat16: its own pictures have a few hundred levels."""
    runner = Runner(Library(dtype=torch.bfloat16), runner.gate)

    def levels(image):
        found = runner.run(edit(image))[0].composite.pixels
        return len(np.unique(found[..., 0]))

    assert levels(converted(picture(), "uint16", None)) > 1500
    assert levels(converted(picture(), "uint8", None)) <= 256


def test_masked_edits_are_matched_to_what_lies_around(runner, monkeypatch):
    given = []

    def noted(edited, source, mask):
        given.append((edited.shape, source.shape, mask.shape))
        return np.full_like(edited, 0.5)

    monkeypatch.setattr(retouch.admitted, "matched", noted)
    half = np.zeros((64, 64), np.float32)
    half[:, :32] = 1
    found = runner.run(edit(picture(), mask=Mask(half)))[0].composite
    assert len(given) == 1 and given[0][0][:2] == given[0][2]
    assert np.abs(found.pixels[:, :32] - 0.5).mean() < 0.02
    runner.run(edit(picture()))
    assert len(given) == 1


def test_a_profile_without_a_way_back_is_refused_in_words(runner):
    with pytest.raises(InvalidField, match="convert the picture to sRGB"):
        runner.admit(edit(Image(picture().pixels, icc=one_way_profile())))
