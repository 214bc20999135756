"""Pieces of the HTML report: tables, chips, bars and pictures, as text."""

from __future__ import annotations

import base64
from collections.abc import Iterable, Mapping, Sequence
from html import escape
from pathlib import Path
from typing import Any, Final

from retouch.evaluation.measures.measure import MEASURES
from retouch.evaluation.report.table import between, titled

_CHIPS: Final = {
    "met": ("met", "✓ met"),
    "under goal": ("goal", "△ under goal"),
    "under must": ("must", "✕ under must"),
    "not measured": ("", "not measured"),
}


def chip(standing: str, count: int | None = None) -> str:
    """A goal's standing: a word and a sign, not the colour alone."""
    kind, words = _CHIPS[standing]
    number = "" if count is None else f"{count} "
    return f'<span class="chip {kind}">{number}{words}</span>'


def table(heads: Sequence[str], rows: Iterable[Sequence[str]], numbers: Sequence[int] = ()) -> str:
    """A table of HTML cells; the columns in ``numbers`` are set to the right."""

    def cell(tag: str, index: int, text: str) -> str:
        kind = ' class="number"' if index in numbers else ""
        return f"<{tag}{kind}>{text}</{tag}>"

    head = "".join(cell("th", i, text) for i, text in enumerate(heads))
    body = "".join(
        f"<tr>{''.join(cell('td', i, text) for i, text in enumerate(row))}</tr>" for row in rows
    )
    return (
        f'<div class="scroll"><table><thead><tr>{head}</tr></thead>'
        f"<tbody>{body}</tbody></table></div>"
    )


def value(key: str, found: Mapping[str, float] | None) -> str:
    """A measure's value with its interval below."""
    if found is None:
        return "–"
    return f'{MEASURES[key].text(found["value"])}<span class="between">{between(key, found)}</span>'


def bars(key: str, on: Mapping[str, float] | None, off: Mapping[str, float] | None) -> str:
    """Two bars for a share: with above, without below; nothing for other measures."""
    if not MEASURES[key].share:
        return ""
    parts = ((on, "bar"), (off, "bar off"))
    return "".join(
        f'<span class="{kind}"><i style="width:{found["value"] * 100:.0f}%"></i></span>'
        for found, kind in parts
        if found is not None
    )


def measures_table(row: Mapping[str, Any], keys: Sequence[str]) -> str:
    """A comparison's measures, with the operation and without it."""
    on, off = row["on"], row.get("off", {})
    heads = ["measure", "with", *(["without"] if off else []), ""]
    body = (
        [
            escape(titled(key)),
            value(key, on.get(key)),
            *([value(key, off.get(key))] if off else []),
            bars(key, on.get(key), off.get(key)),
        ]
        for key in keys
        if key in on
    )
    return table(heads, body, numbers=(1, 2) if off else (1,))


def picture(file: Path, label: str) -> str:
    """A picture of the run inside of the page, with its label; a blank where there is none."""
    words = escape(label)
    if not file.is_file():
        shown = '<div class="none">none</div>'
    else:
        data = base64.b64encode(file.read_bytes()).decode("ascii")
        shown = f'<img src="data:image/webp;base64,{data}" alt="{words}" loading="lazy">'
    return f"<figure>{shown}<figcaption>{words}</figcaption></figure>"


def summary(words: str, inside: str) -> str:
    """Something that is shown when it is asked for."""
    return f"<details><summary>{escape(words)}</summary>{inside}</details>"
