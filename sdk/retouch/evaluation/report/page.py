"""The HTML report: one file with everything in it, for light and dark screens."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from html import escape
from pathlib import Path
from typing import Any, Final

from retouch.evaluation.measures.measure import MEASURES
from retouch.evaluation.report.parts import (
    bars,
    chip,
    measures_table,
    picture,
    summary,
    table,
    value,
)
from retouch.evaluation.report.plots import MISSING, plots
from retouch.evaluation.report.table import cases, columns_of, percent, titled

CSS: Final = Path(__file__).with_name("page.css")
_STANDINGS: Final = ("met", "under goal", "under must", "not measured")


def write_page(results: Mapping[str, Any], out: Path) -> tuple[Path, str]:
    """Write ``out/report.html``; return it, and one sentence where something is missing in it."""
    curves, problem = _curves(results)
    body = "".join(
        (
            _head(results),
            _goals(results),
            _generation(results, out),
            _overview(results),
            _details(results, out),
            curves,
            _method(results),
        )
    )
    title = escape(f"Retouch: how well {results['model']} edits")
    page = (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{title}</title><style>{CSS.read_text('utf-8')}</style></head>"
        f"<body><main>{body}</main></body></html>\n"
    )
    file = out / "report.html"
    file.write_text(page, encoding="utf-8")
    return file, problem


def _head(results: Mapping[str, Any]) -> str:
    words = {
        "generation": "Generation",
        "editing": "Editing",
        "curves": "Curves",
    }
    links = [f'<a href="#{key}">{name}</a>' for key, name in words.items() if key in results]
    facts = [
        results["date"][:10],
        f"commit {results['commit']}" if results["commit"] else "",
        results["device"],
        f"at most {results['count']} cases a row",
        f"seed {results['seed']}",
        f"{results['size']} px",
        results["source"],
    ]
    return (
        f"<h1>How well <em>{escape(results['model'])}</em> edits</h1>"
        f'<p class="soft">{escape(" · ".join(fact for fact in facts if fact))}</p>'
        f"<nav>{''.join(links)}<a href='#method'>Measures</a></nav>"
    )


def _goals(results: Mapping[str, Any]) -> str:
    goals = results.get("goals", [])
    if not goals:
        return ""
    known = Counter(goal["standing"] for goal in goals)
    tally = "".join(chip(name, known[name]) for name in _STANDINGS if known[name])
    rows = (
        [
            escape(goal["title"]),
            f"{escape(goal['text'])}<span class='between'>{escape(goal['interval'])}</span>",
            str(goal["count"] or ""),
            escape(goal["goal"]),
            escape(goal["must"]),
            chip(goal["standing"]),
        ]
        for goal in goals
    )
    heads = ("measure", "value, 95 % interval", "cases", "goal", "must", "")
    body = table(heads, rows, numbers=(1, 2, 3, 4))
    return (
        f'<h2 id="goals">Goals</h2><div class="tally">{tally}</div><div class="card">{body}</div>'
    )


def _generation(results: Mapping[str, Any], out: Path) -> str:
    found = results.get("generation")
    if found is None:
        return ""
    columns = columns_of(found)
    skills = dict.fromkeys(skill for known in columns.values() for skill in known)
    rows = ([skill, *(percent(columns[name].get(skill)) for name in columns)] for skill in skills)
    body = table(("skill", *columns), rows, numbers=range(1, len(columns) + 1))
    folder = out / "pictures" / f"generation-{results['model']}"
    shown = "".join(picture(folder / f"{n}.webp", words) for n, words in found["prompts"].items())
    return (
        '<h2 id="generation">Generation</h2><p class="about">Share of prompts drawn right, in '
        "percent. <em>real</em> is what the judge says of exact drawings, <em>autoencoder</em> of "
        "the same after the autoencoder, <em>shuffled</em> of the results under another prompt: "
        f'the bounds from above and below. {found["count"]} prompts.</p><div class="card">{body}'
        f"{summary('Pictures', f'<div class=grid>{shown}</div>')}</div>"
    )


def _overview(results: Mapping[str, Any]) -> str:
    rows = results.get("editing")
    if rows is None:
        return ""
    body = table(
        ("operation", "measure", "with", "without", "", "cases, without"),
        (cells for row in rows for cells in _overview_rows(row)),
        numbers=(2, 3, 5),
    )
    return (
        '<h2 id="editing">Editing</h2><p class="about">Every operation and combination with its '
        "default settings, beside the same request without it. Small print: 95 % intervals."
        f'</p><div class="card rows">{body}</div>'
    )


def _overview_rows(row: Mapping[str, Any]) -> Iterator[list[str]]:
    link = f'<a href="#{escape(row["key"])}">{escape(row["title"])}</a>'
    if row["status"] != "measured":
        yield [escape(row["title"]), f'<span class="chip">{row["status"]}</span>', "–", "–", "", ""]
        return
    for index, key in enumerate(key for key in row["measures"] if key in row["on"]):
        on, off = row["on"][key], row.get("off", {}).get(key)
        yield [
            link if index == 0 else "",
            escape(titled(key)),
            value(key, on),
            value(key, off),
            bars(key, on, off),
            cases(on, off),
        ]


def _details(results: Mapping[str, Any], out: Path) -> str:
    return "".join(_detail(row, out) for row in results.get("editing", []))


def _detail(row: Mapping[str, Any], out: Path) -> str:
    on, off = row["settings"]["on"], row["settings"].get("off")
    about = f"<code>{escape(on['operations'])}</code>"
    if off is not None:
        about += f" · without {escape(row['without'])}: <code>{escape(off['operations'])}</code>"
    head = f'<h3 id="{escape(row["key"])}">{escape(row["title"])}</h3><p class="about">{about}</p>'
    if row["status"] != "measured":
        reason = f'<p><span class="chip">{row["status"]}</span> {escape(row["reason"])}</p>'
        return f'<section class="card">{head}{reason}</section>'
    rest = [key for key in row["on"] if key not in row["measures"]]
    return (
        f'<section class="card">{head}{measures_table(row, row["measures"])}'
        f"{_cases(row, out)}{summary('All measures', measures_table(row, rest))}"
        f"{summary('By kind of edit', _kinds(row))}</section>"
    )


def _kinds(row: Mapping[str, Any]) -> str:
    keys = [key for key in row["measures"] if key in row["on"]]
    heads = ["kind", "cases"]
    for key in keys:
        heads += [escape(titled(key)), *(["without"] if "off_by_kind" in row else [])]
    body = []
    for kind, known in row["by_kind"].items():
        count = max((int(v["count"]) for v in known.values()), default=0)
        cells = [escape(kind), str(count)]
        for key in keys:
            cells.append(value(key, known.get(key)))
            if "off_by_kind" in row:
                cells.append(value(key, row["off_by_kind"].get(kind, {}).get(key)))
        body.append(cells)
    return table(heads, body, numbers=range(1, len(heads)))


def _cases(row: Mapping[str, Any], out: Path) -> str:
    folder = out / "pictures"
    on, off = row["settings"]["on"]["key"], row["settings"].get("off", {}).get("key")
    shown = []
    columns = 1
    for case in row["cases"][:10]:
        file = f"{case['name']}.webp"
        parts = [(folder / "case-before" / file, "before")]
        if (folder / "case-target" / file).is_file():
            parts.append((folder / "case-target" / file, "exact answer"))
        parts.append((folder / "case-mask" / file, "may change"))
        if "reference" in on:
            parts.append((folder / "case-reference" / file, "reference"))
        if off:
            parts.append((_result(folder, off, file), f"without{_seen(case.get('off'))}"))
        parts.append((_result(folder, on, file), f"with{_seen(case.get('on'))}"))
        words = case["instruction"] or case["target"]
        if "instruct" not in on and case["target"]:
            words = f"{case['source']} → {case['target']}"
        figures = "".join(picture(path, label) for path, label in parts)
        columns = max(columns, len(parts))
        shown.append(f'<div class="case"><div class="words">{escape(words)}</div>{figures}</div>')
    style = f'class="cases" style="--columns:{columns}"'
    return f'<div class="scroll"><div {style}>{"".join(shown)}</div></div>'


def _result(folder: Path, setting: str, file: str) -> Path:
    """Where a setting's picture lies; what is given is not kept twice."""
    given = {"exact": "case-target", "before": "case-before"}
    return folder / given.get(setting, setting) / file


def _seen(found: bool | None) -> str:
    return "" if found is None else (" ✓" if found else " ✕")


def _curves(results: Mapping[str, Any]) -> tuple[str, str]:
    if "curves" not in results:
        return "", ""
    shown, problem = [], ""
    for curve in results["curves"]:
        try:
            drawn = plots(curve)
        except ImportError:
            drawn, problem = [], MISSING
        figures = "".join(
            f"<figure><figcaption>{escape(title)}</figcaption>{svg}</figure>"
            for title, svg in drawn
        )
        note = "" if curve["status"] == "measured" else f"<p>{escape(curve['reason'])}</p>"
        count = f" · {curve['count']} cases a point" if "count" in curve else ""
        values = summary("Values", _points(curve)) if curve["lines"] else ""
        shown.append(
            f'<section class="card"><h3>{escape(curve["title"])}</h3><p class="about"><code>'
            f"{escape(curve['operation'])}</code>{count}</p>{note}"
            f'<div class="plots">{figures}</div>{values}</section>'
        )
    words = (
        "One parameter turned, the others at their defaults. Bands: 95 % intervals. Similarities "
        "of pictures and words are those of the installed CLIP model."
    )
    warning = f"<p><strong>{escape(problem)}</strong></p>" if problem else ""
    head = f'<h2 id="curves">Curves</h2><p class="about">{words}</p>{warning}'
    return head + "".join(shown), problem


def _points(curve: Mapping[str, Any]) -> str:
    heads = [curve["series"], curve["knob"], *(escape(titled(key)) for key in curve["measures"])]
    rows = [
        [
            f"{line['value']:g}" if curve["series"] else "",
            f"{point['x']:g}",
            *(value(key, point["values"].get(key)) for key in curve["measures"]),
        ]
        for line in curve["lines"]
        for point in line["points"]
    ]
    return table(heads, rows, numbers=range(1, len(heads)))


def _method(results: Mapping[str, Any]) -> str:
    words = "".join(
        f"<dt>{escape(titled(key))}</dt><dd>{escape(measure.about)}</dd>"
        for key, measure in MEASURES.items()
    )
    clip = results.get("clip") or "none installed"
    speed = results.get("speed")
    timed = ""
    if speed:
        timed = (
            f'<p class="about">Speed: {speed["value"]:.2f} s, median of {speed["count"]} edits '
            f"({speed['low']:.2f} to {speed['high']:.2f}), {escape(speed['what'])}, "
            f"{speed['threads']} threads, load average {speed['load']}.</p>"
        )
    return (
        '<h2 id="method">Measures</h2><p class="about">Shares have 95 % Wilson intervals, means '
        f"bootstrap intervals. Weights {escape(results['weights'])}, torch "
        f"{escape(results['torch'])}, {results['threads']} threads, CLIP: {escape(clip)}.</p>"
        f"{timed}<dl>{words}</dl>"
    )
