"""What one client may ask: calls per second, calls at a time, and how slowly it may send."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class CallLimits:
    """How much may be asked.

    Attributes:
        per_second: calls of one client, in the long run.
        burst: calls that a client may make at once after it was quiet.
        at_once: calls of one client that are open.
        of_all: calls of all clients that are open.
        clients: names that are told apart at a time.
        probes: open calls of those that need no token.
        request_bytes: of one request that is not a piece of a picture.
        piece_seconds: that an upload may be silent.
    """

    per_second: float = 200.0
    burst: float = 400.0
    at_once: int = 64
    of_all: int = 1024
    clients: int = 1000
    probes: int = 32
    request_bytes: int = 1 << 20
    piece_seconds: float = 60.0
