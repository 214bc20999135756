"""Train the prompt filter's classifier on the labelled texts of ``benchmarks/prompts``.

    python -m training.prompt_classifier               # writes the package's file
    python -m training.prompt_classifier --leave-out   # only measures, each round left out in turn,
        with and without the development sets whose authors had read it

Deterministic: nothing is drawn at random. Of a text that is to be refused the whole is an example
of its category, of a harmless one every passage that the filter would ask about. Texts in other
languages are examples of what is harmless only: the encoder reads English. The prototypes of the
margins are examples too.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import tomllib
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.numpy import save_file
from sklearn.decomposition import PCA
from sklearn.svm import SVC

from retouch_safety.prompts import Category, PromptFields, PromptFilter, SentenceEncoder
from retouch_safety.prompts import classifier as classifier_module
from retouch_safety.prompts.classifier import (
    BODY,
    BODY_CATEGORIES,
    FILE,
    Classifier,
    Machines,
    packed,
    unpacked,
)
from retouch_safety.prompts.embedding import Vectors
from retouch_safety.prompts.fields import Role
from retouch_safety.prompts.margin import Margins, load_prototypes
from retouch_safety.prompts.meaning import Meaning
from retouch_safety.prompts.policy import load_policy
from retouch_safety.prompts.rules import Rules
from retouch_safety.prompts.text import check_text
from retouch_safety.prompts.windows import passages

SETS = Path(__file__).parents[1] / "benchmarks" / "prompts"
ROUNDS = tuple(f"held_out_round_{number}" for number in (1, 2, 3, 4, 5))
# set -> the rounds that its author had read
READ_BY = {"development_neighbours": ROUNDS[:4], "development_contrasts": ROUNDS}
NAMES = ("development", *READ_BY, *ROUNDS)

DIMENSIONS = 128
GAMMA = 1.5
SOFTNESS = 3.0  # C of the machines
WHOLE, PART = 1.0, 0.3  # weights of harmless texts and of their passages
SHARE = 0.1  # of a category's weight beside all that is harmless

HARMLESS = "harmless"
_KINDS = {
    "forged_documents": "forgery",
    "dangerous_instructions": "danger",
    "negated": "nudity",
} | {category.name.lower(): category.name.lower() for category in Category}
_MIXED = ("diluted", "multilingual")  # no example of one category as a whole


@dataclass(frozen=True)
class Example:
    """A passage, what it is an example of, and how much it counts."""

    text: str
    label: str
    weight: float


class Reader:
    """Reads sets as the filter does."""

    def __init__(self, encoder: SentenceEncoder) -> None:
        self._rules = Rules()
        self._margins = Margins(encoder, ())

    def examples(self, names: Sequence[str]) -> list[Example]:
        found: dict[str, Example] = {}
        for name in names:
            data = read(name)
            for kind, texts in data["violating"].items():
                for text in texts:
                    for example in self._refused(kind, text):
                        found.setdefault(example.text, example)
            for texts in data["benign"].values():
                for text in texts:
                    for example in self._harmless(text):
                        found.setdefault(example.text, example)
        for example in _prototypes():
            found.setdefault(example.text, example)
        return list(found.values())

    def _harmless(self, text: str) -> Iterator[Example]:
        checked = check_text(self._rules, "prompt", text, Role.POSITIVE)
        for passage in passages(checked):
            weight = WHOLE if passage.extent == "whole" else PART
            yield Example(passage.text, HARMLESS, weight)
        for finding in checked.findings:  # what the filter asks about a word in doubt
            for around in finding.around:
                yield Example(around, HARMLESS, PART)

    def _refused(self, kind: str, text: str) -> Iterator[Example]:
        if kind in _MIXED:
            return
        checked = check_text(self._rules, "prompt", text, Role.POSITIVE)
        whole = next((p.text for p in passages(checked) if p.extent == "whole"), None)
        if whole is not None:
            named = [finding.category for finding in checked.findings]
            label = _KINDS.get(kind) or self._label(named, whole)
            yield Example(whole, label, 1.0)

    def _label(self, named: Sequence[Category], text: str) -> str:
        """Return the category of a text of a mixed kind: the rules', else the nearest one."""
        for category in named:
            if category is not Category.SUGGESTIVE:
                return category.name.lower()
        (measured,) = self._margins.measure([text])
        margins = {c: m for c, m in measured.profile.items() if c is not Category.SUGGESTIVE}
        return max(margins, key=lambda category: margins[category]).name.lower()


def _prototypes() -> Iterator[Example]:
    prototypes = load_prototypes()
    for category, lines in prototypes.named.items():
        if category is not Category.SUGGESTIVE:
            for line in lines:
                yield Example(line.lower(), category.name.lower(), 1.0)
    for line in prototypes.harmless:
        yield Example(line.lower(), HARMLESS, WHOLE)


def fit(examples: Sequence[Example], encoder: SentenceEncoder, texts: bytes = b"") -> Machines:
    """Fit one machine a category, and one for the body's three together."""
    layers = encoder.layers([example.text for example in examples])
    mean = layers.mean(0)
    components = PCA(DIMENSIONS, svd_solver="full").fit(layers - mean).components_
    components = components.astype(np.float16).astype(np.float32)
    points = (layers - mean) @ components.T
    scale = np.abs(points).max(0) / 127
    whole = np.round(points / scale).astype(np.int8)
    points = whole.astype(np.float32) * scale
    labels = np.array([example.label for example in examples])
    counts = np.array([example.weight for example in examples])
    body = np.isin(labels, [c.name.lower() for c in (*BODY_CATEGORIES, Category.MINORS)])
    sides = {label: labels == label for label in sorted(set(labels) - {HARMLESS})} | {BODY: body}
    weights: dict[str, Vectors] = {}
    biases: dict[str, float] = {}
    for name, side in sides.items():
        weights[name], biases[name] = _machine(points, side, labels == HARMLESS, counts)
    used = np.any([array != 0 for array in weights.values()], axis=0)
    weights = {name: array[used] for name, array in weights.items()}
    return Machines(mean, components, whole[used], scale, weights, biases, GAMMA, texts)


def _machine(points: Vectors, side: Any, harmless: Any, counts: Any) -> tuple[Vectors, float]:
    rows = np.flatnonzero(side | harmless)
    target = side[rows].astype(int)
    weights = counts[rows].copy()
    weights[target == 1] *= SHARE * weights[target == 0].sum() / weights[target == 1].sum()
    machine = SVC(C=SOFTNESS, gamma=GAMMA).fit(points[rows], target, sample_weight=weights)
    found = np.zeros(len(points), np.float32)
    found[rows[machine.support_]] = machine.dual_coef_[0]
    return found, float(machine.intercept_[0])


def read(name: str) -> dict[str, Any]:
    return tomllib.loads((SETS / f"{name}.toml").read_text(encoding="utf-8"))


def digest() -> bytes:
    """Return a SHA-256 of all labelled texts, without comments: the weights belong to them."""
    texts: list[object] = [[read(name)["benign"], read(name)["violating"]] for name in NAMES]
    prototypes = load_prototypes()
    texts += [dict(prototypes.named), prototypes.harmless]
    return hashlib.sha256(json.dumps(texts).encode()).digest()


def leave_out(
    name: str, reader: Reader, encoder: SentenceEncoder, *, strict: bool
) -> dict[str, str]:
    """Train without one set and count what the filter then says of it, every text alone.

    Args:
        name: the set.
        reader: reads the others.
        encoder: turns texts into vectors.
        strict: whether sets are left out too whose authors had read this one.
    """
    others = [one for one in NAMES if one != name]
    if strict:
        others = [one for one in others if name not in READ_BY.get(one, ())]
    machines = fit(reader.examples(others), encoder)
    prompt_filter = PromptFilter(encoder=encoder)
    policy = load_policy("standard")
    prompt_filter._meaning = Meaning(encoder, policy, Classifier(encoder, machines))
    counts: Counter[tuple[str, bool]] = Counter()
    for side, group in (("benign", None), ("violating", "refused")):
        for kind, texts in read(name)[side].items():
            named = group or ("tricky" if kind == "tricky" else "plain")
            for text in texts:
                counts[named, prompt_filter.check(PromptFields(text)).allowed] += 1
    return {
        named: f"{counts[named, False]} of {counts[named, False] + counts[named, True]} refused"
        for named in ("refused", "tricky", "plain")
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--leave-out", action="store_true", help="measure, write nothing")
    parser.add_argument("--threads", type=int, default=1)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    encoder = SentenceEncoder(cached=200_000)
    reader = Reader(encoder)
    if options.leave_out:
        for name in (*ROUNDS, *READ_BY):
            for strict in (True, False) if name in ROUNDS else (False,):
                found = leave_out(name, reader, encoder, strict=strict)
                print(name, "strict" if strict else "with all others", found, flush=True)
        return
    examples = reader.examples(NAMES)
    machines = fit(examples, encoder, digest())
    path = Path(classifier_module.__file__).parent / "data" / FILE
    arrays = {name: np.ascontiguousarray(array) for name, array in packed(machines).items()}
    unpacked(arrays)
    save_file(arrays, path)
    labels = dict(Counter(example.label for example in examples))
    print(f"{labels}\n{len(machines.sentences)} sentences, {path.stat().st_size} bytes")


if __name__ == "__main__":
    main()
