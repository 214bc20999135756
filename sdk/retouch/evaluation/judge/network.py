"""The judge's network: a fully convolutional centre detector (Objects as Points, 1904.07850).

Instead of one heat-map per noun there is one heat-map of object centres and, at every cell, a
softmax over the nouns: their product is the heat-map of a noun. It learns faster, because every
object teaches the whole softmax, and two nouns cannot both claim one object.
"""

from __future__ import annotations

from typing import Final, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional

from retouch.evaluation.scenes.vocabulary import COLOURS, NOUNS, PLACES, SEASONS

#: Side of the pictures that the judge sees, and of its grid of object centres.
SIDE: Final = 128
GRID: Final = 16
#: What the channels mean, in an order that the vocabulary's own order cannot change.
NOUN_WORDS: Final = tuple(sorted(NOUNS))
COLOUR_WORDS: Final = tuple(sorted(COLOURS))
PLACE_WORDS: Final = (*sorted(PLACES), *COLOUR_WORDS)
SEASON_WORDS: Final = ("", *sorted(SEASONS))
_WIDTHS: Final = (32, 64, 128, 256)
_NECK: Final = 192
_MASK: Final = 16


def meanings() -> dict[str, str]:
    """Return what the channels mean, kept beside the weights to notice another vocabulary."""
    words = {"nouns": NOUN_WORDS, "colours": COLOUR_WORDS, "places": PLACE_WORDS}
    return {name: " ".join(known) for name, known in words.items()}


class Answers(NamedTuple):
    """What the network returns for N pictures; all are logits except ``offset`` and ``size``."""

    centre: Tensor
    """(N, 16, 16): is an object's centre in this cell?"""
    noun: Tensor
    """(N, nouns + 1, 16, 16): which object; the last is none of the nouns."""
    colour: Tensor
    """(N, colours + 1, 16, 16): which named colour; the last: does it have natural colours?"""
    offset: Tensor
    """(N, 2, 16, 16): centre (x, y) within the cell, in cells."""
    size: Tensor
    """(N, 16, 16): longest side as a share of the width."""
    mask: Tensor
    """(N, 64, 64): does this pixel belong to an object?"""
    place: Tensor
    """(N, places)."""
    night: Tensor
    """(N,)."""
    season: Tensor
    """(N, seasons)."""


def unit(inputs: int, outputs: int, stride: int = 1, side: int = 3) -> nn.Sequential:
    """Return convolution, batch norm (fixed statistics when judging) and ReLU."""
    conv = nn.Conv2d(inputs, outputs, side, stride, side // 2, bias=False)
    return nn.Sequential(conv, nn.BatchNorm2d(outputs), nn.ReLU())


class Residual(nn.Module):
    """Two convolutions around which the input passes (1512.03385)."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.first = unit(width, width)
        self.second = nn.Conv2d(width, width, 3, padding=1, bias=False)
        self.norm = nn.BatchNorm2d(width)

    def forward(self, x: Tensor) -> Tensor:
        """(N, C, H, W) to the same."""
        return functional.relu(x + self.norm(self.second(self.first(x))))


class JudgeNetwork(nn.Module):
    """Four scales down, one up, then heads at every cell and for the whole picture."""

    def __init__(self) -> None:
        super().__init__()
        fine, middle, coarse, deep = _WIDTHS
        self.stem = unit(3, fine, 2, side=5)
        self.middle = nn.Sequential(unit(fine, middle, 2), Residual(middle))
        self.coarse = nn.Sequential(unit(middle, coarse, 2), Residual(coarse), Residual(coarse))
        self.deep = nn.Sequential(unit(coarse, deep, 2), Residual(deep))
        self.lower = nn.Conv2d(deep, coarse, 1)
        self.neck = unit(coarse, _NECK)
        self.cells = nn.Conv2d(_NECK, 4 + len(NOUN_WORDS) + 1 + len(COLOUR_WORDS) + 1, 1)
        self.mask_neck = nn.Conv2d(_NECK, _MASK, 1)
        self.mask_middle = nn.Conv2d(middle, _MASK, 1)
        self.mask_fine = nn.Conv2d(fine, _MASK, 1)
        self.mask = nn.Conv2d(_MASK, 1, 3, padding=1)
        self.whole = nn.Linear(deep + coarse, len(PLACE_WORDS) + 1 + len(SEASON_WORDS))

    def features(self, pictures: Tensor) -> list[Tensor]:
        """Return the maps at 64, 32, 16 and 8 px of (N, 3, 128, 128) pictures in [0, 1]."""
        x = (pictures * 2 - 1).contiguous(memory_format=torch.channels_last)
        maps = [self.stem(x)]
        for stage in (self.middle, self.coarse, self.deep):
            maps.append(stage(maps[-1]))
        return maps

    def forward(self, pictures: Tensor) -> Answers:
        """Answer for (N, 3, 128, 128) pictures in [0, 1]."""
        fine, middle, coarse, deep = self.features(pictures)
        whole = self.whole(torch.cat([deep.mean((2, 3)), coarse.mean((2, 3))], 1)).float()
        place, night, season = whole.split((len(PLACE_WORDS), 1, len(SEASON_WORDS)), dim=1)
        neck = self.neck(functional.relu(coarse + _double(self.lower(deep))))
        cells = (
            self.cells(neck)
            .float()
            .split((1, 2, 1, len(NOUN_WORDS) + 1, len(COLOUR_WORDS) + 1), dim=1)
        )
        centre, offset, size, noun, colour = cells
        return Answers(
            centre=centre[:, 0],
            noun=noun,
            colour=colour,
            offset=offset,
            size=size[:, 0],
            mask=self._mask(neck, middle, fine),
            place=place,
            night=night[:, 0],
            season=season,
        )

    def _mask(self, neck: Tensor, middle: Tensor, fine: Tensor) -> Tensor:
        coarse = functional.relu(_double(self.mask_neck(neck)) + self.mask_middle(middle))
        joined = functional.relu(_double(coarse) + self.mask_fine(fine))
        logits: Tensor = self.mask(joined)
        return logits[:, 0].float()


def _double(x: Tensor) -> Tensor:
    return functional.interpolate(x, scale_factor=2.0, mode="nearest")
