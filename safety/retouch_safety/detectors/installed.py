"""Detectors of other packages, found by entry point."""

from __future__ import annotations

from collections.abc import Iterable
from importlib.metadata import EntryPoint, entry_points
from typing import Any, Final

from retouch_safety.detectors.detector import Detector
from retouch_safety.detectors.open_nsfw import OpenNSFW
from retouch_safety.errors import DetectorFailed

GROUP: Final = "retouch.detectors"

_LONGEST = 80  # characters of a name in a receipt
_OURS = (OpenNSFW.name.partition(" ")[0], "clip-safety-checker")


def installed_detectors() -> tuple[Detector, ...]:
    """Return a new detector for every entry point of the group ``retouch.detectors``, by name.

    They are added to Open-NSFW; :class:`Detector` says what is asked of them. One that is installed
    and does not load stops everything: whoever installed it expects that it looks.

    Raises:
        DetectorFailed: one cannot be loaded, is no detector, or has the name of another.
    """
    found: dict[str, Detector] = {}
    for point in _sorted(entry_points(group=GROUP)):
        try:
            detector = point.load()()
            _require_detector(detector)
            if detector.name in found or detector.name.partition(" ")[0] in _OURS:
                raise ValueError(f"another detector is called {detector.name!r}")
        # SystemExit too: a package that ends the process while it loads is broken, not wanted
        except (Exception, SystemExit) as error:
            raise DetectorFailed(_explained(point, error)) from error
        found[detector.name] = detector
    return tuple(found.values())


def _sorted(points: Iterable[EntryPoint]) -> list[EntryPoint]:
    return sorted(points, key=lambda point: (point.name, point.value))


def _require_detector(made: Any) -> None:
    for field in ("name", "category"):
        text = getattr(made, field, None)
        if not (isinstance(text, str) and 0 < len(text) <= _LONGEST and text.isprintable()):
            raise TypeError(f"{field}: got {text!r}; need 1 to {_LONGEST} printable characters")
    for method in ("score", "self_test"):
        if not callable(getattr(made, method, None)):
            raise TypeError(f"{type(made).__name__} has no method {method}")


def _explained(point: EntryPoint, error: BaseException) -> str:
    package = point.dist.name if point.dist is not None else "unknown package"
    return (
        f"{package}: its detector {point.name!r} ({point.value}) cannot be used "
        f"({type(error).__name__}: {error}), so no picture can pass. "
        f"Fix: reinstall it (pip install --force-reinstall {package}) or remove it "
        f"(pip uninstall {package})."
    )
