"""Train a T2I-Adapter: ``python -m training.t2i_adapter --control canny`` (``sketch``, ``color``).

``full_adapter_xl`` (arXiv 2302.08453, SDXL's block order): features at 1/8, 1/8, 1/16 and 1/16 of
the picture, added to the frozen base's down and middle blocks. The control pictures are the ones
that the product itself draws (``retouch.imaging.control``).
"""

from __future__ import annotations

from typing import Final

import numpy as np
import torch
from diffusers import T2IAdapter
from numpy.typing import NDArray

from retouch.evaluation.scenes.captions import caption, object_phrase, place_phrase
from retouch.evaluation.scenes.scene import Scene, render
from retouch.imaging import control
from training import base, latents, loop, network

Picture = NDArray[np.float32]

#: Control -> channels.
CONTROLS: Final[dict[str, int]] = {"canny": 1, "sketch": 1, "color": 3}
SIDE: Final = 128


def drawn(kind: str, picture: Picture) -> Picture:
    """Return the (128, 128, channels) control picture in [0, 1] that the product would draw."""
    lines = control.extract(kind, picture, native_size=SIDE)
    return lines if lines.ndim == 3 else lines[..., None]


def build(kind: str) -> T2IAdapter:
    """Return the untrained adapter for a control."""
    return T2IAdapter(
        in_channels=CONTROLS[kind],
        channels=[*network.CHANNELS, network.CHANNELS[-1]],
        num_res_blocks=2,
        downscale_factor=8,
        adapter_type="full_adapter_xl",
    )


def _text(scene: Scene, rng: np.random.Generator) -> str:
    """Return the caption, or only a part of it, so that the control must give the rest."""
    draw = rng.random()
    if draw < 0.10:
        return ""
    if draw < 0.25 and scene.things:
        return object_phrase(scene.things[0].noun, scene.things[0].colour)
    if draw < 0.35:
        return place_phrase(scene.place, bare=True)
    return caption(scene)


def main() -> None:
    """Command line."""
    parser = loop.options(__doc__, minutes=20)
    parser.add_argument("--control", choices=tuple(CONTROLS), default="canny")
    args = parser.parse_args()
    torch.manual_seed(args.seed)
    unet, text, words = base.load(args.out, args.device)
    network.prepare_unet(unet, args.device).requires_grad_(False)
    adapter = build(args.control).to(args.device)
    adapter.to(memory_format=torch.channels_last)
    run = loop.Run(f"t2i-{args.control}", {"adapter": adapter}, args, decay=0.99)
    torch.manual_seed(args.seed + 1000 * run.rank + run.step)
    rng = np.random.default_rng([args.seed, run.rank, run.step])
    pairs = latents.load(args.out)
    noise = network.Noise().to(args.device)
    for _ in run.steps():
        rows = rng.integers(len(pairs.edits), size=args.batch)
        scenes = [pairs.edits[int(row)].after for row in rows]
        z = torch.from_numpy(pairs.latents[rows, 1].astype(np.float32)) * pairs.scaling
        masks = pairs.masks[rows, 1].max(axis=1, keepdims=True).astype(np.float32) / 255
        lines = np.stack([drawn(args.control, render(scene)[0]) for scene in scenes])
        hint = torch.from_numpy(lines).permute(0, 3, 1, 2).to(args.device)
        texts = [_text(scene, rng) for scene in scenes]
        ids = torch.from_numpy(words.encode(texts)).to(args.device)
        noised, timesteps, velocity = noise(z.to(args.device))
        noised = noised.contiguous(memory_format=torch.channels_last)
        with loop.autocast(args.device):
            with torch.no_grad():
                states = text(ids).last_hidden_state
            features = adapter(hint)
            output = unet(
                noised, timesteps, states, down_intrablock_additional_residuals=list(features)
            ).sample
        run.update(network.velocity_loss(output, velocity, torch.from_numpy(masks).to(args.device)))


if __name__ == "__main__":
    main()
