"""Train a T2I-Adapter: ``python -m training.t2i_adapter --control canny`` (``sketch``, ``color``).

``full_adapter_xl`` (arXiv 2302.08453, SDXL's block order): features at 1/8, 1/8, 1/16 and 1/16 of
the picture, added to the frozen base's down and middle blocks. The control pictures are the ones
that the product itself draws (``retouch.imaging.control``).

With ``--rollouts`` a run of its own goes on from there, and a share of every batch starts from the
network's own samples (``training.rollout``). That follows the lines more closely and draws more
vaguely; the mean of both runs' weights has the best of each (WiSE-FT, arXiv 2109.01903, eq. 1).
"""

from __future__ import annotations

import argparse
from functools import partial
from pathlib import Path
from typing import TypeAlias

import numpy as np
import torch
from diffusers import T2IAdapter
from numpy.typing import NDArray

from retouch.evaluation.scenes.scene import Scene, coverage, render
from training import (
    autoencoder,
    base,
    checkpoints,
    latents,
    loop,
    network,
    pictures,
    rollout,
    validation,
)
from training.batches import Batch, stream
from training.control_pictures import CONTROLS, drawn
from training.stored_controls import StoredControls, partial_caption, stored
from training.tokenizer import Words

Picture = NDArray[np.float32]
#: Scenes, their pictures, latents (N, 4, h, w) and masks (N, 1, h, w) of the objects.
Shown: TypeAlias = tuple[list[Scene], list[Picture], torch.Tensor, NDArray[np.float32]]


def build(kind: str) -> T2IAdapter:
    """Return the untrained adapter for a control."""
    return T2IAdapter(
        in_channels=CONTROLS[kind],
        channels=[*network.CHANNELS, network.CHANNELS[-1]],
        num_res_blocks=2,
        downscale_factor=8,
        adapter_type="full_adapter_xl",
    )


def run_name(kind: str, *, rollouts: bool) -> str:
    """Return the name of a control's run."""
    return f"t2i-{kind}-rollouts" if rollouts else f"t2i-{kind}"


def load(out: Path, kind: str) -> T2IAdapter:
    """Return the adapter: the mean of both runs where there are two. Raises FileNotFoundError."""
    adapter = build(kind)
    names = [run_name(kind, rollouts=own) for own in (False, True)]
    files = [out / f"{name}.pt" for name in names if checkpoints.exists(out / f"{name}.pt")]
    states = [loop.averaged(file, "adapter") for file in files or [out / f"{names[0]}.pt"]]
    adapter.load_state_dict(
        {name: torch.stack([state[name] for state in states]).mean(0) for name in states[0]}
    )
    return adapter


class Controls:
    """Random pictures with their control picture and a caption that may leave things out.

    Close-ups are drawn and encoded here: their shards do not say where the window lay.
    """

    def __init__(self, args: argparse.Namespace, words: Words) -> None:
        self.kind: str = args.control
        self.words, self.count = words, args.batch
        self.pairs = latents.load(args.out)
        self.encoder = autoencoder.load(args.out).encoder
        self.turns = latents.Turns(args.close_ups)

    def draw(self, rng: np.random.Generator) -> Batch:
        """Return z (N, 4, h, w), weight (N, 1, h, w), lines (N, C, H, W) and ids (N, 77).

        ``weight``, 0 to 1, is where the loss counts most: at the lines, or for a palette at the
        objects. A batch of whole scenes holds ``--batch`` pictures, one of close-ups twice as many.
        """
        scenes, shown, z, masks = (self._near if self.turns.near() else self._whole)(rng)
        lines = np.stack([drawn(self.kind, picture) for picture in shown])
        ids = self.words.encode([partial_caption(scene, rng) for scene in scenes])
        return {
            "z": z * self.pairs.scaling,
            "weight": torch.from_numpy(masks if self.kind == "color" else _cells(lines)),
            "lines": torch.from_numpy(lines).permute(0, 3, 1, 2),
            "ids": torch.from_numpy(ids),
        }

    def gather(self, batch: Batch) -> Batch:
        """Return the batch, which is whole already."""
        return batch

    def _whole(self, rng: np.random.Generator) -> Shown:
        pairs = self.pairs
        rows = rng.integers(len(pairs.edits), size=self.count)
        scenes = [pairs.edits[int(row)].after for row in rows]
        masks = pairs.masks[rows, 1].max(axis=1, keepdims=True).astype(np.float32) / 255
        z = torch.from_numpy(pairs.latents[rows, 1].astype(np.float32))
        return scenes, [render(scene)[0] for scene in scenes], z, masks

    @torch.no_grad()
    def _near(self, rng: np.random.Generator) -> Shown:
        found = [pictures.near(rng) for _ in range(2 * self.count)]
        shown = [np.ascontiguousarray(each.after) for each in found]
        z = self.encoder(torch.from_numpy(np.stack(shown)).permute(0, 3, 1, 2) * 2 - 1)
        covers = np.stack([coverage(each.new, pictures.WINDOW) for each in found])
        return [each.edit.after for each in found], shown, z, _cells(covers[..., None])


def _cells(values: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the highest value in each cell of the latents: (N, 1, h, w) of (N, H, W, 1)."""
    count, side = values.shape[:2]
    pixels, cells = latents.PIXELS, side // latents.PIXELS
    return values.reshape(count, cells, pixels, cells, pixels).max(axis=(2, 4))[:, None]


class Teacher:
    """The frozen base and what it is asked: noised answers, and its own samples.

    Own samples count by 1 - alpha, which makes their error that of the answer: far from it, little
    noise would ask for any velocity.
    """

    def __init__(self, args: argparse.Namespace, adapter: T2IAdapter) -> None:
        self.device: str = args.device
        self.share: float = args.rollouts
        self.unet, self.text, self.words = base.load(args.out, args.device)
        network.freeze(network.prepare_unet(self.unet, args.device))
        network.freeze(self.text)
        self.adapter = adapter
        self.noise = network.Noise().to(args.device)

    def loss(self, batch: Batch, steps: int, share: float | None = None) -> torch.Tensor:
        """Return the loss of a batch; its own samples are ``steps`` steps old.

        ``share`` of own samples, 0 to 1; None: that of the training.
        """
        x, times, velocity = self.noise(batch["z"])
        own = int((self.share if share is None else share) * len(x))
        weight = torch.ones_like(x[:, :1, :1, :1])
        with loop.autocast(self.device):
            with torch.no_grad():
                states = base.states_of(self.text, batch["ids"], x)
            features = list(self.adapter(batch["lines"]))
            if own:
                end = int(torch.empty(()).uniform_(*rollout.ENDS) * network.STEPS)
                alpha = self.noise.alphas[end]
                seen = [feature[:own].detach() for feature in features]
                x[:own] = self._sampled(torch.randn_like(x[:own]), states[:own], seen, end, steps)
                times[:own], weight[:own] = end, 1 - alpha
                velocity[:own] = rollout.velocity_to(batch["z"][:own], x[:own], alpha)
            output = self._asked(x, times, states, features)
        root = weight.sqrt()
        return network.velocity_loss(output * root, velocity * root, batch["weight"])

    def _sampled(
        self,
        noise: torch.Tensor,
        states: torch.Tensor,
        features: list[torch.Tensor],
        end: int,
        steps: int,
    ) -> torch.Tensor:
        def predict(x: torch.Tensor, time: int) -> torch.Tensor:
            # Filled there: a copy from here would wait for the GPU.
            times = torch.full((), time, device=x.device)
            return self._asked(x, times, states, features)

        return rollout.sample(predict, noise, self.noise.alphas, end, steps)

    def _asked(
        self,
        x: torch.Tensor,
        times: torch.Tensor,
        states: torch.Tensor,
        features: list[torch.Tensor],
    ) -> torch.Tensor:
        output: torch.Tensor = self.unet(
            x, times, states, down_intrablock_additional_residuals=list(features)
        ).sample
        return output


def _source(args: argparse.Namespace, words: Words) -> StoredControls | Controls:
    sizes = (False, True) if args.close_ups > 0 else (False,)
    if all(stored(args.out, args.control, near=near) for near in sizes):
        return StoredControls(args, words)
    return Controls(args, words)


def held_out(args: argparse.Namespace, words: Words) -> Batch:
    """Return whole scenes of the shards in ``--held-out``, with their control pictures."""
    whole = argparse.Namespace(**{**vars(args), "close_ups": 0.0})
    return StoredControls(whole, words, args.held_out).fixed(args.batch)


def _validate(when: str, run: loop.Run, teacher: Teacher, batch: Batch) -> None:
    """Print the averaged adapter's loss of noised answers and of own samples."""
    trained, teacher.adapter = teacher.adapter, run.ema["adapter"]
    for name, share in (("noised answers", 0.0), ("own samples", 1.0)):
        loss = partial(teacher.loss, batch, rollout.LONGEST, share)
        mean = validation.fixed_loss(loss, teacher.device, 8)
        print(f"{run.name} held-out {when} {name} {mean:.5f}", flush=True)
    teacher.adapter = trained


def main() -> None:
    """Command line."""
    parser = loop.options(__doc__, minutes=20, close_ups=True)
    parser.add_argument("--control", choices=tuple(CONTROLS), default="canny")
    parser.add_argument("--held-out", type=Path, help="cache folder of shards to validate on")
    parser.add_argument("--rollouts", type=float, default=0.0, help="share of own samples, 0 to 1")
    args = parser.parse_args()
    torch.manual_seed(args.seed)
    name = run_name(args.control, rollouts=args.rollouts > 0)
    begun = args.rollouts > 0 and not checkpoints.exists(args.out / f"{name}.pt")
    adapter = load(args.out, args.control) if begun else build(args.control)
    adapter.to(args.device, memory_format=torch.channels_last)
    run = loop.Run(name, {"adapter": adapter}, args, decay=0.99)
    teacher = Teacher(args, adapter)
    controls = _source(args, teacher.words)
    fixed = None
    if args.held_out is not None:
        fixed = held_out(args, teacher.words)
        _validate("start", run, teacher, fixed)
    for drawn_batch in stream(controls.draw, run, args):
        batch = controls.gather(drawn_batch)
        # Counted, not drawn: all processes take equally long.
        loss = teacher.loss(batch, 1 + run.step % rollout.LONGEST)
        run.update(loss, count=len(batch["z"]))
    if fixed is not None:
        _validate("end", run, teacher, fixed)


if __name__ == "__main__":
    main()
