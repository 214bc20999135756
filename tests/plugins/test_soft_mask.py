import numpy as np
import pytest
import torch

from retouch.catalog import installed
from retouch.errors import CannotCombine, InvalidField
from retouch.imaging.image import Image, Mask
from retouch.imaging.region import Rect
from retouch.models.library import Library
from retouch.models.model import Model
from retouch.models.store import add
from retouch.plan import make_plan
from retouch.request import EditRequest
from retouch.runner import Runner
from retouch.testing.checkpoints import tiny_sd, write_sibling
from retouch_plugins.guidance import Guidance
from retouch_plugins.instruct_pix2pix import InstructPix2Pix
from retouch_plugins.prompt_to_prompt import PromptToPrompt
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


@pytest.fixture(scope="module")
def family(tiny_installed, tmp_path_factory):
    """``tiny`` with its inpainting sibling, which has a network and nothing else of its own."""
    made = tiny_sd(in_channels=9, seed=2)
    made.unet.register_to_config(sample_size=8)
    folder = tmp_path_factory.mktemp("siblings") / "tiny-inpaint"
    add(write_sibling(made, folder, tiny_installed))
    return tiny_installed


def chosen(*operations, mask=None, model="tiny"):
    """Name of the model a request with a rectangle, or a mask, is given to."""
    image = Image(np.full((64, 64, 3), 90, np.uint8))
    where = {"region": Rect(8, 8, 40, 40)} if mask is None else {"mask": Mask(mask)}
    request = EditRequest(
        image=image, prompt="a cat", model=model, operations=operations, steps=2, **where
    )
    return make_plan(request, installed()).model.name


def test_what_is_filled_in_completely_goes_to_the_inpainting_network(family):
    assert chosen() == "tiny-inpaint"
    assert chosen(SoftMask(), SDEdit(strength=1.0)) == "tiny-inpaint"
    assert chosen(SoftMask(strength=0.7, method="inpaint")) == "tiny-inpaint"
    assert chosen(SDEdit(strength=0.7), SoftMask(method="inpaint")) == "tiny-inpaint"
    assert chosen(model="tiny-inpaint") == "tiny-inpaint"


def test_what_starts_from_the_picture_keeps_the_model(family):
    assert chosen(SDEdit(strength=0.7)) == "tiny"
    assert chosen(SDEdit(strength=1.0, repeats=2)) == "tiny"
    assert chosen(SoftMask(strength=0.9)) == "tiny"
    assert chosen(SoftMask(method="blend")) == "tiny"
    assert chosen(PromptToPrompt(source_prompt="a dog")) == "tiny"


def test_greys_to_keep_are_blended_and_soft_edges_are_not(family):
    soft = np.zeros((64, 64), np.float32)
    soft[8:56, 8:56] = 0.5
    assert chosen(mask=soft) == "tiny"
    soft[12:52, 12:52] = 1.0
    assert chosen(mask=soft) == "tiny-inpaint"


@pytest.mark.parametrize("strength", [0.02, 0.1, 0.5])
def test_a_faint_mask_keeps_most_of_the_picture_and_so_the_model(family, strength):
    assert chosen(mask=np.full((64, 64), strength, np.float32)) == "tiny"


def test_a_method_the_model_has_not_is_refused(family):
    with pytest.raises(CannotCombine, match=r"method=blend.*tiny-inpaint"):
        chosen(SoftMask(method="blend"), model="tiny-inpaint")
    with pytest.raises(CannotCombine, match="input channels"):
        chosen(SoftMask(method="inpaint"), InstructPix2Pix())


def test_without_such_a_network_it_is_blended_or_said(tiny_folder, own_home):
    add(tiny_folder, "tiny")
    assert chosen() == "tiny"
    with pytest.raises(CannotCombine, match=r"method=inpaint.*no inpainting network"):
        chosen(SoftMask(method="inpaint"))


def test_filling_leaves_every_bit_outside(family):
    image = Image(np.random.default_rng(0).integers(0, 255, (96, 80, 3), np.uint8))
    request = EditRequest(image=image, prompt="a cat", model="tiny", region=Rect(20, 30, 40, 40))
    runner = Runner(Library(dtype=torch.float32))
    assert runner.plan(request).model.name == "tiny-inpaint"
    (result,) = runner.run(request)
    changed = (result.composite.pixels != image.pixels).any(-1)
    inside = np.zeros_like(changed)
    inside[30:70, 20:60] = True
    assert changed[inside].mean() > 0.5 and not changed[~inside].any()


def test_filling_is_diffusers_inpainting_from_pure_noise(run, parts, ask, picture):
    """At strength 1 the reference starts from noise alone and never looks at what it replaces."""
    from diffusers import StableDiffusionInpaintPipeline

    def weights():
        made = tiny_sd(in_channels=9, deep=True)
        made.unet.conv_out.weight.data *= 0.5  # guidance would multiply roundings otherwise
        # The reference draws from the autoencoder's posterior: here it has no width.
        made.vae.quant_conv.weight.data[4:], made.vae.quant_conv.bias.data[4:] = 0.0, -30.0
        return made

    everywhere = torch.ones(1, 1, 64, 64)
    ours = Model(weights(), dtype=torch.float32, memory_format=torch.contiguous_format)
    pipeline = StableDiffusionInpaintPipeline(**parts(weights()))
    more = {"mask_image": everywhere, "strength": 1.0, "height": 64, "width": 64}
    expected = ask(pipeline, image=(picture + 1) / 2, **more)
    found = run([Guidance(scale=7.5), SoftMask()], ours, picture=picture, mask=everywhere)
    assert torch.allclose(found, expected, atol=1e-4, rtol=0)
    assert torch.equal(found, run([Guidance(scale=7.5), SoftMask()], ours, picture=-picture))
    whole = [Guidance(scale=7.5), SDEdit(strength=1.0), SoftMask()]
    assert torch.equal(found, run(whole, ours, picture=picture, mask=everywhere))
