"""Probes: the daemon answers at once, and edits are ready when both workers are."""

import asyncio
import time

from grpc_health.v1 import health, health_pb2

from retouch_daemon.front.readiness import tell_readiness

SERVING = health_pb2.HealthCheckResponse.SERVING
NOT_SERVING = health_pb2.HealthCheckResponse.NOT_SERVING


def test_a_service_is_said_to_serve_when_it_does_and_not_while_it_does_not():
    async def scenario():
        servicer, ready = health.aio.HealthServicer(), [False]
        telling = asyncio.create_task(tell_readiness(servicer, "edits", lambda: ready[0]))
        asked, seen = health_pb2.HealthCheckRequest(service="edits"), []
        for state in (False, True, False):
            ready[0] = state
            await asyncio.sleep(0.25)
            ends, wanted = time.monotonic() + 30, SERVING if state else NOT_SERVING
            while (told := (await servicer.Check(asked, None)).status) != wanted:
                assert time.monotonic() < ends
                await asyncio.sleep(0.02)
            seen.append(told)
        telling.cancel()
        await asyncio.gather(telling, return_exceptions=True)
        return seen

    assert asyncio.run(scenario()) == [NOT_SERVING, SERVING, NOT_SERVING]
