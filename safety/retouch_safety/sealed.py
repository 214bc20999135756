"""Sealed and Released: pixels before and after the gate.

Python is no security boundary, and this module does not pretend to be one. It makes the wrong
thing impossible to do by accident: there is no attribute, copy, pickle or array conversion that
leads from ``Sealed`` to pixels, and nothing but the gate can make a ``Released``.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Final, NoReturn, final

import numpy as np
import numpy.typing as npt

from retouch_safety.content import Content, Form, Pixels, from_unit
from retouch_safety.credentials import Credentials
from retouch_safety.encode import Picture, encode
from retouch_safety.errors import AlreadyOpened, CannotSave
from retouch_safety.receipt import Receipt, digest_of

# Only the gate and its admissions may name this; a test reads every other module for it.
GATE_CAPABILITY: Final = object()


@final
class Sealed:
    """The engine's raw pixels. Only the gate opens it, and only once."""

    __slots__ = ("_unseal",)
    _unseal: Callable[[object], Content]

    def __init__(self, content: Content) -> None:
        object.__setattr__(self, "_unseal", _one_shot(content))

    @classmethod
    def composite(
        cls,
        pixels: Pixels,
        edited: npt.NDArray[np.float32] | None = None,
        *,
        alpha: Pixels | None = None,
        icc: bytes | None = None,
    ) -> Sealed:
        """Seal a whole canvas.

        Args:
            pixels: H x W x 3 RGB, ``uint8``, ``uint16`` or ``float32`` where 1.0 is white.
            edited: H x W in [0, 1], 0 where a pixel is the source's own; None: all is edited.
            alpha: H x W opacity of the document at the same depth, or None.
            icc: ICC profile bytes, or None.

        Raises:
            InvalidContent: wrong shape or depth.
        """
        area = np.ones(pixels.shape[:2], np.float32) if edited is None else edited
        return cls(Content("composite", pixels, area, alpha, icc))

    @classmethod
    def patch(
        cls,
        pixels: Pixels,
        alpha: npt.NDArray[np.float32],
        *,
        x: int,
        y: int,
        icc: bytes | None = None,
    ) -> Sealed:
        """Seal a layer: h x w x 3 pixels, h x w ``float32`` alpha, and its place on the canvas.

        Raises:
            InvalidContent: wrong shape or depth.
        """
        return cls(Content("patch", pixels, alpha, from_unit(alpha, pixels), icc, x, y))

    @classmethod
    def preview(
        cls,
        pixels: Pixels,
        alpha: npt.NDArray[np.float32],
        *,
        x: int,
        y: int,
        icc: bytes | None = None,
    ) -> Sealed:
        """Seal a look at an edit on its way; arguments and errors as for :meth:`patch`."""
        return cls(Content("preview", pixels, alpha, from_unit(alpha, pixels), icc, x, y))

    def __setattr__(self, name: str, value: object) -> NoReturn:
        raise AttributeError("a sealed picture cannot be changed")

    def __repr__(self) -> str:
        return "<Sealed picture>"

    def __reduce__(self) -> NoReturn:
        raise TypeError("a sealed picture cannot be copied or pickled")

    def __array__(self, *args: object, **kwargs: object) -> NoReturn:
        raise TypeError("a sealed picture has no pixels outside the gate")

    def __init_subclass__(cls) -> NoReturn:
        raise TypeError("Sealed cannot be subclassed")


@final
class Released:
    """Pixels that the gate has checked and marked, with the receipt that says so.

    All arrays are backed by immutable bytes: they cannot be made writeable again.
    """

    __slots__ = ("_content", "_credentials", "_receipt")
    _content: Content
    _receipt: Receipt
    _credentials: Credentials | None

    def __init__(
        self,
        capability: object,
        content: Content,
        receipt: Receipt,
        credentials: Credentials | None = None,
    ) -> None:
        if capability is not GATE_CAPABILITY:
            raise AlreadyOpened("only the gate can release a picture")
        object.__setattr__(self, "_content", content)
        object.__setattr__(self, "_receipt", receipt)
        object.__setattr__(self, "_credentials", credentials)

    @property
    def pixels(self) -> Pixels:
        """H x W x 3 RGB at the document's depth, read-only."""
        return self._content.pixels

    @property
    def alpha(self) -> Pixels | None:
        """H x W opacity at the document's depth, read-only, or None if opaque."""
        return self._content.alpha

    @property
    def icc(self) -> bytes | None:
        """ICC profile bytes, or None."""
        return self._content.icc

    @property
    def form(self) -> Form:
        """``composite``, ``patch`` or ``preview``."""
        return self._content.form

    @property
    def offset(self) -> tuple[int, int]:
        """Canvas column and row of the top left pixel; 0, 0 for a composite."""
        return self._content.x, self._content.y

    @property
    def receipt(self) -> Receipt:
        """What was checked and marked."""
        return self._receipt

    def encoded(self, kind: str) -> bytes:
        """Return a whole file of this picture: profile, receipt and signed manifest inside.

        Args:
            kind: ``PNG``, ``JPEG``, ``WebP`` or ``TIFF``.

        Raises:
            CannotSave: a preview, pixels that were altered, a side longer than the format allows.
            SigningFailed, ProvenanceUnavailable: it cannot be signed.
        """
        if self.form == "preview":
            raise CannotSave("out", "a preview", "a finished picture", "wait for the result")
        if digest_of(self.pixels, self.alpha) != self.receipt.digest:
            fix = "edit again"
            raise CannotSave("out", "altered pixels", "pixels as the gate released them", fix)
        picture = Picture(self.pixels, self.alpha, self.icc, self.receipt.to_json())
        data = encode(picture, kind)
        return data if self._credentials is None else self._credentials.signed(data)

    def __setattr__(self, name: str, value: object) -> NoReturn:
        raise AttributeError("a released picture cannot be changed")

    def __repr__(self) -> str:
        height, width = self.pixels.shape[:2]
        return f"<Released {self.form} {width}x{height} {self.receipt.record}>"

    def __reduce__(self) -> NoReturn:
        raise TypeError("a released picture cannot be copied or pickled; save it")

    def __init_subclass__(cls) -> NoReturn:
        raise TypeError("Released cannot be subclassed")


def _one_shot(content: Content) -> Callable[[object], Content]:
    """Hide the content in a closure that gives it away once, to the gate."""
    held, lock = [content], threading.Lock()

    def unseal(capability: object) -> Content:
        if capability is not GATE_CAPABILITY:
            raise AlreadyOpened("only the gate can open a sealed picture")
        with lock:
            if not held:
                raise AlreadyOpened("this sealed picture has been opened before")
            return held.pop()

    return unseal
