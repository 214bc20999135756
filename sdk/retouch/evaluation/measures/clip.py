"""How alike pictures and words are to the installed CLIP model.

The embedded ``retouch-mini-clip`` is trained on the same procedural scenes as the networks: its
figures compare settings with one another, and not with figures of other CLIP models.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from torch import Tensor

from retouch.errors import ModelError
from retouch.imaging.image import Floats
from retouch.models.adapters import ClipWeights
from retouch.models.choosing import choose_adapter
from retouch.models.library import Library


def clip_name(model: str) -> str:
    """Return the name of the CLIP model nearest to a model; empty when there is none."""
    try:
        return choose_adapter("clip", None, model=model).name
    except ModelError:
        return ""


@dataclass
class Resemblance:
    """Embeddings of one CLIP model, of unit length; texts are remembered.

    Attributes:
        library: where the model comes from.
        name: of an installed CLIP model.
    """

    library: Library
    name: str
    _texts: dict[str, Tensor] = field(default_factory=dict)

    def pictures(self, pictures: Sequence[Floats]) -> Tensor:
        """Return (N, D) for pictures (H, W, 3) in [0, 1], of any sizes."""
        with self.library.borrow() as loan:
            weights = loan.clip(self.name)
            rows = [_picture(weights, picture) for picture in pictures]
        return torch.cat(rows)

    def text(self, words: str) -> Tensor:
        """Return (1, D) for words."""
        if words not in self._texts:
            with self.library.borrow() as loan:
                self._texts[words] = _text(loan.clip(self.name), words)
        return self._texts[words]

    def direction(self, before: Tensor, after: Tensor, source: str, target: str) -> float:
        """Return how well the change of the picture fits the change of the words, -1 to 1.

        CLIP's text-image direction similarity (Gal et al. 2021, arXiv 2108.00946): the cosine of
        the two differences of embeddings. 0 where nothing changed.
        """
        moved = (after - before).flatten()
        wanted = (self.text(target) - self.text(source)).flatten()
        length = float(moved.norm() * wanted.norm())
        return float(moved @ wanted) / length if length > 1e-6 else 0.0


@torch.no_grad()
def _picture(weights: ClipWeights, picture: Floats) -> Tensor:
    where = next(weights.model.parameters())
    chw = torch.from_numpy(np.ascontiguousarray(picture.transpose(2, 0, 1)))[None]
    pixels = weights.pixels(chw).to(where)
    out: Any = weights.model.vision_model(pixel_values=pixels)
    embedded: Tensor = weights.model.visual_projection(out.pooler_output)
    return torch.nn.functional.normalize(embedded.float().cpu(), dim=-1)


@torch.no_grad()
def _text(weights: ClipWeights, words: str) -> Tensor:
    where = next(weights.model.parameters())
    length = int(weights.model.config.text_config.max_position_embeddings)
    ids = weights.tokenizer(
        words, padding="max_length", truncation=True, max_length=length, return_tensors="pt"
    ).input_ids.to(where.device)
    out: Any = weights.model.text_model(input_ids=ids)
    embedded: Tensor = weights.model.text_projection(out.pooler_output)
    return torch.nn.functional.normalize(embedded.float().cpu(), dim=-1)
