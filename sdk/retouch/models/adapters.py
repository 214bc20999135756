"""Weights beside a checkpoint: IP-Adapters, T2I-Adapters and CLIP models."""

from retouch.models.clip_model import ClipWeights, load_clip
from retouch.models.ip_adapter import IPAdapterWeights, load_ip_adapter, load_vision_encoder
from retouch.models.t2i_adapter import T2IAdapterWeights, load_t2i_adapter

__all__ = [
    "ClipWeights",
    "IPAdapterWeights",
    "T2IAdapterWeights",
    "load_clip",
    "load_ip_adapter",
    "load_t2i_adapter",
    "load_vision_encoder",
]
