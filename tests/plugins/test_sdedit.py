import pytest
import torch

from retouch.errors import CannotCombine, InvalidField
from retouch.noise import NoiseStreams
from retouch_plugins.guidance import Guidance
from retouch_plugins.sdedit import SDEdit


@pytest.mark.parametrize("strength", [0.6, 1.0])
def test_it_is_diffusers_img2img(run, deep, same, parts, ask, source, strength):
    from diffusers import StableDiffusionImg2ImgPipeline

    pipeline = StableDiffusionImg2ImgPipeline(**parts(same))
    expected = ask(pipeline, image=source, strength=strength)
    found = run([Guidance(scale=7.5), SDEdit(strength=strength)], deep, latents=source)
    effect = (run([Guidance(scale=7.5)], deep) - found).abs().max()
    print(f"difference {(found - expected).abs().max():.1e}, effect {effect:.2f}")
    assert torch.allclose(found, expected, atol=1e-4, rtol=0)
    assert effect > 0.1


def test_strength_0_returns_the_source(run, source):
    assert torch.equal(run([SDEdit(strength=0.0), Guidance()], latents=source), source)
    assert run.rows == []


def test_strength_is_the_share_of_steps(run, source):
    distances = []
    for strength in (0.25, 0.5, 1.0):
        found = run([SDEdit(strength=strength), Guidance(scale=1.0)], latents=source)
        assert len(run.rows) == round(8 * strength)
        distances.append(float((found - source).abs().mean()))
    assert distances == sorted(distances)


def test_a_picture_is_encoded_to_its_latents(run, tiny, picture):
    latents = tiny.encode_picture(picture)
    given = run([SDEdit(), Guidance()], latents=latents)
    assert torch.equal(run([SDEdit(), Guidance()], picture=picture), given)


def test_k_repeats_noise_and_denoise_again(run, source):
    """Repeat k starts from the result before it, with noise of its own."""

    class Second(NoiseStreams):
        def normal(self, name, shape):
            return super().normal("start/1" if name == "start" else name, shape)

    once = [SDEdit(strength=0.5), Guidance()]
    first = run(once, latents=source)
    by_hand = run(once, latents=first, noise=Second(3))
    twice = run([SDEdit(strength=0.5, repeats=2), Guidance()], latents=source)
    assert len(run.rows) == 8
    assert torch.equal(twice, by_hand)
    assert (twice - first).abs().max() > 0.1


def test_without_a_picture_it_says_so(run):
    with pytest.raises(CannotCombine, match="picture"):
        run([SDEdit()])


@pytest.mark.parametrize(
    ("field", "value"),
    [("strength", 1.1), ("strength", -0.1), ("repeats", 0), ("repeats", 11), ("repeats", 1.0)],
)
def test_a_wrong_parameter_says_what_is_allowed(field, value):
    with pytest.raises(InvalidField) as caught:
        SDEdit(**{field: value})
    assert caught.value.field == f"sdedit.{field}"
    assert caught.value.value == value
    assert caught.value.allowed.endswith("]")
    assert caught.value.fix
