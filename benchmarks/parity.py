"""Retouch against diffusers' own pipelines: same weights, seed and scheduler, final latents.

Exits 1 when a case differs by more than the tolerance, or when the operation's own effect is
smaller than ten tolerances, because then the comparison would prove nothing.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import torch

sys.path.insert(0, str(Path(__file__).parent))

from cases import (
    adapters,
    consistency,
    differential,
    record,
    reference,
    sdxl,
    stable_diffusion,
    words,
)
from cases.setting import SEED, Case

TOLERANCE = 1e-4


def all_cases() -> Iterator[Case]:
    """Every comparison, in the order of the table."""
    yield from stable_diffusion.cases()
    yield from consistency.cases()
    yield from adapters.cases()
    yield from words.cases()
    yield from differential.cases()
    yield from sdxl.cases()


def main() -> int:
    """Run, print, write; the exit code says whether all is within tolerance."""
    parser = record.arguments(__doc__.splitlines()[0])
    parser.add_argument("--only", default="", help="run the cases whose name contains this")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    reference.quiet()
    rows = []
    for case in all_cases():
        if options.only not in case.name:
            continue
        outcome = case.run()
        within = outcome.difference <= TOLERANCE and outcome.effect >= 10 * TOLERANCE
        rows.append((case.name, case.reference, outcome.difference, outcome.effect, within))
    head = ("operation", "reference", "max abs difference", "own effect", "within 1e-4")
    record.print_table(head, rows)
    failed = [row[0] for row in rows if not row[-1]]
    print(f"\n{len(rows) - len(failed)} of {len(rows)} within {TOLERANCE:g}")
    if options.json:
        keys = ("operation", "reference", "max_abs_difference", "own_effect", "within")
        results = [dict(zip(keys, row, strict=True)) for row in rows]
        record.write_json(options.json, SEED, {"tolerance": TOLERANCE, "rows": results})
    return 1 if failed or not rows else 0


if __name__ == "__main__":
    sys.exit(main())
