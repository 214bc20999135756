"""The gate's own decoders, in the number format that the engine works in."""

from __future__ import annotations

from contextlib import ExitStack
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from retouch.models.decoder import Decoder
    from retouch.models.decoder_library import DecoderLibrary

_DTYPES: Final = ("float32", "bfloat16", "float16")


class Decoders:
    """Lends decoders; torch is imported when the first one is asked for.

    Args:
        device: where they run; None: CUDA when there is one.
    """

    def __init__(self, device: str | None) -> None:
        self._device, self._dtype = device, ""
        self._library: DecoderLibrary | None = None
        #: Where the engine works, as effective parameters say it; empty until it is known.
        self.engine_device = ""

    def of_engine(self, device: str, dtype: str) -> None:
        """Take what the engine says of itself: pictures are to be what it would have decoded.

        Raises:
            ValueError: a number format that is none.
        """
        if dtype not in _DTYPES:
            raise ValueError(f"dtype: got {dtype!r}; allowed: {', '.join(_DTYPES)}")
        if dtype != self._dtype:
            self._library = None
        self.engine_device, self._dtype = device, dtype

    def borrow(self, model: str, stack: ExitStack) -> Decoder:
        """Return a model's decoder, lent until the stack is closed. Raises ModelError."""
        if self._library is None:
            import torch

            from retouch.models.decoder_library import DecoderLibrary

            dtype = getattr(torch, self._dtype) if self._dtype else None
            self._library = DecoderLibrary(device=self._device, dtype=dtype)
        return stack.enter_context(self._library.borrow(model))
