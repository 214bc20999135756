import numpy as np
import pytest

from retouch.catalog import installed
from retouch.errors import ModelMissing
from retouch.evaluation.cases.procedural import Scenes
from retouch.evaluation.curves import points
from retouch.evaluation.curves.knobs import CURVES
from retouch.evaluation.curves.realism import kernel_distance
from retouch.evaluation.measures.measure import MEASURES
from retouch.evaluation.results.journal import Line
from retouch.parameters import parameters_of

SCENES = Scenes(size=64)


@pytest.mark.parametrize("curve", CURVES, ids=lambda curve: curve.key)
def test_every_point_is_a_setting_of_its_own_within_range(curve):
    case = SCENES.case(f"{curve.kinds[0]}-0000")
    points = [curve.setting(x, other) for other in curve.series[1] for x in curve.values]
    assert len({point.key for point in points}) == len(points)
    for point in points:
        assert not point.lacks(case)
        point.request(case, installed(), "retouch-mini")
    assert set(curve.measures) <= set(MEASURES)


@pytest.mark.parametrize("curve", CURVES, ids=lambda curve: curve.key)
def test_the_marked_default_is_the_operations_own_and_is_measured(curve):
    kind = installed().operation(curve.operation.operation)
    known = {parameter.name: parameter.default for parameter in parameters_of(kind)}
    assert known[curve.knob] == curve.default
    assert curve.default in curve.values


class Answering:
    """Scores that rise with the knob, as a run would find them."""

    source = SCENES

    class Bench:
        def check(self, setting, case):
            if setting.uses[0].operation == "ip_adapter":
                raise ModelMissing("ip_adapter", "add one")

    bench = Bench()

    def measure(self, setting, names, *, features=False):
        strength = float(setting.uses[0].values["strength"])
        scores = {"followed": 1.0, "inside_change": strength, "outside_identical": 1.0}
        return {name: Line(name, name.split("-")[0], dict(scores)) for name in names}


def test_a_curve_holds_its_measures_at_every_value():
    curve = next(c for c in CURVES if c.key == "soft-mask")
    found = points.draw(Answering(), curve, 4)
    (line,) = found["lines"]
    assert [point["x"] for point in line["points"]] == list(curve.values)
    changes = [point["values"]["inside_change"]["value"] for point in line["points"]]
    assert changes == list(curve.values)
    assert found["count"] == 4


def test_a_curve_without_its_model_says_so():
    curve = next(c for c in CURVES if c.key == "reference")
    found = points.draw(Answering(), curve, 4)
    assert found["status"] == "not shipped"
    assert "ip_adapter" in found["reason"]
    assert found["lines"] == []


def test_the_kernel_distance_is_zero_between_equals_and_grows_with_what_differs():
    rng = np.random.default_rng(0)
    real, same = rng.normal(size=(200, 16)), rng.normal(size=(200, 16))
    near = kernel_distance(same, real)
    far = kernel_distance(rng.normal(1.0, 1.0, size=(200, 16)), real)
    assert near["low"] <= 0 <= near["high"]
    assert far["low"] > near["high"]


def test_the_kernel_distance_is_the_published_estimate():
    rng = np.random.default_rng(1)
    x, y = rng.normal(size=(5, 3)), rng.normal(size=(6, 3))

    def kernel(a, b):
        return (float(a @ b) / 3 + 1) ** 3

    within_x = np.mean([kernel(x[i], x[j]) for i in range(5) for j in range(5) if i != j])
    within_y = np.mean([kernel(y[i], y[j]) for i in range(6) for j in range(6) if i != j])
    across = np.mean([kernel(a, b) for a in x for b in y])
    wanted = 1000 * (within_x + within_y - 2 * across)
    assert kernel_distance(x, y)["value"] == pytest.approx(wanted, abs=1e-3)


def test_a_handful_is_too_few_for_a_kernel_distance():
    assert kernel_distance(np.zeros((3, 4)), np.zeros((9, 4))) is None
