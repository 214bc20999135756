"""Which process is killed when: all of it drawn from one seed."""

from __future__ import annotations

import asyncio
import random
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

from endurance.served import Served

#: What dies together, and how often. Starting a front again takes longest.
_VICTIMS = (
    (("engine",), 34), (("gate",), 26), (("front",), 18), (("engine", "gate"), 10),
    (("gate", "front"), 6), (("engine", "front"), 6),
)  # fmt: skip
#: Share of kills that come while what was killed before is still being started.
_TOO_SOON = 0.5
#: Seconds without any result after which the daemon counts as stuck.
STUCK = 240.0


@dataclass(frozen=True)
class Kill:
    """One blow.

    Attributes:
        victims: names of processes.
        results: that must have come since the last blow.
        seconds: that are waited after them.
    """

    victims: tuple[str, ...]
    results: int
    seconds: float


def schedule(seed: int, kills: int) -> list[Kill]:
    """Blows that kill so many processes together."""
    found: list[Kill] = []
    drawn = random.Random(seed)
    names, weights = [names for names, _ in _VICTIMS], [weight for _, weight in _VICTIMS]
    left = kills
    while left > 0:
        (victims,) = drawn.choices(names, weights)
        victims = victims[:left]
        left -= len(victims)
        if drawn.random() < _TOO_SOON:
            found.append(Kill(victims, 0, drawn.uniform(0.1, 2.0)))
        else:
            found.append(Kill(victims, drawn.randint(1, 3), drawn.uniform(0.0, 0.5)))
    return found


@dataclass
class Killed:
    """What was done.

    Attributes:
        counts: processes killed, by name.
        waits: seconds from a blow to the first result after it.
        stuck: why it was given up; empty where it was not.
    """

    counts: Counter[str] = field(default_factory=Counter)
    waits: list[float] = field(default_factory=list)
    stuck: str = ""


async def kill_by_schedule(
    served: Served, blows: list[Kill], results: Callable[[], int], say: Callable[[str], None]
) -> Killed:
    """Deal blows to a daemon, and start its front again where that was hit.

    Args:
        served: the daemon.
        blows: see :func:`schedule`.
        results: how many results its clients have got so far.
        say: told every blow.
    """
    done = Killed()
    for number, blow in enumerate(blows, 1):
        before, began = results(), time.monotonic()
        while results() < before + blow.results:
            if time.monotonic() > began + STUCK:
                done.stuck = f"no result for {STUCK:g} s before blow {number}"
                return done
            await asyncio.sleep(0.02)
            if results() > before and len(done.waits) < number - 1:
                done.waits.append(time.monotonic() - began)
        await asyncio.sleep(blow.seconds)
        for name in blow.victims:
            await _kill(served, name, done)
        if served.process is not None and served.process.poll() is not None:
            await asyncio.to_thread(served.start)
        say(f"{number}/{len(blows)} killed {' and '.join(blow.victims)}; {results()} results")
    return done


async def _kill(served: Served, name: str, done: Killed) -> None:
    """Kill one; where it is just being started, as soon as it is there."""
    ends = time.monotonic() + STUCK
    while not await asyncio.to_thread(served.kill, name):
        if time.monotonic() > ends:
            done.stuck = f"there is no {name} to kill"
            return
        await asyncio.sleep(0.05)
    done.counts[name] += 1
