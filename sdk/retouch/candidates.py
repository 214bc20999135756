"""What the engine has finished: latents of one try at a variant, and the picture that they are."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from retouch.imaging.image import Floats, from_model_range

if TYPE_CHECKING:
    from torch import Tensor

    from retouch.models.decoder import Decoder

#: A working picture, h x w x 3 in [0, 1], or None for the document as it is; the seed that made it;
#: its effective settings.
Try: TypeAlias = tuple[Floats | None, int, Mapping[str, object]]
#: The tries at one variant, the best one first: the first that the gate releases is the variant.
Variant: TypeAlias = Sequence[Try]


@dataclass(frozen=True, eq=False)
class Candidate:
    """One finished try at a variant.

    Attributes:
        latents: scaled, ``[1, C, h, w]``.
        seed: that made it.
        settings: effective ones.
        decoded: ``[3, H, W]`` in [-1, 1], where the choice among candidates has needed it.
    """

    latents: Tensor
    seed: int
    settings: Mapping[str, object]
    decoded: Tensor | None = None

    def picture(self, decoder: Decoder, *, deep: bool = False) -> Floats:
        """The working picture, h x w x 3 in [0, 1]; ``deep``: for more than 8 bits.

        All NaN where the latents are not finite: decoders turn infinity into colours, and the gate
        refuses NaN and logs that.
        """
        decoded = None if deep else self.decoded
        if decoded is None:
            decoded = decoder.decode(self.latents, deep=deep)[0]
        picture = from_model_range(decoded.numpy())
        if not bool(self.latents.isfinite().all()):
            picture = np.full_like(picture, np.nan)
        return picture

    def tried(self, decoder: Decoder, *, deep: bool = False) -> Try:
        """The picture with its seed and settings, as the gate's side takes it."""
        return self.picture(decoder, deep=deep), self.seed, self.settings
