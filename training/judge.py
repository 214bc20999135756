"""Train the judge of ``retouch eval``: ``python -m training.judge --device cpu --minutes 40``.

It sees procedural scenes only, never a picture of our autoencoder or of our networks: a judge that
had learnt their flaws would forgive them. Scenes come from seeds of its own. After the last step
the weights are exported and scored on renderings that it has not seen.
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from typing import Final

import numpy as np
import torch
from safetensors.torch import save_file
from torch import Tensor, nn
from torch.nn import functional

from retouch.evaluation.generation import skills as generation
from retouch.evaluation.judge.judge import WEIGHTS, Judge
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
from retouch.evaluation.judge.verdict import Verdict, position
from retouch.evaluation.results.intervals import share
from retouch.evaluation.scenes.layouts import sample
from retouch.evaluation.scenes.scene import Scene, render
from training import loop
from training.judge_examples import Example, example

#: First word of the seeds of training scenes; ``retouch eval`` draws from single numbers.
STREAM: Final = 1_904_078_50
#: First step of the batches that only measure statistics.
_AFTER: Final = 10_000_000
UNKNOWN: Final = len(NOUN_WORDS)
NO_COLOUR: Final = -1
#: Cells that learn an object: (dx, dy, weight).
_AROUND: Final = ((0, 0, 1.0), (-1, 0, 0.5), (1, 0, 0.5), (0, -1, 0.5), (0, 1, 0.5))
_BLUR: Final = 0.9


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
    run = loop.Run("judge", {"judge": network}, args, decay=0.995)
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
            network(batch(seed, _AFTER + step, 32)[0])
    return network.eval()


def export(network: JudgeNetwork) -> None:
    """Write the weights that ship: float16, the batch norms in float32."""
    state = {
        name: (value.half() if value.ndim > 1 else value.float()).contiguous()
        for name, value in network.state_dict().items()
        if not name.endswith("num_batches_tracked")
    }
    save_file(state, WEIGHTS, metadata=meanings())
    WEIGHTS.chmod(0o644)


def report(judge: Judge, count: int = 1200, seed: int = 20_000_003) -> str:
    """Return the judge's accuracy on exact drawings that it has not seen, one line per ability."""
    given = generation.cases(seed, count)
    pictures = [render(case.scene, SIDE)[0] for case in given]
    verdicts = judge.look(np.stack(pictures))
    right = generation.tally(given, verdicts)
    other = generation.tally(generation.shuffled(given), verdicts)
    pairs = [(case.scene, seen) for case, seen in zip(given, verdicts, strict=True)]
    apart = drawn("single", 400, judge)
    empty = drawn("empty", 300, judge)
    rows = [
        f"{name:24} {found}   with another prompt {other.skills[name].share:.3f}"
        for name, found in right.skills.items()
    ]
    more = {
        "first object": right.present,
        "place": right.place,
        "night": share([seen.night == scene.night for scene, seen in pairs]),
        "season": share([seen.season == scene.season for scene, seen in pairs]),
        "left, centre, right": share([_where(seen, scene) for scene, seen in apart]),
        "nothing where nothing is": share([not seen.present() for _, seen in empty]),
        "no object too many": share(
            [len(seen.present()) == len(scene.things) for scene, seen in pairs]
        ),
    }
    return "\n".join([*rows, *(f"{name:24} {found}" for name, found in more.items())])


def drawn(kind: str, count: int, judge: Judge) -> list[tuple[Scene, Verdict]]:
    """Return scenes of a kind that the judge has not seen, with its verdicts."""
    rng = np.random.default_rng([20_000_003, count])
    scenes = [sample(rng, kind) for _ in range(count)]
    return list(
        zip(scenes, judge.look(np.stack([render(s, SIDE)[0] for s in scenes])), strict=True)
    )


def _where(verdict: Verdict, scene: Scene) -> bool:
    found = verdict.best(scene.things[0].noun)
    return found is not None and position(found) == scene.position


def main() -> None:
    """Command line."""
    parser = loop.options(__doc__, minutes=45)
    parser.set_defaults(lr=2e-3, tail=0.6)
    args = parser.parse_args()
    torch.set_num_threads(1)
    export(train(args))
    print(f"wrote {WEIGHTS} ({WEIGHTS.stat().st_size / 1e6:.1f} MB)")
    print(report(Judge.load(args.device)))


if __name__ == "__main__":
    main()
