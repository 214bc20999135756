"""Train the autoencoder (AutoencoderTiny, f8, 4 channels): ``python -m training.autoencoder``.

In four parts. ``--part f4`` trains an f4 autoencoder. ``--part f8`` then doubles its factor: the
new encoder imitates the f4 encoder on the picture averaged 2 x 2, the new decoder starts as the f4
decoder followed by an enlargement and learns the sharp 128 px picture. A network at a quarter of
the cells costs about a third per sample, and an f8 autoencoder trained from scratch was worse.
``--part final`` widens and deepens it without changing what it does and frees the encoder, which
now may keep what the averaged picture had lost. ``--part decoder`` goes on with the decoder alone:
the latents stay valid, so it can run at any later time.

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
from training import loop

CROP: Final = 64
NOISE: Final = 0.10
#: Weight of the pull of the first three channels towards the colours averaged over 4 x 4 pixels:
#: without it the encoder took minutes to find the third colour axis.
ANCHOR: Final = 0.05
COLOUR_DEVIATION: Final = 0.6


#: Part -> encoder's width, blocks per stage of the encoder and of the (64 wide) decoder.
SHAPES: Final = {
    "f4": (32, (1, 1, 2), (3, 2, 1)),
    "f8": (32, (0, 1, 1, 2), (3, 2, 1, 1)),
    "final": (64, (0, 2, 3, 4), (4, 3, 2, 1)),
}


def build(part: str = "final") -> AutoencoderTiny:
    """Return the untrained autoencoder of a part; ``scaling_factor`` is set at export."""
    width, encoder, decoder = SHAPES[part]
    return AutoencoderTiny(
        encoder_block_out_channels=(width,) * len(encoder),
        decoder_block_out_channels=(64,) * len(decoder),
        num_encoder_blocks=encoder,
        num_decoder_blocks=decoder,
        latent_channels=4,
    )


def load(out: Path, device: str = "cpu", part: str = "") -> AutoencoderTiny:
    """Return the trained autoencoder (EMA) of a part; by default the last one there is."""
    if not part:
        part = "decoder" if (out / "autoencoder-decoder.pt").exists() else "final"
    model = build("final" if part == "decoder" else part)
    model.load_state_dict(loop.averaged(out / f"autoencoder-{part}.pt", "autoencoder"))
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
    model = build("f8")
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


def _blocks(stages: tuple[int, ...]) -> list[tuple[int, int]]:
    """Return (stage, index) per layer of the encoder; index -1 is the stage's first convolution."""
    layers = [(n, i) for n, count in enumerate(stages) for i in range(-1, count)]
    return [*layers, (len(stages), -1)]


def _decoder_blocks(stages: tuple[int, ...]) -> list[tuple[int, int]]:
    """Return (stage, index) per layer of the decoder; -2 and -1 enlarge and convolve after it."""
    layers: list[tuple[int, int]] = [(-1, -2), (-1, -1)]
    for n, count in enumerate(stages):
        layers += [(n, i) for i in range(count)]
        layers += [(n, -1)] if n == len(stages) - 1 else [(n, -2), (n, -1)]
    return layers


def _widened(old: Tensor, like: Tensor) -> Tensor:
    """Return ``old`` in the corner of ``like``; new inputs of old outputs start at zero."""
    new = like.clone()
    if old.dim() == 1:
        new[: len(old)] = old
        return new
    new[: old.shape[0]] = 0
    new[: old.shape[0], : old.shape[1]] = old
    return new


def grow(source: AutoencoderTiny) -> AutoencoderTiny:
    """Return the ``final`` autoencoder that computes what the ``f8`` one computes.

    New channels feed nothing old and new blocks end in zeros, so training starts where the smaller
    one ended (Net2Net, arXiv 1511.05641).
    """
    model = build("final")
    old, new = source.state_dict(), model.state_dict()
    sides = {"encoder": (_blocks, 1), "decoder": (_decoder_blocks, 2)}
    for side, (layout, column) in sides.items():
        before, after = layout(SHAPES["f8"][column]), layout(SHAPES["final"][column])
        for place, key in enumerate(after):
            prefix = f"{side}.layers.{place}."
            names = [name for name in new if name.startswith(prefix)]
            for name in names:
                rest = name[len(prefix) :]
                if key in before:
                    source_name = f"{side}.layers.{before.index(key)}.{rest}"
                    new[name] = _widened(old[source_name], new[name])
                elif rest.startswith("conv.4."):
                    new[name] = torch.zeros_like(new[name])
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


def start(out: Path, part: str, device: str) -> tuple[AutoencoderTiny, AutoencoderTiny | None]:
    """Return the autoencoder a part begins with and, for ``f8``, the one to imitate."""
    teacher = load(out, device, "f4") if part == "f8" else None
    if part == "final":
        model = grow(load(out, part="f8")).requires_grad_(True)
    elif part == "decoder":
        model = load(out, part="final").requires_grad_(True)
        model.encoder.requires_grad_(False)
    else:
        model = build("f4") if teacher is None else double(teacher)
    model.to(device=device, memory_format=torch.channels_last)
    return model, teacher


def latent_loss(z: Tensor, x: Tensor, teacher: AutoencoderTiny | None) -> Tensor:
    """Return what shapes the latents: unit variance and colours, or the teacher's latents."""
    if teacher is not None:
        return F.mse_loss(z, teacher.encoder(F.avg_pool2d(x, 2)).float())
    spread = z.mean(dim=(0, 2, 3)).square() + (z.std(dim=(0, 2, 3)) - 1).square()
    averaged = F.avg_pool2d(x, x.shape[-1] // z.shape[-1])
    anchor = F.mse_loss(z[:, :3], averaged / COLOUR_DEVIATION)
    # Once the colour axes are found, a fifth of the pull keeps them.
    weight = ANCHOR if x.shape[-1] // z.shape[-1] == 4 else ANCHOR / 5
    return 0.02 * spread.mean() + weight * anchor


def main() -> None:
    """Command line."""
    parser = loop.options(__doc__, minutes=15)
    parser.add_argument("--part", choices=("f4", "f8", "final", "decoder"), default="f4")
    args = parser.parse_args()
    args.out.mkdir(parents=True, exist_ok=True)
    torch.manual_seed(args.seed)
    model, teacher = start(args.out, args.part, args.device)
    run = loop.Run(f"autoencoder-{args.part}", {"autoencoder": model}, args, decay=0.998)
    rng = np.random.default_rng([args.seed, run.rank, run.step])
    torch.manual_seed(args.seed + 1000 * run.rank + run.step)
    photos = photographs()
    for step in run.steps():
        x = crops(rng, args.batch, photos).to(args.device)
        with loop.autocast(args.device):
            z = model.encoder(x).float()
            shape = latent_loss(z, x, teacher)
            if step % 4 == 3 and args.part in ("f4", "final"):
                z, x = F.avg_pool2d(z, 2), F.avg_pool2d(x, 2)
            z = z + NOISE * torch.rand(len(z), 1, 1, 1, device=z.device) * torch.randn_like(z)
            y = model.decoder(z).float()
        run.update(reconstruction_loss(y, x) + shape)
        if run.rank == 0 and run.step % 500 == 0:
            print(f"{psnr(run.ema['autoencoder'], count=16):.2f} dB", flush=True)
    if run.rank == 0:
        decibels = psnr(load(args.out, part=args.part))
        print(f"autoencoder: {run.samples} crops, {run.minutes:.1f} min, {decibels:.2f} dB")


if __name__ == "__main__":
    main()
