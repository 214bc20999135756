import dataclasses
import functools

import numpy as np
import pytest
import torch

from retouch.errors import CannotCombine, InvalidField, ModelMissing
from retouch.imaging import control
from retouch.imaging.image import Image, Mask
from retouch.models.model import Model
from retouch.testing.checkpoints import tiny_sd
from retouch_plugins.guidance import Guidance
from retouch_plugins.sdedit import SDEdit
from retouch_plugins.t2i_adapter import T2IAdapter

GUIDED = Guidance(scale=7.5)
NOWHERE = Mask(np.zeros((64, 64), np.float32))
LEFT = Mask(np.repeat([[1.0, 0.0]], 32, axis=1).repeat(64, axis=0))


def check(found, expected, without):
    difference, effect = (found - expected).abs().max(), (found - without).abs().max()
    print(f"difference {difference:.1e}, effect {effect:.2f}")
    assert difference < 1e-4
    assert effect > 0.1


@pytest.fixture(scope="module")
def lines():
    """A control picture: white lines on black."""
    drawn = np.zeros((64, 64, 3), np.uint8)
    drawn[8:56:6] = 255
    drawn[:, 20:24] = 128
    return Image(drawn)


@pytest.fixture(scope="module")
def shades():
    """Another one, with colours."""
    return Image(np.random.default_rng(2).integers(0, 256, (64, 64, 3), np.uint8))


def tensor(image, channels=3):
    return torch.from_numpy(image.unit()).permute(2, 0, 1)[None, :channels]


@pytest.mark.parametrize(("kind", "channels"), [("canny", 1), ("color", 3)])
def test_it_is_diffusers_t2i_adapter(
    run, deep, same, beside, parts, ask, lines, shades, kind, channels
):
    from diffusers import StableDiffusionAdapterPipeline

    image = lines if channels == 1 else shades
    adapter = beside.adapters.t2i_adapter(kind, "", None).adapter
    pipeline = StableDiffusionAdapterPipeline(adapter=adapter, **parts(same))
    expected = ask(pipeline, image=tensor(image, channels), adapter_conditioning_scale=0.7)
    operation = T2IAdapter(kind=kind, image=image, preprocess=False, scale=0.7)
    found = run([GUIDED, operation], deep, beside.adapters)
    check(found, expected, run([GUIDED], deep))


def test_two_add_up_as_diffusers_multi_adapter_does(
    run, deep, same, beside, parts, ask, lines, shades
):
    from diffusers import MultiAdapter, StableDiffusionAdapterPipeline

    adapters = [beside.adapters.t2i_adapter(k, "", None).adapter for k in ("canny", "color")]
    pipeline = StableDiffusionAdapterPipeline(adapter=MultiAdapter(adapters), **parts(same))
    given = [tensor(lines, 1), tensor(shades)]
    expected = ask(pipeline, image=given, adapter_conditioning_scale=[0.7, 0.4])
    first = T2IAdapter(kind="canny", image=lines, preprocess=False, scale=0.7)
    second = T2IAdapter(kind="color", image=shades, preprocess=False, scale=0.4)
    found = run([GUIDED, first, second], deep, beside.adapters)
    for alone in (first, second):
        check(found, expected, run([GUIDED, alone], deep, beside.adapters))


@pytest.mark.parametrize("off", [{"scale": 0.0}, {"start": 0.5, "stop": 0.5}, {"mask": NOWHERE}])
def test_off_is_exactly_off(run, beside_tiny, lines, off):
    found = run([Guidance(), T2IAdapter(image=lines, **off)], adapters=beside_tiny)
    assert run.edit.condition.residuals == ()
    assert torch.equal(found, run([Guidance()]))


def test_every_window_is_its_own(run, beside_tiny, lines, shades):
    """What each adds in its own half is what the other does not see."""
    early = T2IAdapter(kind="canny", image=lines, stop=0.5)
    late = T2IAdapter(kind="color", image=shades, preprocess=False, start=0.5)
    both = run([Guidance(), early, late], adapters=beside_tiny)
    assert torch.equal(run([late, early, Guidance()], adapters=beside_tiny), both)
    assert len(run.edit.condition.residuals) == 2
    alone = [run([Guidance(), one], adapters=beside_tiny) for one in (early, late)]
    for one in alone:
        assert (one - both).abs().max() > 0.1
    whole = T2IAdapter(kind="color", image=shades)
    windows = [T2IAdapter(kind="color", image=shades, **w) for w in ({"stop": 0.5}, {"start": 0.5})]
    joined = run([Guidance(), *windows], adapters=beside_tiny)
    assert torch.equal(run([Guidance(), whole], adapters=beside_tiny), joined)


def test_the_same_twice_is_twice_the_scale(run, beside_tiny, lines):
    once = T2IAdapter(image=lines, scale=0.5)
    twice = run([Guidance(), once, once], adapters=beside_tiny)
    double = run([Guidance(), T2IAdapter(image=lines, scale=1.0)], adapters=beside_tiny)
    assert torch.allclose(twice, double, atol=1e-4)


def test_in_a_region_only_its_features_are_added(run, beside_tiny, lines):
    whole = T2IAdapter(image=lines)
    features = {}
    for name, mask in {"all": None, "left": LEFT, "ones": Mask(LEFT.strength * 0 + 1)}.items():
        run([Guidance(), dataclasses.replace(whole, mask=mask)], adapters=beside_tiny)
        (features[name],) = run.edit.condition.residuals
    for whole, left, ones in zip(*features.values(), strict=True):
        assert torch.equal(ones, whole)
        half = whole.shape[-1] // 2
        if half:
            assert torch.equal(left[..., :half], whole[..., :half])
            assert not left[..., half:].any()
        else:
            assert torch.allclose(left, whole / 2)


def test_all_branches_get_the_features(run, beside_tiny, lines):
    run([Guidance(), T2IAdapter(image=lines)], adapters=beside_tiny)
    without = run.edit.condition
    for drop in run.edit.deltas["prompt"].drops:
        without = drop(without)
    assert without.residuals == run.edit.condition.residuals
    assert len(without.residuals) == 1


def without_first_half(module, args, named):
    """Take the features from the rows without the prompt, which diffusers puts first."""
    features = named["down_intrablock_additional_residuals"]
    halves = [feature.chunk(2) for feature in features]
    left = [torch.cat([torch.zeros_like(without), with_]) for without, with_ in halves]
    return args, named | {"down_intrablock_additional_residuals": left}


def test_guided_leaves_the_features_out_of_the_branch_without_the_prompt(
    run, deep, same, beside, parts, ask, lines
):
    """What diffusers' ControlNet calls guess mode; its adapter pipeline has no such switch."""
    from diffusers import StableDiffusionAdapterPipeline

    adapter = beside.adapters.t2i_adapter("canny", "", None).adapter
    pipeline = StableDiffusionAdapterPipeline(adapter=adapter, **parts(same))
    hook = same.unet.register_forward_pre_hook(without_first_half, with_kwargs=True)
    try:
        expected = ask(pipeline, image=tensor(lines, 1), adapter_conditioning_scale=0.7)
    finally:
        hook.remove()
    published = T2IAdapter(image=lines, preprocess=False, scale=0.7)
    found = run([GUIDED, dataclasses.replace(published, guided=True)], deep, beside.adapters)
    check(found, expected, run([GUIDED, published], deep, beside.adapters))


def test_guided_without_a_prompt_is_still_guided(run, beside_tiny, lines):
    """Both branches have the same text, so the features alone tell them apart."""
    given = {"prompt": "", "negative_prompt": "", "adapters": beside_tiny}
    published = run([GUIDED, T2IAdapter(image=lines, guided=False)], **given)
    assert run.rows == [1] * 8
    guided = run([GUIDED, T2IAdapter(image=lines, guided=True)], **given)
    assert run.rows == [2] * 8
    assert (guided - published).abs().max() > 0.1


def test_each_of_two_is_guided_by_itself(run, beside_tiny, lines):
    first, second = T2IAdapter(image=lines, guided=True), T2IAdapter(image=lines, scale=0.5)
    run([Guidance(), first, second], adapters=beside_tiny)
    condition = run.edit.condition
    for drop in run.edit.deltas["prompt"].drops:
        condition = drop(condition)
    assert condition.residuals == run.edit.condition.residuals[1:]


@pytest.mark.parametrize("recommended", [False, True])
def test_unset_takes_what_the_adapter_recommends(run, beside_tiny, lines, recommended):
    adapter = dataclasses.replace(beside_tiny.t2i_adapter("canny", "", None), guided=recommended)
    known = type(beside_tiny)({"canny": adapter})
    found = run([GUIDED, T2IAdapter(image=lines)], adapters=known)
    for guided in (False, True):
        chosen = run([GUIDED, T2IAdapter(image=lines, guided=guided)], adapters=known)
        assert torch.equal(found, chosen) is (guided is recommended)


def test_it_runs_in_bfloat16_beside_full_precision_weights(run, beside_tiny, lines):
    model = Model(tiny_sd(), dtype=torch.bfloat16)
    found = run([Guidance(), T2IAdapter(image=lines)], model, beside_tiny)
    assert found.isfinite().all()
    assert (found - run([Guidance()], model)).abs().max() > 0.1


@pytest.fixture
def edit(run, beside_tiny, picture):
    """An edit with a picture."""
    run([SDEdit(strength=0.0)], adapters=beside_tiny, picture=picture)
    return run.edit


@pytest.mark.parametrize(
    ("kind", "channels", "extract"),
    [
        ("canny", 1, control.canny),
        ("canny", 3, control.canny),
        ("sketch", 1, control.sketch),
        ("color", 3, control.color),
    ],
)
def test_without_an_image_it_follows_the_edited_picture(edit, picture, kind, channels, extract):
    unit = ((picture[0].permute(1, 2, 0) + 1) / 2).contiguous().numpy()
    if kind == "color":  # 8 x 8 cells at the native size of 128 px, so 4 x 4 here
        assert len(np.unique(extract(unit, cell=16).reshape(-1, 3), axis=0)) == 16
        extract = functools.partial(extract, cell=16)
    found = T2IAdapter(kind=kind).control(edit, channels)
    assert found.shape == (1, channels, 64, 64)
    expected = torch.from_numpy(extract(unit))
    if channels == 3 and kind == "color":
        assert torch.allclose(found[0].permute(1, 2, 0), expected, atol=1e-6)
    else:
        assert all(torch.equal(plane, expected) for plane in found[0])


def test_a_depth_map_is_stretched_unless_it_is_ready(edit):
    ramp = np.linspace(0.25, 0.75, 64, dtype=np.float32)[:, None, None].repeat(64, 1).repeat(3, 2)
    stretched = T2IAdapter(kind="depth", image=Image(ramp)).control(edit, 3)
    assert (stretched.min(), stretched.max()) == (0.0, 1.0)
    ready = T2IAdapter(kind="depth", image=Image(ramp), preprocess=False).control(edit, 3)
    assert (ready.min(), ready.max()) == (0.25, 0.75)


def test_a_control_picture_is_brought_to_working_size_and_range(edit):
    large = Image(np.full((200, 90, 3), 3.0, np.float32))
    for channels in (1, 3):
        found = T2IAdapter(image=large, preprocess=False).control(edit, channels)
        assert found.shape == (1, channels, 64, 64)
        assert torch.allclose(found, torch.ones(()), atol=1e-6)


def test_without_any_picture_it_says_so(run, beside_tiny):
    with pytest.raises(CannotCombine, match="picture"):
        run([T2IAdapter()], adapters=beside_tiny)


def test_a_missing_adapter_says_how_to_get_one(run, beside_tiny, lines):
    with pytest.raises(ModelMissing, match=r"absent.*retouch models add"):
        run([T2IAdapter(image=lines, model="absent")], adapters=beside_tiny)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("kind", "pose"),
        ("image", "lines.png"),
        ("preprocess", "yes"),
        ("guided", "yes"),
        ("scale", 2.1),
        ("scale", float("inf")),
        ("start", -0.1),
        ("stop", 1.1),
        ("mask", "mask.png"),
        ("model", 3),
    ],
)
def test_a_wrong_parameter_says_what_is_allowed(field, value):
    with pytest.raises(InvalidField) as caught:
        T2IAdapter(**{field: value})
    assert caught.value.field == f"t2i_adapter.{field}"
    assert caught.value.value is value
    assert caught.value.allowed
    assert caught.value.fix


@pytest.mark.parametrize("given", [{"kind": "depth"}, {"preprocess": False}])
def test_a_control_that_cannot_be_made_must_be_given(given):
    with pytest.raises(InvalidField) as caught:
        T2IAdapter(**given)
    assert caught.value.field == "t2i_adapter.image"
