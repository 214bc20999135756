"""Loaded models, kept up to a number of bytes; the least recently used one goes first."""

from __future__ import annotations

import threading
import time
import weakref
from collections import OrderedDict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Final, Generic, TypeVar

ModelT = TypeVar("ModelT")

#: Models that threads of the cache's own load at a time: a disk reads one faster than several, yet
#: a small adapter need not wait for a large network.
_AT_A_TIME: Final = 2


@dataclass
class _Entry(Generic[ModelT]):
    """One model; ``ready`` is set once it is loaded or its loading failed."""

    ready: threading.Event = field(default_factory=threading.Event)
    models: list[ModelT] = field(default_factory=list)
    error: BaseException | None = None
    bytes: int = 0
    leases: int = 0
    used: float = 0.0
    waiting: list[Callable[[], None]] = field(default_factory=list)


class Lease(Generic[ModelT]):
    """A model that stays as long as this is open; perhaps it is still being loaded.

    Args:
        entry: of the cache.
        leave: told once that it is closed.
    """

    def __init__(self, entry: _Entry[ModelT], leave: Callable[[], None]) -> None:
        self._entry, self._leave = entry, leave
        self._open = True

    @property
    def ready(self) -> bool:
        """Whether the model is there, or cannot be loaded."""
        return self._entry.ready.is_set()

    def model(self) -> ModelT:
        """The model, once it is there. Raises whatever loading raised."""
        self._entry.ready.wait()
        if self._entry.error is not None:
            raise self._entry.error
        return self._entry.models[0]

    def close(self) -> None:
        """Give it back; loading goes on for others. Harmless twice."""
        if self._open:
            self._open = False
            self._leave()


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
        *,
        expected: Callable[[str], int] = lambda name: 0,
        idle_seconds: float | None = None,
        on_released: Callable[[], None] = lambda: None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Create an empty cache.

        Args:
            load: makes the model of a name; runs outside the lock, once at a time per name.
            size: bytes of a model.
            max_bytes: models without a lease are evicted until the rest fits.
            expected: about how many bytes the model of a name will have: room is made before it is
                loaded, so that the old and the new one need not be there at once.
            idle_seconds: models without a lease for so long are dropped; None keeps them.
            on_released: called after those have been dropped, in a thread of its own.
            clock: of idle seconds.
        """
        self._load, self._size, self._max_bytes = load, size, max_bytes
        self._expected, self._on_released = expected, on_released
        self._idle_seconds, self._clock = idle_seconds, clock
        self._lock = threading.Lock()
        self._turns = threading.Semaphore(_AT_A_TIME)
        self._timer: threading.Timer | None = None
        self._entries: OrderedDict[str, _Entry[ModelT]] = OrderedDict()

    @contextmanager
    def lease(self, name: str) -> Iterator[ModelT]:
        """Load the model of ``name`` if need be and keep it inside the block.

        Raises:
            Whatever loading raises, in every thread that waited for it; the next lease tries
            again.
        """
        entry, mine = self._enter(name)
        lease = Lease(entry, lambda: self._leave(entry))
        try:
            if mine:
                self._fill(name, entry)
            yield lease.model()
        finally:
            lease.close()

    def begin_lease(self, name: str, on_ready: Callable[[], None] = lambda: None) -> Lease[ModelT]:
        """A lease at once; a thread of the cache's own loads the model if need be.

        Args:
            name: of the model.
            on_ready: called when it is there or has failed, perhaps in another thread, and not
                where it was there already.
        """
        entry, mine = self._enter(name, on_ready)
        if mine:
            self._enter_again(entry)  # who loads needs it, even if all who asked have gone
            work = threading.Thread(
                target=self._fill_in_turn, args=(name, entry), name=f"load {name}", daemon=True
            )
            work.start()
        return Lease(entry, lambda: self._leave(entry))

    @property
    def bytes(self) -> int:
        """Bytes of all loaded models, leased ones included."""
        with self._lock:
            return sum(entry.bytes for entry in self._entries.values() if entry.models)

    def names(self) -> tuple[str, ...]:
        """Return the names of the loaded models, the least recently used one first."""
        with self._lock:
            return tuple(name for name, entry in self._entries.items() if entry.models)

    def drop(self, name: str) -> bool | None:
        """Give a model's memory back; return whether it had any, None where a lease keeps it."""
        with self._lock:
            entry = self._entries.get(name)
            if entry is None:
                return False
            if entry.leases:
                return None
            del self._entries[name]
            return True

    def clear(self) -> None:
        """Evict every model that has no lease."""
        with self._lock:
            self._evict(0)

    def release_idle(self) -> tuple[str, ...]:
        """Drop the models that nobody has used for the idle seconds; return their names."""
        with self._lock:
            self._timer = None
            now = self._clock()
            limit = float("inf") if self._idle_seconds is None else self._idle_seconds
            idle = tuple(
                name
                for name, entry in self._entries.items()
                if entry.leases == 0 and now - entry.used >= limit
            )
            for name in idle:
                del self._entries[name]
            self._set_timer()
        if idle:
            self._on_released()
        return idle

    def _enter(
        self, name: str, on_ready: Callable[[], None] | None = None
    ) -> tuple[_Entry[ModelT], bool]:
        with self._lock:
            entry = self._entries.get(name)
            mine = entry is None
            if entry is None:
                entry = self._entries[name] = _Entry()
            if on_ready is not None and not entry.ready.is_set():
                entry.waiting.append(on_ready)
            self._entries.move_to_end(name)
            entry.leases += 1
            return entry, mine

    def _enter_again(self, entry: _Entry[ModelT]) -> None:
        with self._lock:
            entry.leases += 1

    def _fill_in_turn(self, name: str, entry: _Entry[ModelT]) -> None:
        try:
            with self._turns:
                self._fill(name, entry)
        finally:
            self._leave(entry)

    def _fill(self, name: str, entry: _Entry[ModelT]) -> None:
        try:
            expected = self._expected(name)
            with self._lock:
                entry.bytes = expected
                self._evict(self._max_bytes)
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
            with self._lock:
                entry.ready.set()
                told, entry.waiting = entry.waiting, []
            for tell in told:
                tell()

    def _leave(self, entry: _Entry[ModelT]) -> None:
        with self._lock:
            entry.leases -= 1
            entry.used = self._clock()
            self._evict(self._max_bytes)
            self._set_timer()

    def _evict(self, limit: int) -> None:
        # Called with the lock held; the dict is in order of use, the oldest first.
        total = sum(entry.bytes for entry in self._entries.values())
        for name, entry in list(self._entries.items()):
            if total <= limit:
                return
            if entry.leases == 0:
                total -= entry.bytes
                del self._entries[name]

    def _set_timer(self) -> None:
        """See that somebody looks when the next model has been idle for long; the lock is held."""
        if self._idle_seconds is None or self._timer is not None:
            return
        used = [entry.used for entry in self._entries.values() if entry.leases == 0]
        if not used:
            return
        seconds = max(0.0, min(used) + self._idle_seconds - self._clock())
        # A cache that nobody holds any more is not kept for its timer.
        self._timer = threading.Timer(seconds, _release, (weakref.ref(self),))
        self._timer.daemon = True
        self._timer.start()


def _release(known: weakref.ref[ModelCache[ModelT]]) -> None:
    cache = known()
    if cache is not None:
        cache.release_idle()
