"""CLIP's image encoder (Radford et al. 2021), built from the shapes of its weights.

No configuration file is read: one that is altered would change verdicts although the weights are
the published ones. What shapes do not tell is the same in all of OpenAI's vision transformers:
heads of 64 numbers, quick GELU, layer norms with epsilon 1e-5.
"""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING, Any, Final

from retouch_safety.errors import DetectorFailed

if TYPE_CHECKING:
    from torch import Tensor

_HEAD: Final = 64


def build_tower(weights: dict[str, Tensor]) -> Any:
    """Return a ``transformers.CLIPVisionModel`` with these weights.

    Args:
        weights: name -> tensor, without the prefix ``vision_model``.

    Raises:
        DetectorFailed: a tensor is missing, superfluous or has a shape that does not fit.
    """
    import torch
    from transformers import CLIPVisionConfig, CLIPVisionModel

    config = CLIPVisionConfig(**_shape_of(weights))
    # the random start values are overwritten; the caller's random numbers must not change
    with torch.random.fork_rng(devices=[]):
        tower = CLIPVisionModel(config)
    # transformers 5 has dropped one level of names
    nested = all(name.startswith("vision_model.") for name in tower.state_dict())
    prefix = "vision_model." if nested else ""
    try:
        # assigned, not copied: 1.2 GB less for the published ones
        tower.load_state_dict({prefix + name: w for name, w in weights.items()}, assign=True)
    except RuntimeError as error:
        raise DetectorFailed(f"safety checker: {error}. Fix: get the published weights.") from error
    return tower.float().eval()


def _shape_of(weights: dict[str, Tensor]) -> dict[str, Any]:
    try:
        patches = weights["embeddings.patch_embedding.weight"]
        positions = weights["embeddings.position_embedding.weight"]
        middle = weights["encoder.layers.0.mlp.fc1.weight"]
        hidden, _, patch, _ = patches.shape
        side = math.isqrt(positions.shape[0] - 1)
        intermediate = middle.shape[0]
    except (KeyError, ValueError) as error:
        raise DetectorFailed(
            f"safety checker: no CLIP image encoder in the file ({error}). "
            "Fix: get the published weights."
        ) from error
    if hidden % _HEAD or side * side + 1 != positions.shape[0]:
        raise DetectorFailed(
            f"safety checker: an encoder of width {hidden} with {positions.shape[0]} positions "
            f"is none of CLIP's (a multiple of {_HEAD}, a square and 1). Fix: get the published "
            "weights."
        )
    layers = {int(n[1]) for name in weights if (n := re.match(r"encoder\.layers\.(\d+)\.", name))}
    return {
        "hidden_size": hidden,
        "intermediate_size": intermediate,
        "num_hidden_layers": len(layers),
        "num_attention_heads": hidden // _HEAD,
        "image_size": side * patch,
        "patch_size": patch,
        "hidden_act": "quick_gelu",
        "layer_norm_eps": 1e-5,
    }
