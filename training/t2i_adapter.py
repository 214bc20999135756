"""Train a T2I-Adapter: ``python -m training.t2i_adapter --control canny`` (or ``color``).

``full_adapter`` (arXiv 2302.08453): features at 1/8, 1/16 and 1/32 of the picture, added to the
frozen base's down blocks. Control pictures are in [0, 1]: canny has one channel (white
edges on black), color has three (an 8 x 8 palette of the picture, enlarged with nearest).
"""

from __future__ import annotations

from typing import Final

import cv2
import numpy as np
import torch
from diffusers import T2IAdapter
from numpy.typing import NDArray

from training import base, latents, loop, network, tokenizer
from training.scenes import Scene, object_phrase, place_phrase, render, tensor_pixels

CHANNELS: Final = {"canny": 1, "color": 3}
#: Thresholds of the Canny operator.
LOW, HIGH = 100, 200
PALETTE: Final = 8


def canny(picture: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Return the (H, W, 1) edges in {0, 1} of an (H, W, 3) uint8 RGB picture."""
    grey = cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY)
    edges = np.asarray(cv2.Canny(grey, LOW, HIGH))
    return (edges > 0).astype(np.float32)[..., None]


def color(picture: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Return the (H, W, 3) palette in [0, 1] of an (H, W, 3) uint8 RGB picture."""
    size = (picture.shape[1], picture.shape[0])
    small = cv2.resize(picture, (PALETTE, PALETTE), interpolation=cv2.INTER_AREA)
    big = np.asarray(cv2.resize(small, size, interpolation=cv2.INTER_NEAREST))
    return (big / 255).astype(np.float32)


def build(control: str) -> T2IAdapter:
    """Return the untrained adapter for ``control``; its output starts at zero."""
    adapter = T2IAdapter(
        in_channels=CHANNELS[control],
        channels=list(network.CHANNELS),
        num_res_blocks=2,
        downscale_factor=8,
        adapter_type="full_adapter",
    )
    return adapter


def _text(scene: Scene, rng: np.random.Generator) -> str:
    """Return the caption, or only a part of it, so that the control must give the rest."""
    draw = rng.random()
    if draw < 0.10:
        return ""
    if draw < 0.25 and scene.noun:
        return object_phrase(scene.noun, scene.colour)
    if draw < 0.35:
        return place_phrase(scene.place, bare=True)
    return scene.caption()


def main() -> None:
    """Command line."""
    parser = loop.options(__doc__, minutes=10)
    parser.add_argument("--control", choices=tuple(CHANNELS), default="canny")
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
    control = canny if args.control == "canny" else color
    for _ in run.steps():
        rows = rng.integers(len(pairs.edits), size=args.batch)
        scenes = [pairs.edits[int(row)].after for row in rows]
        z = torch.from_numpy(pairs.latents[rows, 1].astype(np.float32)) * pairs.scaling
        mask = torch.from_numpy(pairs.masks[rows, 1].astype(np.float32) / 255)[:, None]
        drawn = np.stack([control(tensor_pixels(render(scene)[0])) for scene in scenes])
        hint = torch.from_numpy(drawn).permute(0, 3, 1, 2).to(args.device)
        texts = [_text(scene, rng) for scene in scenes]
        ids = torch.from_numpy(tokenizer.encode(words, texts).astype(np.int64)).to(args.device)
        noised, timesteps, velocity = noise(z.to(args.device))
        noised = noised.contiguous(memory_format=torch.channels_last)
        with loop.autocast(args.device):
            with torch.no_grad():
                states = text(ids).last_hidden_state
            features = adapter(hint)
            output = unet(
                noised, timesteps, states, down_intrablock_additional_residuals=list(features)
            ).sample
        run.update(network.velocity_loss(output, velocity, mask.to(args.device)))


if __name__ == "__main__":
    main()
