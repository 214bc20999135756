"""Decoders of installed models, without the models: for a process that only looks at latents."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch

from retouch.models.cache import ModelCache
from retouch.models.decoder import Decoder
from retouch.models.library import preview_of
from retouch.models.loading import load_decoding
from retouch.models.records import find_model


class DecoderLibrary:
    """Decoders of this process: loaded once, shared, the least recently used dropped.

    Args:
        device: where they run; CUDA when there is one.
        dtype: number format of the models whose latents they decode; measured choice when None.
        capacity: bytes of weights to keep loaded.
    """

    def __init__(
        self,
        *,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
        capacity: int = 2 * 2**30,
    ) -> None:
        self.device = torch.device(device or ("cuda" if torch.cuda.is_available() else "cpu"))
        self.dtype = dtype
        self._cache: ModelCache[Decoder] = ModelCache(self._load, _size, capacity)

    @contextmanager
    def borrow(self, name: str) -> Iterator[Decoder]:
        """The decoder of a model's latents; it stays loaded until the block ends.

        Raises:
            ModelMissing, ModelInvalid: it cannot be loaded.
        """
        with self._cache.lease(name) as decoder:
            yield decoder

    def _load(self, name: str) -> Decoder:
        record = find_model(name)
        vae = load_decoding(record)
        preview = preview_of(record, float(vae.config.scaling_factor), self.device)
        return Decoder(vae, device=self.device, dtype=self.dtype, preview=preview)


def _size(decoder: Decoder) -> int:
    return decoder.bytes
