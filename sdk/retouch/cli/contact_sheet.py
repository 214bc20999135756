"""A labelled sheet of before/after pairs, made of released pictures only."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from PIL import Image as Pillow
from PIL import ImageDraw, ImageFont

_SIDE = 224
_GAP = 16
_LABEL = 58
_PAPER, _INK, _FAINT = (250, 250, 248), (28, 28, 30), (110, 110, 115)


@dataclass(frozen=True, eq=False)
class Panel:
    """One pair: 8-bit H x W x 3 pictures, a title and a line of small print."""

    title: str
    detail: str
    before: npt.NDArray[np.uint8]
    after: npt.NDArray[np.uint8]


def draw_sheet(panels: Sequence[Panel], columns: int = 3) -> npt.NDArray[np.uint8]:
    """The sheet as H x W x 3 pixels, ``columns`` pairs per row."""
    pair = 2 * _SIDE + _GAP // 2
    rows = -(-len(panels) // columns)
    width = columns * pair + (columns + 1) * 2 * _GAP
    height = rows * (_SIDE + _LABEL + _GAP) + 2 * _GAP
    sheet = Pillow.new("RGB", (width, height), _PAPER)
    draw = ImageDraw.Draw(sheet)
    for index, panel in enumerate(panels):
        row, column = divmod(index, columns)
        x = 2 * _GAP + column * (pair + 2 * _GAP)
        y = _GAP + row * (_SIDE + _LABEL + _GAP)
        draw.text((x, y), panel.title, _INK, ImageFont.load_default(18))
        detail = _fitted(panel.detail, pair, ImageFont.load_default(13))
        draw.text((x, y + 24), detail, _FAINT, ImageFont.load_default(13))
        for offset, pixels in ((0, panel.before), (_SIDE + _GAP // 2, panel.after)):
            picture = Pillow.fromarray(pixels).resize((_SIDE, _SIDE), Pillow.Resampling.LANCZOS)
            sheet.paste(picture, (x + offset, y + 48))
    return np.asarray(sheet)


def _fitted(text: str, width: int, font: ImageFont.FreeTypeFont | ImageFont.ImageFont) -> str:
    """The text, shortened with an ellipsis until it fits ``width`` pixels."""
    if font.getlength(text) <= width:
        return text
    while text and font.getlength(text + "…") > width:
        text = text[:-1]
    return text + "…"
