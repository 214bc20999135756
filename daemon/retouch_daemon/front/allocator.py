"""How the C library keeps memory in the front, which lives for weeks and holds little."""

from __future__ import annotations

import ctypes
import sys
from typing import Final

# parameters of mallopt(3) in the GNU C library
_MMAP_THRESHOLD: Final = -3
_ARENA_MAX: Final = -8

#: Bytes from which on memory is the system's again as soon as it is freed: pieces of pictures.
_LARGE: Final = 128 << 10
#: Heaps that all threads share, instead of eight a core of which each keeps what it once needed.
_ARENAS: Final = 2


def give_back_freed_memory() -> None:
    """Have what is freed be used again or given back.

    Before the daemon's own threads need memory: heaps that there are stay. What the environment
    says of it (``MALLOC_ARENA_MAX``) does not count then. Workers are programs of their own and
    do not inherit it. Harmless where the C library has no such parameters.
    """
    if sys.platform == "linux":
        mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
        if mallopt is not None:
            mallopt(_ARENA_MAX, _ARENAS)
            mallopt(_MMAP_THRESHOLD, _LARGE)
