"""How often Open-NSFW refuses harmless pictures, and how long it takes.

Harmless pictures only: how much it finds of what it is there to find was NOT measured, here or
elsewhere in this repository. There is no explicit imagery in it.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch

sys.path.insert(0, str(Path(__file__).parent))

from benign.border import border
from benign.photographs import TINTS
from benign.pictures import Benign, benign_pictures, scene
from benign.skin_tones import TONES
from cases import record

from retouch.evaluation.results.intervals import wilson
from retouch_safety.detectors import OpenNSFW

SEED = 0  # drawings have their own
THRESHOLDS = {"standard": 0.5, "strict": 0.3}
GOAL = 0.01  # false positives at the standard threshold
SHOWN = 20
TIMED = {512: 5, 1024: 3, 2048: 1}  # side in pixels -> repeats


@dataclass(frozen=True)
class Scored:
    """A picture and the highest score of its views."""

    picture: Benign
    score: float
    views: int
    megapixels: float
    cpu_s: float


def measure(detector: OpenNSFW, pictures: Sequence[Benign]) -> list[Scored]:
    """Score every picture as one that is all new: whole, and in tiles where it is large."""
    scored = []
    for number, benign in enumerate(pictures, start=1):
        rgb = benign.draw()
        begin = time.thread_time()
        scores = detector.score(rgb, None)
        taken = time.thread_time() - begin
        size = rgb.shape[0] * rgb.shape[1] / 1e6
        # np.max keeps a NaN, which counts as refused below
        scored.append(
            Scored(benign, float(np.max(list(scores.values()))), len(scores), size, taken)
        )
        if number % 50 == 0:
            print(f"{number} of {len(pictures)}", file=sys.stderr, flush=True)
    return scored


def false_positives(scored: Sequence[Scored]) -> dict[str, Any]:
    """Counts and shares with 95 % Wilson intervals: of pictures, and of what they are made of.

    Variants of a photograph are not independent of each other. A source counts as refused when any
    picture that was made of it is.
    """
    found: dict[str, Any] = {}
    for profile, threshold in THRESHOLDS.items():
        refused = [s for s in scored if not s.score < threshold]
        sources = {s.picture.source for s in scored}
        hit = {s.picture.source for s in refused}
        found[profile] = {
            "threshold": threshold,
            "pictures": _share(len(refused), len(scored)),
            "sources": _share(len(hit), len(sources)),
            "refused": [f"{s.picture.group}: {s.picture.name}, {s.score:.3f}" for s in refused],
        }
    return found


def distribution(scored: Sequence[Scored]) -> dict[str, float]:
    """Quantiles of the scores."""
    scores = [s.score for s in scored]
    shares = (0.5, 0.9, 0.95, 0.99)
    return {f"p{share * 100:g}": float(np.quantile(scores, share)) for share in shares} | {
        "max": max(scores)
    }


def by_group(scored: Sequence[Scored]) -> list[dict[str, Any]]:
    """Count, median and highest of every group."""
    groups = dict.fromkeys(s.picture.group for s in scored)
    return [_row(group, [s for s in scored if s.picture.group == group]) for group in groups]


def by_tone(scored: Sequence[Scored], group: str) -> list[dict[str, Any]]:
    """The same for every tone of a group, light to dark: all tones of a group show the same."""
    mine = [s for s in scored if s.picture.group == group]
    rows = [
        _row(tone, [s for s in mine if s.picture.tone == tone])
        for tone in dict.fromkeys(s.picture.tone for s in mine)
    ]
    lightness = {tone: _lightness(value) for tone, value in (TINTS | TONES).items()}
    return [row | {"tone_lightness": lightness[row["name"]]} for row in rows]


def speed(detector: OpenNSFW) -> list[dict[str, float]]:
    """CPU milliseconds of one thread, by size; all of the picture is new."""
    rows = []
    for side, repeats in TIMED.items():
        rgb = cv2.resize(scene(0), (side, side), interpolation=cv2.INTER_CUBIC)
        taken, views = [], 0
        for _ in range(repeats):
            begin = time.thread_time()
            views = len(detector.score(rgb, None))
            taken.append((time.thread_time() - begin) * 1e3)
        middle = float(np.median(taken))
        size = side * side / 1e6
        rows.append(
            {
                "side": side,
                "views": views,
                "cpu_ms": middle,
                "cpu_ms_per_megapixel": middle / size,
                "cpu_ms_per_view": middle / views,
            }
        )
    return rows


def main() -> int:
    """Measure, print, write; 1 when the goal is missed."""
    options = _arguments().parse_args()
    torch.set_num_threads(options.threads)
    cv2.setNumThreads(options.threads)
    detector = OpenNSFW()
    begin = time.process_time()
    detector.self_test()
    loading = time.process_time() - begin
    pictures = [p for p in benign_pictures() if options.only in f"{p.group}: {p.name}"]
    scored = measure(detector, pictures[:: options.every])
    results: dict[str, Any] = {
        "detector": detector.name,
        "recall": "not measured",
        "pictures": len(scored),
        "views": sum(s.views for s in scored),
        "false_positives": false_positives(scored),
        "distribution": distribution(scored),
        "groups": by_group(scored),
        "skin_tones": by_tone(scored, "skin tone"),
        "skin_tones_in_blue": by_tone(scored, "skin tone in blue"),
        "faces": by_tone(scored, "faces"),
        "highest": _highest(scored),
        "load_cpu_s": loading,
        "speed": speed(detector),
        "border_logits": [] if options.only else border(detector),
    }
    met = results["false_positives"]["standard"]["pictures"]["share"] <= GOAL
    _print(results, met)
    if options.json:
        record.write_json(options.json, SEED, results | {"met": {"false_positives": met}})
    return 0 if met else 1


def _print(results: dict[str, Any], met: bool) -> None:
    for key in ("groups", "skin_tones", "skin_tones_in_blue", "faces", "highest"):
        rows = [[row["name"], *(row[k] for k in row if k != "name")] for row in results[key]]
        if rows:
            record.print_table((key, *(k for k in results[key][0] if k != "name")), rows)
            print()
    for rows in filter(None, (results["speed"], results["border_logits"])):
        record.print_table(tuple(rows[0]), [tuple(row.values()) for row in rows])
        print()
    for profile, found in results["false_positives"].items():
        for what in ("pictures", "sources"):
            part = found[what]
            print(
                f"{profile} ({found['threshold']}): {part['hits']} of {part['count']} {what} "
                f"refused, 95 % interval {part['low']:.4f} to {part['high']:.4f}"
            )
    print(f"goal: at most {GOAL:.0%} of pictures at 0.5: {'met' if met else 'missed'}")
    print("recall: not measured; all of these pictures are harmless")


def _arguments() -> Any:
    parser = record.arguments(__doc__.splitlines()[0])
    parser.add_argument("--only", default="", help="pictures whose group or name contains this")
    parser.add_argument("--every", type=int, default=1, help="only every n-th picture")
    return parser


def _row(name: str, scored: Sequence[Scored]) -> dict[str, Any]:
    scores = [s.score for s in scored]
    row: dict[str, Any] = {"name": name, "count": len(scores)}
    return row | ({"median": float(np.median(scores)), "max": max(scores)} if scores else {})


def _highest(scored: Sequence[Scored]) -> list[dict[str, Any]]:
    ordered = sorted(scored, key=lambda s: -s.score)[:SHOWN]
    return [{"name": f"{s.picture.group}: {s.picture.name}", "score": s.score} for s in ordered]


def _share(hits: int, count: int) -> dict[str, float]:
    low, high = wilson(hits, count)
    return {"hits": hits, "count": count, "share": hits / count, "low": low, "high": high}


def _lightness(tone: tuple[int, int, int]) -> float:
    """L* of CIELAB, 0 to 100."""
    pixel = np.full((1, 1, 3), tone, np.float32) / 255
    return float(cv2.cvtColor(pixel, cv2.COLOR_RGB2LAB)[0, 0, 0])


if __name__ == "__main__":
    sys.exit(main())
