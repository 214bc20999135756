import asyncio

import pytest

from retouch_daemon.front import pace as pace_module
from retouch_daemon.front.pace import Pace


@pytest.fixture
def clock(monkeypatch):
    """Seconds that pass when a test says so, and what was slept."""

    class Clock:
        now = 5.0
        slept = ()

        def monotonic(self):
            return self.now

        async def sleep(self, seconds):
            self.slept = (*self.slept, round(seconds, 6))

    clock = Clock()
    monkeypatch.setattr(pace_module, "time", clock)
    monkeypatch.setattr(pace_module, "asyncio", clock)
    return clock


def turns(pace, client, count=1):
    async def take():
        for _ in range(count):
            await pace.turn(client)

    asyncio.run(take())


def test_after_a_few_at_once_turns_come_at_the_rate(clock):
    pace = Pace(per_second=10.0, at_once=3)
    turns(pace, "greedy", 3)
    assert clock.slept == ()
    turns(pace, "greedy", 3)
    assert clock.slept == (0.1, 0.2, 0.3)


def test_nobody_else_waits_and_who_was_quiet_is_forgotten(clock):
    pace = Pace(per_second=10.0)
    turns(pace, "greedy", 4)
    turns(pace, "modest")
    assert clock.slept == (0.1, 0.2, 0.3, 0.4, 0.1)
    clock.now += 1.0
    turns(pace, "modest")
    assert clock.slept[-1] == 0.1 and set(pace._paid) == {"modest"}


def test_whoever_keeps_to_the_rate_never_waits(clock):
    pace = Pace(per_second=10.0, at_once=1)
    for _ in range(100):
        turns(pace, "steady")
        clock.now += 0.1
    assert clock.slept == ()
