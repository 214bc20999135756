import asyncio

import pytest

from retouch_daemon.front import pace as pace_module
from retouch_daemon.front.pace import Pace


@pytest.fixture
def clock(monkeypatch):
    """Seconds that pass where somebody sleeps, or when a test says so; and what was slept."""

    class Clock:
        now = 5.0
        slept = ()
        Lock = asyncio.Lock

        def monotonic(self):
            return self.now

        async def sleep(self, seconds):
            self.slept = (*self.slept, round(seconds, 6))
            self.now += seconds

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
    assert clock.slept == (0.1, 0.1, 0.1)


def test_nobody_else_waits_and_who_was_quiet_is_forgotten(clock):
    pace = Pace(per_second=10.0, at_once=1)
    turns(pace, "greedy", 3)
    slept = clock.slept
    turns(pace, "modest")
    assert clock.slept == slept
    clock.now += 1.0
    turns(pace, "modest")
    assert clock.slept == slept and set(pace._lines) == {"modest"}


def test_whoever_keeps_to_the_rate_never_waits(clock):
    pace = Pace(per_second=10.0, at_once=1)
    for _ in range(100):
        turns(pace, "steady")
        clock.now += 0.1
    assert clock.slept == ()


def test_those_that_wait_come_in_their_order_and_who_leaves_pays_nothing():
    """Ten that leave would otherwise have the eleventh wait for all of their turns."""

    async def ask(name):
        await pace.turn("greedy")
        came.append(name)

    async def scenario():
        began = asyncio.get_running_loop().time()
        asked = [asyncio.create_task(ask(number)) for number in range(12)]
        await asyncio.sleep(0)
        for each in asked[1:10]:
            each.cancel()
        asked.append(asyncio.create_task(ask(12)))
        await asyncio.gather(*asked, return_exceptions=True)
        return asyncio.get_running_loop().time() - began

    came, pace = [], Pace(per_second=5.0, at_once=1)
    seconds = asyncio.run(scenario())
    assert came == [0, 10, 11, 12]
    assert 0.6 <= seconds < 1.6
