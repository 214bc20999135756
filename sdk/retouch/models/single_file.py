"""Single `.safetensors` checkpoints in the original layout, through diffusers' own key conversion.

diffusers tells SDXL's two text encoders apart by width alone, and with equal widths loads the
wrong weights without a word; its converters also drop what they do not know. Here every
component is converted from its own prefix, and weights that nothing consumed are an error.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from torch import Tensor

from retouch.errors import ModelInvalid
from retouch.models.filling import HARMLESS_SUFFIXES, read_tensors
from retouch.models.weights_file import read_header

UNET_PREFIX = "model.diffusion_model."
VAE_PREFIXES = ("first_stage_model.", "vae.")
CLIP_PREFIXES = {
    "sd1": ("cond_stage_model.transformer.",),
    "sd2": ("cond_stage_model.model.",),
    "sdxl": ("conditioner.embedders.0.transformer.", "conditioner.embedders.1.model."),
}
UNUSUAL_SHAPE = "use the publisher's file, or give its configuration with --config FOLDER"
TEXT_FOLDERS = ("text_encoder", "text_encoder_2")
# Training leftovers inside a component's prefix.
LEFTOVERS = ("first_stage_model.loss.", "first_stage_model.model_ema.")
# Names whose tensors diffusers cuts or reshapes instead of passing them on.
RESHAPED = (
    "in_proj_weight",
    "in_proj_bias",
    "text_projection",
    ".attn_1.q.weight",
    ".attn_1.k.weight",
    ".attn_1.v.weight",
    ".attn_1.proj_out.weight",
)


class SingleFile:
    """The components of one original-layout file, by diffusers folder name."""

    def __init__(self, path: Path, family: str, configs: Path) -> None:
        """Open ``path`` of ``family``, whose configuration folders lie in ``configs``."""
        self.path, self.family, self.configs = path, family, configs
        self.files: tuple[Path, ...] = (path,)
        self.header = read_header(path)

    def settings(self, component: str) -> Path:
        """Return the folder with a component's configuration."""
        return self.configs / component

    def config(self, component: str) -> dict[str, Any]:
        """Return a component's configuration; the input channels come from the file."""
        name = "scheduler_config.json" if component == "scheduler" else "config.json"
        text = (self.settings(component) / name).read_text(encoding="utf-8")
        config: dict[str, Any] = json.loads(text)
        if component == "unet":
            config["in_channels"] = self.header.shape(UNET_PREFIX + "input_blocks.0.0.weight")[1]
        if component == "scheduler" and "ztsnr" in self.header.shapes:
            config["rescale_betas_zero_snr"] = True
        return config

    def weights(self, component: str) -> dict[str, Tensor]:
        """Return a component's weights by diffusers' (or transformers') names.

        Raises:
            ModelInvalid: the file has weights for it that no layer takes.
        """
        config = self.config(component)
        if component == "unet":
            return self._converted(component, (UNET_PREFIX,), config)
        if component == "vae":
            return self._converted(component, VAE_PREFIXES, config)
        prefix = CLIP_PREFIXES[self.family][TEXT_FOLDERS.index(component)]
        return self._converted(component, (prefix,), config)

    def _converted(
        self, component: str, prefixes: tuple[str, ...], config: dict[str, Any]
    ) -> dict[str, Tensor]:
        # Of gigabytes only what the component needs: who wants the autoencoder reads no more.
        given = {
            name: tensor
            for name, tensor in read_tensors(self.files, prefixes).items()
            if not name.startswith(LEFTOVERS)
        }
        given = _relevant(given, component, config)
        where = f"{self.path} [{component}]"
        try:
            converted = _convert(component, prefixes[0], given, config) if given else {}
        except (KeyError, AttributeError, IndexError) as error:
            raise ModelInvalid(where, f"missing weights ({error})", UNUSUAL_SHAPE) from error
        left = _unconsumed(given, converted)
        if left:
            problem = f"unexpected weights: {', '.join(left[:3])} ({len(left)} in all)"
            raise ModelInvalid(where, problem, UNUSUAL_SHAPE)
        return converted


def _convert(
    component: str, prefix: str, given: dict[str, Tensor], config: dict[str, Any]
) -> dict[str, Tensor]:
    from diffusers.loaders import single_file_utils as conversion

    converted: dict[str, Tensor]
    if component == "unet":
        converted = conversion.convert_ldm_unet_checkpoint(given, config)
    elif component == "vae":
        converted = conversion.convert_ldm_vae_checkpoint(given, config)
    elif prefix.endswith("transformer."):
        converted = conversion.convert_ldm_clip_checkpoint(given)
    else:
        model = SimpleNamespace(config=SimpleNamespace(hidden_size=config["hidden_size"]))
        converted = conversion.convert_open_clip_checkpoint(model, given, prefix=prefix)
    return converted


def _relevant(
    given: dict[str, Tensor], component: str, config: Mapping[str, Any]
) -> dict[str, Tensor]:
    """Leave out what the published files carry and the configured network does not use.

    SD 2.x reads OpenCLIP's last but one layer: its file has one layer more than its
    configuration, and a text projection.
    """
    if component not in TEXT_FOLDERS:
        return given
    extra = f"transformer.resblocks.{config['num_hidden_layers']}."
    pooled = "Projection" in str(config.get("architectures"))
    return {
        name: tensor
        for name, tensor in given.items()
        if not name.endswith((*HARMLESS_SUFFIXES, "logit_scale"))
        and not (extra in name and not pooled)
        and not (name.endswith("text_projection") and not pooled)
    }


def _unconsumed(given: Mapping[str, Tensor], converted: Mapping[str, Tensor]) -> list[str]:
    # The converters pass the same tensors on under new names; whether the few reshaped ones
    # arrived is seen by the strict filling.
    taken = {id(tensor) for tensor in converted.values()}
    return [
        name
        for name, tensor in given.items()
        if id(tensor) not in taken and not name.endswith(RESHAPED)
    ]
