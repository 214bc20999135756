"""One refused variant does not lose the others: a real gate, a detector beside its own."""

import numpy as np
import pytest
import torch

from retouch.admitted import without_frames
from retouch.candidates import Candidate
from retouch.errors import Blocked, OperationFailed
from retouch.imaging.image import Image
from retouch.models.library import Library
from retouch.request import EditRequest
from retouch.runner import Runner
from retouch_plugins.best_of import BestOf
from retouch_plugins.sdedit import SDEdit
from retouch_safety import Gate, Installation


class Picky:
    """Says no to chosen pictures, counted from 0 as the gate shows them after the document."""

    name, category = "picky 1", "a test category"

    def __init__(self):
        self.refuse(document=None)

    def refuse(self, *numbers, document):
        self.document, self.numbers, self.seen = document, numbers, 0

    def score(self, rgb, region):
        if self.document is not None and np.array_equal(rgb, self.document):
            return {"whole": 0.0}
        number, self.seen = self.seen, self.seen + 1
        return {"whole": 0.9 if number in self.numbers else 0.0}

    def self_test(self):
        pass


@pytest.fixture(scope="module")
def picky():
    return Picky()


@pytest.fixture(scope="module")
def runner(tiny_installed, picky, tmp_path_factory):
    installation = Installation(tmp_path_factory.mktemp("gate") / "safety")
    return Runner(Library(dtype=torch.float32), Gate([picky], installation=installation))


def document():
    return np.random.default_rng(0).integers(0, 255, (64, 64, 3), np.uint8)


def request(**fields):
    settings = {"image": Image(document()), "model": "tiny", "steps": 2, "variants": 3, "seed": 5}
    return EditRequest(**settings | {"operations": (SDEdit(strength=0.5),)} | fields)


def logged(runner, count):
    return [record.event for record in runner.gate.installation.audit.tail(count)]


def check_refused(result, seed):
    assert (result.composite, result.patch, result.seed) == (None, None, seed)
    refusal = result.refused
    assert type(refusal) is Blocked and (refusal.stage, refusal.score) == ("detector", 0.9)
    assert refusal.category == "a test category" and "blocked by the detector" in str(refusal)
    while refusal is not None:  # no frame keeps what was refused
        assert refusal.__traceback__ is None
        refusal = refusal.__cause__ or refusal.__context__


@pytest.mark.parametrize("number", [0, 1, 2])
def test_the_refused_one_says_so_in_its_place(runner, picky, number):
    picky.refuse(number, document=document())
    results = runner.run(request())
    assert [result.seed for result in results] == [5, 6, 7]
    check_refused(results[number], 5 + number)
    others = [result for index, result in enumerate(results) if index != number]
    for result in others:
        assert result.refused is None and result.composite.receipt.detectors
        assert result.settings.keys() == results[number].settings.keys()
    expected = ["released"] * 3
    expected[number] = "refused"
    assert logged(runner, 3) == expected


@pytest.mark.usefixtures("same_mark")
def test_the_others_are_what_they_are_without_a_refusal(runner, picky):
    picky.refuse(document=document())
    untouched = runner.run(request(exact=True))
    picky.refuse(1, document=document())
    results = runner.run(request(exact=True))
    for index in (0, 2):
        assert np.array_equal(results[index].composite.pixels, untouched[index].composite.pixels)


def test_all_refused_is_a_refused_request(runner, picky):
    picky.refuse(0, 1, 2, document=document())
    with pytest.raises(Blocked, match="detector check"):
        runner.run(request())
    assert logged(runner, 3) == ["refused"] * 3


def test_one_variant_alone_is_the_whole_request(runner, picky):
    picky.refuse(0, document=document())
    with pytest.raises(Blocked):
        runner.run(request(variants=1))


def test_a_variant_of_two_forms_has_both_or_neither(runner, picky):
    picky.refuse(1, document=document())  # the patch of the first
    first, second = runner.run(request(variants=2, output="both"))
    check_refused(first, 5)
    assert second.composite is not None and second.patch is not None
    assert second.composite.receipt.record == second.patch.receipt.record


def test_the_document_itself_may_be_refused_once(runner, picky):
    picky.refuse(2, document=None)  # 0 is the look at what comes in, and 1 the first that leaves
    other = Image(255 - document())
    results = runner.run(request(image=other, operations=(SDEdit(strength=0.0),)))
    assert [result.refused is None for result in results] == [True, False, True]
    assert np.array_equal(results[0].composite.pixels, other.pixels)


def test_what_is_not_finite_is_refused_in_its_place(runner, picky):
    picky.refuse(document=document())
    admitted = runner.admit(request(variants=2))
    side = admitted.plan.region.working
    fine = np.full((side.height, side.width, 3), 0.5, np.float32)
    results = admitted.results([[(fine, 5, {})], [(fine * np.nan, 6, {})]])
    assert results[0].composite is not None
    assert results[1].refused.stage == "pixels" and "not finite" in str(results[1].refused)


def best_of(monkeypatch, order):
    monkeypatch.setattr(BestOf, "check", lambda self, plan: None)
    monkeypatch.setattr(BestOf, "prepare", lambda self, edit: None)
    monkeypatch.setattr(BestOf, "rank", lambda self, pictures, edit: order)
    return (SDEdit(strength=0.5), BestOf(n=len(order)))


def test_with_best_of_the_next_try_takes_a_refused_ones_place(runner, picky, monkeypatch):
    operations = best_of(monkeypatch, [1, 2, 0])
    picky.refuse(0, 1, document=document())
    seen = []
    first, second = runner.run(request(variants=2, operations=operations), on_step=seen.append)
    assert first.composite is not None and (first.seed, first.refused) == (5, None)
    assert second.composite is not None and second.seed == 9
    assert first.settings["seed"] == 5 and second.settings["seed"] == 9
    assert logged(runner, 4) == ["refused", "refused", "released", "released"]
    assert {(step.trajectory, step.variant) for step in seen} == {(i, i // 3) for i in range(6)}


def test_with_best_of_all_tries_refused_is_the_bests_refusal(runner, picky, monkeypatch):
    operations = best_of(monkeypatch, [1, 0])
    picky.refuse(0, 1, document=document())
    first, second = runner.run(request(variants=2, operations=operations))
    check_refused(first, 6)
    assert second.composite is not None and second.seed == 8


def test_an_order_that_leaves_one_out_is_the_operations_fault(runner, picky, monkeypatch):
    operations = best_of(monkeypatch, [1, 1])
    with pytest.raises(OperationFailed, match=r"best_of.*rank.*\[1, 1\]"):
        runner.run(request(variants=1, operations=operations))


def test_latents_that_are_not_finite_are_refused_as_pixels(runner, picky):
    picky.refuse(document=document())
    admitted = runner.admit(request(variants=1))
    with runner.library.borrow() as loan:
        decoder = loan.model("tiny").decoder
        side = admitted.plan.region.working
        latents = torch.zeros(1, 4, side.height // 8, side.width // 8)
        latents[0, 0, 0, 0] = torch.inf
        tried = Candidate(latents, 5, {}).tried(decoder)
    with pytest.raises(Blocked, match=r"pixels check.*not finite"):
        admitted.results([[tried]])


def test_side_by_side_each_request_keeps_its_own_refusals(runner, picky):
    picky.refuse(1, 3, 4, document=document())
    requests = [request(variants=2), request(variants=1), request(variants=2), request(variants=1)]
    some, whole, none, alone = runner.run_all(requests)
    assert [result.refused is None for result in some] == [True, False]
    check_refused(some[1], 6)
    assert len(whole) == 1 and whole[0].composite is not None
    assert type(none) is Blocked and none.__traceback__ is None
    assert len(alone) == 1 and alone[0].refused is None


def test_a_refused_look_says_which_and_the_edit_goes_on(runner, picky):
    admitted = runner.admit(request(variants=2))
    refused = []

    def look(step):
        picky.refuse(*([0] if step.variant == 1 else []), document=document())
        try:
            assert admitted.look(step).form == "preview"
        except Blocked as refusal:
            refused.append((step.variant, refusal.stage))
        picky.refuse(document=document())

    results = runner.run(admitted, on_step=look)
    assert set(refused) == {(1, "detector")}
    assert all(result.refused is None for result in results)


def test_errors_that_are_each_others_context_are_left_without_their_stacks():
    refusal, other = Blocked("manifest", "failed", "try again"), OSError("disk full")
    refusal.__context__, other.__context__ = other, refusal
    try:
        raise other
    except OSError:
        pass
    assert other.__traceback__ is not None
    assert without_frames(refusal) is refusal
    assert refusal.__traceback__ is None and other.__traceback__ is None
