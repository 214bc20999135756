"""Train the autoencoder (AutoencoderTiny, f4, 4 channels): ``python -m training.autoencoder``.

``--part joint`` trains both halves; ``--part decoder`` goes on with the decoder alone, so the
latents stay valid and it can run at any later time; ``--part preview`` trains a small decoder for
previews on the same latents.

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

from retouch.evaluation.scenes.layouts import sample
from retouch.evaluation.scenes.scene import render
from training import checkpoints, loop
from training.batches import Batch, stream

CROP: Final = 64
NOISE: Final = 0.10
#: Weight of the pull of the first three channels towards the colours averaged over 4 x 4 pixels:
#: without it the encoder took minutes to find the third colour axis.
ANCHOR: Final = 0.05
COLOUR_DEVIATION: Final = 0.6


#: Blocks per stage, and width, of the decoder and of the preview decoder.
DECODERS: Final = {"decoder": ((3, 2, 1), 64), "preview": ((1, 1, 0), 24)}


def build(decoder: str = "decoder") -> AutoencoderTiny:
    """Return the untrained autoencoder; ``scaling_factor`` is set at export."""
    blocks, width = DECODERS[decoder]
    return AutoencoderTiny(
        encoder_block_out_channels=(32, 32, 32),
        decoder_block_out_channels=(width,) * 3,
        num_encoder_blocks=(1, 1, 2),
        num_decoder_blocks=blocks,
        latent_channels=4,
    )


def load(out: Path, device: str = "cpu") -> AutoencoderTiny:
    """Return the trained autoencoder (EMA), with the decoder that was trained last."""
    model = build()
    later = out / "autoencoder-decoder.pt"
    path = later if checkpoints.exists(later) else out / "autoencoder.pt"
    model.load_state_dict(loop.averaged(path, "autoencoder"))
    return model.eval().requires_grad_(False).to(device)


def load_preview(out: Path) -> AutoencoderTiny:
    """Return the trained autoencoder with the preview decoder (EMA)."""
    model = build("preview")
    model.load_state_dict(loop.averaged(out / "autoencoder-preview.pt", "autoencoder"))
    return model.eval().requires_grad_(False)


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


def start(out: Path, part: str) -> AutoencoderTiny:
    """Return the autoencoder that a part begins with; only what it trains takes gradients."""
    if part == "joint":
        return build()
    trained = load(out)
    model = build("preview") if part == "preview" else trained
    model.encoder.load_state_dict(trained.encoder.state_dict())
    model.requires_grad_(True)
    model.encoder.requires_grad_(False)
    return model.train()


def latent_loss(z: Tensor, x: Tensor) -> Tensor:
    """Return what shapes the latents: unit variance and an anchor to the colours."""
    spread = z.mean(dim=(0, 2, 3)).square() + (z.std(dim=(0, 2, 3)) - 1).square()
    anchor = F.mse_loss(z[:, :3], F.avg_pool2d(x, 4) / COLOUR_DEVIATION)
    return 0.02 * spread.mean() + ANCHOR * anchor


def main() -> None:
    """Command line."""
    parser = loop.options(__doc__, minutes=30)
    parser.add_argument("--part", choices=("joint", "decoder", "preview"), default="joint")
    args = parser.parse_args()
    args.out.mkdir(parents=True, exist_ok=True)
    torch.manual_seed(args.seed)
    model = start(args.out, args.part)
    model.to(device=args.device, memory_format=torch.channels_last)
    name = "autoencoder" if args.part == "joint" else f"autoencoder-{args.part}"
    run = loop.Run(name, {"autoencoder": model}, args, decay=0.998)
    photos = photographs()

    def draw(rng: np.random.Generator) -> Batch:
        return {"x": crops(rng, args.batch, photos)}

    for step, batch in enumerate(stream(draw, run, args)):
        x = batch["x"]
        with loop.autocast(args.device):
            z = model.encoder(x).float()
            shape = latent_loss(z, x) if args.part == "joint" else z.new_zeros(())
            if step % 4 == 3 and args.part == "joint":
                z, x = F.avg_pool2d(z, 2), F.avg_pool2d(x, 2)
            z = z + NOISE * torch.rand(len(z), 1, 1, 1, device=z.device) * torch.randn_like(z)
            y = model.decoder(z).float()
        run.update(reconstruction_loss(y, x) + shape)
        if run.rank == 0 and run.step % 250 == 0:
            print(f"{psnr(run.ema['autoencoder'], count=32):.2f} dB", flush=True)
    if run.rank == 0:
        decibels = psnr(run.ema["autoencoder"])
        print(f"{name}: {run.samples} crops, {run.minutes:.1f} min, {decibels:.2f} dB")


if __name__ == "__main__":
    main()
