"""Fingerprints of weights and configurations: what scores depend on, in a few digits."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from pathlib import Path

from retouch.errors import ModelError
from retouch.models.choosing import choose_adapter
from retouch.models.records import ModelRecord, find_model, is_unchanged, list_models
from retouch.plan import Plan

_DIGITS = 12


class Fingerprints:
    """Hashes of installed models, each read once."""

    def __init__(self) -> None:
        self._known: dict[str, str] = {}

    def of(self, names: Iterable[str]) -> str:
        """Return 12 digits that change with any of these models. Raises ModelMissing."""
        known = "".join(f"{name} {self._hash(name)}\n" for name in sorted(set(names)))
        return hashlib.sha256(known.encode()).hexdigest()[:_DIGITS]

    def of_plan(self, plan: Plan) -> str:
        """Return those of all that a plan runs with. Raises ModelMissing."""
        names = {plan.request.model, plan.model.name}
        for operation in plan.operations:
            if operation.name == "ip_adapter":
                width = plan.model.cross_attention_dim
                found = choose_adapter(
                    "ip_adapter",
                    getattr(operation, "model", None),
                    model=plan.model.name,
                    width=width,
                )
                names.add(found.name)
            elif operation.name == "t2i_adapter":
                found = choose_adapter(
                    "t2i_adapter",
                    getattr(operation, "model", None),
                    model=plan.model.name,
                    variety=getattr(operation, "kind", ""),
                )
                names.add(found.name)
        return self.of(names)

    def of_family(self, model: str) -> str:
        """Return those of a model and all named after it. Raises ModelMissing."""
        find_model(model)
        names = [record.name for record in list_models()]
        return self.of(name for name in names if name == model or name.startswith(f"{model}-"))

    def of_one(self, name: str) -> str:
        """Return those of one model; nothing where there is none of that name."""
        try:
            return self.of([name]) if name else ""
        except ModelError:
            return ""

    def _hash(self, name: str) -> str:
        if name not in self._known:
            self._known[name] = _hash(find_model(name))
        return self._known[name]


def of_file(file: Path) -> str:
    """Return 12 hexadecimal digits of a file's bytes; nothing where it is missing."""
    return hashlib.sha256(file.read_bytes()).hexdigest()[:_DIGITS] if file.is_file() else ""


def _hash(record: ModelRecord) -> str:
    if is_unchanged(record):
        return record.sha256  # of an added model, which may have gigabytes
    known = hashlib.sha256()
    whole = record.path.is_file()
    for file in sorted([record.path] if whole else record.path.rglob("*")):
        if file.suffix in (".safetensors", ".json"):
            known.update(f"{file.relative_to(record.path)}".encode())
            known.update(file.read_bytes())
    return known.hexdigest()
