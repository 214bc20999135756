"""How much sooner a second edit of the same picture is done: what is encoded once is remembered.

The model that ships with Retouch, and Stable Diffusion 1.5 in its published size with random
weights, in this process, from the request to the decoded picture, and without decoding, which the
daemon's gate does elsewhere. First and second edits take turns; before every first one everything
is forgotten. A second edit has another seed, and of the words another new prompt. Goals that are
missed are reported, never an error.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import torch

sys.path.insert(0, str(Path(__file__).parent))

from cases import record
from cases.full_size_installed import installed_full_size
from cases.second_edits import CASES, FULL_SIZE_CASES, Bench

SEED = 5
#: The second edit of the same picture at four steps, as a share of the first.
GOAL = 0.75
#: Of a full-size edit: one takes about a minute of a core.
FULL_SIZE_REPEATS = 3
#: The cases that the goal is about: the same words again, at four steps.
FEW_STEPS = ("lcm sdedit, 4 steps", *FULL_SIZE_CASES)


def measure(repeats: int, quick: bool) -> dict[str, dict[str, Any]]:
    """Every case."""
    bench = Bench(64 if quick else None)
    found = {name: bench.compare(wanted, repeats) for name, wanted in CASES.items()}
    del bench
    with installed_full_size(SEED, quick) as side:
        large = Bench(side)
        repeats = min(repeats, FULL_SIZE_REPEATS)
        found |= {name: large.compare(w, repeats) for name, w in FULL_SIZE_CASES.items()}
    return found


def main() -> int:
    """Measure, print, write."""
    parser = record.arguments(__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="small pictures, once")
    parser.add_argument("--repeats", type=int, default=7)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    found = measure(1 if options.quick else options.repeats, options.quick)
    head = ("case", "first ms", "second ms", "ratio", "without decoding", "calls", "hits")
    record.print_table(head, [_row(name, case) for name, case in found.items()])
    if options.json:
        met = {name: found[name]["ratio"] <= GOAL for name in FEW_STEPS}
        record.write_json(options.json, SEED, {"goal": GOAL, "met": met, "cases": found})
    return 0


def _row(name: str, case: dict[str, Any]) -> tuple[object, ...]:
    first, second = (case["seconds"][which]["median"] * 1e3 for which in ("first", "second"))
    calls = "{first} -> {second}".format(**case["network_calls"])
    hits = ", ".join(f"{kind} {count}" for kind, count in case["hits"].items())
    return name, first, second, case["ratio"], case["ratio_without_decoding"], calls, hits


if __name__ == "__main__":
    sys.exit(main())
