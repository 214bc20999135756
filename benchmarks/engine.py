"""How fast edits are: against diffusers, against this machine's own limits, and together.

Contenders take turns in one process; figures are medians. Goals that are missed are reported and
explained, never an error: a speed depends on the machine.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import torch

sys.path.insert(0, str(Path(__file__).parent))

from cases import rates, record, reference, speed
from cases.setting import SEED

#: name, goal, whether smaller is better
GOALS = (
    ("overhead_vs_diffusers", 1.03, True),
    ("cpu_default_vs_diffusers_fp32", 0.25, True),
    ("amx_fraction", 0.6, False),
    ("region_10pct_vs_full", 0.25, True),
    ("calls_saved_7_edits", 0.7, False),
)


def measure(quick: bool, repeats: int) -> dict[str, Any]:
    """All figures."""
    against, model = speed.against_diffusers(quick, repeats)
    return {
        "against_diffusers": against,
        "rates": rates.fractions(model, 16, repeats, (256,))
        if quick
        else rates.fractions(model, 32, repeats),
        "region": speed.region(model, quick, max(1, repeats // 2)),
        "sharing": speed.calls_saved(quick),
    }


def verdicts(results: dict[str, Any]) -> list[tuple[str, float, str, str]]:
    """Name, value, goal and whether it is met."""
    flat = {name: value for part in results.values() for name, value in part.items()}
    rows = []
    for name, goal, smaller in GOALS:
        met = flat[name] <= goal if smaller else flat[name] >= goal
        rows.append(
            (name, flat[name], f"{'<=' if smaller else '>='} {goal}", "met" if met else "missed")
        )
    return rows


def explain(results: dict[str, Any]) -> list[str]:
    """What holds the default back on this machine."""
    found = results["rates"]
    ratio = found["bf16_over_fp32_matmul"]
    tiles = "has" if found["amx_tiles"] else "lacks"
    lines = [
        f"This processor {tiles} AMX tiles: its best bfloat16 product is {ratio:.1f} times its "
        f"float32 one, so bfloat16 alone brings the default to {1 / ratio:.2f} at best.",
        "Where the time of a forward goes, and the rate there against the best product:",
    ]
    for kind, part in found["by_kind"].items():
        rate = f"{part['of_matmul_rate']:.0%} of the rate" if part["flops"] else "no products"
        lines.append(f"  {kind:14} {part['time']:4.0%} of the time, {rate}")
    return lines


def main() -> int:
    """Measure, print, write."""
    parser = record.arguments(__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="tiny networks: does it run at all")
    parser.add_argument("--repeats", type=int, default=5)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    reference.quiet()
    results = measure(options.quick, 1 if options.quick else options.repeats)
    rows = verdicts(results)
    record.print_table(("figure", "value", "goal", "verdict"), rows)
    print("", *explain(results), sep="\n")
    if options.json:
        summary = {name: value for name, value, _, _ in rows}
        met = {name: verdict == "met" for name, _, _, verdict in rows}
        held = explain(results)
        record.write_json(
            options.json, SEED, summary | {"met": met, "explanation": held, "details": results}
        )
    return 0


if __name__ == "__main__":
    sys.exit(main())
