"""How alike a passage is to labelled sentences: support vector machines (Cortes and Vapnik 1995).

f_c(x) = sum_i a_ci exp(-gamma |x - s_i|^2) + b_c, one machine a category against what is harmless,
all over the same sentences s_i. Above 0 a passage is more like the category. Margins look at two
sentences of each side; this looks at thousands, so that a word with two meanings is told by what
stands around it. ``training/prompt_classifier.py`` makes the file.
"""

from __future__ import annotations

import functools
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib import resources

import numpy as np
import numpy.typing as npt

from retouch_safety.prompts.embedding import SentenceEncoder, Vectors
from retouch_safety.prompts.errors import PromptCheckFailed
from retouch_safety.prompts.verdict import Category

FILE = "classifier.safetensors"
BODY = "body"
"""The machine that does not tell sexual content, nudity and undressing apart."""

BODY_CATEGORIES = frozenset({Category.SEXUAL, Category.NUDITY, Category.UNDRESS})

_WEIGHTS = "weights/"


@dataclass(frozen=True)
class Machines:
    """What the file holds, n sentences of d numbers.

    Attributes:
        mean: of the encoder's layers, subtracted first.
        components: d x 768, principal components.
        sentences: n x d ``int8``; times ``scale`` they are the sentences.
        scale: d numbers.
        weights: name -> n weights, in the order of the sentences.
        biases: name -> b.
        gamma: of the kernel.
        texts: SHA-256 of the labelled texts, so that a test can tell old weights.
    """

    mean: Vectors
    components: Vectors
    sentences: npt.NDArray[np.int8]
    scale: Vectors
    weights: Mapping[str, Vectors]
    biases: Mapping[str, float]
    gamma: float
    texts: bytes = b""

    def values(self, layers: Vectors) -> dict[str, Vectors]:
        """Return f of every machine for n x 768 layers; NaN where a layer is not finite."""
        points = (layers - self.mean) @ self.components.T
        known, lengths = self._known
        squares = (points**2).sum(1)[:, None] + lengths[None] - 2 * points @ known.T
        kernel = np.exp(-self.gamma * squares)
        return {
            name: kernel @ weights + self.biases[name] for name, weights in self.weights.items()
        }

    @functools.cached_property
    def _known(self) -> tuple[Vectors, Vectors]:
        """The sentences, n x d, and their squared lengths: the same for every passage."""
        known = self.sentences.astype(np.float32) * self.scale
        return known, (known**2).sum(1)


class Classifier:
    """Asks the machines; they load at first use.

    Args:
        encoder: turns sentences into vectors.
        machines: those to ask; by default the ones that come with the package.
    """

    def __init__(self, encoder: SentenceEncoder, machines: Machines | None = None) -> None:
        self._encoder = encoder
        self._machines = machines
        self._lock = threading.Lock()

    def values(self, passages: Sequence[str]) -> dict[str, Vectors]:
        """Return name of a machine -> its f for every passage.

        Raises:
            PromptCheckFailed: the model or the file is missing or broken.
        """
        with self._lock:
            if self._machines is None:
                self._machines = load_machines()
        return self._machines.values(self._encoder.layers(passages))


def load_machines() -> Machines:
    """Read the machines that come with the package.

    Raises:
        PromptCheckFailed: the file is missing or broken.
    """
    from safetensors import SafetensorError
    from safetensors.numpy import load

    file = resources.files(__package__).joinpath("data", FILE)
    try:
        return unpacked(load(file.read_bytes()))
    except (OSError, KeyError, ValueError, SafetensorError) as error:
        message = f"the prompt filter's {FILE} cannot be read: {error!r}"
        raise PromptCheckFailed(f"{message}. Fix: reinstall Retouch.") from error


def unpacked(data: Mapping[str, npt.NDArray[np.generic]]) -> Machines:
    """Return the machines of the arrays of a file.

    Raises:
        KeyError: an array is missing.
        ValueError: an array of another size, or no finite numbers.
    """
    weights = {
        key.removeprefix(_WEIGHTS): array.astype(np.float32)
        for key, array in data.items()
        if key.startswith(_WEIGHTS)
    }
    biases = dict(zip(sorted(weights), map(float, data["biases"]), strict=True))
    found = Machines(
        data["mean"].astype(np.float32),
        data["components"].astype(np.float32),
        data["sentences"].astype(np.int8),
        data["scale"].astype(np.float32),
        weights,
        biases,
        float(data["gamma"][0]),
        data["texts"].tobytes(),
    )
    missing = {BODY, *(category.name.lower() for category in BODY_CATEGORIES)} - set(weights)
    if missing or any(len(array) != len(found.sentences) for array in weights.values()):
        raise ValueError(f"machines without weights: {sorted(missing)}")
    parts = (found.mean, found.components, found.scale, *weights.values())
    if not all(np.isfinite(part).all() for part in parts):
        raise ValueError("weights are not finite")
    return found


def packed(machines: Machines) -> dict[str, npt.NDArray[np.generic]]:
    """Return the arrays of a file."""
    arrays: dict[str, npt.NDArray[np.generic]] = {
        f"{_WEIGHTS}{name}": weights.astype(np.float16)
        for name, weights in machines.weights.items()
    }
    biases = np.array([machines.biases[name] for name in sorted(machines.weights)], np.float32)
    return arrays | {
        "mean": machines.mean.astype(np.float32),
        "components": machines.components.astype(np.float16),
        "sentences": machines.sentences,
        "scale": machines.scale.astype(np.float32),
        "biases": biases,
        "gamma": np.array([machines.gamma], np.float32),
        "texts": np.frombuffer(machines.texts, np.uint8),
    }
