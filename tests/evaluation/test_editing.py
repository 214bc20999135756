from dataclasses import replace

import numpy as np
import pytest

from retouch.catalog import installed
from retouch.errors import InvalidField
from retouch.evaluation.cases.procedural import Scenes, wanted_thing
from retouch.evaluation.editing import table
from retouch.evaluation.editing.bench import Attempt, Bench
from retouch.evaluation.editing.comparisons import COMPARISONS
from retouch.evaluation.editing.resumable import Measuring
from retouch.evaluation.editing.scorer import Scorer, background
from retouch.evaluation.editing.settings import Setting, settings, use
from retouch.evaluation.judge.judge import Judge
from retouch.evaluation.judge.network import JudgeNetwork
from retouch.evaluation.judge.verdict import Found, Verdict
from retouch.evaluation.measures.distances import MOST_PSNR
from retouch.evaluation.measures.followed import followed, target_present
from retouch.evaluation.measures.measure import MEASURES
from retouch.evaluation.results import goals
from retouch.evaluation.results.fingerprints import of_file
from retouch.evaluation.results.journal import Journal, Line
from retouch.evaluation.results.summary import summarise
from retouch.evaluation.scenes.edits import KINDS
from retouch.models.library import Library
from retouch.runner import Runner
from retouch_safety.job import Job
from retouch_safety.sealed import Sealed

SCENES = Scenes(seed=1, size=64)
NAMES = [f"{kind}-{number:04d}" for kind in KINDS for number in range(6)]


def seen(scene):
    """The verdict of a perfect judge."""
    things = tuple(Found(t.noun, 0.99, t.colour, 0.9, t.x, t.y, t.size) for t in scene.things)
    nothing = np.zeros((128, 128), np.float32)
    return Verdict(things, scene.place, 1.0, scene.night, scene.season, nothing)


@pytest.mark.parametrize("name", NAMES)
def test_the_mask_holds_every_difference_and_the_judge_tells_before_from_after(name):
    case = SCENES.case(name)
    unchanged = case.mask == 0
    assert np.abs(case.before - case.target)[unchanged].max(initial=0) <= 1.5 / 255
    assert case.mask.any()
    assert (case.hole >= case.mask).all()
    assert followed(case.edit, seen(case.edit.after))
    assert not followed(case.edit, seen(case.edit.before))


def test_cases_repeat_and_depend_on_seed_and_number():
    first, again = SCENES.case("swap-0003"), SCENES.case("swap-0003")
    assert first.target_prompt == again.target_prompt
    assert np.array_equal(first.before, again.before)
    assert SCENES.case("swap-0004").edit != first.edit
    assert Scenes(2, 64).case("swap-0003").edit != first.edit


def test_pictures_have_eight_bits():
    before = SCENES.case("background-0001").before * 255
    assert np.abs(before - np.rint(before)).max() < 1e-4


def test_kinds_take_turns():
    assert SCENES.names(("swap", "add"), 3) == ["swap-0000", "add-0000", "swap-0001"]


def test_a_reference_shows_the_wanted_object_alone_before_a_plain_colour():
    case = SCENES.case("swap-0002")
    thing = wanted_thing(case.edit)
    assert thing.noun == case.edit.after.things[case.edit.subject].noun
    corners = case.reference[[0, 0], [0, -1]]
    assert np.abs(corners[0] - corners[1]).max() < 0.01
    assert SCENES.case("light-0000").reference is None


def test_the_wanted_object_counts_as_present_whatever_else_there_is():
    case = SCENES.case("swap-0000")
    assert target_present(case.edit, seen(case.edit.after))
    assert not target_present(case.edit, seen(case.edit.before))
    assert target_present(SCENES.case("light-0000").edit, seen(case.edit.after)) is None


def test_what_lies_outside_keeps_a_margin_of_the_mask():
    case = SCENES.case("swap-0000")
    kept = background(case)
    assert not (kept * case.mask).any()
    assert kept.sum() < (1 - case.mask).sum()
    everything = replace(case, mask=np.ones_like(case.mask))
    assert background(everything) is None


@pytest.mark.parametrize("key", [s.key for s in settings().values() if not s.given])
def test_every_setting_makes_a_request(key):
    setting = settings()[key]
    case = SCENES.case("swap-0000")
    assert not setting.lacks(case)
    request = setting.request(case, installed(), "retouch-mini")
    assert len(request.operations) == len(setting.uses)
    assert (request.mask is not None) == setting.masked


def test_a_setting_says_what_a_case_lacks():
    bare = replace(
        SCENES.case("swap-0000"), source_prompt="", reference=None, hole=None, instruction=""
    )
    lacks = {key: setting.lacks(bare) for key, setting in settings().items()}
    assert lacks["p2p"] == "source_prompt"
    assert lacks["reference"] == "reference"
    assert lacks["fill"] == "mask"
    assert lacks["instruct"] == "instruction"
    assert lacks["sdedit"] == ""


def test_comparisons_name_settings_measures_and_kinds_that_exist():
    assert len({c.key for c in COMPARISONS}) == len(COMPARISONS)
    for comparison in COMPARISONS:
        assert {comparison.on, comparison.off} - {""} <= set(settings())
        assert set(comparison.measures) <= set(MEASURES)
        assert set(comparison.kinds) <= set(KINDS)


def test_every_operation_stands_beside_itself_left_out_alone_and_combined():
    def operations(key):
        return {use.operation for use in settings()[key].uses}

    pairs = [(operations(c.on), operations(c.off), c.combined) for c in COMPARISONS if c.off]
    alone = set().union(*(on for on, _, combined in pairs if not combined))
    combined = set().union(*(on for on, _, combined in pairs if combined))
    wanted = {
        *("sdedit", "prompt_to_prompt", "instruct_pix2pix"),
        *("soft_mask", "ip_adapter", "t2i_adapter"),
    }
    assert wanted <= alone
    assert wanted <= combined


def test_goals_lie_where_the_tables_put_them():
    rows = {c.key: c for c in COMPARISONS}
    for goal in goals.GOALS:
        if goal.place[0] == "editing":
            assert goal.place[3] in rows[goal.place[1]].measures


def test_goals_are_met_under_goal_or_under_must():
    up = goals.Goal("x", (), 0.9, 0.7)
    assert [up.standing(v) for v in (0.9, 0.8, 0.6, None)] == [
        *("met", "under goal", "under must", "not measured")
    ]
    down = goals.Goal("x", (), 2, 5, "s", "down")
    assert [down.standing(v) for v in (1.0, 3.0, 6.0)] == ["met", "under goal", "under must"]


class Copying:
    """Edits by copying; the gate refuses the cases of some names."""

    def __init__(self, runner, refused=()):
        self.runner, self.model, self.refused, self.edited = runner, "tiny", refused, []

    def check(self, setting, case):
        return None

    def weights(self, setting, case):
        return "1"

    def attempt(self, setting, cases):
        self.edited += [case.name for case in cases]
        return [
            Attempt(None, 1.0, "refused")
            if case.name in self.refused
            else Attempt(self.release(case.before), 1.0)
            for case in cases
        ]

    def release(self, picture, *, record=None):
        pixels = np.rint(picture * 255).astype(np.uint8)
        admission = self.runner.gate.admit(Job(operations=("test",)))
        return self.runner.gate.release(Sealed.composite(pixels), admission, record=record)


@pytest.fixture(scope="module")
def judge():
    return Judge(JudgeNetwork())


@pytest.fixture
def measuring(tmp_path, judge, tiny_installed):
    bench = Copying(Runner(Library(device="cpu")), refused=("swap-0001",))
    journal = Journal(tmp_path, {"seed": 1})
    return Measuring(bench, Scorer(judge), journal, SCENES, tmp_path, chunk=2)


def test_what_changed_nothing_scores_as_such_and_a_refusal_as_not_there(measuring, tmp_path):
    names = SCENES.names(("swap",), 3)
    lines = measuring.measure(settings()["fill"], names)
    assert list(lines) == names
    copied = lines["swap-0000"].scores
    assert copied["background_psnr"] == MOST_PSNR
    assert copied["structure"] == pytest.approx(0, abs=1e-3)
    assert copied["outside_identical"] == 1
    assert copied["inside_change"] == 0
    assert copied["edge_iou"] == 1
    assert copied["target_distance"] > 0
    assert lines["swap-0001"].scores["followed"] == 0
    assert lines["swap-0001"].scores["refused"] == 1
    assert "structure" not in lines["swap-0001"].scores
    assert (tmp_path / "pictures" / "fill" / "swap-0000.webp").is_file()
    assert (tmp_path / "pictures" / "case-target" / "swap-0000.webp").is_file()


def test_a_run_goes_on_where_it_stopped(measuring, tmp_path):
    setting = settings()["sdedit"]
    measuring.measure(setting, SCENES.names(("add",), 2))
    again = replace(measuring, journal=Journal(tmp_path, {"seed": 1}))
    lines = again.measure(setting, SCENES.names(("add",), 3))
    assert measuring.bench.edited == ["add-0000", "add-0001", "add-0002"]
    assert len(lines) == 3


def test_a_folder_with_other_scores_is_refused(tmp_path):
    Journal(tmp_path, {"seed": 1, "model": "a"})
    with pytest.raises(InvalidField, match=r"--out: .*seed 1.*seed 2.*--fresh"):
        Journal(tmp_path, {"seed": 2, "model": "a"})
    Journal(tmp_path, {"seed": 2, "model": "a"}, fresh=True)


def test_a_line_that_was_half_written_is_dropped(tmp_path):
    journal = Journal(tmp_path, {})
    assert journal.read("x") == {}
    journal.add("x", Line("a", "swap", {"followed": 1.0}))
    file = tmp_path / "scores" / "x.jsonl"
    file.write_text(file.read_text() + '{"case": "b", "sco')
    again = Journal(tmp_path, {})
    again.add("x", Line("c", "swap", {"followed": 0.0}))
    assert list(again.read("x")) == ["a", "c"]


def test_scores_of_other_weights_are_forgotten(tmp_path):
    journal = Journal(tmp_path, {})
    assert journal.read("x", "old") == {}
    journal.add("x", Line("a", "swap", {"followed": 1.0}))
    assert list(journal.read("x", "old")) == ["a"]
    assert journal.read("x", "new") == {}
    assert journal.read("x", "old") == {}


def test_fingerprints_tell_weights_apart(tiny_bench, tmp_path):
    case = SCENES.case("add-0000")
    text, fill = (tiny_bench.weights(settings()[key], case) for key in ("text", "fill"))
    assert text == fill
    assert tiny_bench.weights(settings()["exact"], case) == ""
    assert tiny_bench.fingerprints.of(["tiny"]) == text
    other = tmp_path / "x"
    other.write_text("1")
    first = of_file(other)
    other.write_text("2")
    assert first != of_file(other)
    assert of_file(tmp_path / "none") == ""


def test_summaries_are_shares_and_means_with_intervals():
    lines = [
        Line(str(i), "swap", {"followed": float(i < 3), "background_psnr": 30.0 + i})
        for i in range(4)
    ]
    found = summarise(lines)
    assert found["followed"]["value"] == 0.75
    assert found["followed"]["low"] == pytest.approx(0.3006, abs=1e-3)  # Wilson, 3 of 4
    assert found["background_psnr"]["value"] == 31.5
    assert found["background_psnr"]["low"] < 31.5 < found["background_psnr"]["high"]
    assert "seconds" not in found


@pytest.fixture(scope="module")
def tiny_bench(tiny_installed):
    return Bench(Runner(Library(device="cpu")), "tiny")


def test_a_row_edits_on_the_products_own_path(tiny_bench, judge, tmp_path):
    measuring = Measuring(tiny_bench, Scorer(judge), Journal(tmp_path, {}), SCENES, tmp_path)
    comparison = replace(COMPARISONS[0], key="x", on="quick", off="before", kinds=("add",))
    quick = Setting("quick", "quick", (use("soft_mask"),), masked=True, steps=2)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(table, "settings", lambda: {**settings(), "quick": quick})
        row = table.row(measuring, comparison, 2, without_count=1)
    assert row["status"] == "measured"
    assert row["on"]["outside_identical"]["value"] == 1
    assert row["on"]["inside_change"]["value"] > 0
    assert row["off"]["inside_change"]["value"] == 0
    assert row["off"]["inside_change"]["count"] == 2  # what is given costs nothing
    assert row["by_kind"]["add"]["seconds"]["count"] == 2
    assert row["cases"][0]["off"] is False


def test_the_side_without_the_operation_takes_fewer_cases(tiny_bench, judge, tmp_path):
    measuring = Measuring(tiny_bench, Scorer(judge), Journal(tmp_path, {}), SCENES, tmp_path)
    comparison = replace(COMPARISONS[0], key="x", on="more", off="less", kinds=("add",))
    both = {k: Setting(k, k, (use("soft_mask"),), masked=True, steps=2) for k in ("more", "less")}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(table, "settings", lambda: {**settings(), **both})
        row = table.row(measuring, comparison, 2, without_count=1)
        whole = table.row(measuring, comparison, 2)
    assert [row[side]["inside_change"]["count"] for side in ("on", "off")] == [2, 1]
    assert "off" not in row["cases"][1]
    assert whole["off"]["inside_change"]["count"] == 2


def test_a_missing_model_is_a_row_that_says_so(tiny_bench, judge, tmp_path):
    measuring = Measuring(tiny_bench, Scorer(judge), Journal(tmp_path, {}), SCENES, tmp_path)
    rows = {c.key: table.row(measuring, c, 1) for c in COMPARISONS if c.key in ("instruct",)}
    inpaint = next(c for c in COMPARISONS if c.key == "inpaint")
    assert rows["instruct"]["status"] == "not shipped"
    assert "8" in rows["instruct"]["reason"] or "channels" in rows["instruct"]["reason"]
    assert "no inpaint network" in table.row(measuring, inpaint, 1)["reason"]


def test_the_autoencoder_alone_is_a_bound(tiny_bench):
    (attempt,) = tiny_bench.attempt(settings()["autoencoder"], [SCENES.case("add-0000")])
    assert attempt.picture.shape == (64, 64, 3)
