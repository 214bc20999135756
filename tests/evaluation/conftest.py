import pytest

from retouch.evaluation.curves.knobs import CURVES
from retouch.evaluation.editing.comparisons import COMPARISONS
from retouch.evaluation.editing.settings import settings
from retouch.evaluation.results import goals


def value(number, count=40):
    return {"value": number, "low": number - 0.05, "high": number + 0.05, "count": count}


def row(comparison):
    on, off = settings()[comparison.on], settings().get(comparison.off)
    found = {
        "key": comparison.key,
        "title": comparison.title,
        "combined": comparison.combined,
        "kinds": list(comparison.kinds),
        "measures": list(comparison.measures),
        "without": comparison.without,
        "settings": {"on": {"key": on.key, "title": on.title, "operations": on.describe()}},
        "status": "measured",
        "count": 40,
        "on": {key: value(0.75) for key in (*comparison.measures, "seconds")},
        "by_kind": {comparison.kinds[0]: {key: value(0.7) for key in comparison.measures}},
        "cases": [
            {
                "name": f"{comparison.kinds[0]}-0000",
                "kind": comparison.kinds[0],
                "source": "a cat <3",
                "target": "a dog",
                "instruction": "turn it into a dog",
                "on": True,
                "off": False,
            }
        ],
    }
    if off is not None:
        found["settings"]["off"] = {
            "key": off.key,
            "title": off.title,
            "operations": off.describe(),
        }
        found["off"] = {key: value(0.25) for key in comparison.measures}
        found["off_by_kind"] = {comparison.kinds[0]: found["off"]}
    return found


def drawn(curve):
    points = [
        {"x": x, "values": {key: value(0.2 + 0.1 * i) for key in curve.measures}}
        for i, x in enumerate(curve.values)
    ]
    return {
        "key": curve.key,
        "title": curve.title,
        "knob": curve.knob,
        "series": curve.series[0],
        "paired": curve.paired,
        "default": curve.default,
        "measures": list(curve.measures),
        "kinds": list(curve.kinds),
        "operation": str(curve.operation),
        "status": "measured",
        "count": 40,
        "lines": [{"value": other, "points": points} for other in curve.series[1]],
    }


@pytest.fixture
def results():
    """What a whole run writes, with invented numbers; one row and one curve have no model."""
    skills = ("single", "two", "counting", "colours", "position", "binding")
    columns = {skill: value(0.9) for skill in (*skills, "present", "place")}
    missing = {"status": "not shipped", "reason": "model: 'x' is not installed here."}
    editing = [row(comparison) for comparison in COMPARISONS]
    editing[8] = {k: editing[8][k] for k in ("key", "title", "combined", "kinds", "measures")} | {
        "without": "",
        "settings": editing[8]["settings"],
        **missing,
    }
    curves = [drawn(curve) for curve in CURVES]
    curves[3] = curves[3] | missing | {"lines": []}
    found = {
        "format": 1,
        "date": "2026-01-02T03:04:05+00:00",
        "commit": "abc1234",
        "seed": 0,
        "count": 40,
        "model": "retouch-mini",
        "weights": "0123456789ab",
        "device": "a processor, 2 cores",
        "threads": 2,
        "torch": "2.9",
        "size": 128,
        "source": "procedural scenes",
        "clip": "retouch-mini-clip",
        "generation": {
            "count": 240,
            "base": {"status": "measured"}
            | {name: columns for name in ("real", "autoencoder", "generated")}
            | {"shuffled": {skill: value(0.05) for skill in skills}},
            "lcm": {
                "status": "measured",
                "steps": 4,
                "generated": columns,
                "relative": value(0.9),
            },
            "cases": ["single-000"],
            "prompts": {"single-000": "a cat on a beach"},
        },
        "editing": editing,
        "curves": curves,
        "speed": value(1.7, 9) | {"what": "sdedit", "threads": 2, "cores": 2, "load": 0.1},
    }
    found["goals"] = list(goals.judge(found))
    return found
