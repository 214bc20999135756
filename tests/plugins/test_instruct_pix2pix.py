import pytest
import torch

from retouch.errors import CannotCombine, InvalidField
from retouch.models.model import Model
from retouch.testing.checkpoints import tiny_sd
from retouch_plugins.guidance import Guidance
from retouch_plugins.instruct_pix2pix import InstructPix2Pix


@pytest.fixture(scope="module")
def eight():
    """A shallow network that also takes the picture."""
    return Model(tiny_sd(in_channels=8), dtype=torch.float32, memory_format=torch.contiguous_format)


def test_it_is_diffusers_instruct_pix2pix(run, parts, ask, picture):
    from diffusers import StableDiffusionInstructPix2PixPipeline

    ours, theirs = (tiny_sd(in_channels=8, deep=True) for _ in range(2))
    model = Model(ours, dtype=torch.float32, memory_format=torch.contiguous_format)
    pipeline = StableDiffusionInstructPix2PixPipeline(**parts(theirs))
    expected = ask(pipeline, image=(picture + 1) / 2, image_guidance_scale=1.5)
    found = run([Guidance(), InstructPix2Pix()], model, picture=picture)
    other = run([Guidance(), InstructPix2Pix()], model, picture=-picture)
    effect = (found - other).abs().max()
    print(f"difference {(found - expected).abs().max():.1e}, effect {effect:.2f}")
    assert torch.allclose(found, expected, atol=1e-4, rtol=0)
    assert effect > 0.1


def test_it_runs_three_branches(run, eight, picture):
    run([Guidance(), InstructPix2Pix()], eight, picture=picture)
    assert set(run.rows) == {3}


def test_image_scale_1_needs_no_branch_without_the_picture(run, eight, picture):
    """u + 1 (i - u) + s (it - i) = i + s (it - i)."""
    collapsed = run([Guidance(), InstructPix2Pix(image_scale=1.0)], eight, picture=picture)
    assert set(run.rows) == {2}
    near = run([Guidance(), InstructPix2Pix(image_scale=1.0 + 1e-6)], eight, picture=picture)
    assert set(run.rows) == {3}
    assert torch.allclose(collapsed, near, atol=1e-2)


def test_equal_scales_need_no_branch_between(run, eight, picture):
    """u + s (i - u) + s (it - i) = u + s (it - u)."""
    operation = InstructPix2Pix(text_scale=2.0, image_scale=2.0)
    run([Guidance(), operation], eight, picture=picture)
    assert set(run.rows) == {2}


def test_both_scales_1_run_one_branch(run, eight, picture):
    operation = InstructPix2Pix(text_scale=1.0, image_scale=1.0)
    run([Guidance(), operation], eight, picture=picture)
    assert set(run.rows) == {1}


def test_it_needs_a_network_that_takes_a_picture(run, picture):
    with pytest.raises(InvalidField, match="8 input channels"):
        run([Guidance(), InstructPix2Pix()], picture=picture)


def test_it_needs_a_picture(run, eight):
    with pytest.raises(CannotCombine, match="picture"):
        run([Guidance(), InstructPix2Pix()], eight)


@pytest.mark.parametrize(
    ("field", "value"), [("text_scale", -1.0), ("text_scale", 50.1), ("image_scale", 21.0)]
)
def test_a_wrong_parameter_says_what_is_allowed(field, value):
    with pytest.raises(InvalidField) as caught:
        InstructPix2Pix(**{field: value})
    assert caught.value.field == f"instruct_pix2pix.{field}"
    assert caught.value.value == value
    assert caught.value.allowed.startswith("float in [0,")
    assert caught.value.fix
