import pytest
import torch

from retouch.errors import CannotCombine, InvalidField
from retouch.models.model import Model
from retouch.testing.checkpoints import tiny_sd
from retouch_plugins.guidance import Guidance
from retouch_plugins.sdedit import SDEdit
from retouch_plugins.soft_mask import SoftMask

HALF = torch.zeros(1, 1, 64, 64)
HALF[..., :32] = 1.0
LEFT, RIGHT = slice(0, 4), slice(4, 8)


def test_a_hard_mask_is_diffusers_inpainting_by_blending(run, deep, same, parts, ask, source):
    from diffusers import StableDiffusionInpaintPipeline

    pipeline = StableDiffusionInpaintPipeline(**parts(same))
    # Given as latents: the pipeline would draw from the autoencoder's posterior.
    more = {"image": source, "masked_image_latents": source, "height": 64, "width": 64}
    expected = ask(pipeline, mask_image=HALF, strength=0.6, **more)
    operations = [Guidance(scale=7.5), SDEdit(strength=0.6)]
    found = run([*operations, SoftMask()], deep, latents=source, mask=HALF)
    effect = (run(operations, deep, latents=source) - found).abs().max()
    print(f"difference {(found - expected).abs().max():.1e}, effect {effect:.2f}")
    assert torch.allclose(found, expected, atol=1e-4, rtol=0)
    assert effect > 0.1


def test_a_soft_mask_is_differential_diffusion(run, deep, same, source):
    """Against the published loop: a pixel is renoised from the source until its turn comes."""
    ramp = torch.linspace(0, 1, 8).repeat_interleave(8).expand(1, 1, 64, 64)
    found = run([Guidance(scale=7.5), SoftMask()], deep, latents=source, mask=ramp)
    expected = differential(same, source, ramp[..., ::8, ::8])
    effect = (run([Guidance(scale=7.5), SDEdit(strength=1.0)], deep, latents=source) - found).abs()
    print(f"difference {(found - expected).abs().max():.1e}, effect {effect.max():.2f}")
    assert torch.allclose(found, expected, atol=1e-4, rtol=0)
    assert effect.max() > 0.1


@torch.no_grad()
def differential(checkpoint, source, strength):
    """Levin & Fried 2023, algorithm 1, with nothing of ours but the weights."""
    from diffusers import DDIMScheduler

    tokenizer, encoder = checkpoint.tokenizers[0], checkpoint.text_encoders[0]
    prompts = ["dog", "a red cat"]
    ids = tokenizer(prompts, padding="max_length", return_tensors="pt").input_ids
    text = encoder(ids)[0]
    scheduler = DDIMScheduler.from_config(dict(checkpoint.scheduler_config))
    scheduler.set_timesteps(8)
    noise = torch.randn(source.shape, generator=torch.Generator().manual_seed(3))
    x = scheduler.add_noise(source, noise, scheduler.timesteps[:1])
    for i, time in enumerate(scheduler.timesteps):
        noised = scheduler.add_noise(source, noise, time[None])
        x = torch.where(1.0 - strength > i / 8, noised, x)
        without, wanted = checkpoint.unet(x.repeat(2, 1, 1, 1), time, text).sample.chunk(2)
        x = scheduler.step(without + 7.5 * (wanted - without), time, x).prev_sample
    return torch.where(strength == 0.0, source, x)


def test_mask_0_keeps_the_source_exactly(run, source):
    found = run([Guidance(), SoftMask()], latents=source, mask=torch.zeros(1, 1, 64, 64))
    assert torch.equal(found, source)


def test_outside_the_mask_the_source_is_kept_exactly(run, source):
    found = run([Guidance(), SoftMask()], latents=source, mask=HALF)
    assert torch.equal(found[..., RIGHT], source[..., RIGHT])
    assert (found[..., LEFT] - source[..., LEFT]).abs().max() > 0.1


def test_mask_1_is_no_mask(run, source):
    operations = [Guidance(), SDEdit(strength=0.5)]
    masked = run([*operations, SoftMask()], latents=source, mask=torch.ones(1, 1, 64, 64))
    assert torch.equal(masked, run(operations, latents=source))
    assert torch.equal(run([*operations, SoftMask()], latents=source), masked)


def test_strength_multiplies_the_mask(run, source):
    soft = run([Guidance(), SoftMask()], latents=source, mask=HALF * 0.5)
    assert torch.equal(run([Guidance(), SoftMask(strength=0.5)], latents=source, mask=HALF), soft)
    none = run([Guidance(), SoftMask(strength=0.0)], latents=source, mask=HALF)
    assert torch.equal(none, source)


def test_a_nine_channel_network_sees_mask_and_picture(run, picture):
    model = Model(tiny_sd(in_channels=9), dtype=torch.float32)
    found = run([Guidance(), SoftMask()], model, picture=picture, mask=HALF)
    channels = run.edit.condition.channels
    assert channels.shape == (1, 5, 8, 8)
    assert torch.equal(channels[0, 0], HALF[0, 0, ::8, ::8])
    shown = model.encode_picture(picture * (1 - HALF))
    assert torch.equal(channels[:, 1:], shown)
    assert torch.equal(found[..., RIGHT], run.edit.source[..., RIGHT])
    everywhere = run([Guidance(), SoftMask()], model, picture=picture)
    assert (everywhere - found).abs().max() > 0.1


def test_without_a_picture_it_says_so(run):
    with pytest.raises(CannotCombine, match="picture"):
        run([SoftMask()], mask=HALF)


@pytest.mark.parametrize("value", [-0.1, 1.1, float("inf"), "half"])
def test_a_wrong_strength_says_what_is_allowed(value):
    with pytest.raises(InvalidField) as caught:
        SoftMask(strength=value)
    assert caught.value.field == "soft_mask.strength"
    assert caught.value.allowed == "float in [0, 1]"
    assert caught.value.fix
