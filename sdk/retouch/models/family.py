"""The seam between the engine and a family of networks.

A family knows how its text encoders are read and what its network wants beside state, time and
text. Nothing else in Retouch asks which family it is. docs/adr/0005 sketches joint-attention,
flow-matching families behind the same seam.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from torch import Tensor

    from retouch.models.checkpoint import Checkpoint


#: Name among ``vectors`` of the guidance scale, ``[rows]``, of networks that take it as an input.
GUIDANCE = "guidance"


@dataclass(frozen=True, slots=True, eq=False)
class PromptEmbedding:
    """Encoded prompts, ready to stand in a ``Condition``.

    Attributes:
        text: ``[prompts, tokens, width]``.
        vectors: further named inputs, ``[prompts, ...]`` each.
    """

    text: Tensor
    vectors: Mapping[str, Tensor]


@dataclass(frozen=True, slots=True, eq=False)
class Batch:
    """Rows of one forward, already concatenated.

    Attributes:
        inputs: ``[rows, input channels, h, w]`` in the network's dtype.
        times: ``[rows]`` what the network is told about the noise.
        text: ``[rows, tokens, width]``.
        vectors: ``[rows, ...]`` each.
        residuals: features to add per level, or None.
        attention: what the attention layers must do for single rows; see
            ``retouch.models.attention.RowAttention``.
    """

    inputs: Tensor
    times: Tensor
    text: Tensor
    vectors: Mapping[str, Tensor]
    residuals: list[Tensor] | None
    attention: Any


class Family(Protocol):
    """What differs between families."""

    name: str
    #: Side length in pixels the family was trained for, when the checkpoint does not say.
    native_size: int
    #: Whether an empty negative prompt is zeros rather than the encoding of an empty text.
    blank_negative: bool

    def encode_prompts(
        self, checkpoint: Checkpoint, prompts: Sequence[str], size: tuple[int, int]
    ) -> PromptEmbedding:
        """Encode prompts together (padded to equal length) for pictures of ``size`` (H, W) px."""
        ...

    def predict(self, checkpoint: Checkpoint, batch: Batch) -> Tensor:
        """Run the network once: its raw prediction ``[rows, C, h, w]``."""
        ...
