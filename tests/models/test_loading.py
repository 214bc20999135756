"""Checkpoints survive both layouts exactly, and their networks compute the same."""

import pytest
import torch

from retouch.models.loading import load_checkpoint
from retouch.testing.checkpoints import tiny_sd, write_folder
from retouch.testing.comparing import different_weights, outputs
from retouch.testing.original_layout import original_weights, write_single_file

VARIANTS = [
    ("sd1", 4, "epsilon"),
    ("sd1", 8, "epsilon"),
    ("sd1", 9, "epsilon"),
    ("sd2", 4, "v_prediction"),
    ("sd2", 9, "epsilon"),
    ("sdxl", 4, "epsilon"),
    ("sdxl", 9, "epsilon"),
]


@pytest.mark.parametrize(("family", "channels", "prediction"), VARIANTS)
def test_folder_and_single_file_give_the_same_model(tmp_path, family, channels, prediction):
    made = tiny_sd(family, channels, prediction, seed=3)
    folder = load_checkpoint(write_folder(made, tmp_path / "folder"))
    single = load_checkpoint(write_single_file(made, tmp_path / "single.safetensors"))
    for loaded in (folder, single):
        assert (loaded.family, loaded.in_channels) == (family, channels)
        assert loaded.prediction_type == prediction
        assert loaded.vae_factor == 8
        assert len(loaded.sha256) == 64
        assert loaded.bytes > 4_000_000
        assert not different_weights(loaded, made)
    expected = outputs(made)
    for loaded in (folder, single):
        for got, want in zip(outputs(loaded), expected, strict=True):
            assert torch.equal(got, want)


@pytest.mark.parametrize(
    ("family", "unet", "vae", "texts"),
    [("sd1", 686, 248, (197,)), ("sd2", 686, 248, (294,)), ("sdxl", 1680, 248, (197, 390))],
)
def test_deep_checkpoints_have_the_published_key_counts(tmp_path, family, unet, vae, texts):
    made = tiny_sd(family, deep=True)
    names = list(original_weights(made))
    text_prefixes = {
        "sd1": ("cond_stage_model.",),
        "sd2": ("cond_stage_model.",),
        "sdxl": ("conditioner.embedders.0.", "conditioner.embedders.1."),
    }[family]
    count = {p: sum(n.startswith(p) for n in names) for p in ("model.", "first_stage_model.")}
    assert count == {"model.": unet, "first_stage_model.": vae}
    assert tuple(sum(n.startswith(p) for n in names) for p in text_prefixes) == texts
    loaded = load_checkpoint(write_single_file(made, tmp_path / "deep.safetensors"))
    assert not different_weights(loaded, made)


def test_loading_tells_how_far_it_is(tiny_folder):
    seen = []
    loaded = load_checkpoint(tiny_folder, on_bytes=seen.append)
    assert seen == sorted(seen) and 0.99 * loaded.bytes < seen[-1] <= loaded.bytes
