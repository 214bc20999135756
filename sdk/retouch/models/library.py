"""Loaded models and adapters, shared by edits and lent out for the time of one."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, Any

import torch

from retouch.errors import CannotCombine, ModelError
from retouch.models.adapters import (
    ClipWeights,
    IPAdapterWeights,
    load_clip,
    load_ip_adapter,
)
from retouch.models.cache import ModelCache
from retouch.models.choosing import choose_adapter, choose_preview
from retouch.models.geometry import read_geometry
from retouch.models.loading import load_checkpoint
from retouch.models.model import Model
from retouch.models.preview import PreviewDecoder, load_preview
from retouch.models.records import ModelRecord, find_model
from retouch.models.t2i_adapter import T2IAdapterWeights, load_t2i_adapter

if TYPE_CHECKING:
    from retouch.models.detect import Kind


class Library:
    """Every model of this process: loaded once, shared, the least recently used dropped.

    Args:
        device: where models run; CUDA when there is one.
        dtype: number format; measured choice when None.
        capacity: bytes of weights to keep loaded.
    """

    def __init__(
        self,
        *,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
        capacity: int = 12 * 2**30,
    ) -> None:
        self.device = torch.device(device or ("cuda" if torch.cuda.is_available() else "cpu"))
        self.dtype = dtype
        self._cache: ModelCache[Any] = ModelCache(self._load, _size, capacity)

    @contextmanager
    def borrow(self) -> Iterator[Loan]:
        """A loan: whatever is asked of it stays loaded until the block ends."""
        with ExitStack() as stack:
            yield Loan(lambda name: stack.enter_context(self._cache.lease(name)))

    def _load(self, name: str) -> Any:
        record = find_model(name)
        loaders: dict[Kind, Callable[[ModelRecord], Any]] = {
            "checkpoint": self._load_model,
            # Adapters are small next to the network and run once per picture: full precision.
            "ip_adapter": lambda r: load_ip_adapter(r.path, device=self.device),
            "t2i_adapter": lambda r: load_t2i_adapter(r.path, device=self.device),
            "clip": lambda r: load_clip(r.path, device=self.device),
            "preview": lambda r: load_preview(r.path, device=self.device),
        }
        return loaders[record.kind](record)

    def _load_model(self, record: ModelRecord) -> Model:
        checkpoint = load_checkpoint(record)
        preview = self._preview(record, float(checkpoint.vae.config.scaling_factor))
        return Model(checkpoint, device=self.device, dtype=self.dtype, preview=preview)

    def _preview(self, record: ModelRecord, scaling_factor: float) -> PreviewDecoder | None:
        """The model's preview decoder; a damaged one is no reason not to edit."""
        try:
            base = read_geometry(record).base
            found = choose_preview(record.name, base, scaling_factor)
            return None if found is None else load_preview(found.path, device=self.device)
        except ModelError:
            return None


class Loan:
    """What one edit has borrowed; also where its operations get adapters (``edit.Adapters``)."""

    def __init__(self, lease: Callable[[str], Any]) -> None:
        self._lease = lease

    def model(self, name: str) -> Model:
        """A checkpoint, loaded. Raises ModelMissing or ModelInvalid."""
        found: Model = self._lease(name)
        return found

    def ip_adapter(self, name: str | None, model: Model) -> IPAdapterWeights:
        """An IP-Adapter whose tokens fit ``model``; see ``edit.Adapters``."""
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
        """A CLIP model; see ``edit.Adapters``."""
        weights: ClipWeights = self._lease(choose_adapter("clip", name).name)
        return weights


def feature_widths(unet: Any) -> tuple[int, ...]:
    """Channels of the features that a network takes: one set per level, and perhaps the middle's.

    Levels with attention take theirs before they are scaled down. Where the first level has none
    (SDXL), the levels take theirs one scale lower, and one more set goes to the middle.
    """
    widths = tuple(unet.block_out_channels)
    return widths if "CrossAttn" in unet.down_block_types[0] else (*widths, widths[-1])


def _size(loaded: Any) -> int:
    return int(loaded.bytes)
