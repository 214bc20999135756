"""Does the embedded family still do what its operations promise? A small yardstick of its own.

Seeds and weights are fixed, so a run gives what the last one gave, but for rounding. The bounds
lie well under what 400 cases gave (``docs/quality.md``), because five cases say little.
"""

import pytest

from retouch.evaluation.results.goals import find
from retouch.evaluation.yardstick import Options, Watch, Yardstick
from retouch.models.records import list_models

#: Cases of every row, of the same row without its operation, and of every skill of generation.
COUNT, WITHOUT_COUNT = 5, 5
SKILL_COUNT = 4
#: Rows of the editing table.
ROWS = ("p2p-swap", "p2p-identity", "instruct", "inpaint", "reference", "canny", "sketch", "color")

SHIPPED = {record.name for record in list_models()}
PARTS = ("-lcm", "-inpaint", "-instruct", "-ip-adapter", "-t2i-canny", "-t2i-sketch", "-t2i-color")
MISSING = [part for part in PARTS if f"retouch-mini{part}" not in SHIPPED]

pytestmark = [
    pytest.mark.endurance,
    pytest.mark.timeout(900),  # the first test pays for all: minutes on a busy machine
    pytest.mark.skipif(bool(MISSING), reason=f"not shipped yet: {', '.join(MISSING)}"),
]


@pytest.fixture(scope="module")
def found(tmp_path_factory):
    """What the yardstick says of a few cases, on the product's own path."""
    out = tmp_path_factory.mktemp("semantic")
    parts = (
        (("generation",), SKILL_COUNT, SKILL_COUNT, ()),
        (("editing",), COUNT, WITHOUT_COUNT, ROWS),
    )
    for names, count, without, rows in parts:
        options = Options(parts=names, count=count, without_count=without, rows=rows, out=out)
        results = Yardstick(options, Watch()).run()
    return results


def value(found, *place):
    known = find(found, place)
    assert known is not None, f"not measured: {place}"
    return known["value"]


@pytest.mark.parametrize(
    ("skill", "least"),
    [("single", 0.75), ("colours", 0.75), ("position", 0.5), ("two", 0.5), ("counting", 0.5)],
)
def test_prompts_are_drawn(found, skill, least):
    assert value(found, "generation", "base", "generated", skill) >= least
    assert value(found, "generation", "base", "shuffled", skill) <= 0.25


def test_four_steps_draw_most_of_what_25_do(found):
    assert value(found, "generation", "lcm", "relative") >= 0.7


@pytest.mark.parametrize(
    ("row", "measure", "least"),
    [
        ("p2p-swap", "present", 0.5),
        ("p2p-swap", "background_psnr", 22),
        ("p2p-swap", "layout_iou", 0.5),
        ("p2p-identity", "autoencoder_psnr", 36),
        ("instruct", "followed", 0.5),
        ("instruct", "background_psnr", 21),
        ("inpaint", "present_inside", 0.5),
        ("inpaint", "outside_identical", 1),
        ("reference", "present", 0.375),
        ("canny", "edge_iou", 0.42),
    ],
)
def test_operations_reach_what_they_promise(found, row, measure, least):
    assert value(found, "editing", row, "on", measure) >= least


@pytest.mark.parametrize(
    ("row", "measure"),
    [
        ("p2p-swap", "layout_iou"),
        ("instruct", "followed"),
        ("reference", "present"),
        ("canny", "edge_iou"),
        ("sketch", "edge_iou"),
    ],
)
def test_without_the_operation_it_is_not_there(found, row, measure):
    on, off = (value(found, "editing", row, side, measure) for side in ("on", "off"))
    assert on > off


def test_a_palette_brings_the_colours_nearer(found):
    on, off = (value(found, "editing", "color", side, "palette_distance") for side in ("on", "off"))
    assert on < off
