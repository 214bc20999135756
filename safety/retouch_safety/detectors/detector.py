"""The seam: what the gate asks of every detector, ours and third parties'."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from retouch_safety.content import Box, Bytes8


class Detector(Protocol):
    """Looks at finished pixels and scores them.

    Detectors add up: the gate asks each of them about each picture, and one score that is not
    under its threshold (0.5, or 0.3 in the strict profile) refuses the picture. A detector cannot
    release what another refuses, and cannot take the place of Open-NSFW, which always looks.

    A package adds one through an entry point of the group ``retouch.detectors``, a class or a
    function that takes no arguments and returns the detector::

        [project.entry-points."retouch.detectors"]
        acme = "acme_detector:AcmeDetector"

    What is asked of it:

    - It looks at every pixel of the edited region, and at all of the picture when there is none:
      :func:`retouch_safety.detectors.views` gives the parts at which small content shows.
    - It is calibrated: 0.5 is its own border between harmless and not.
    - It refuses what it cannot judge by raising. It never answers 0 because something is missing.
    - It does not change the pixels, which are read-only, does not keep them, sends nothing
      anywhere, and answers the same for the same pixels.
    - It may be asked from several threads at once, and loads its weights at first use.

    It runs inside of the gate's process and sees unchecked pixels: install only what you trust.
    """

    @property
    def name(self) -> str:
        """Name and version, as receipts and messages show it.

        Unique among the installed detectors, one line of 1 to 80 printable characters. It
        changes with the weights, so that a receipt tells which ones looked.
        """
        ...

    @property
    def category(self) -> str:
        """What a high score means, for the user; one line of 1 to 80 printable characters."""
        ...

    def score(self, rgb: Bytes8, region: Box | None) -> Mapping[str, float]:
        """Return view -> score in [0, 1], at least one; higher is worse.

        Args:
            rgb: H x W x 3 ``uint8`` RGB, read-only.
            region: the rectangle that is new, inside of the picture. None: all of the picture is
                to be looked at, as with a source or a reference picture.

        Raises:
            Exception: anything; the gate refuses the picture.
        """
        ...

    def self_test(self) -> None:
        """Check that the detector works at all, on a picture that it makes itself.

        Raises:
            DetectorFailed: it does not; the gate then releases nothing.
        """
        ...
