"""The embedded family in its exact layout: every member is found by name and does its part."""

import numpy as np
import pytest
import torch

from retouch.errors import CannotCombine
from retouch.imaging.image import Image
from retouch.imaging.region import Rect
from retouch.models import records, store
from retouch.models.library import Library
from retouch.request import EditRequest
from retouch.runner import Runner
from retouch.testing.family import NAME, SIDE, write_family
from retouch_plugins.best_of import BestOf
from retouch_plugins.instruct_pix2pix import InstructPix2Pix
from retouch_plugins.ip_adapter import IPAdapter
from retouch_plugins.prompt_to_prompt import PromptToPrompt
from retouch_plugins.sdedit import SDEdit
from retouch_plugins.soft_mask import SoftMask
from retouch_plugins.t2i_adapter import T2IAdapter

PICTURE = Image(np.random.default_rng(0).integers(0, 255, (SIDE, SIDE, 3), np.uint8))
REGION = Rect(12, 16, 40, 32)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return write_family(tmp_path_factory.mktemp("embedded"))


@pytest.fixture(autouse=True)
def _embedded(folder, monkeypatch):
    monkeypatch.setattr(records, "EMBEDDED", folder)


@pytest.fixture(scope="module")
def runner():
    return Runner(Library(dtype=torch.float32))


def edit(*operations, **fields):
    settings = {"image": PICTURE, "prompt": "a red cat", "operations": operations, "steps": 2}
    return EditRequest(**(settings | fields))


def changed(runner, request):
    """Which pixels changed, of a request that runs."""
    (result,) = runner.run(request)
    assert np.isfinite(result.composite.pixels).all()
    return (result.composite.pixels != request.image.pixels).any(-1)


def test_all_are_listed_and_sound():
    assert records.broken_models() == ()
    kinds = {record.name.removeprefix(f"{NAME}-"): record.kind for record in records.list_models()}
    assert kinds == {
        NAME: "checkpoint",
        "instruct": "checkpoint",
        "inpaint": "checkpoint",
        "lcm": "checkpoint",
        "preview": "preview",
        "t2i-canny": "t2i_adapter",
        "t2i-sketch": "t2i_adapter",
        "t2i-color": "t2i_adapter",
        "ip-adapter": "ip_adapter",
        "clip": "clip",
    }
    for record in records.list_models():
        assert store.verify(record.name).problem == "", record.name


@pytest.mark.parametrize(
    ("operations", "member"),
    [
        ((SDEdit(),), NAME),
        ((InstructPix2Pix(),), f"{NAME}-instruct"),
        ((PromptToPrompt(source_prompt="a red dog"),), NAME),
        ((IPAdapter(images=(PICTURE,)), SDEdit()), NAME),
        ((BestOf(n=2), SDEdit()), NAME),
        *(((T2IAdapter(kind=kind), SDEdit()), NAME) for kind in ("canny", "sketch", "color")),
    ],
)
def test_each_operation_takes_its_member(runner, operations, member):
    request = edit(*operations)
    assert runner.plan(request).model.name == member
    assert changed(runner, request).mean() > 0.5


@pytest.mark.parametrize("model", [NAME, f"{NAME}-inpaint"])
def test_filling_takes_the_inpainting_member_and_keeps_every_bit_outside(runner, model):
    request = edit(region=REGION, model=model)
    assert runner.plan(request).model.name == f"{NAME}-inpaint"
    found, inside = changed(runner, request), np.zeros((SIDE, SIDE), bool)
    inside[REGION.slices] = True
    assert found[inside].mean() > 0.5 and not found[~inside].any()


def test_filling_combines_with_adapters_and_ranking(runner):
    reference = IPAdapter(images=(PICTURE,))
    request = edit(reference, T2IAdapter(kind="sketch"), BestOf(n=2), region=REGION)
    assert runner.plan(request).model.name == f"{NAME}-inpaint"
    assert changed(runner, request).any()


def test_blending_and_instructions_in_a_region_take_theirs(runner):
    assert runner.plan(edit(SoftMask(method="blend"), region=REGION)).model.name == NAME
    assert runner.plan(edit(InstructPix2Pix(), region=REGION)).model.name == f"{NAME}-instruct"


def test_the_few_step_member_is_asked_for_by_name(runner):
    request = edit(SDEdit(strength=0.5), model=f"{NAME}-lcm", steps=None)
    plan, seen = runner.plan(request), []
    assert (plan.model.name, plan.sampler, plan.steps, plan.calls) == (f"{NAME}-lcm", "lcm", 4, 4)
    (result,) = runner.run(request, on_step=seen.append)
    assert len(seen) == 4 and result.settings["guidance"] == {"prompt": 1.0}
    with_more = edit(T2IAdapter(kind="sketch"), IPAdapter(images=(PICTURE,)), model=f"{NAME}-lcm")
    assert changed(runner, with_more).any()
    masked = edit(model=f"{NAME}-lcm", region=REGION)
    assert runner.plan(masked).model.name == f"{NAME}-lcm"
    with pytest.raises(CannotCombine):
        runner.plan(edit(InstructPix2Pix(), model=f"{NAME}-lcm"))


@pytest.mark.parametrize("member", ["", "-instruct", "-inpaint", "-lcm"])
def test_previews_come_from_the_small_decoder(runner, member):
    latents = torch.randn(1, 4, SIDE // 4, SIDE // 4)
    with runner.library.borrow() as loan:
        model = loan.model(NAME + member)
        assert model.decoder.preview is not None and model.decoder.preview.bytes < model.bytes / 10
        shown = model.decoder.decode_preview(latents)
        assert shown.shape == (1, 3, SIDE, SIDE)
        assert torch.equal(shown, model.decoder.preview.decode(latents))
