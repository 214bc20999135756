"""What the tests of operations share: tiny models, adapters beside them, one way to run an edit."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from retouch.edit import Edit, EditInput
from retouch.engine.engine import Engine, Job
from retouch.engine.run import run_edit
from retouch.errors import ModelMissing
from retouch.imaging.image import Image
from retouch.models.adapters import load_clip, load_ip_adapter, load_t2i_adapter
from retouch.models.model import Model
from retouch.testing.adapters import (
    plus_projection,
    tiny_t2i_adapter,
    write_clip,
    write_ip_adapter,
    write_t2i_adapter,
)
from retouch.testing.checkpoints import seeded, tiny_sd

SIZE = (64, 64)
STEPS = 8
SEED = 3


@pytest.fixture(scope="session", autouse=True)
def _one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def exact(checkpoint):
    """A model that can be compared digit for digit."""
    return Model(checkpoint, dtype=torch.float32, memory_format=torch.contiguous_format)


@pytest.fixture(scope="session")
def tiny():
    """A shallow SD 1.5: for properties."""
    return exact(tiny_sd())


@pytest.fixture(scope="session")
def deep():
    """SD 1.5 with all its layers: for comparisons with diffusers."""
    return exact(tiny_sd(deep=True))


@pytest.fixture(scope="session")
def same():
    """The checkpoint of `deep` once more, untouched, for diffusers."""
    return tiny_sd(deep=True)


@pytest.fixture(scope="session")
def parts():
    """Components of a diffusers pipeline with DDIM, from a checkpoint."""
    from diffusers import DDIMScheduler

    def parts(checkpoint):
        return {
            "vae": checkpoint.vae,
            "text_encoder": checkpoint.text_encoders[0],
            "tokenizer": checkpoint.tokenizers[0],
            "unet": checkpoint.unet,
            "scheduler": DDIMScheduler.from_config(dict(checkpoint.scheduler_config)),
            "safety_checker": None,
            "feature_extractor": None,
            "requires_safety_checker": False,
        }

    return parts


@pytest.fixture(scope="session")
def ask():
    """Run a diffusers pipeline as `run` runs an edit; returns its latents."""

    def ask(pipeline, *, prompt="a red cat", negative_prompt="dog", scale=7.5, **more):
        pipeline.set_progress_bar_config(disable=True)
        found = pipeline(
            prompt,
            negative_prompt=negative_prompt,
            num_inference_steps=STEPS,
            guidance_scale=scale,
            generator=torch.Generator().manual_seed(SEED),
            output_type="latent",
            **more,
        )
        return found.images

    return ask


@pytest.fixture
def run(tiny):
    """Run one edit: ``run(operations, model=..., adapters=..., **input)``; returns its latents.

    ``run.rows`` are the rows of every forward of the last edit; ``run.edit`` is that edit.
    """

    def run(operations, model=None, adapters=None, **given):
        given = {"prompt": "a red cat", "negative_prompt": "dog", "size": SIZE} | given
        given = {"steps": STEPS, "seed": SEED} | given
        model = model or tiny
        run.edit = Edit(EditInput(**given), model, adapters)
        engine = Engine()
        job = engine.submit(Job(run_edit(run.edit, operations, lambda state: None), model))
        run.rows = []
        while engine.active:
            run.rows.append(engine.tick().rows)
        if job.error:
            raise job.error
        return job.result

    return run


@pytest.fixture(scope="session")
def picture():
    """A working picture ``[1, 3, 64, 64]`` in [-1, 1]."""
    return torch.rand(1, 3, *SIZE, generator=torch.Generator().manual_seed(7)) * 2 - 1


@pytest.fixture(scope="session")
def source():
    """Latents of a picture."""
    return torch.randn(1, 4, 8, 8, generator=torch.Generator().manual_seed(9))


@pytest.fixture(scope="session")
def references():
    """Reference pictures at the size the tiny image encoder reads, so that nothing is resized."""
    random = np.random.default_rng(5)
    return tuple(Image(random.integers(0, 256, (32, 32, 3), np.uint8)) for _ in range(3))


class Beside:
    """Adapters by name; the default of a kind is called by the kind."""

    def __init__(self, known):
        self.known = known

    def _find(self, name):
        if name not in self.known:
            raise ModelMissing(name, "add one with `retouch models add PATH`")
        return self.known[name]

    def ip_adapter(self, name, model):
        return self._find(name or "base")

    def t2i_adapter(self, name, kind, model):
        return self._find(name or kind)

    def clip(self, name):
        return self._find(name or "clip")


@pytest.fixture(scope="session")
def write_beside(tmp_path_factory):
    """Write and load adapters of every kind that fit a checkpoint; ``folder`` is where they are."""

    def write(checkpoint):
        folder = tmp_path_factory.mktemp(checkpoint.name)
        known = {}
        for kind in ("base", "plus"):
            file = write_ip_adapter(checkpoint, folder / kind, kind)
            if kind == "plus":
                _deepen(file, checkpoint)
            known[kind] = load_ip_adapter(file)
        for seed, (kind, channels) in enumerate({"canny": 1, "sketch": 1, "color": 3}.items()):
            made = tiny_t2i_adapter(checkpoint, channels, seed=seed)
            known[kind] = load_t2i_adapter(write_t2i_adapter(made, folder / kind))
        known["depth"] = known["color"]
        return SimpleNamespace(adapters=Beside(known), folder=folder)

    return write


def _deepen(file, checkpoint):
    """Give a plus adapter the published depth, four: diffusers assumes it."""
    layers = {n: t for n, t in load_file(file).items() if n.startswith("ip_adapter.")}
    with seeded(1):
        image = plus_projection(checkpoint.cross_attention_dim, depth=4)
    save_file({f"image_proj.{n}": t for n, t in image.items()} | layers, file)


@pytest.fixture(scope="session")
def beside_tiny(tiny, write_beside):
    """Adapters that fit `tiny`."""
    return write_beside(tiny.checkpoint).adapters


@pytest.fixture(scope="session")
def beside(deep, write_beside):
    """Adapters that fit `deep`, and their folder."""
    return write_beside(deep.checkpoint)


@pytest.fixture(scope="session")
def clip(tmp_path_factory):
    """Adapters with nothing but a tiny CLIP model."""
    return Beside({"clip": load_clip(write_clip(tmp_path_factory.mktemp("clip") / "tiny"))})
