"""Where operations get weights beside the model."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from retouch.models.adapters import ClipWeights, IPAdapterWeights, T2IAdapterWeights
    from retouch.models.model import Model


class Adapters(Protocol):
    """Where operations get weights beside the model. Names are None for the model's own default.

    Raises:
        ModelMissing: not installed, saying how to add it.
    """

    def ip_adapter(self, name: str | None, model: Model) -> IPAdapterWeights:
        """An IP-Adapter that fits ``model``."""
        ...

    def t2i_adapter(self, name: str | None, kind: str, model: Model) -> T2IAdapterWeights:
        """A T2I-Adapter of a kind (canny, sketch, color, depth) that fits ``model``."""
        ...

    def clip(self, name: str | None) -> ClipWeights:
        """A CLIP model that ranks pictures by a prompt."""
        ...
