"""What a daemon gives: released pictures as files."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from retouch.errors import Blocked
from retouch.imaging.region import Rect


@dataclass(frozen=True, slots=True)
class RemoteResult:
    """One variant.

    Attributes:
        patch: file of the changed rectangle with its alpha; None where it was not asked for.
        composite: file of the whole picture; None where it was not asked for.
        bounds: where the patch lies on the canvas, in canvas pixels.
        seed: what made it.
        receipt: id of the signed receipt.
        refused: why the gate kept it; the files are None then.
    """

    patch: bytes | None
    composite: bytes | None
    bounds: Rect | None
    seed: int
    receipt: str
    refused: Blocked | None = None

    def save(self, path: str | Path) -> Path:
        """Write the whole picture, or else the patch, as the daemon's gate encoded it.

        Raises:
            Blocked: the gate kept this variant.
        """
        if self.refused is not None:
            raise self.refused
        data = self.composite if self.composite is not None else self.patch
        assert data is not None
        written = Path(path)
        written.write_bytes(data)
        return written
