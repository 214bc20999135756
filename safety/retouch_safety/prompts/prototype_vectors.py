"""The vectors of the prototypes, which come with the package: the model is not asked for them.

Encoding some 750 sentences takes seconds, at every start of a gate.
``training/prompt_prototypes.py`` makes the file. It belongs to the sentences and to the model's
weights: with others, nothing is stored and the model is asked.
"""

from __future__ import annotations

import functools
import hashlib
import json
from collections.abc import Mapping, Sequence
from importlib import resources
from types import MappingProxyType

import numpy as np

from retouch_safety.prompts.embedding import WEIGHTS, Vectors
from retouch_safety.prompts.errors import PromptCheckFailed

FILE = "prototypes.safetensors"


def belongs_to(sentences: Sequence[str]) -> bytes:
    """Return a SHA-256 of sentences and of the model's weights."""
    return hashlib.sha256(json.dumps([list(sentences), WEIGHTS]).encode()).digest()


@functools.cache
def stored_vectors(sentences: tuple[str, ...]) -> Mapping[str, Vectors]:
    """Return sentence -> unit vector of 384 numbers; empty where the file is of others.

    Args:
        sentences: all prototypes, in the order of :func:`~.margin.all_prototypes`.

    Raises:
        PromptCheckFailed: the file is missing or broken.
    """
    from safetensors import SafetensorError
    from safetensors.numpy import load

    file = resources.files(__package__).joinpath("data", FILE)
    try:
        data = load(file.read_bytes())
        if data["texts"].tobytes() != belongs_to(sentences):
            return MappingProxyType({})
        vectors = data["vectors"].astype(np.float32)
        found = dict(zip(sentences, vectors, strict=True))
    except (OSError, KeyError, ValueError, SafetensorError) as error:
        message = f"the prompt filter's {FILE} cannot be read: {error!r}"
        raise PromptCheckFailed(f"{message}. Fix: reinstall Retouch.") from error
    if not np.allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-4):  # NaN is not close either
        raise PromptCheckFailed(f"the prompt filter's {FILE} is damaged. Fix: reinstall Retouch.")
    return MappingProxyType(found)
