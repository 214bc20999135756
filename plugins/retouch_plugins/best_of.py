"""Best of N: make several results and keep the one that CLIP finds nearest to the prompt.

Radford et al. 2021 (arXiv 2103.00020), section 2.3: a picture is as near to a text as the cosine
of their embeddings; the kept one is argmax_k cos(f(picture_k), g(prompt)). The candidates differ in
their seeds only, so this costs N times the calls, which share forwards.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, ClassVar

from retouch.errors import CannotCombine
from retouch.models.choosing import choose_adapter
from retouch.operation import Operation, Stage
from retouch.parameters import parameter

if TYPE_CHECKING:
    from torch import Tensor

    from retouch.edit import Edit
    from retouch.plan import Plan


@dataclass(frozen=True, kw_only=True)
class BestOf(Operation):
    """Make several results; keep the one that shows the prompt best."""

    name: ClassVar[str] = "best_of"
    stage: ClassVar[Stage] = Stage.PROJECTION
    summary: ClassVar[str] = "Make several results and keep the one nearest to the prompt"
    source: ClassVar[str] = "Radford et al. 2021 (arXiv 2103.00020), section 2.3"

    n: int = parameter(4, "How many results to choose from.", low=2, high=16)
    model: str | None = parameter(None, "Installed CLIP model; unset takes the only one.")

    def check(self, plan: Plan) -> None:
        """There must be a CLIP model, and a prompt to rank by."""
        if not plan.request.prompt.strip():
            raise CannotCombine(
                "best_of with an empty prompt",
                "the results are ranked by the prompt",
                "write a prompt, or ask for variants and choose yourself",
            )
        choose_adapter("clip", self.model)

    def settled(self, plan: Plan) -> BestOf:
        """With the model that ranks."""
        return replace(self, model=choose_adapter("clip", self.model).name)

    def candidates(self) -> int:
        """``n``."""
        return self.n

    def choose(self, pictures: Sequence[Tensor], edit: Edit) -> int:
        """Index of the picture nearest to the prompt; the first one among equals."""
        return self.rank(pictures, edit)[0]

    def rank(self, pictures: Sequence[Tensor], edit: Edit) -> Sequence[int]:
        """Indices by similarity to the prompt, the nearest first; equals in their own order."""
        import torch

        clip = edit.adapters.clip(self.model)
        found = clip.similarity(torch.stack(list(pictures)), edit.input.prompt).float()
        edit.notes["best_of.similarity"] = [round(value, 4) for value in found.tolist()]
        order: list[int] = found.nan_to_num(nan=-2.0).argsort(descending=True, stable=True).tolist()
        return order
