"""What decoding a picture costs beside a row of the denoising network."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch

from cases.accelerator import Accelerator
from cases.contenders import Contenders
from cases.full_size import decode_flops
from retouch.models.filling import bytes_of


def decoding(
    known: Contenders, device: Accelerator, sides: Sequence[int], row_seconds: float | None
) -> dict[str, Any]:
    """Milliseconds and bytes of decoding one and four pictures, as the engine does it.

    Args:
        known: whose autoencoder.
        device: where it is.
        sides: of the pictures in pixels.
        row_seconds: of one row at the network's best rate, for its native side; None: unknown.
    """
    model = known.model
    found: dict[str, Any] = {}
    for side in sides:
        latent = side // model.factor
        flops = decode_flops(known.making, side)
        for count in (1, 4):
            x = torch.randn(count, model.latent_channels, latent, latent).to(model.device)
            peak = device.working_bytes(lambda x=x: model.decode(x))  # type: ignore[misc]
            taken = device.per_call(lambda x=x: model.decode(x))["median"] / count  # type: ignore[misc]
            native = side == known.making.side and row_seconds
            found[f"{count} x {side} px"] = {
                "milliseconds_per_picture": taken * 1e3,
                "tflops": flops / taken / 1e12,
                "unet_rows": taken / row_seconds if native and row_seconds else None,
                "working_bytes": peak,
            }
    networks = known.model.checkpoint
    return {
        "pictures": found,
        "network_bytes": {
            "unet": bytes_of((networks.unet,)),
            "vae": bytes_of((networks.vae,)),
            "text_encoders": bytes_of(networks.text_encoders),
        },
    }
