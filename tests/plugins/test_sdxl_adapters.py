"""IP-Adapter and T2I-Adapter on SDXL are diffusers' own."""

import numpy as np
import pytest
import torch
from PIL import Image as Pillow

from retouch.imaging.image import Image
from retouch.models.model import Model
from retouch.testing.checkpoints import tiny_sd
from retouch_plugins.guidance import Guidance
from retouch_plugins.ip_adapter import IPAdapter
from retouch_plugins.t2i_adapter import T2IAdapter

GUIDED = Guidance(scale=7.5)
pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def xl():
    """SDXL with all its layers."""
    checkpoint = tiny_sd("sdxl", deep=True)
    return Model(checkpoint, dtype=torch.float32, memory_format=torch.contiguous_format)


@pytest.fixture(scope="module")
def beside_xl(xl, write_beside):
    """Adapters that fit it, and their folder."""
    return write_beside(xl.checkpoint)


@pytest.fixture(scope="module")
def parts_xl():
    """The same checkpoint as components of a diffusers pipeline."""
    from diffusers import DDIMScheduler

    checkpoint = tiny_sd("sdxl", deep=True)
    return {
        "vae": checkpoint.vae,
        "text_encoder": checkpoint.text_encoders[0],
        "text_encoder_2": checkpoint.text_encoders[1],
        "tokenizer": checkpoint.tokenizers[0],
        "tokenizer_2": checkpoint.tokenizers[1],
        "unet": checkpoint.unet,
        "scheduler": DDIMScheduler.from_config(dict(checkpoint.scheduler_config)),
        "force_zeros_for_empty_prompt": False,
    }


def check(found, expected, without):
    difference, effect = (found - expected).abs().max(), (found - without).abs().max()
    print(f"difference {difference:.1e}, effect {effect:.2f}")
    assert difference < 1e-4
    assert effect > 0.1


def test_t2i_adapter_with_a_window(run, xl, beside_xl, parts_xl, ask):
    """Of diffusers' pipelines only this one has a window."""
    from diffusers import StableDiffusionXLAdapterPipeline

    image = Image(np.random.default_rng(2).integers(0, 256, (64, 64, 3), np.uint8))
    control = torch.from_numpy(image.unit()).permute(2, 0, 1)[None]
    adapter = beside_xl.adapters.t2i_adapter("color", "", None).adapter
    pipeline = StableDiffusionXLAdapterPipeline(adapter=adapter, **parts_xl)
    without = run([GUIDED], xl)
    for stop in (1.0, 0.5):
        more = {"adapter_conditioning_factor": stop, "height": 64, "width": 64}
        expected = ask(pipeline, image=control, **more)
        operation = T2IAdapter(kind="color", image=image, preprocess=False, stop=stop)
        check(run([GUIDED, operation], xl, beside_xl.adapters), expected, without)


def test_ip_adapter_with_layer_groups(run, xl, beside_xl, parts_xl, ask, references):
    """All layers, and InstantStyle's own choice for style and composition."""
    from diffusers import StableDiffusionXLPipeline

    pipeline = StableDiffusionXLPipeline(**parts_xl, add_watermarker=False)
    pipeline.load_ip_adapter(
        str(beside_xl.folder / "base"),
        subfolder="",
        weight_name="ip-adapter.safetensors",
        local_files_only=True,
    )
    without = run([GUIDED], xl)
    for group, scale in {
        "full": 0.7,
        "style": {"up": {"block_0": [0.0, 0.7, 0.0]}},
        "composition": {"down": {"block_2": [0.0, 0.7]}},
    }.items():
        pipeline.set_ip_adapter_scale(scale)
        given = [Pillow.fromarray(np.asarray(references[0].pixels))]
        expected = ask(pipeline, height=64, width=64, ip_adapter_image=given)
        operation = IPAdapter(images=references[:1], scale=0.7, layers=group)
        check(run([GUIDED, operation], xl, beside_xl.adapters), expected, without)
    pipeline.unload_ip_adapter()
