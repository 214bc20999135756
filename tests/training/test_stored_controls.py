"""Shards with control pictures: what is gathered is what the product would draw."""

import json
from argparse import Namespace

import numpy as np
import pytest
import torch
from torch import nn
from training import control_pictures, latents, pictures
from training.stored_controls import StoredControls, stored

from retouch.evaluation.scenes.captions import caption
from retouch.evaluation.scenes.scene import render


class Quarter(nn.Module):
    """Four channels at a quarter of the side, as the encoder has them."""

    def __init__(self):
        super().__init__()
        self.scale = nn.Parameter(torch.ones(()))

    def forward(self, x):
        small = nn.functional.avg_pool2d(x, latents.PIXELS)
        return torch.cat([small, small[:, :1]], dim=1) * self.scale


class Lengths:
    """Words that are known by their number of letters."""

    def encode(self, texts):
        return np.array([[len(text)] * 77 for text in texts])


@pytest.fixture(scope="module")
def out(tmp_path_factory):
    folder = tmp_path_factory.mktemp("cache")
    (folder / "scaling.json").write_text(json.dumps({"scaling_factor": 2.0}))
    for near, draw in ((False, pictures.whole), (True, pictures.near)):
        rng = np.random.default_rng(3)
        shard = latents.folder_of(folder, near) / "000"
        latents.compute(shard, Quarter(), draw, 6, rng, controls=("canny", "sketch"))
    return folder


def arguments(out, **changed):
    return Namespace(
        **{"out": out, "control": "canny", "batch": 3, "close_ups": 0.5, "device": "cpu", **changed}
    )


def test_shards_hold_the_controls_that_were_asked_for(out):
    assert stored(out, "canny", near=False) and stored(out, "sketch", near=True)
    assert not stored(out, "color", near=False) and not stored(out / "none", "canny", near=False)


@pytest.mark.parametrize("kind", ["canny", "sketch"])
def test_lines_are_those_of_the_picture(out, kind):
    controls = StoredControls(arguments(out, control=kind), Lengths())
    batch = controls.fixed(6)
    scenes = controls.held[False].scenes[:3]
    assert batch["ids"][:, 0].tolist() == [len(caption(scene)) for scene in scenes]
    for scene, lines, z in zip(scenes, batch["lines"], batch["z"], strict=True):
        picture = render(scene)[0]
        drawn = control_pictures.drawn(kind, picture)[..., 0]
        assert np.abs(lines[0].numpy() - drawn).max() <= 0.5 / 255 + 1e-6
        mean = torch.from_numpy(picture[..., 0] * 2 - 1).mean() * 2.0
        assert torch.allclose(z[0].mean(), mean, atol=0.02)


def test_batches_of_both_sizes(out):
    controls = StoredControls(arguments(out), Lengths())
    rng = np.random.default_rng(1)
    shapes = []
    for _ in range(2):
        batch = controls.gather(controls.draw(rng))
        shapes.append(tuple(batch["z"].shape))
        cells = nn.functional.max_pool2d(batch["lines"], latents.PIXELS)
        assert torch.equal(batch["weight"], cells)
    assert shapes == [(3, 4, 32, 32), (6, 4, 16, 16)]


def test_a_shard_ends_when_its_time_is_over(tmp_path):
    rng = np.random.default_rng(1)
    count = latents.compute(tmp_path, Quarter(), pictures.near, 900, rng, seconds=0.0)
    assert count == latents.BATCH == len(np.load(tmp_path / "latents.npy"))
