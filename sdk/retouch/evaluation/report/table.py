"""The results on the terminal."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from retouch.evaluation.measures.measure import MEASURES
from retouch.evaluation.results.summary import Value

_STYLES: Final = {
    "met": "green",
    "under goal": "yellow",
    "under must": "red",
    "not measured": "dim",
}


def show(results: Mapping[str, Any], console: Console | None = None) -> None:
    """Print goals, generation, editing and curves, as far as they were measured."""
    console = console or Console()
    for table in tables(results):
        console.print(table)
        console.print()


def tables(results: Mapping[str, Any]) -> Iterator[Table]:
    """Yield one table for each part of the results."""
    if "generation" in results:
        yield _generation(results["generation"])
    if "editing" in results:
        yield _editing(results["editing"])
    for curve in results.get("curves", []):
        yield _curve(curve)
    if "goals" in results:
        yield _goals(results["goals"])


def _table(title: str, heads: Sequence[str], right: int = 1) -> Table:
    table = Table(title=title, title_justify="left", title_style="bold", box=None)
    for index, head in enumerate(heads):
        table.add_column(head, justify="left" if index < right else "right")
    return table


def _goals(goals: Sequence[Mapping[str, Any]]) -> Table:
    heads = ("measure", "value", "95 % interval", "cases", "goal", "must", "")
    table = _table("Goals", heads)
    for goal in goals:
        style = _STYLES[goal["standing"]]
        table.add_row(
            goal["title"], goal["text"], goal["interval"], str(goal["count"] or ""), goal["goal"],
            goal["must"], f"[{style}]{goal['standing']}[/]",
        )  # fmt: skip
    return table


def _generation(found: Mapping[str, Any]) -> Table:
    columns = columns_of(found)
    table = _table("Generation: share of prompts drawn right", ("skill", *columns))
    skills = dict.fromkeys(skill for values in columns.values() for skill in values)
    for skill in skills:
        cells = (columns[name].get(skill) for name in columns)
        table.add_row(skill, *(percent(cell) for cell in cells))
    return table


def columns_of(found: Mapping[str, Any]) -> dict[str, Mapping[str, Any]]:
    """Return the columns of the generation table: title -> skill -> value."""
    base = found["base"]
    columns = {name: base[name] for name in ("real", "autoencoder", "generated", "shuffled")}
    lcm = found.get("lcm", {})
    if lcm.get("status") == "measured":
        columns[f"LCM, {lcm['steps']} steps"] = lcm["generated"]
    return columns


def percent(value: Mapping[str, float] | None) -> str:
    """A share in percent, or a dash."""
    return "–" if value is None else f"{value['value'] * 100:.1f}"


def _editing(rows: Sequence[Mapping[str, Any]]) -> Table:
    heads = ("operation", "measure", "with", "without", "95 % interval (with)", "cases, without")
    table = _table("Editing: with the operation and without it", heads, right=2)
    for row in rows:
        if row["status"] != "measured":
            table.add_row(escape(row["title"]), f"[dim]{row['status']}[/]", "–", "–", "", "")
            continue
        for index, key in enumerate(key for key in row["measures"] if key in row["on"]):
            on, off = row["on"][key], row.get("off", {}).get(key)
            table.add_row(
                escape(row["title"]) if index == 0 else "",
                titled(key),
                MEASURES[key].text(on["value"]),
                "–" if off is None else MEASURES[key].text(off["value"]),
                between(key, on),
                cases(on, off),
            )
    return table


def cases(on: Value, off: Value | None) -> str:
    """How many cases stand behind a value, and behind the one without the operation."""
    return str(on["count"]) if off is None else f"{on['count']}, {off['count']}"


def titled(key: str) -> str:
    """A measure's title with its unit and an arrow to where it is better."""
    measure = MEASURES[key]
    unit = f", {measure.unit}" if measure.unit else ""
    return f"{measure.title}{unit} {'↑' if measure.better == 'up' else '↓'}"


def between(key: str, value: Mapping[str, float]) -> str:
    """A value's interval for people."""
    measure = MEASURES[key]
    return f"{measure.text(value['low'])} to {measure.text(value['high'])}"


def _curve(curve: Mapping[str, Any]) -> Table:
    measures = curve["measures"]
    heads = ("", curve["knob"], *(titled(key) for key in measures))
    table = _table(str(curve["title"]), heads, right=2)
    if curve["status"] != "measured":
        table.add_row(f"[dim]{curve['status']}[/]", "", *("–" for _ in measures))
    for line in curve["lines"]:
        name = f"{curve['series']} {line['value']:g}" if curve["series"] else ""
        for point in line["points"]:
            cells = (
                MEASURES[key].text(point["values"][key]["value"]) if key in point["values"] else "–"
                for key in measures
            )
            table.add_row(name, f"{point['x']:g}", *cells)
            name = ""
    return table
