"""Curves: one knob of an operation turned, and what that does to the results."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

from retouch.errors import CannotCombine, ModelError
from retouch.evaluation.cases import Scenes
from retouch.evaluation.editing import able
from retouch.evaluation.journal import Line
from retouch.evaluation.measuring import Measuring
from retouch.evaluation.realism import kernel_distance, real_features
from retouch.evaluation.settings import Of, Setting, Use, Words, use
from retouch.evaluation.summary import Value, summarise

#: A curve as it goes into the results.
Drawn: TypeAlias = dict[str, Any]


@dataclass(frozen=True)
class Curve:
    """One knob, its values, and what is measured at each.

    Attributes:
        key: unique.
        title: for people.
        knob: the operation's parameter that is turned.
        values: of it.
        operation: with the values that stay, ``knob`` left out.
        kinds: of edits.
        measures: drawn against the knob; or, with ``paired``, the first against the second.
        words: where the prompt comes from.
        masked: give the case's hole as the mask.
        series: another parameter and its values, a line for each.
        paired: draw the measures against each other, as InstructPix2Pix's figure does.
        default: the knob's own default, marked in the plot.
    """

    key: str
    title: str
    knob: str
    values: tuple[float, ...]
    operation: Use
    kinds: tuple[str, ...]
    measures: tuple[str, ...]
    words: Words = "target"
    masked: bool = False
    series: tuple[str, tuple[float, ...]] = ("", (0.0,))
    paired: bool = False
    default: float | None = None

    def setting(self, value: float, other: float) -> Setting:
        """The setting at one point."""
        name, _ = self.series
        turned: Mapping[str, object] = {self.knob: value, **({name: other} if name else {})}
        further = f"-{name}-{other:g}" if name else ""
        return Setting(
            key=f"curve-{self.key}-{self.knob}-{value:g}{further}",
            title=f"{self.title}: {value:g}",
            uses=(use(self.operation.operation, **self.operation.values, **turned),),
            words=self.words,
            masked=self.masked,
        )


CURVES: Final[tuple[Curve, ...]] = (
    Curve(
        "sdedit", "SDEdit: strength", "strength", (0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0),
        use("sdedit"), ("swap", "recolour", "background"),
        ("structure", "realism", "followed", "background_psnr"), default=0.6,
    ),
    Curve(
        "instruct", "InstructPix2Pix: text and image scale", "image_scale",
        (1.0, 1.2, 1.5, 1.8, 2.2), use("instruct_pix2pix"), ("swap", "recolour", "background"),
        ("picture_similarity", "direction_similarity", "followed"), words="instruction",
        series=("text_scale", (2.0, 3.0, 5.0, 7.5)), paired=True, default=1.5,
    ),
    Curve(
        "p2p", "Prompt-to-Prompt: window of self-attention", "self_stop",
        (0.0, 0.2, 0.4, 0.6, 0.8, 1.0),
        use("prompt_to_prompt", source_prompt=Of("source_prompt")), ("swap",),
        ("layout_iou", "present", "background_psnr"), default=0.4,
    ),
    Curve(
        "reference", "IP-Adapter: scale", "scale", (0.0, 0.2, 0.4, 0.6, 0.8, 1.0, 1.4),
        use("ip_adapter", images=Of("reference")), ("swap",),
        ("reference_similarity", "present"), words="none", default=0.6,
    ),
    Curve(
        "soft-mask", "Soft mask: strength", "strength", (0.1, 0.2, 0.4, 0.6, 0.8, 0.9, 1.0),
        use("soft_mask", method="blend"), ("swap", "recolour"),
        ("inside_change", "followed", "outside_identical"), masked=True, default=1.0,
    ),
)  # fmt: skip


def run(
    measuring: Measuring,
    count: int,
    curves: Sequence[Curve] = CURVES,
    on_curve: Callable[[Curve, int, int], None] = lambda curve, done, total: None,
) -> Iterator[Drawn]:
    """Yield one curve as soon as it is measured.

    Args:
        measuring: edits, looks and remembers.
        count: cases of every point.
        curves: what to measure.
        on_curve: told before each curve, with how many are done, of how many.

    Raises:
        Cancelled: what was done is kept.
    """
    for done, curve in enumerate(curves):
        on_curve(curve, done, len(curves))
        yield draw(measuring, curve, count)


def draw(measuring: Measuring, curve: Curve, count: int) -> Drawn:
    """Measure one curve; where a model is missing, the curve says which."""
    first = curve.setting(curve.values[0], curve.series[1][0])
    names = measuring.source.names(curve.kinds, count)
    names, lacking = able(measuring, names, [first])
    about: Drawn = {
        "key": curve.key,
        "title": curve.title,
        "knob": curve.knob,
        "series": curve.series[0],
        "paired": curve.paired,
        "default": curve.default,
        "measures": list(curve.measures),
        "kinds": list(curve.kinds),
        "operation": str(curve.operation),
    }
    if not names:
        return about | {"status": "no cases", "reason": f"no case has a {lacking}", "lines": []}
    try:
        measuring.bench.check(first, measuring.source.case(names[0]))
        lines = [_line(measuring, curve, other, names) for other in curve.series[1]]
    except (ModelError, CannotCombine) as problem:
        return about | {"status": "not shipped", "reason": str(problem), "lines": []}
    return about | {"status": "measured", "count": len(names), "lines": lines}


def _line(measuring: Measuring, curve: Curve, other: float, names: Sequence[str]) -> Drawn:
    features = "realism" in curve.measures
    points: list[Drawn] = []
    for value in curve.values:
        found = measuring.measure(curve.setting(value, other), names, features=features)
        known = summarise(found.values())
        if features:
            known |= _realism(measuring, curve, found)
        points.append({"x": value, "values": {key: known[key] for key in curve.measures
                                              if key in known}})  # fmt: skip
    return {"value": other, "points": points}


def _realism(measuring: Measuring, curve: Curve, lines: Mapping[str, Line]) -> dict[str, Value]:
    if not isinstance(measuring.source, Scenes):
        return {}  # nobody knows what real pictures of a user's kind look like
    real = real_features(measuring, measuring.source, curve.kinds, len(lines))
    rows = [line.features for line in lines.values() if line.features]
    found = kernel_distance(rows, real)
    return {} if found is None else {"realism": found}
