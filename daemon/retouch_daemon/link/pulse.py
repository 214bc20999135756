"""Whether a worker's loop still comes round: its signs of life must not come from a stuck one."""

from __future__ import annotations

import time
from collections.abc import Callable


class Pulse:
    """When the step that a loop is at began. Signs of life are given in another thread.

    Args:
        step_seconds: that one step may take.
        now: a clock in seconds.
    """

    def __init__(self, step_seconds: float, now: Callable[[], float] = time.monotonic) -> None:
        self._step_seconds, self._now = step_seconds, now
        self._began: float | None = None

    def step(self) -> None:
        """A step begins, and with that the one before has ended."""
        self._began = self._now()

    def rest(self) -> None:
        """Nothing is to be done, for however long."""
        self._began = None

    @property
    def beats(self) -> bool:
        """Whether the loop rests, or its step has not taken too long yet."""
        began = self._began
        return began is None or self._now() - began <= self._step_seconds
