"""Admission: the gate's word that a request may run. Without one, nothing is released."""

from __future__ import annotations

import threading
from typing import NoReturn, final

from retouch_safety.errors import AlreadyOpened
from retouch_safety.job import Job
from retouch_safety.provenance import Source
from retouch_safety.receipt import Ingredient
from retouch_safety.sealed import GATE_CAPABILITY


@final
class Admission:
    """What was asked and admitted. Made by a gate, good for that gate alone.

    Args:
        capability: the gate's own.
        gate: the gate that looked.
        job: what was asked.
        ingredients: marks found in its pictures.
    """

    __slots__ = ("_gate", "_ingredients", "_job", "_lock", "_looked", "_source")

    def __init__(
        self, capability: object, gate: object, job: Job, ingredients: tuple[Ingredient, ...]
    ) -> None:
        if capability is not GATE_CAPABILITY:
            raise AlreadyOpened("only the gate can admit a request")
        self._gate = gate
        self._ingredients = ingredients
        self._job = job
        self._lock = threading.Lock()
        self._looked = False
        self._source: Source | None = None

    @property
    def gate(self) -> object:
        """The gate that looked, the only one this is good for."""
        return self._gate

    @property
    def ingredients(self) -> tuple[Ingredient, ...]:
        """Marks that were found in the pictures of the request."""
        return self._ingredients

    @property
    def job(self) -> Job:
        """What was asked."""
        return self._job

    def source(self) -> Source | None:
        """Return the document as the source of a manifest; None when a model made all of it."""
        document = self._job.document
        with self._lock:
            if self._source is None and document is not None:
                self._source = Source.of_pixels(document.pixels, document.alpha)
            return self._source

    def first_look(self) -> bool:
        """Return True once: no preview of this request has passed the detectors before."""
        with self._lock:
            first, self._looked = not self._looked, True
        return first

    def __repr__(self) -> str:
        return f"<Admission {self._job.id}>"

    def __reduce__(self) -> NoReturn:
        raise TypeError("an admission cannot be copied or pickled")

    def __init_subclass__(cls) -> NoReturn:
        raise TypeError("Admission cannot be subclassed")
