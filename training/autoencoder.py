"""Train the autoencoder (AutoencoderTiny, f8, 4 channels): ``python -m training.autoencoder``.

In two parts. ``--part f4`` trains an f4 autoencoder. ``--part f8`` then doubles its factor: the new
encoder imitates the f4 encoder on the picture averaged 2 x 2, the new decoder starts as the f4
decoder followed by an enlargement and learns the sharp 128 px picture. A network at a quarter of
the cells costs about a third per sample, and an f8 autoencoder trained from scratch was worse.

Loss: L1 + 0.5 MSE + two-scale gradient + a penalty that keeps the latents near unit variance, with
Gaussian noise on the latents (a decoder that forgives generation errors), a weak anchor of three
channels to the low-resolution colours and, every fourth step, latents and pictures averaged 2 x 2
(scale equivariance, arXiv 2502.09509).
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

import numpy as np
import torch
import torch.nn.functional as F
from diffusers import AutoencoderTiny
from numpy.typing import NDArray
from torch import Tensor

from training import loop
from training.scenes import render, sample

CROP: Final = 64
NOISE: Final = 0.10
#: Weight of the pull of the first three channels towards the colours averaged over 4 x 4 pixels:
#: without it the encoder took minutes to find the third colour axis.
ANCHOR: Final = 0.05
COLOUR_DEVIATION: Final = 0.6


def build(factor: int = 8) -> AutoencoderTiny:
    """Return the untrained autoencoder of factor 4 or 8; ``scaling_factor`` is set at export."""
    stages = {4: ((1, 1, 2), (3, 2, 1)), 8: ((0, 1, 1, 2), (3, 2, 1, 1))}
    encoder, decoder = stages[factor]
    return AutoencoderTiny(
        encoder_block_out_channels=(32,) * len(encoder),
        decoder_block_out_channels=(64,) * len(decoder),
        num_encoder_blocks=encoder,
        num_decoder_blocks=decoder,
        latent_channels=4,
    )


def load(out: Path, device: str = "cpu", factor: int = 8) -> AutoencoderTiny:
    """Return the trained autoencoder (EMA) of factor 4 or 8."""
    model = build(factor)
    model.load_state_dict(loop.averaged(out / f"autoencoder-f{factor}.pt", "autoencoder"))
    return model.eval().requires_grad_(False).to(device)


def _pooled(weight: Tensor, bias: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Return (weight, bias, strided weight) of two convolutions that act like one after pooling.

    The first, (32, 3, 3, 3), spreads the 27 taps over channels and sets channel 27 to one; the
    second, (32, 32, 3, 3) with stride 2 and no bias, gathers the 5 x 5 kernel nearest to
    ``weight`` (32, 3, 3, 3) applied to the 2 x 2 average.
    """
    spread, shift = torch.zeros(32, 3, 3, 3), torch.zeros(32)
    taps = torch.arange(27)
    spread[taps, taps // 9, taps // 3 % 3, taps % 3] = 1
    shift[27] = 1
    gather = torch.zeros(32, 32, 3, 3)
    gather[:, 27, 1, 1] = bias
    for row in range(6):
        for column in range(6):
            y, x = min(row - 2, 2), min(column - 2, 2)
            outer_y, outer_x = max(-1, min(1, y)), max(-1, min(1, x))
            place = 3 * (y - outer_y + 1) + x - outer_x + 1
            for channel in range(3):
                gather[:, 9 * channel + place, outer_y + 1, outer_x + 1] += (
                    weight[:, channel, row // 2, column // 2] / 4
                )
    return spread, shift, gather


def double(source: AutoencoderTiny) -> AutoencoderTiny:
    """Return an f8 autoencoder that starts as the f4 one between pooling and enlarging."""
    model = build(8)
    old, new = source.state_dict(), model.state_dict()
    for name, tensor in old.items():
        side, _, index, rest = name.split(".", 3)
        place = int(index)
        if side == "encoder" and place > 0:
            new[f"encoder.layers.{place + 1}.{rest}"] = tensor
        if side == "decoder":
            new[f"decoder.layers.{15 if place == 12 else place}.{rest}"] = tensor
    spread, shift, gather = _pooled(old["encoder.layers.0.weight"], old["encoder.layers.0.bias"])
    new["encoder.layers.0.weight"], new["encoder.layers.0.bias"] = spread, shift
    new["encoder.layers.1.weight"] = gather
    new["decoder.layers.13.weight"] = torch.zeros(64, 64, 3, 3)
    new["decoder.layers.13.weight"][:, :, 1, 1] = torch.eye(64)
    for part in ("weight", "bias"):
        new[f"decoder.layers.14.conv.4.{part}"] = torch.zeros_like(
            new[f"decoder.layers.14.conv.4.{part}"]
        )
    model.load_state_dict(new)
    return model


def photographs() -> list[NDArray[np.float32]]:
    """Return the openly licensed photographs that scikit-image carries, (H, W, 3) in [0, 1]."""
    from skimage import data, transform

    pictures = []
    for name in ("astronaut", "coffee", "chelsea", "rocket"):
        try:
            picture = getattr(data, name)()
        except Exception:  # the file is not in this build of scikit-image
            continue
        half = transform.resize(picture, (picture.shape[0] // 2, picture.shape[1] // 2))
        pictures.append(np.asarray(half[..., :3], np.float32))
    return pictures


def _texture(rng: np.random.Generator) -> NDArray[np.float32]:
    """Return a smooth random colour texture, (CROP, CROP, 3)."""
    import cv2

    coarse = rng.random((int(rng.integers(2, 17)),) * 2 + (3,), np.float32)
    smooth: NDArray[np.float32] = cv2.resize(coarse, (CROP, CROP), interpolation=cv2.INTER_CUBIC)
    return np.asarray(np.clip(smooth, 0, 1), np.float32)


def crops(rng: np.random.Generator, count: int, photos: list[NDArray[np.float32]]) -> Tensor:
    """Return (count, 3, CROP, CROP) in [-1, 1]: 86 % scenes, 10 % photographs, 4 % textures."""
    batch: list[NDArray[np.float32]] = []
    while len(batch) < count:
        draw = rng.random()
        if draw < 0.04:
            batch.append(_texture(rng))
            continue
        if draw < 0.14 and photos:
            picture = photos[int(rng.integers(len(photos)))]
        else:
            picture = render(sample(rng), 128)[0]
        for _ in range(2):
            y = int(rng.integers(picture.shape[0] - CROP + 1))
            x = int(rng.integers(picture.shape[1] - CROP + 1))
            batch.append(picture[y : y + CROP, x : x + CROP])
    stacked = torch.from_numpy(np.stack(batch[:count])).permute(0, 3, 1, 2)
    return (stacked * 2 - 1).contiguous(memory_format=torch.channels_last)


def reconstruction_loss(output: Tensor, target: Tensor) -> Tensor:
    """Return L1 + 0.5 MSE + L1 of the finite differences at two scales, for (N, 3, H, W)."""
    loss = F.l1_loss(output, target) + 0.5 * F.mse_loss(output, target)
    for _ in range(2):
        error = output - target
        loss = loss + 0.5 * error.diff(dim=2).abs().mean() + 0.5 * error.diff(dim=3).abs().mean()
        output, target = F.avg_pool2d(output, 2), F.avg_pool2d(target, 2)
    return loss


def psnr(model: AutoencoderTiny, seed: int = 10_000_019, count: int = 64) -> float:
    """Return the mean PSNR in dB (peak 1) over held-out scenes at 128 px."""
    rng = np.random.default_rng(seed)
    pictures = torch.from_numpy(np.stack([render(sample(rng))[0] for _ in range(count)]))
    x = pictures.permute(0, 3, 1, 2) * 2 - 1
    with torch.no_grad():
        y = model(x).sample.clamp(-1, 1)
    mse = ((x - y) / 2).square().mean(dim=(1, 2, 3))
    return float((-10 * mse.log10()).mean())


def main() -> None:
    """Command line."""
    parser = loop.options(__doc__, minutes=15)
    parser.add_argument("--part", choices=("f4", "f8"), default="f4")
    args = parser.parse_args()
    args.out.mkdir(parents=True, exist_ok=True)
    torch.manual_seed(args.seed)
    teacher = load(args.out, args.device, 4) if args.part == "f8" else None
    model = (build(4) if teacher is None else double(teacher)).to(args.device)
    model.to(memory_format=torch.channels_last)
    run = loop.Run(f"autoencoder-{args.part}", {"autoencoder": model}, args, decay=0.998)
    rng = np.random.default_rng([args.seed, run.rank, run.step])
    torch.manual_seed(args.seed + 1000 * run.rank + run.step)
    photos = photographs()
    for step in run.steps():
        x = crops(rng, args.batch, photos).to(args.device)
        with loop.autocast(args.device):
            z = model.encoder(x).float()
            if teacher is None:
                spread = z.mean(dim=(0, 2, 3)).square() + (z.std(dim=(0, 2, 3)) - 1).square()
                anchor = F.mse_loss(z[:, :3], F.avg_pool2d(x, 4) / COLOUR_DEVIATION)
                shape = 0.02 * spread.mean() + ANCHOR * anchor
            else:
                shape = F.mse_loss(z, teacher.encoder(F.avg_pool2d(x, 2)).float())
            if step % 4 == 3 and teacher is None:
                z, x = F.avg_pool2d(z, 2), F.avg_pool2d(x, 2)
            z = z + NOISE * torch.rand(len(z), 1, 1, 1, device=z.device) * torch.randn_like(z)
            y = model.decoder(z).float()
        run.update(reconstruction_loss(y, x) + shape)
    if run.rank == 0:
        decibels = psnr(load(args.out, factor=int(args.part[1:])))
        print(f"autoencoder: {run.samples} crops, {run.minutes:.1f} min, {decibels:.2f} dB")


if __name__ == "__main__":
    main()
