"""What the embedded model must reach: each measure's goal, its least value, and where it stands."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal, TypeAlias

from retouch.evaluation.results.summary import Value

Standing: TypeAlias = Literal["met", "under goal", "under must", "not measured"]
#: What the report says of a goal: its fields and where it stands.
Judged: TypeAlias = dict[str, Any]


@dataclass(frozen=True)
class Goal:
    """One line of the list of goals.

    Attributes:
        title: for people.
        place: where in the results the value lies: part and keys.
        goal: the target.
        must: the least that counts as done.
        unit: ``%`` for shares, ``dB``, ``s``, ``x`` for a ratio, or nothing.
        better: which way.
    """

    title: str
    place: tuple[str, ...]
    goal: float
    must: float
    unit: str = "%"
    better: Literal["up", "down"] = "up"

    def standing(self, value: float | None) -> Standing:
        """Where a value stands."""
        if value is None:
            return "not measured"
        if self.better == "down":
            return _standing(-value, -self.goal, -self.must)
        return _standing(value, self.goal, self.must)

    def text(self, value: float) -> str:
        """A value with its unit, for people."""
        if self.unit == "%":
            return f"{value * 100:.1f} %"
        digits = 2 if self.unit in ("", "x", "s") else 1
        return f"{value:.{digits}f} {self.unit}".strip()


def _standing(value: float, goal: float, must: float) -> Standing:
    if value >= goal:
        return "met"
    return "under goal" if value >= must else "under must"


def _generated(skill: str) -> tuple[str, ...]:
    return ("generation", "base", "generated", skill)


def _edited(row: str, measure: str) -> tuple[str, ...]:
    return ("editing", row, "on", measure)


GOALS: Final[tuple[Goal, ...]] = (
    Goal("object present", _generated("single"), 0.95, 0.85),
    Goal("colour", _generated("colours"), 0.95, 0.85),
    Goal("position", _generated("position"), 0.90, 0.75),
    Goal("two objects", _generated("two"), 0.90, 0.70),
    Goal("count", _generated("counting"), 0.80, 0.55),
    Goal("P2P swap: target present", _edited("p2p-swap", "present"), 0.90, 0.75),
    Goal("P2P swap: background PSNR", _edited("p2p-swap", "background_psnr"), 30, 26, "dB"),
    Goal("P2P swap: layout IoU", _edited("p2p-swap", "layout_iou"), 0.8, 0.65, ""),
    Goal("P2P inverted, nothing changed: PSNR to the autoencoder's own",
         _edited("p2p-identity", "autoencoder_psnr"), 45, 40, "dB"),
    Goal("InstructPix2Pix: instruction followed", _edited("instruct", "followed"), 0.85, 0.70),
    Goal("InstructPix2Pix: background PSNR", _edited("instruct", "background_psnr"), 28, 24, "dB"),
    Goal("inpainting: requested object in the mask", _edited("inpaint", "present_inside"),
         0.90, 0.75),
    Goal("inpainting: outside bit-identical", _edited("inpaint", "outside_identical"), 1, 1),
    Goal("IP-Adapter: the reference's object, no text", _edited("reference", "present"),
         0.85, 0.65),
    Goal("T2I canny: edge IoU with the control", _edited("canny", "edge_iou"), 0.6, 0.45, ""),
    Goal("LCM, 4 steps: object present, relative to the base", ("generation", "lcm", "relative"),
         0.95, 0.85, "x"),
    Goal("one 25-step edit, 128 px, 2 cores", ("speed",), 2, 5, "s", "down"),
)  # fmt: skip


def judge(results: Mapping[str, Any]) -> Iterator[Judged]:
    """Yield every goal with its value in the results and where it stands."""
    for goal in GOALS:
        found = find(results, goal.place)
        value = None if found is None else found["value"]
        yield {
            "title": goal.title,
            "value": value,
            "text": "–" if value is None else goal.text(value),
            "interval": "" if found is None else _interval(goal, found),
            "count": None if found is None else found.get("count"),
            "goal": goal.text(goal.goal),
            "must": goal.text(goal.must),
            "standing": goal.standing(value),
        }


def find(results: Mapping[str, Any], place: tuple[str, ...]) -> Value | None:
    """Return the value at a place of the results, or None where it was not measured."""
    found: Any = results
    for key in place:
        if isinstance(found, list):
            found = next((row for row in found if row.get("key") == key), None)
        else:
            found = found.get(key) if isinstance(found, Mapping) else None
        if found is None:
            return None
    known: Value | None = found if isinstance(found, dict) and "value" in found else None
    return known


def _interval(goal: Goal, found: Value) -> str:
    if "low" not in found:
        return ""
    low = goal.text(found["low"]).removesuffix(goal.unit).strip()
    return f"{low} to {goal.text(found['high'])}"
