"""The load: which edits, from whom, and when; the same for every contender, fixed beforehand."""

from __future__ import annotations

import json
import random
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from itertools import accumulate
from pathlib import Path
from typing import Any, Final

from retouch.operation import Operation
from retouch_plugins.guidance import Guidance
from retouch_plugins.instruct_pix2pix import InstructPix2Pix
from retouch_plugins.sdedit import SDEdit

SEED: Final = 20
FILE: Final = Path(__file__).with_name("trace.json")
#: Requests of the file, and how many in a row have exactly the mix of ``KINDS``.
LENGTH, BLOCK = 400, 20
CLIENTS: Final = ("north", "east", "south", "west")
PROMPTS: Final = (
    "a red house",
    "a yellow star at night",
    "a green apple on a table",
    "a blue rocket",
    "a grey cat",
    "a purple house under a pale sky",
)


@dataclass(frozen=True)
class Kind:
    """A class of edits.

    Attributes:
        name: of the class.
        of_block: how many there are among ``BLOCK`` requests.
        priority: that the daemon is asked for.
        model: the embedded model.
        operations: of every edit of the class.
        steps: length of the schedule.
        sampler: name of the sampler.
        calls: network calls of an edit.
        rows: of each call.
    """

    name: str
    of_block: int
    priority: str
    model: str
    operations: tuple[Operation, ...]
    steps: int
    sampler: str
    calls: int
    rows: int

    def settings(self, quick: bool = False) -> dict[str, Any]:
        """Return what ``retouch.EditRequest`` and ``Client.message`` take.

        Args:
            quick: with two or three steps.
        """
        steps = min(self.steps, 3) if quick else self.steps
        return {
            "model": self.model,
            "operations": self.operations,
            "steps": steps,
            "sampler": self.sampler,
        }


#: 50 % of 4 steps, 35 % of 18 steps with guidance, 15 % of 50 steps with two guidances.
KINDS: Final = (
    Kind(
        "live", 10, "live", "retouch-mini-lcm",
        (SDEdit(strength=1.0), Guidance(scale=1.0)), 4, "lcm", 4, 1,
    ),
    Kind(
        "edit", 7, "interactive", "retouch-mini",
        (SDEdit(strength=0.72), Guidance(scale=3.0)), 25, "ddim", 18, 2,
    ),
    Kind(
        "instruct", 3, "batch", "retouch-mini-instruct",
        (InstructPix2Pix(text_scale=2.5, image_scale=1.5),), 50, "ddim", 50, 3,
    ),
)  # fmt: skip
KIND_OF: Final = {kind.name: kind for kind in KINDS}


@dataclass(frozen=True)
class Arrival:
    """One request.

    Attributes:
        gap: time since the one before it, exponential with a mean of 1.
        kind: name of its class.
        client: whose it is.
        prompt: what it asks for.
        picture: number of its picture; no two requests have the same.
        seed: of its noise.
    """

    gap: float
    kind: str
    client: str
    prompt: str
    picture: int
    seed: int


def made(seed: int = SEED, length: int = LENGTH) -> list[Arrival]:
    """Return the trace of a seed; every block has the same mix, in an order of its own."""
    random_ = random.Random(seed)
    found: list[Arrival] = []
    for _ in range(0, length, BLOCK):
        kinds = [kind.name for kind in KINDS for _ in range(kind.of_block)]
        random_.shuffle(kinds)
        for kind in kinds:
            found.append(
                Arrival(
                    gap=round(random_.expovariate(1.0), 6),
                    kind=kind,
                    client=random_.choice(CLIENTS),
                    prompt=random_.choice(PROMPTS),
                    picture=len(found),
                    seed=random_.randrange(2**31),
                )
            )
    return found


def read(file: Path = FILE) -> list[Arrival]:
    """Return the trace of a file."""
    return [Arrival(**each) for each in json.loads(file.read_text(encoding="utf-8"))["arrivals"]]


def write(file: Path = FILE) -> None:
    """Write the trace of the seed."""
    lines = ",\n".join(json.dumps(asdict(arrival)) for arrival in made())
    file.write_text(f'{{"seed": {SEED}, "arrivals": [\n{lines}\n]}}\n', encoding="utf-8")


def scheduled(arrivals: Sequence[Arrival], rate: float) -> list[float]:
    """Return when each arrives, in seconds from the start: ``len(arrivals) / rate`` seconds in all.

    The gaps are scaled so that the window has exactly that length. A Poisson process of which the
    number of arrivals is given has evenly distributed ones, and these are: so every window asks
    for the same work, and no run is lighter than another by chance.
    """
    sums = list(accumulate(arrival.gap for arrival in arrivals))
    # The gap after the last one belongs to the window, too; its mean is 1.
    length = sums[-1] + 1.0
    return [at / length * len(arrivals) / rate for at in sums]


if __name__ == "__main__":
    write()
