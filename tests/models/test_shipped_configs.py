"""The shipped configurations describe the published networks, down to their parameter counts."""

import json

import pytest
import torch

from retouch.models.tokenizing import CONFIGS

PUBLISHED = {
    "sd1": {"unet": 859_520_964, "vae": 83_653_863, "text_encoder": 123_060_480},
    "sd2": {"unet": 865_910_724, "vae": 83_653_863, "text_encoder": 340_387_840},
    "sdxl": {
        "unet": 2_567_463_684,
        "vae": 83_653_863,
        "text_encoder": 123_060_480,
        "text_encoder_2": 694_659_840,
    },
}


def build(folder, config):
    import diffusers
    import transformers

    if "_class_name" in config:
        return getattr(diffusers, config["_class_name"]).from_config(config)
    kind = getattr(transformers, config["architectures"][0])
    return kind(transformers.CLIPTextConfig.from_dict(config))


@pytest.mark.parametrize("family", PUBLISHED)
def test_parameter_counts(family):
    for folder, count in PUBLISHED[family].items():
        config = json.loads((CONFIGS / family / folder / "config.json").read_text())
        with torch.device("meta"):
            module = build(folder, config)
        assert sum(p.numel() for p in module.parameters()) == count, folder
