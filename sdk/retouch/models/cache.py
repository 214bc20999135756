"""Loaded models, kept up to a number of bytes; the least recently used one goes first."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Generic, TypeVar

ModelT = TypeVar("ModelT")


@dataclass
class _Entry(Generic[ModelT]):
    """One model; ``ready`` is set once it is loaded or its loading failed."""

    ready: threading.Event = field(default_factory=threading.Event)
    models: list[ModelT] = field(default_factory=list)
    error: BaseException | None = None
    bytes: int = 0
    leases: int = 0


class ModelCache(Generic[ModelT]):
    """A cache of models, shared by threads.

    A lease keeps its model for as long as an edit runs: leased models are never evicted, even
    when they exceed the limit together. A model that several threads ask for is loaded once.
    """

    def __init__(
        self,
        load: Callable[[str], ModelT],
        size: Callable[[ModelT], int],
        max_bytes: int,
    ) -> None:
        """Create an empty cache.

        Args:
            load: makes the model of a name; runs outside the lock, once at a time per name.
            size: bytes of a model.
            max_bytes: models without a lease are evicted until the rest fits.
        """
        self._load, self._size, self._max_bytes = load, size, max_bytes
        self._lock = threading.Lock()
        self._entries: OrderedDict[str, _Entry[ModelT]] = OrderedDict()

    @contextmanager
    def lease(self, name: str) -> Iterator[ModelT]:
        """Load the model of ``name`` if need be and keep it inside the block.

        Raises:
            Whatever loading raises, in every thread that waited for it; the next lease tries
            again.
        """
        entry, mine = self._enter(name)
        try:
            if mine:
                self._fill(name, entry)
            entry.ready.wait()
            if entry.error is not None:
                raise entry.error
            yield entry.models[0]
        finally:
            self._leave(entry)

    @property
    def bytes(self) -> int:
        """Bytes of all loaded models, leased ones included."""
        with self._lock:
            return sum(entry.bytes for entry in self._entries.values())

    def names(self) -> tuple[str, ...]:
        """Return the names of the loaded models, the least recently used one first."""
        with self._lock:
            return tuple(name for name, entry in self._entries.items() if entry.models)

    def clear(self) -> None:
        """Evict every model that has no lease."""
        with self._lock:
            self._evict(0)

    def _enter(self, name: str) -> tuple[_Entry[ModelT], bool]:
        with self._lock:
            entry = self._entries.get(name)
            mine = entry is None
            if entry is None:
                entry = self._entries[name] = _Entry()
            self._entries.move_to_end(name)
            entry.leases += 1
            return entry, mine

    def _fill(self, name: str, entry: _Entry[ModelT]) -> None:
        try:
            model = self._load(name)
            size = self._size(model)
        except BaseException as error:
            entry.error = error
            with self._lock:
                del self._entries[name]
        else:
            with self._lock:
                entry.models.append(model)
                entry.bytes = size
                self._evict(self._max_bytes)
        finally:
            entry.ready.set()

    def _leave(self, entry: _Entry[ModelT]) -> None:
        with self._lock:
            entry.leases -= 1
            self._evict(self._max_bytes)

    def _evict(self, limit: int) -> None:
        # Called with the lock held; the dict is in order of use, the oldest first.
        total = sum(entry.bytes for entry in self._entries.values())
        for name, entry in list(self._entries.items()):
            if total <= limit:
                return
            if entry.leases == 0:
                total -= entry.bytes
                del self._entries[name]
