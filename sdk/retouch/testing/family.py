"""The embedded family with random weights, in the layout that training exports.

Same folders, names, settings and block types as ``sdk/retouch/models/embedded``; narrower.
"""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any

from retouch.models.checkpoint import Checkpoint
from retouch.testing.adapters import write_clip, write_ip_adapter
from retouch.testing.checkpoints import (
    enliven,
    read_config,
    seeded,
    size_of,
    tiny_sd,
    write_folder,
    write_sibling,
)

NAME = "retouch-mini"
SIDE = 64  # pixels
WIDTHS = (16, 32, 64)
ADAPTERS = {"canny": 1, "sketch": 1, "color": 3}


def mini(in_channels: int = 4, seed: int = 0) -> Checkpoint:
    """Build one member: f4 autoencoder, three levels of which the first has no attention."""
    from diffusers import AutoencoderTiny, UNet2DConditionModel

    base = tiny_sd(prediction_type="v_prediction", seed=seed)
    with seeded(seed):
        unet = UNet2DConditionModel(
            sample_size=SIDE // 4,
            in_channels=in_channels,
            out_channels=4,
            down_block_types=("DownBlock2D", "CrossAttnDownBlock2D", "CrossAttnDownBlock2D"),
            up_block_types=("CrossAttnUpBlock2D", "CrossAttnUpBlock2D", "UpBlock2D"),
            block_out_channels=WIDTHS,
            layers_per_block=1,
            cross_attention_dim=base.cross_attention_dim,
            attention_head_dim=(1, 2, 4),
            norm_num_groups=8,
        )
        vae = tiny_autoencoder(width=16)
        for module in (unet, vae):
            enliven(module)
    assert isinstance(vae, AutoencoderTiny)
    return dataclasses.replace(
        base,
        name=NAME,
        unet=unet,
        vae=vae,
        scheduler_config=_schedule("DDIMScheduler", sampler="ddim", steps=25, guidance=3.0),
        bytes=sum(size_of(module) for module in (unet, vae, *base.text_encoders)),
    )


def tiny_autoencoder(width: int) -> Any:
    """Build an f4 AutoencoderTiny whose decoder is ``width`` wide; call it inside `seeded`."""
    from diffusers import AutoencoderTiny

    return AutoencoderTiny(
        encoder_block_out_channels=(16, 16, 16),
        decoder_block_out_channels=(width, width, width),
        num_encoder_blocks=(1, 1, 1),
        num_decoder_blocks=(1, 1, 0),
        scaling_factor=0.9,
    )


def write_family(folder: Path) -> Path:
    """Write every member below ``folder`` and return it."""
    made = mini()
    write_folder(made, folder / NAME)
    write_sibling(mini(8, seed=1), folder / f"{NAME}-instruct", NAME)
    write_sibling(mini(9, seed=2), folder / f"{NAME}-inpaint", NAME)
    few = write_sibling(mini(4, seed=3), folder / f"{NAME}-lcm", NAME)
    schedule = _schedule("LCMScheduler", sampler="lcm", steps=4, guidance=1.0)
    (few / "scheduler").mkdir()
    (few / "scheduler" / "scheduler_config.json").write_text(json.dumps(schedule), "utf-8")
    with seeded(4):
        tiny_autoencoder(width=8).save_pretrained(str(folder / f"{NAME}-preview"))
    for seed, (kind, channels) in enumerate(ADAPTERS.items()):
        _write_adapter(folder / f"{NAME}-t2i-{kind}", channels, seed)
    write_ip_adapter(made, folder / f"{NAME}-ip-adapter")
    write_clip(folder / f"{NAME}-clip")
    return folder


def _write_adapter(folder: Path, channels: int, seed: int) -> None:
    from diffusers import T2IAdapter

    with seeded(seed):
        adapter = T2IAdapter(
            in_channels=channels,
            channels=[*WIDTHS, WIDTHS[-1]],
            num_res_blocks=2,
            downscale_factor=8,
            adapter_type="full_adapter_xl",
        )
        enliven(adapter)
    adapter.save_pretrained(str(folder))


def _schedule(name: str, *, sampler: str, steps: int, guidance: float) -> dict[str, Any]:
    return dict(read_config("sd1", "scheduler")) | {
        "_class_name": name,
        "prediction_type": "v_prediction",
        "timestep_spacing": "trailing",
        "retouch_sampler": sampler,
        "retouch_steps": steps,
        "retouch_guidance": guidance,
    }
