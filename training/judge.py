"""Train the judge of ``retouch eval``: ``python -m training.judge --device cpu --minutes 40``.

It sees procedural scenes only, never a picture of our autoencoder or of our networks: a judge that
had learnt their flaws would forgive them. Scenes come from seeds of its own. After the last step
the weights are exported and scored on renderings that it has not seen.
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass, replace
from typing import Final

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from safetensors.torch import save_file
from torch import Tensor, nn
from torch.nn import functional

from retouch.evaluation.judge.judge import WEIGHTS
from retouch.evaluation.judge.network import (
    COLOUR_WORDS,
    GRID,
    NOUN_WORDS,
    PLACE_WORDS,
    SEASON_WORDS,
    SIDE,
    Answers,
    JudgeNetwork,
    meanings,
)
from retouch.evaluation.scenes.layouts import sample, setting
from retouch.evaluation.scenes.places import background
from retouch.evaluation.scenes.scene import Scene, Thing, coverage, render
from training import loop

Picture = NDArray[np.float32]

#: First word of the seeds of training scenes; ``retouch eval`` draws from single numbers.
STREAM: Final = 1_904_078_50
UNKNOWN: Final = len(NOUN_WORDS)
NO_COLOUR: Final = -1
#: Cells that learn an object: (dx, dy, weight).
_AROUND: Final = ((0, 0, 1.0), (-1, 0, 0.5), (1, 0, 0.5), (0, -1, 0.5), (0, 1, 0.5))
_BLUR: Final = 0.9


@dataclass(frozen=True)
class Example:
    """One training picture with its exact answers."""

    picture: Picture
    mask: Picture
    scene: Scene
    known: bool


def scatter(rng: np.random.Generator) -> Scene:
    """Draw a scene of one to four things anywhere, so that places on the grid mean nothing."""
    while True:
        scene = setting(rng)
        things: list[Thing] = []
        count = int(rng.choice([1, 2, 3, 4], p=[0.4, 0.3, 0.15, 0.15]))
        equal, noun, colour = rng.random() < 0.4, _noun(rng), _colour(rng)
        for _ in range(count):
            size = float(rng.uniform(0.3, 0.75 if count == 1 else 0.46))
            x, y = (float(v) for v in rng.uniform(0.42 * size, 1 - 0.42 * size, size=2))
            if all(max(abs(t.x - x), abs(t.y - y)) > 0.42 * (t.size + size) for t in things):
                things.append(Thing(noun, colour, x, y, size))
            if not equal:
                noun, colour = _noun(rng), _colour(rng)
        scene = replace(scene, things=tuple(things))
        if scene.valid():
            return scene


def _noun(rng: np.random.Generator) -> str:
    return str(rng.choice(NOUN_WORDS))


def _colour(rng: np.random.Generator) -> str:
    return "" if rng.random() < 0.3 else str(rng.choice(COLOUR_WORDS))


def example(rng: np.random.Generator) -> Example:
    """Draw one augmented picture; some hold a thing that is none of the nouns."""
    scene = sample(rng) if rng.random() < 0.65 else scatter(rng)
    picture, masks = render(scene, SIDE)
    mask = coverage(masks, SIDE)
    known = True
    if len(scene.things) == 1 and rng.random() < 0.12:
        picture, mask = spoil(picture, mask, scene, rng)
        known = False
    return Example(augment(picture, rng), mask, scene, known)


def spoil(
    picture: Picture, mask: Picture, scene: Scene, rng: np.random.Generator
) -> tuple[Picture, Picture]:
    """Return the picture with its only thing smeared or cut into shuffled tiles."""
    behind = background(scene.place, scene.night, scene.season, scene.variant, SIDE)
    layer = np.dstack([picture * mask[..., None], mask])
    if rng.random() < 0.5:
        layer = cv2.GaussianBlur(layer, (0, 0), float(rng.uniform(6, 9)))
    else:
        layer = _shuffled(layer, scene.things[0], rng)
    cover = layer[..., 3:]
    return behind * (1 - cover) + layer[..., :3], np.ascontiguousarray(layer[..., 3])


def _shuffled(layer: Picture, thing: Thing, rng: np.random.Generator) -> Picture:
    tile = int(thing.size * SIDE) // 3
    left, top = (max(0, round((c - thing.size / 2) * SIDE)) for c in (thing.x, thing.y))
    left, top = min(left, SIDE - 3 * tile), min(top, SIDE - 3 * tile)
    spots = [(top + tile * (n // 3), left + tile * (n % 3)) for n in range(9)]
    shuffled = np.zeros_like(layer)
    for (y, x), source in zip(spots, rng.permutation(9), strict=True):
        v, u = spots[source]
        shuffled[y : y + tile, x : x + tile] = layer[v : v + tile, u : u + tile]
    return shuffled


def augment(picture: Picture, rng: np.random.Generator) -> Picture:
    """Return the picture a little softer, warped, brighter, noisier or compressed, or untouched."""
    if rng.random() < 0.2:
        picture = _warped(picture, rng)
    if rng.random() < 0.3:
        picture = cv2.GaussianBlur(picture, (0, 0), float(rng.uniform(0.3, 1.2)))
    if rng.random() < 0.3:
        side = int(SIDE * rng.uniform(0.6, 1.0))
        small = cv2.resize(picture, (side, side), interpolation=cv2.INTER_AREA)
        picture = cv2.resize(small, (SIDE, SIDE), interpolation=cv2.INTER_CUBIC)
    if rng.random() < 0.5:
        gain = rng.uniform(0.9, 1.1) * rng.uniform(0.97, 1.03, size=3)
        picture = picture * gain.astype(np.float32) + np.float32(rng.uniform(-0.04, 0.04))
    if rng.random() < 0.3:
        noise = rng.standard_normal(picture.shape, dtype=np.float32)
        picture = picture + noise * np.float32(rng.uniform(0, 0.04))
    picture = np.clip(picture, 0, 1)
    if rng.random() < 0.15:
        quality = [cv2.IMWRITE_JPEG_QUALITY, int(rng.integers(40, 95))]
        _, data = cv2.imencode(".jpg", np.round(picture * 255).astype(np.uint8), quality)
        picture = cv2.imdecode(data, cv2.IMREAD_COLOR).astype(np.float32) / np.float32(255)
    return np.ascontiguousarray(picture, np.float32)


def _warped(picture: Picture, rng: np.random.Generator) -> Picture:
    shift = rng.standard_normal((5, 5, 2)).astype(np.float32) * np.float32(rng.uniform(0, 1.5))
    field = cv2.resize(shift, (SIDE, SIDE), interpolation=cv2.INTER_CUBIC)
    x, y = np.meshgrid(np.arange(SIDE, dtype=np.float32), np.arange(SIDE, dtype=np.float32))
    return cv2.remap(
        picture, x + field[..., 0], y + field[..., 1], cv2.INTER_LINEAR, None, cv2.BORDER_REFLECT
    )


@dataclass(frozen=True)
class Targets:
    """The right answers to a batch; the rows of ``cells`` are (picture, y, x) that learn."""

    centre: Tensor
    cells: Tensor
    weight: Tensor
    noun: Tensor
    colour: Tensor
    natural: Tensor
    offset: Tensor
    size: Tensor
    mask: Tensor
    place: Tensor
    night: Tensor
    season: Tensor


def targets(examples: list[Example]) -> Targets:
    """Return the answers that the network should give."""
    centre = np.zeros((len(examples), GRID, GRID), np.float32)
    rows: list[tuple[float, ...]] = []
    axis = np.arange(GRID) + 0.5
    for n, given in enumerate(examples):
        for thing in given.scene.things:
            gx, gy = thing.x * GRID, thing.y * GRID
            near = (axis[None, :] - gx) ** 2 + (axis[:, None] - gy) ** 2
            heat = np.exp(-near / (2 * _BLUR**2)).astype(np.float32)
            x, y = int(gx), int(gy)
            heat[y, x] = 1
            centre[n] = np.maximum(centre[n], heat)
            noun = NOUN_WORDS.index(thing.noun) if given.known else UNKNOWN
            colour = COLOUR_WORDS.index(thing.colour) if thing.colour else NO_COLOUR
            for dx, dy, weight in _AROUND:
                u, v = x + dx, y + dy
                if 0 <= u < GRID and 0 <= v < GRID:
                    rows.append((n, v, u, weight, noun, colour, gx - u, gy - v, thing.size))
    table = torch.tensor(rows).reshape(-1, 9)
    masks = torch.from_numpy(np.stack([given.mask for given in examples]))
    scenes = [given.scene for given in examples]
    return Targets(
        centre=torch.from_numpy(centre),
        cells=table[:, :3].long(),
        weight=table[:, 3],
        noun=table[:, 4].long(),
        colour=table[:, 5].long(),
        natural=(table[:, 5] == NO_COLOUR).float(),
        offset=table[:, 6:8],
        size=table[:, 8],
        mask=functional.avg_pool2d(masks[:, None], 2)[:, 0],
        place=torch.tensor([PLACE_WORDS.index(scene.place) for scene in scenes]),
        night=torch.tensor([float(scene.night) for scene in scenes]),
        season=torch.tensor([SEASON_WORDS.index(scene.season) for scene in scenes]),
    )


def focal(logits: Tensor, heat: Tensor) -> Tensor:
    """Return the penalty-reduced focal loss (1808.01244, equation 1) per object."""
    p = logits.sigmoid()
    hit = (1 - p) ** 2 * functional.logsigmoid(logits)
    miss = (1 - heat) ** 4 * p**2 * functional.logsigmoid(-logits)
    return -torch.where(heat == 1, hit, miss).sum() / (heat == 1).sum().clamp(min=1)


def objective(answers: Answers, right: Targets) -> Tensor:
    """Return the weighted sum of all losses."""
    n, y, x = right.cells.unbind(1)
    share = right.weight / right.weight.sum().clamp(min=1)
    noun = functional.cross_entropy(answers.noun[n, :, y, x], right.noun, reduction="none")
    logits, known = answers.colour[n, :, y, x], (right.noun != UNKNOWN).float()
    named = functional.cross_entropy(
        logits[:, :-1], right.colour, ignore_index=NO_COLOUR, reduction="none"
    )
    bce = functional.binary_cross_entropy_with_logits
    natural = bce(logits[:, -1], right.natural, reduction="none")
    offset = (answers.offset[n, :, y, x] - right.offset).abs().sum(1)
    size = (answers.size[n, y, x] - right.size).abs()
    cells = noun + 0.5 * known * (named + natural) + 0.2 * offset + 2.0 * size
    whole = functional.cross_entropy(answers.place, right.place)
    whole = whole + bce(answers.night, right.night)
    whole = whole + 0.5 * functional.cross_entropy(answers.season, right.season)
    mask = bce(answers.mask, right.mask)
    return focal(answers.centre, right.centre) + (cells * share).sum() + 0.5 * whole + mask


def batch(seed: int, step: int, count: int) -> tuple[Tensor, Targets]:
    """Draw the batch of a step: (N, 3, 128, 128) pictures in [0, 1] and their answers."""
    rng = np.random.default_rng([STREAM, seed, step])
    examples = [example(rng) for _ in range(count)]
    pictures = torch.from_numpy(np.stack([given.picture for given in examples]))
    return pictures.permute(0, 3, 1, 2), targets(examples)


def train(args: argparse.Namespace) -> JudgeNetwork:
    """Train until the minutes are over; return the averaged network, its statistics measured."""
    torch.manual_seed(args.seed)
    network = JudgeNetwork().to(args.device, memory_format=torch.channels_last)
    run = loop.Run("judge", {"judge": network}, args, decay=0.995, tail=0.6)
    for step in run.steps():
        pictures, right = batch(args.seed, step, args.batch)
        with loop.autocast(args.device):
            answers = network(pictures.to(args.device))
        run.update(objective(answers, right), clip=5.0)
    averaged = run.ema["judge"]
    assert isinstance(averaged, JudgeNetwork)
    return measured(averaged, args.seed)


def measured(network: JudgeNetwork, seed: int, batches: int = 40) -> JudgeNetwork:
    """Set the batch norms to the statistics of the averaged weights (1803.05407, section 3.2)."""
    norms = [m for m in network.modules() if isinstance(m, nn.BatchNorm2d)]
    for norm in norms:
        norm.reset_running_stats()
        norm.momentum = None
    network.train()
    with torch.no_grad():
        for step in range(batches):
            network(batch(seed, -1 - step, 32)[0])
    return network.eval()


def export(network: JudgeNetwork) -> None:
    """Write the weights that ship: float16, the batch norms in float32."""
    state = {
        name: (value.half() if value.ndim > 1 else value.float()).contiguous()
        for name, value in network.state_dict().items()
        if not name.endswith("num_batches_tracked")
    }
    save_file(state, WEIGHTS, metadata=meanings())


def main() -> None:
    """Command line."""
    parser = loop.options(__doc__, minutes=40)
    parser.set_defaults(lr=2e-3)
    args = parser.parse_args()
    torch.set_num_threads(1)
    export(train(args))
    print(f"wrote {WEIGHTS} ({WEIGHTS.stat().st_size / 1e6:.1f} MB)")


if __name__ == "__main__":
    main()
