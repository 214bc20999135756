"""Adapters and CLIP load exactly and compute as diffusers and transformers do."""

import json
import shutil

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import load_file, save_file

from retouch.errors import ModelInvalid, ModelMissing
from retouch.models.adapters import load_clip, load_ip_adapter, load_t2i_adapter
from retouch.testing.adapters import (
    attn2_widths,
    tiny_t2i_adapter,
    write_clip,
    write_ip_adapter,
    write_original_t2i_adapter,
    write_t2i_adapter,
)
from retouch.testing.checkpoints import tiny_sd


@pytest.fixture(scope="module")
def sd1():
    return tiny_sd("sd1")


@pytest.fixture
def picture():
    return torch.rand(2, 3, 40, 56, generator=torch.Generator().manual_seed(1))


@pytest.mark.parametrize("kind", ["base", "plus"])
def test_ip_adapter_projects_as_diffusers_does(tmp_path, sd1, picture, kind):
    file = write_ip_adapter(sd1, tmp_path / "adapter", kind)
    adapter = load_ip_adapter(file)
    assert adapter.kind == kind
    assert adapter.tokens == (4 if kind == "base" else 16)
    tokens = adapter.embed(picture)
    assert tokens.shape == (2, adapter.tokens, 32)
    assert adapter.embed_nothing(2).shape == tokens.shape
    assert (tokens[0] - tokens[1]).abs().max() > 1e-3
    image = {
        n.removeprefix("image_proj."): t
        for n, t in load_file(file).items()
        if n.startswith("image_proj.")
    }
    reference = sd1.unet._convert_ip_adapter_image_proj_to_diffusers(dict(image))
    # diffusers' default depth is 4: it would leave layers without weights; ours has 2.
    seen = adapter.image_encoder(adapter.pixels(picture), output_hidden_states=True)
    given = seen.image_embeds if kind == "base" else seen.hidden_states[-2]
    if kind == "plus":
        reference.layers = reference.layers[:2]
    assert torch.equal(reference(given), tokens)


def test_ip_adapter_layers_follow_the_processors(tmp_path, sd1):
    adapter = load_ip_adapter(write_ip_adapter(sd1, tmp_path / "adapter").parent)
    assert [t.shape[0] for t in adapter.to_k] == attn2_widths(sd1)
    weights = load_file(tmp_path / "adapter" / "ip-adapter.safetensors")
    assert torch.equal(adapter.to_v[2], weights["ip_adapter.5.to_v_ip.weight"])
    assert adapter.bytes > 0
    assert len(adapter.sha256) == 64


def test_ip_adapter_without_its_encoder_or_a_layer(tmp_path, sd1):
    file = write_ip_adapter(sd1, tmp_path / "adapter")
    weights = load_file(file)
    alone = tmp_path / "alone" / "deep" / "ip-adapter.safetensors"
    alone.parent.mkdir(parents=True)
    save_file(weights, alone)
    with pytest.raises(ModelMissing, match="image_encoder"):
        load_ip_adapter(alone)
    assert load_ip_adapter(alone, image_encoder=file.parent / "image_encoder").kind == "base"
    broken = dict(weights)
    del broken["ip_adapter.3.to_k_ip.weight"]
    save_file(broken, file)
    with pytest.raises(ModelInvalid, match="attention weights"):
        load_ip_adapter(file)
    weights["ip_adapter.3.to_k_ip.weight"][0, 0] = float("nan")
    save_file(weights, file)
    with pytest.raises(ModelInvalid, match=r"ip_adapter\.3\.to_k_ip\.weight has NaN"):
        load_ip_adapter(file)


def test_ip_adapter_finds_the_encoder_that_fits(tmp_path, sd1):
    wanted = write_ip_adapter(sd1, tmp_path / "models")
    file = write_ip_adapter(sd1, tmp_path / "sdxl_models", seed=1)
    config = file.parent / "image_encoder" / "config.json"
    config.write_text(json.dumps(json.loads(config.read_text()) | {"projection_dim": 99}))
    adapter = load_ip_adapter(file)
    fitting = load_ip_adapter(wanted).image_encoder.state_dict()
    assert all(torch.equal(t, fitting[n]) for n, t in adapter.image_encoder.state_dict().items())
    shutil.rmtree(wanted.parent)
    with pytest.raises(ModelInvalid, match=r"width 24, its encoder gives 99|wrong shapes"):
        load_ip_adapter(file)


@pytest.mark.parametrize(("family", "light"), [("sd1", False), ("sd1", True), ("sdxl", False)])
def test_t2i_folder_and_original_file_are_the_same(tmp_path, family, light):
    made = tiny_t2i_adapter(tiny_sd(family), in_channels=1 if light else 3, light=light)
    folder = load_t2i_adapter(write_t2i_adapter(made, tmp_path / "folder"))
    single = load_t2i_adapter(write_original_t2i_adapter(made, tmp_path / "t2i.safetensors"))
    control = torch.rand(1, made.config.in_channels, 128, 128)
    for loaded in (folder, single):
        assert loaded.in_channels == made.config.in_channels
        assert loaded.downscale == made.total_downscale_factor
        for got, want in zip(loaded.residuals(control), made(control), strict=True):
            assert torch.equal(got, want)
    assert dict(single.adapter.config)["adapter_type"] == dict(made.config)["adapter_type"]


@pytest.mark.parametrize(("written", "read"), [(None, False), (False, False), (True, True)])
def test_t2i_adapter_may_recommend_to_be_guided(tmp_path, sd1, written, read):
    folder = write_t2i_adapter(tiny_t2i_adapter(sd1), tmp_path / "adapter")
    if written is not None:
        _recommend_guided(folder, written)
    assert load_t2i_adapter(folder).guided is read


def test_t2i_adapter_with_a_wrong_recommendation(tmp_path, sd1):
    folder = write_t2i_adapter(tiny_t2i_adapter(sd1), tmp_path / "adapter")
    _recommend_guided(folder, "yes")
    with pytest.raises(ModelInvalid, match="retouch_guided is 'yes', not true or false"):
        load_t2i_adapter(folder)


def _recommend_guided(folder, value):
    config = json.loads((folder / "config.json").read_text("utf-8"))
    (folder / "config.json").write_text(json.dumps(config | {"retouch_guided": value}), "utf-8")


def test_t2i_adapter_refuses_other_files(tmp_path, sd1):
    file = write_ip_adapter(sd1, tmp_path / "adapter")
    with pytest.raises(ModelInvalid, match="not a T2I-Adapter"):
        load_t2i_adapter(file)
    with pytest.raises(ModelMissing):
        load_t2i_adapter(tmp_path / "absent")


def test_clip_ranks_as_transformers_does(tmp_path, picture):
    from transformers import CLIPModel

    folder = write_clip(tmp_path / "clip")
    clip = load_clip(folder)
    reference = CLIPModel.from_pretrained(str(folder), local_files_only=True).eval()
    ids = clip.tokenizer("a red cat", padding="max_length", return_tensors="pt").input_ids
    with torch.no_grad():
        out = reference(input_ids=ids, pixel_values=clip.pixels(picture))
    want = out.logits_per_image[:, 0] / reference.logit_scale.exp()
    assert torch.allclose(clip.similarity(picture, "a red cat"), want, atol=1e-6)


def test_clip_pixels_match_the_published_preprocessing(tmp_path):
    from transformers import CLIPImageProcessor

    folder = write_clip(tmp_path / "clip")
    coarse = np.random.default_rng(0).integers(0, 256, (12, 17, 3), dtype=np.uint8)
    image = Image.fromarray(coarse).resize((170, 120), Image.Resampling.BICUBIC)
    theirs = CLIPImageProcessor.from_pretrained(str(folder))(image, return_tensors="pt")
    pixels = torch.from_numpy(np.asarray(image).copy()).permute(2, 0, 1)[None] / 255
    ours = load_clip(folder).pixels(pixels)
    assert ours.shape == (1, 3, 32, 32)
    # Theirs rounds to 8 bits between resizing and normalising: two steps of 1/255 over std.
    assert (ours - theirs.pixel_values).abs().max() < 2 / 255 / 0.26
