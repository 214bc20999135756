"""Read the network's answers: peaks of the centre map become objects."""

from __future__ import annotations

from typing import Final

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from retouch.evaluation.judge.network import (
    COLOUR_WORDS,
    GRID,
    NOUN_WORDS,
    PLACE_WORDS,
    SEASON_WORDS,
    SIDE,
    Answers,
)
from retouch.evaluation.judge.verdict import Found, Verdict
from retouch.evaluation.scenes.vocabulary import SEASON_PLACES

#: Objects with a lower score are not mentioned at all.
_FAINT: Final = 0.05
#: Two centres nearer than this share of the width are one object.
_SAME: Final = 0.16


def read(answers: Answers) -> list[Verdict]:
    """Return one verdict per picture."""
    place = answers.place.softmax(1).cpu()
    night = answers.night.sigmoid().cpu()
    season = answers.season.argmax(1).cpu()
    masks = functional.interpolate(
        answers.mask[:, None], (SIDE, SIDE), mode="bilinear", align_corners=False
    )
    foreground = masks[:, 0].sigmoid().cpu().numpy().astype(np.float32)
    verdicts: list[Verdict] = []
    for n, things in enumerate(_things(answers)):
        score, index = place[n].max(0)
        word = PLACE_WORDS[int(index)]
        dark = bool(night[n] > 0.5)
        when = SEASON_WORDS[int(season[n])] if word in SEASON_PLACES and not dark else ""
        verdicts.append(Verdict(things, word, float(score), dark, when, foreground[n]))
    return verdicts


def _things(answers: Answers) -> list[tuple[Found, ...]]:
    """Return each picture's objects, best first."""
    centre = answers.centre.sigmoid()
    highest = functional.max_pool2d(centre[:, None], 3, stride=1, padding=1)[:, 0]
    peaks = (centre == highest) & (centre > _FAINT)
    return [_objects(answers, centre[n], peaks[n], n) for n in range(len(centre))]


def _objects(answers: Answers, centre: Tensor, peaks: Tensor, n: int) -> tuple[Found, ...]:
    found = [_object(answers, centre, n, int(y), int(x)) for y, x in peaks.nonzero()]
    kept: list[Found] = []
    for thing in sorted(found, key=lambda thing: -thing.score):
        alone = all((k.x - thing.x) ** 2 + (k.y - thing.y) ** 2 > _SAME**2 for k in kept)
        if alone and thing.score > _FAINT:
            kept.append(thing)
    return tuple(kept)


def _object(answers: Answers, centre: Tensor, n: int, y: int, x: int) -> Found:
    nouns = answers.noun[n, :, y, x].softmax(0)[: len(NOUN_WORDS)]
    colours = answers.colour[n, :, y, x]
    named = colours[: len(COLOUR_WORDS)].softmax(0)
    noun, colour = int(nouns.argmax()), int(named.argmax())
    dx, dy = (float(value) for value in answers.offset[n, :, y, x].clamp(-1, 2))
    return Found(
        noun=NOUN_WORDS[noun],
        score=float(centre[y, x] * nouns[noun]),
        colour=COLOUR_WORDS[colour],
        colour_score=float(named[colour]),
        x=(x + dx) / GRID,
        y=(y + dy) / GRID,
        size=float(answers.size[n, y, x].clamp(0, 1)),
        natural=float(torch.sigmoid(colours[-1])),
    )
