"""Every pair of operations, and all of them, in one edit.

Each edit must run and be finite; dropping either operation must change the result; the result must
be the same alone and in a batch with quite different edits; permuting the list must change nothing.
Exits 1 otherwise.
"""

from __future__ import annotations

import itertools
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch

sys.path.insert(0, str(Path(__file__).parent))

from cases import record, reference
from cases.combining import NAMES, Mix, alone, complete, decided, mates_of
from cases.setting import SEED

TOLERANCE = 1e-4


def mixes() -> Iterator[tuple[str, Mix, tuple[str, ...]]]:
    """Title, edit, and which of its operations are dropped in turn.

    Guidance takes part in every edit, as it does in every request.
    """
    for pair in itertools.combinations(NAMES, 2):
        names = pair if "guidance" in pair else ("guidance", *pair)
        # Inverted, a picture's noise is found and not drawn: all candidates would be equal.
        yield " + ".join(pair), mix_of(names, "best_of" not in pair), pair
    yield "all together", mix_of(NAMES, invert=False), NAMES
    rest = tuple(name for name in NAMES if name != "best_of")
    yield "all but best_of, inverted", mix_of(rest, invert=True), rest
    nine = Mix(("guidance", "soft_mask"), in_channels=9)
    yield "soft_mask, nine channels", nine, ("soft_mask",)


def mix_of(names: tuple[str, ...], invert: bool) -> Mix:
    """On the eight-channel model where InstructPix2Pix takes part."""
    return Mix(names, 8 if "instruct_pix2pix" in names else 4, invert)


def check(title: str, mix: Mix, dropped: tuple[str, ...]) -> dict[str, Any]:
    """One row of the table."""
    try:
        mix = decided(mix)
        result = alone(mix)
        effects = {n: distance(result, alone(mix.without(n))) for n in dropped}
        batched = distance(result, complete(mix, mates_of(mix)))
        backwards = Mix(mix.names[::-1], mix.in_channels, mix.invert, mix.seed)
        permuted = distance(result, complete(backwards))
    except Exception as problem:
        return {"edit": title, "error": f"{type(problem).__name__}: {problem}", "ok": False}
    finite = bool(torch.isfinite(result).all())
    ok = finite and batched <= TOLERANCE and permuted == 0.0
    least = min(effects, key=lambda name: effects[name])
    return {
        "edit": title,
        "finite": finite,
        "least_effect": effects[least],
        "of": least,
        "in_batch": batched,
        "permuted": permuted,
        "effects": effects,
        "ok": ok and effects[least] >= 10 * TOLERANCE,
    }


def distance(a: torch.Tensor, b: torch.Tensor) -> float:
    """Greatest absolute difference."""
    return float((a - b).abs().max())


def main() -> int:
    """Run, print, write; the exit code says whether all combine."""
    parser = record.arguments(__doc__.splitlines()[0])
    parser.add_argument("--only", default="", help="run the edits whose title contains this")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    reference.quiet()
    rows = [check(*mix) for mix in mixes() if options.only in mix[0]]
    keys = ("edit", "finite", "least_effect", "of", "in_batch", "permuted", "ok")
    record.print_table(keys, [[row.get(key, "") for key in keys] for row in rows])
    for row in rows:
        if "error" in row:
            print(f"{row['edit']}: {row['error']}")
    good = sum(row["ok"] for row in rows)
    print(f"\n{good} of {len(rows)} combine")
    if options.json:
        record.write_json(options.json, SEED, {"tolerance": TOLERANCE, "rows": rows})
    return 0 if rows and good == len(rows) else 1


if __name__ == "__main__":
    sys.exit(main())
