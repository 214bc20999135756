"""What health probes are told: that the daemon answers, and, of edits, whether they can run now."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Final

from grpc_health.v1 import health, health_pb2

_SERVING: Final = health_pb2.HealthCheckResponse.SERVING
_NOT_SERVING: Final = health_pb2.HealthCheckResponse.NOT_SERVING
#: Seconds between two looks.
_LOOK: Final = 0.1


async def tell_readiness(
    servicer: health.aio.HealthServicer, service: str, is_ready: Callable[[], bool]
) -> None:
    """Tell whether a service can do its work, for ever; until then its calls wait.

    Args:
        servicer: answers probes.
        service: full name of the service.
        is_ready: says it.
    """
    told: bool | None = None
    while True:
        if (ready := is_ready()) is not told:
            told = ready
            await servicer.set(service, _SERVING if ready else _NOT_SERVING)
        await asyncio.sleep(_LOOK)
