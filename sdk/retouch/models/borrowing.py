"""Models that one edit has borrowed, or will have when they are loaded."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

from retouch.errors import CannotCombine
from retouch.models.choosing import choose_adapter

if TYPE_CHECKING:
    from types import TracebackType

    from retouch.models.adapters import ClipWeights, IPAdapterWeights, T2IAdapterWeights
    from retouch.models.cache import ModelCache
    from retouch.models.model import Model


class Borrowing:
    """Models for one edit: held from now on, loaded meanwhile; an open block holds them.

    Args:
        cache: where they are.
        names: of the models.
        on_ready: see ``ModelCache.begin_lease``.
    """

    def __init__(
        self, cache: ModelCache[Any], names: Iterable[str], on_ready: Callable[[], None]
    ) -> None:
        self._cache, self._stack = cache, ExitStack()
        self._leases = {name: cache.begin_lease(name, on_ready) for name in dict.fromkeys(names)}

    def __enter__(self) -> Borrowing:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        problem: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    @property
    def missing(self) -> tuple[str, ...]:
        """Names of the models that are still being loaded."""
        return tuple(name for name, lease in self._leases.items() if not lease.ready)

    def loan(self) -> Loan:
        """The models; what is asked of the loan beside them is loaded then.

        Waits for those that are still being loaded.

        Raises:
            ModelMissing, ModelInvalid: one of them cannot be loaded.
        """
        for lease in self._leases.values():
            lease.model()
        return Loan(lambda name: self._stack.enter_context(self._cache.lease(name)))

    def close(self) -> None:
        """Give all of them back; loading goes on for others. Harmless twice."""
        self._stack.close()
        for lease in self._leases.values():
            lease.close()


class Loan:
    """What one edit has borrowed; the ``retouch.adapters.Adapters`` of its operations."""

    def __init__(self, lease: Callable[[str], Any]) -> None:
        self._lease = lease

    def model(self, name: str) -> Model:
        """A checkpoint, loaded. Raises ModelMissing or ModelInvalid."""
        found: Model = self._lease(name)
        return found

    def ip_adapter(self, name: str | None, model: Model) -> IPAdapterWeights:
        """An IP-Adapter whose tokens fit ``model``; see ``retouch.adapters.Adapters``."""
        width = model.checkpoint.cross_attention_dim
        record = choose_adapter("ip_adapter", name, model=model.name, width=width)
        weights: IPAdapterWeights = self._lease(record.name)
        layers = sum(place.kind == "cross" for place in model.attention_places)
        if weights.cross_attention_dim != width or len(weights.to_k) != layers:
            raise CannotCombine(
                f"ip_adapter {record.name!r} with model {model.name!r}",
                f"it was made for {len(weights.to_k)} layers of width "
                f"{weights.cross_attention_dim}, the model has {layers} of width {width}",
                "use an adapter made for this family of models",
            )
        return weights

    def t2i_adapter(self, name: str | None, kind: str, model: Model) -> T2IAdapterWeights:
        """A T2I-Adapter of a kind; without a name, one whose own name ends in the kind."""
        record = choose_adapter("t2i_adapter", name, model=model.name, variety=kind)
        weights: T2IAdapterWeights = self._lease(record.name)
        widths, channels = feature_widths(model.checkpoint.unet.config), weights.widths
        if channels != widths:
            raise CannotCombine(
                f"t2i_adapter {record.name!r} with model {model.name!r}",
                f"its features have {channels} channels, the network's levels take {widths}",
                "use an adapter made for this family of models",
            )
        return weights

    def clip(self, name: str | None) -> ClipWeights:
        """A CLIP model; see ``retouch.adapters.Adapters``."""
        weights: ClipWeights = self._lease(choose_adapter("clip", name).name)
        return weights


def feature_widths(unet: Any) -> tuple[int, ...]:
    """Channels of the features that a network takes: one set per level, and perhaps the middle's.

    Levels with attention take theirs before they are scaled down. Where the first level has none
    (SDXL), the levels take theirs one scale lower, and one more set goes to the middle.
    """
    widths = tuple(unet.block_out_channels)
    return widths if "CrossAttn" in unet.down_block_types[0] else (*widths, widths[-1])
