"""Our model and diffusers' pipelines of equal weights, side by side on one device."""

from __future__ import annotations

import copy
from dataclasses import dataclass
from typing import Any

import diffusers
from torch import Tensor

from cases.full_size import Beside, Making, beside, checkpoint
from cases.reference import scheduler
from cases.stable_diffusion import class_of
from retouch.models.model import Model
from retouch.models.precision import choose_memory_format, place_network

ADAPTER_SCALE = 0.7


@dataclass(frozen=True)
class Contenders:
    """Both sides.

    Attributes:
        making: how the networks were made.
        model: ours, in our default memory order.
        beside: adapters, used by both.
        parts: of diffusers' pipelines as users make them: contiguous weights in the same format.
        alike: diffusers' network in our memory order.
        shown: diffusers' network with the IP-Adapter loaded into it.
    """

    making: Making
    model: Model
    beside: Beside
    parts: dict[str, Any]
    alike: Any
    shown: Any

    def pipeline(self, task: str = "", sampler: str = "ddim", **other: Any) -> Any:
        """diffusers' pipeline for a task: ``""``, ``Img2Img``, ``Inpaint`` or ``Adapter``."""
        parts: dict[str, Any] = self.parts | other
        parts["scheduler"] = scheduler(sampler, self.model.scheduler_config)
        made = getattr(diffusers, class_of(self.making.family, task))(**parts)
        made.set_progress_bar_config(disable=True)
        return made

    def shown_pipeline(self, sampler: str) -> Any:
        """diffusers' pipeline with the IP-Adapter."""
        encoder = self.beside.reference.image_encoder
        made = self.pipeline("", sampler, unet=self.shown, image_encoder=encoder)
        made.register_modules(feature_extractor=_feature_extractor(encoder))
        made.set_ip_adapter_scale(ADAPTER_SCALE)
        return made


def contenders(making: Making) -> Contenders:
    """Make both from one set of weights; they share what neither changes (text, adapters)."""
    known = checkpoint(making)
    adapters = beside(making, known)
    stock, alike, shown = (copy.deepcopy(known.unet) for _ in range(3))
    place_network(alike, making.device, making.dtype, choose_memory_format(making.device))
    vae = copy.deepcopy(known.vae)
    # SDXL's image-to-image pipelines would compute the autoencoder in float32 otherwise: the
    # published one overflows in float16, never in bfloat16.
    vae.register_to_config(force_upcast=False)
    _load_reference(shown, making, adapters)
    names = ("text_encoder", "text_encoder_2"), ("tokenizer", "tokenizer_2")
    texts = dict(zip(names[0], known.text_encoders, strict=False))
    tokenizers = dict(zip(names[1], known.tokenizers, strict=False))
    parts: dict[str, Any] = {"unet": stock, "vae": vae, **texts, **tokenizers}
    if making.family == "sd1":
        parts |= {"safety_checker": None, "feature_extractor": None}
        parts |= {"requires_safety_checker": False}
    model = Model(known, device=making.device, dtype=making.dtype)
    return Contenders(making, model, adapters, parts, alike, shown)


def _load_reference(unet: Any, making: Making, adapters: Beside) -> None:
    """What ``load_ip_adapter`` does to the network, without a file."""
    known = adapters.reference
    image: dict[str, Tensor] = {
        name.replace("image_embeds.", "proj."): weight
        for name, weight in known.image_projection.state_dict().items()
    }
    layers: dict[str, Tensor] = {}
    for j, (key, value) in enumerate(zip(known.to_k, known.to_v, strict=True)):
        layers[f"{2 * j + 1}.to_k_ip.weight"] = key
        layers[f"{2 * j + 1}.to_v_ip.weight"] = value
    with making.device:  # it initialises what it is about to fill
        unet._load_ip_adapter_weights(
            [{"image_proj": image, "ip_adapter": layers}], low_cpu_mem_usage=False
        )


def _feature_extractor(encoder: Any) -> Any:
    from transformers import CLIPImageProcessor

    side = int(encoder.config.image_size)
    return CLIPImageProcessor(size=side, crop_size=side)
