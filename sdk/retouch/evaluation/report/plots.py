"""Plots of the curves as SVG text; colours are CSS variables, so that a page can set its own."""

from __future__ import annotations

import io
import re
from collections.abc import Mapping, Sequence
from typing import Any, Final

from retouch.evaluation.measures.measure import MEASURES
from retouch.evaluation.report.table import titled

#: What a user reads when matplotlib is missing.
MISSING: Final = (
    "The curves are not drawn: matplotlib is not installed. Fix: pip install 'retouch[eval]', "
    "then run `retouch eval --report --out` with the same folder."
)

#: Stand-ins that no plot uses otherwise -> the CSS variable they become.
_COLOURS: Final = {
    "#010203": "var(--ink)",
    "#020304": "var(--soft)",
    "#030405": "var(--line)",
    "#040506": "var(--series-1)",
    "#050607": "var(--series-2)",
    "#060708": "var(--series-3)",
    "#070809": "var(--series-4)",
    "#08090a": "var(--card)",
}
_INK, _SOFT, _LINE, *_SERIES, _CARD = _COLOURS
_WIDE, _HIGH = 3.7, 2.7


def plots(curve: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Return title and SVG of every plot of a curve; none where it was not measured.

    Raises:
        ImportError: matplotlib is not installed.
    """
    if curve["status"] != "measured":
        return []
    if curve["paired"]:
        return [_paired(curve), *(_single(curve, key) for key in curve["measures"][2:])]
    return [_single(curve, key) for key in curve["measures"]]


def _single(curve: Mapping[str, Any], key: str) -> tuple[str, str]:
    figure, axes = _axes()
    for index, line in enumerate(curve["lines"]):
        points = [p for p in line["points"] if key in p["values"]]
        x = [point["x"] for point in points]
        known = [point["values"][key] for point in points]
        scale = 100 if MEASURES[key].share else 1
        y, low, high = ([scale * v[name] for v in known] for name in ("value", "low", "high"))
        colour = _SERIES[_place(index, len(curve["lines"]))]
        axes.fill_between(x, low, high, color=colour, alpha=0.16, linewidth=0)
        axes.plot(x, y, color=colour, linewidth=2, marker="o", markersize=5,
                  markeredgecolor=_CARD, markeredgewidth=1, label=_label(curve, line))  # fmt: skip
    if curve["default"] is not None:
        axes.axvline(curve["default"], color=_SOFT, linewidth=1, linestyle=(0, (2, 3)), zorder=0)
        axes.annotate(
            "default",
            (curve["default"], 1),
            (3, -8),
            xycoords=axes.get_xaxis_transform(),
            textcoords="offset points",
            color=_SOFT,
            fontsize=7.5,
        )
    axes.set_xlabel(curve["knob"].replace("_", " "))
    _legend(axes, curve)
    return titled(key), _svg(figure, f"{curve['key']}-{key}")


def _paired(curve: Mapping[str, Any]) -> tuple[str, str]:
    across, up = curve["measures"][:2]
    figure, axes = _axes()
    for index, line in enumerate(curve["lines"]):
        points = [p for p in line["points"] if across in p["values"] and up in p["values"]]
        x = [point["values"][across]["value"] for point in points]
        y = [point["values"][up]["value"] for point in points]
        colour = _SERIES[_place(index, len(curve["lines"]))]
        axes.plot(x, y, color=colour, linewidth=2, marker="o", markersize=5,
                  markeredgecolor=_CARD, markeredgewidth=1, label=_label(curve, line))  # fmt: skip
        if index == len(curve["lines"]) - 1:
            for point, left, top in zip(points, x, y, strict=True):
                axes.annotate(f"{point['x']:g}", (left, top), (5, 3), textcoords="offset points",
                              color=_SOFT, fontsize=7.5)  # fmt: skip
    axes.set_xlabel(titled(across))
    _legend(axes, curve)
    numbers = f"numbers: {curve['knob'].replace('_', ' ')}"
    return f"{titled(up)} ({numbers})", _svg(figure, f"{curve['key']}-{across}-{up}")


def _axes() -> tuple[Any, Any]:
    from matplotlib.figure import Figure

    figure = Figure(figsize=(_WIDE, _HIGH), layout="constrained", facecolor="none")
    axes = figure.add_subplot(facecolor="none")
    axes.grid(True, axis="y", color=_LINE, linewidth=0.8)
    axes.set_axisbelow(True)
    for side in ("top", "right", "left"):
        axes.spines[side].set_visible(False)
    axes.spines["bottom"].set_color(_LINE)
    axes.tick_params(colors=_SOFT, labelsize=8, length=0)
    axes.xaxis.label.set_color(_SOFT)
    axes.xaxis.label.set_fontsize(8.5)
    axes.margins(x=0.05, y=0.12)
    return figure, axes


def _legend(axes: Any, curve: Mapping[str, Any]) -> None:
    if len(curve["lines"]) > 1:
        axes.legend(title=curve["series"].replace("_", " "), fontsize=7.5, title_fontsize=7.5,
                    frameon=False, labelcolor=_INK, handlelength=1.4)  # fmt: skip
        axes.get_legend().get_title().set_color(_SOFT)


def _label(curve: Mapping[str, Any], line: Mapping[str, Any]) -> str:
    return f"{line['value']:g}" if curve["series"] else ""


def _place(index: int, count: int) -> int:
    """Which colour a line gets: ordered lines use the ramp's far ends."""
    return 2 if count == 1 else round(index * (len(_SERIES) - 1) / (count - 1))


def _svg(figure: Any, salt: str) -> str:
    import matplotlib

    buffer = io.StringIO()
    # Text stays text, in the page's own font; ids differ between plots of one page.
    with matplotlib.rc_context({"svg.fonttype": "none", "svg.hashsalt": salt}):
        figure.savefig(buffer, format="svg", transparent=True, metadata={"Date": None})
    text = buffer.getvalue()
    text = text[text.index("<svg") :]
    text = re.sub(r"<metadata>.*?</metadata>", "", text, flags=re.DOTALL)
    text = re.sub(r"(font(?:-family)?:[^;\"]*?)'?DejaVu Sans'?[^;\"]*", r"\1inherit", text)
    used = set(re.findall(r"#([\w.-]+)", text))
    text = re.sub(r' id="([\w.-]+)"', lambda m: m[0] if m[1] in used else "", text)
    for stand_in, variable in _COLOURS.items():
        text = text.replace(stand_in, variable)
    return text


def standalone(svg: str, light: Sequence[str], dark: Sequence[str]) -> str:
    """Return an SVG file's text that brings its own colours, for light and for dark pages.

    Args:
        svg: of ``plots``.
        light: CSS declarations of the variables on light pages.
        dark: those that differ on dark pages.
    """
    style = (
        f"<style>:root{{{';'.join(light)};font-family:system-ui,sans-serif}}"
        f"@media(prefers-color-scheme:dark){{:root{{{';'.join(dark)}}}}}</style>"
    )
    end = svg.index(">") + 1
    return f"{svg[:end]}{style}{svg[end:]}\n"
