"""Latent consistency models: few steps, a guidance scale as an input, found by name."""

import json

import numpy as np
import pytest
import torch

from retouch.catalog import installed
from retouch.edit import Edit, EditInput
from retouch.engine.engine import Engine, Job
from retouch.engine.run import run_edit
from retouch.imaging.image import Image
from retouch.models.family import GUIDANCE
from retouch.models.library import Library
from retouch.models.model import Model
from retouch.models.stable_diffusion import guidance_embedding
from retouch.models.store import add
from retouch.noise import NoiseStreams
from retouch.plan import make_plan
from retouch.request import EditRequest
from retouch.runner import Runner
from retouch.testing.checkpoints import tiny_sd, write_sibling
from retouch_plugins.guidance import Guidance
from retouch_plugins.sdedit import SDEdit

SEED, WIDTH = 3, 256
LATENT = (1, 4, 8, 8)
SOURCE = torch.randn(LATENT, generator=torch.Generator().manual_seed(9))


class OneGenerator(NoiseStreams):
    """diffusers' order: step noise goes on where the start noise ended."""

    def fresh(self, name):
        generator = torch.Generator().manual_seed(self.seed)
        if name == "step":
            torch.randn(LATENT, generator=generator)
        return generator


def weights(width=WIDTH):
    made = tiny_sd(prediction_type="v_prediction", deep=True, guidance_width=width)
    made.unet.conv_out.weight.data *= 0.5
    return made


def model_of(checkpoint):
    return Model(checkpoint, dtype=torch.float32, memory_format=torch.contiguous_format)


@pytest.fixture(scope="module")
def told():
    return model_of(weights())


def run(model, *operations, **given):
    given = {"prompt": "a red cat", "size": (64, 64), "steps": 4, "sampler": "lcm"} | given
    edit = Edit(EditInput(**given, seed=SEED, noise=OneGenerator(SEED)), model, None)
    engine, rows = Engine(), []
    job = engine.submit(Job(run_edit(edit, operations, lambda state: None), model))
    while engine.active:
        rows.append(engine.tick().rows)
    if job.error:
        raise job.error
    return job.result, rows, edit


def reference(name, scale, **given):
    import diffusers

    made = weights()
    pipeline = getattr(diffusers, name)(
        vae=made.vae,
        text_encoder=made.text_encoders[0],
        tokenizer=made.tokenizers[0],
        unet=made.unet,
        scheduler=diffusers.LCMScheduler.from_config(dict(made.scheduler_config)),
        safety_checker=None,
        feature_extractor=None,
        requires_safety_checker=False,
    )
    pipeline.set_progress_bar_config(disable=True)
    generator = torch.Generator().manual_seed(SEED)
    given = {"num_inference_steps": 4, "generator": generator, "output_type": "latent"} | given
    return pipeline("a red cat", guidance_scale=scale, **given).images


def test_it_is_diffusers_pipeline(told):
    expected = reference("LatentConsistencyModelPipeline", 8.5, height=64, width=64)
    found, rows, _ = run(told, Guidance(scale=8.5))
    other, _, _ = run(told, Guidance(scale=2.0))
    assert (found - expected).abs().max() <= 1e-4
    assert (found - other).abs().max() > 1e-2
    assert rows == [1] * 4


@pytest.mark.parametrize("strength", [0.3, 0.6])
def test_it_is_diffusers_pipeline_from_a_picture(told, strength):
    name = "LatentConsistencyModelImg2ImgPipeline"
    expected = reference(name, 8.5, image=SOURCE, strength=strength)
    found, rows, _ = run(told, Guidance(scale=8.5), SDEdit(strength=strength), latents=SOURCE)
    assert (found - expected).abs().max() <= 1e-4
    assert rows == [1] * 4


def test_without_the_input_it_is_a_plain_model_with_few_steps():
    model = model_of(weights(width=0))
    assert not model.takes_guidance
    _, rows, _ = run(model, Guidance(scale=1.0))
    assert rows == [1] * 4
    _, rows, _ = run(model, Guidance(scale=2.0))
    assert rows == [2] * 4


@pytest.mark.parametrize("width", [256, 17])
def test_the_embedding_is_diffusers_own(width):
    from diffusers import LatentConsistencyModelPipeline as Reference

    scales = [1.0, 8.5, 3.3, 8.1, 1.7]
    # Its pipeline subtracts before it makes a tensor of the scale.
    less = torch.tensor([scale - 1 for scale in scales])
    expected = Reference.get_guidance_scale_embedding(None, less, width)
    wide = torch.tensor(scales, dtype=torch.float64)
    assert torch.equal(guidance_embedding(wide, width), expected)


def test_the_network_is_told_every_digit_of_the_scale(told):
    assert told.encode_prompts(["a cat"], (64, 64)).vectors[GUIDANCE].dtype is torch.float64


def test_outside_its_window_the_scale_is_1(told):
    windowed, _, _ = run(told, Guidance(scale=8.5, start=0.0, stop=0.0))
    assert torch.equal(windowed, run(told, Guidance(scale=1.0))[0])


def test_what_the_negative_prompt_cannot_do_is_noted(told):
    found, _, edit = run(told, Guidance(scale=8.5), negative_prompt="a dog")
    assert torch.equal(found, run(told, Guidance(scale=8.5))[0])
    assert "not used" in edit.describe()["guidance.negative_prompt"]


@pytest.fixture(scope="module")
def family(tiny_installed, tmp_path_factory):
    """``tiny`` with a few-step sibling: a network and a schedule of its own."""
    made = tiny_sd(prediction_type="v_prediction", seed=4)
    made.unet.register_to_config(sample_size=8)
    folder = write_sibling(made, tmp_path_factory.mktemp("siblings") / "tiny-lcm", tiny_installed)
    schedule = dict(made.scheduler_config) | {"_class_name": "LCMScheduler"}
    (folder / "scheduler").mkdir()
    (folder / "scheduler/scheduler_config.json").write_text(json.dumps(schedule))
    add(folder)
    return tiny_installed


def test_by_name_it_needs_no_settings(family):
    image = Image(np.full((64, 64, 3), 90, np.uint8))
    request = EditRequest(image=image, prompt="a cat", model="tiny-lcm")
    plan = make_plan(request, installed())
    assert (plan.model.name, plan.sampler, plan.steps, plan.calls) == ("tiny-lcm", "lcm", 4, 4)
    library, seen = Library(dtype=torch.float32), []
    (result,) = Runner(library).run(request, on_step=seen.append)
    assert [(step.done, step.total) for step in seen] == [(k, 4) for k in (1, 2, 3, 4)]
    assert result.settings["guidance"] == {"prompt": 1.0}
    with library.borrow() as loan:
        assert loan.model("tiny-lcm").prediction == "v_prediction"


def test_nobody_gets_it_without_asking(family):
    image = Image(np.full((64, 64, 3), 90, np.uint8))
    plan = make_plan(EditRequest(image=image, model="tiny"), installed())
    assert (plan.model.name, plan.sampler) == ("tiny", "ddim")
