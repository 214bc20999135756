from dataclasses import replace

import numpy as np
import pytest
import torch

from retouch.aligned_parameters import onto_working
from retouch.errors import Blocked, Cancelled, CannotCombine, InvalidField, ModelMissing
from retouch.imaging.image import Image, Mask
from retouch.imaging.region import Rect
from retouch.request import EditRequest
from retouch.trajectories import Trajectories
from retouch_plugins.guidance import Guidance
from retouch_plugins.instruct_pix2pix import InstructPix2Pix
from retouch_plugins.sdedit import SDEdit
from retouch_plugins.soft_mask import SoftMask


def latents(runner, plan, seed):
    """The raw picture of one trajectory, before the gate marks it."""
    with runner.library.borrow() as loan:
        seeded = replace(plan, request=replace(plan.request, seed=seed))
        run = Trajectories(seeded, loan, runner.row_cap, lambda step: None, lambda: False)
        return torch.from_numpy(run.pictures()[0][0][0])


def picture(height=300, width=280, dtype=np.uint8, seed=0):
    values = np.random.default_rng(seed).random((height, width, 3), np.float32)
    white = np.iinfo(dtype).max if np.dtype(dtype).kind == "u" else 1
    return Image((values * white).astype(dtype))


def request(**fields):
    settings = {"image": picture(), "model": "tiny", "steps": 2, "prompt": "a cat"} | fields
    return EditRequest(**settings)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32])
def test_outside_the_mask_every_bit_stays(runner, dtype):
    image = picture(dtype=dtype)
    strength = np.zeros((300, 280), np.float32)
    strength[40:180, 60:200] = 1
    (result,) = runner.run(request(image=image, mask=Mask(strength), feather=8))
    outside = strength == 0
    changed = result.composite.pixels != image.pixels
    assert not changed[outside].any()
    assert changed[~outside].any()
    assert result.composite.pixels.dtype == dtype


def test_patch_has_alpha_and_offset_and_equals_the_composite_inside(runner):
    image, region = picture(), Rect(30, 50, 120, 100)
    (result,) = runner.run(request(image=image, region=region, output="both"))
    x, y = result.patch.offset
    height, width = result.patch.pixels.shape[:2]
    inside = np.zeros((300, 280), bool)
    inside[region.slices] = True
    opaque = inside[y : y + height, x : x + width]
    assert (result.patch.alpha[opaque] == 255).all()
    assert (result.patch.alpha[~opaque] == 0).all()
    assert result.patch.receipt.record == result.composite.receipt.record
    # The two are marked separately, by at most a few levels.
    pasted = result.composite.pixels[region.slices].astype(int)
    layer = result.patch.pixels[opaque].reshape(100, 120, 3)
    assert np.abs(pasted - layer).max() <= 40
    assert np.abs(pasted - layer).mean() < 4


def test_strength_zero_returns_the_document(runner):
    image = picture()
    (result,) = runner.run(request(image=image, operations=(SDEdit(strength=0.0),)))
    assert np.array_equal(result.composite.pixels, image.pixels)


def test_empty_mask_returns_the_document(runner):
    image = picture()
    mask = Mask(np.zeros((300, 280), np.float32))
    (result,) = runner.run(request(image=image, mask=mask))
    assert np.array_equal(result.composite.pixels, image.pixels)


def test_the_same_request_gives_the_same_picture_and_another_seed_another(runner):
    image = picture()
    operations = (SDEdit(strength=1.0),)
    plan = runner.plan(request(image=image, operations=operations))
    first, again, other = (latents(runner, plan, seed) for seed in (3, 3, 4))
    assert torch.equal(first, again)
    assert not torch.equal(first, other)


def test_variants_equal_single_runs(runner):
    operations = (SDEdit(strength=1.0), Guidance(scale=3.0))
    both = runner.run(request(variants=2, seed=5, operations=operations))
    single = runner.run(request(seed=6, operations=operations))[0]
    assert [result.seed for result in both] == [5, 6]
    # The watermark's id differs from release to release: compare where it cannot hide a change.
    difference = both[1].composite.pixels.astype(int) - single.composite.pixels
    other = both[0].composite.pixels.astype(int) - single.composite.pixels
    assert np.abs(difference).mean() < 4 < np.abs(other).mean()


def test_progress_counts_every_network_call(runner):
    seen = []
    runner.run(request(steps=3, operations=(SDEdit(strength=1.0),)), on_step=seen.append)
    assert [step.done for step in seen] == [1, 2, 3]
    assert {step.total for step in seen} == {3}


@pytest.mark.parametrize("after", [0, 1, 2])
def test_cancel_at_any_step_ends_the_edit_and_the_runner_goes_on(runner, after):
    seen = []
    with pytest.raises(Cancelled):
        runner.run(
            request(steps=4, operations=(SDEdit(strength=1.0),)),
            on_step=seen.append,
            cancelled=lambda: len(seen) >= after,
        )
    assert len(seen) == after
    assert runner.run(request())


def test_plan_prices_an_edit_without_loading(runner):
    plan = runner.plan(request(steps=10, operations=(SDEdit(strength=0.5),), variants=2))
    assert (plan.rows, plan.calls, plan.row_steps) == (2, 5, 20)
    assert plan.describe()["working size"].count("x") == 1


def test_a_mask_implies_the_soft_mask_and_no_operation_implies_sdedit(runner):
    mask = Mask(np.ones((300, 280), np.float32))
    assert [o.name for o in runner.plan(request(mask=mask)).operations] == ["guidance", "soft_mask"]
    assert [o.name for o in runner.plan(request()).operations] == ["sdedit", "guidance"]


def test_what_cannot_combine_is_said_before_anything_loads(runner):
    with pytest.raises(CannotCombine, match="input channels"):
        runner.run(request(operations=(InstructPix2Pix(),)))
    with pytest.raises(CannotCombine, match="twice"):
        request(operations=(SDEdit(), SDEdit()))
    with pytest.raises(CannotCombine, match="mask and region"):
        mask = Mask(np.ones((300, 280), np.float32))
        request(mask=mask, region=Rect(0, 0, 9, 9))


def test_bad_requests_name_field_value_allowed_and_fix(runner):
    cases = [
        (lambda: request(variants=0), "variants"),
        (lambda: request(seed=-1), "sampling.seed"),
        (lambda: request(steps=0), "sampling.steps"),
        (lambda: request(prompt="x" * 5000), "prompt"),
        (lambda: runner.run(request(sampler="nope")), "sampling.sampler"),
        (lambda: runner.run(request(region=Rect(900, 0, 5, 5))), "region"),
        (lambda: runner.run(request(steps=200, sampler="lcm")), "sampling.steps"),
        (lambda: SDEdit(strength=1.5), "sdedit.strength"),
        (lambda: SDEdit(strength=float("nan")), "sdedit.strength"),
        (lambda: SoftMask(strength="much"), "soft_mask.strength"),
    ]
    for make, field in cases:
        with pytest.raises(InvalidField) as caught:
            make()
        assert caught.value.field == field
        assert caught.value.allowed and caught.value.fix


def test_a_model_that_is_not_installed_says_how_to_add_it(runner):
    with pytest.raises(ModelMissing, match="retouch models add"):
        runner.run(request(model="absent"))


def test_mask_of_another_size_is_refused():
    with pytest.raises(InvalidField, match=r"280x300"):
        request(mask=Mask(np.ones((10, 10), np.float32)))


def test_a_refusing_gate_releases_nothing(runner, monkeypatch):
    from retouch_safety.detectors import OpenNSFW

    monkeypatch.setattr(OpenNSFW, "score", lambda self, rgb, region: {"whole": 0.99})
    monkeypatch.setattr(runner.gate, "_tested", True)
    with pytest.raises(Blocked, match="detector"):
        runner.run(request())


def test_what_lies_over_the_document_is_cropped_with_it(runner):
    from retouch_plugins.t2i_adapter import T2IAdapter

    half = np.zeros((300, 280), np.float32)
    half[:, 140:] = 1
    control = picture(150, 140)  # half the document's resolution: stretched over it
    operation = T2IAdapter(mask=Mask(half), image=control)
    plan = runner.plan(request(region=Rect(100, 100, 80, 80), operations=(operation, SDEdit())))
    moved = onto_working(operation, plan)
    assert moved.mask.size == plan.region.working == moved.image.size
    crop = half[plan.region.crop.slices]
    assert abs(moved.mask.strength.mean() - crop.mean()) < 0.02
    wrong = T2IAdapter(mask=Mask(np.ones((5, 5), np.float32)))
    with pytest.raises(InvalidField, match="280x300"):
        onto_working(wrong, plan)
