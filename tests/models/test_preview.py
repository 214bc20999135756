"""Preview decoders: found, loaded strictly, chosen for the right latents."""

import json

import pytest
import torch
from safetensors.torch import load_file, save_file

from retouch.errors import ModelInvalid
from retouch.models import records, store
from retouch.models.choosing import choose_preview
from retouch.models.library import Library
from retouch.models.model import Model
from retouch.models.preview import load_preview
from retouch.testing.adapters import write_preview
from retouch.testing.checkpoints import tiny_sd, write_folder, write_sibling

LATENTS = torch.randn(2, 4, 8, 8, generator=torch.Generator().manual_seed(0))
WEIGHTS = "diffusion_pytorch_model.safetensors"


@pytest.fixture(autouse=True)
def _nothing_embedded(tmp_path, monkeypatch):
    monkeypatch.setattr(records, "EMBEDDED", tmp_path / "embedded")


@pytest.mark.parametrize("scaling", [1.0, 0.9])
def test_it_shows_what_diffusers_decodes(tmp_path, scaling):
    from diffusers import AutoencoderTiny

    folder = write_preview(tmp_path / "taesd", scaling)
    with torch.no_grad():
        expected = AutoencoderTiny.from_pretrained(folder).decode(LATENTS / scaling).sample
    found = load_preview(folder)
    assert torch.allclose(found.decode(LATENTS), expected.clamp(-1, 1), atol=1e-6)
    assert found.decode(LATENTS).shape == (2, 3, 64, 64)
    assert 0 < found.bytes < 100_000 and len(found.sha256) == 64


def test_the_decoder_alone_is_enough(tmp_path):
    folder = write_preview(tmp_path / "taesd")
    whole = load_preview(folder).decode(LATENTS)
    tensors = load_file(folder / WEIGHTS)
    save_file({n: t for n, t in tensors.items() if n.startswith("decoder.")}, folder / WEIGHTS)
    assert torch.equal(load_preview(folder).decode(LATENTS), whole)


def test_what_is_missing_or_of_another_kind_is_said(tmp_path):
    folder = write_preview(tmp_path / "taesd")
    tensors = load_file(folder / WEIGHTS)
    tensors.pop("decoder.layers.0.weight")
    save_file(tensors, folder / WEIGHTS)
    with pytest.raises(ModelInvalid, match=r"missing weights: layers\.0\.weight"):
        load_preview(folder)
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(config | {"_class_name": "AutoencoderKL"}))
    with pytest.raises(ModelInvalid, match="not an AutoencoderTiny"):
        load_preview(folder)


def test_it_is_added_listed_and_verified(tmp_path):
    record = store.add(write_preview(tmp_path / "taesd"))
    assert (record.name, record.kind, record.family) == ("taesd", "preview", "sd1")
    assert record == records.find_model("taesd")
    assert not store.verify("taesd").problem


def named_base(folder, base):
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(config | {"_retouch_base": base}))
    return folder


def choice(model, base="", scaling=0.5):
    found = choose_preview(model, base, scaling)
    return found and found.name


def test_each_model_gets_the_decoder_of_its_own_latents(tmp_path):
    assert choice("mine", scaling=0.18215) is None
    for name in ("taesd", "taesdxl"):
        store.add(write_preview(tmp_path / name))
    store.add(write_preview(tmp_path / "mine-preview", 0.9))
    store.add(named_base(write_preview(tmp_path / "small"), "other"))
    assert choice("mine") == choice("mine-instruct", base="mine") == "mine-preview"
    assert choice("other", scaling=0.18215) == "small"
    assert choice("anything", scaling=0.18215) == "taesd"
    assert choice("anything", scaling=0.13025) == "taesdxl"
    assert choice("of-its-own") is None


def test_the_library_loads_it_with_the_model_and_its_siblings(tmp_path):
    made = tiny_sd()
    store.add(write_folder(made, tmp_path / "mine"))
    store.add(write_sibling(tiny_sd(in_channels=8), tmp_path / "mine-instruct", "mine"))
    folder = write_preview(tmp_path / "mine-preview")
    store.add(folder)
    expected = load_preview(folder).decode(LATENTS)
    with Library(dtype=torch.float32).borrow() as loan:
        for name in ("mine", "mine-instruct"):
            model = loan.model(name)
            assert torch.equal(model.decoder.decode_preview(LATENTS), expected)
            assert not torch.equal(model.decode(LATENTS), expected)
            assert model.bytes > model.decoder.preview.bytes > 0


def test_without_one_or_with_a_damaged_one_the_autoencoder_decodes(tmp_path):
    store.add(write_folder(tiny_sd(), tmp_path / "mine"))
    folder = write_preview(tmp_path / "mine-preview")
    store.add(folder)
    (folder / WEIGHTS).write_bytes(b"damaged")
    with Library(dtype=torch.float32).borrow() as loan:
        model = loan.model("mine")
        assert model.decoder.preview is None
        assert torch.equal(model.decoder.decode_preview(LATENTS), model.decode(LATENTS))


def test_other_latents_than_the_models_are_not_decoded(tmp_path):
    from dataclasses import replace

    found = replace(load_preview(write_preview(tmp_path / "taef1")), latent_channels=16)
    assert Model(tiny_sd(), dtype=torch.float32, preview=found).decoder.preview is None
