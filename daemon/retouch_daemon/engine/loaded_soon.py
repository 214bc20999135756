"""The models of one edit, on their way into memory while other edits go on."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from retouch.models.records import find_model
from retouch.needed_models import needed_models
from retouch.plan import Plan

if TYPE_CHECKING:
    from retouch.models.borrowing import Loan
    from retouch.models.library import Library

#: Seconds between two words on how far loading is.
_BETWEEN: Final = 0.2


class LoadedSoon:
    """Holds the models of a plan, and knows how much of them is there.

    Args:
        plan: of the edit.
        library: of models; it loads them in threads of its own.
        wake: called when one of them has been loaded.

    Attributes:
        bytes: of all its models, as they are on the disk.

    Raises:
        ModelMissing: one of them is not installed.
    """

    def __init__(self, plan: Plan, library: Library, wake: Callable[[], None]) -> None:
        self.plan = plan
        self._sizes = {name: find_model(name).bytes for name in needed_models(plan)}
        self.bytes = sum(self._sizes.values())
        self._borrowing = library.borrow_later(self._sizes, wake)
        self._told, self._told_at = -1, -_BETWEEN

    @property
    def ready(self) -> bool:
        """Whether nothing is to be waited for: all is there, or cannot be loaded."""
        return not self._borrowing.missing

    def loan(self) -> Loan:
        """The models. Raises ModelMissing and ModelInvalid: one of them cannot be loaded."""
        return self._borrowing.loan()

    def news(self, bytes_of: Callable[[str], int]) -> int | None:
        """How many bytes are there, if that is worth telling again.

        Args:
            bytes_of: how many bytes of a checkpoint that is being loaded are in memory.
        """
        missing, now = self._borrowing.missing, time.monotonic()
        there = sum(
            min(bytes_of(name), size) if name in missing else size
            for name, size in self._sizes.items()
        )
        if there == self._told or now - self._told_at < _BETWEEN:
            return None
        self._told, self._told_at = there, now
        return there

    def close(self) -> None:
        """Give the models back; loading goes on for others. Harmless twice."""
        self._borrowing.close()
