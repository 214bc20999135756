import numpy as np
import pytest
import torch
from PIL import Image as Pillow

from retouch.denoiser import AttentionPlace
from retouch.errors import InvalidField, ModelMissing
from retouch.imaging.image import Image, Mask
from retouch.models.attention import attention_places
from retouch.models.model import Model
from retouch.testing.checkpoints import tiny_sd
from retouch_plugins.guidance import Guidance
from retouch_plugins.ip_adapter import IPAdapter, layers_of

LEFT = Mask(np.repeat([[1.0, 0.0]], 32, axis=1).repeat(64, axis=0))
RIGHT = Mask(1.0 - LEFT.strength)


@pytest.fixture
def theirs(same, parts, beside):
    """diffusers' own pipeline with an adapter loaded into its network."""
    from diffusers import StableDiffusionPipeline

    made = []

    def theirs(kind="base", scale=0.7):
        pipeline = StableDiffusionPipeline(**parts(same))
        load(pipeline, beside.folder / kind, scale)
        made.append(pipeline)
        return pipeline

    yield theirs
    for pipeline in made:
        pipeline.unload_ip_adapter()


def load(pipeline, folder, scale):
    pipeline.load_ip_adapter(
        str(folder), subfolder="", weight_name="ip-adapter.safetensors", local_files_only=True
    )
    pipeline.set_ip_adapter_scale(scale)


def pillow(image):
    return Pillow.fromarray(np.asarray(image.pixels))


def check(found, expected, without):
    difference, effect = (found - expected).abs().max(), (found - without).abs().max()
    print(f"difference {difference:.1e}, effect {effect:.2f}")
    assert difference < 1e-4
    assert effect > 0.1


GUIDED = Guidance(scale=7.5)


@pytest.mark.parametrize("kind", ["base", "plus"])
@pytest.mark.parametrize("count", [1, 2])
def test_it_is_diffusers_ip_adapter(run, deep, beside, theirs, ask, references, kind, count):
    """From the same files; two references are one longer list of tokens."""
    images = references[:count]
    given = [pillow(image) for image in images]
    expected = ask(theirs(kind), height=64, width=64, ip_adapter_image=[given])
    operation = IPAdapter(images=images, scale=0.7, model=kind)
    found = run([GUIDED, operation], deep, beside.adapters)
    check(found, expected, run([GUIDED], deep))


def test_regions_are_diffusers_masks(run, deep, beside, theirs, ask, references):
    """One operation per reference, each in its own half."""
    from diffusers.image_processor import IPAdapterMaskProcessor

    masks = [Pillow.fromarray((m.strength * 255).astype(np.uint8)) for m in (LEFT, RIGHT)]
    planes = IPAdapterMaskProcessor().preprocess(masks, height=64, width=64)
    more = {"ip_adapter_masks": [planes.reshape(1, 2, 64, 64)]}
    expected = ask(
        theirs(),
        height=64,
        width=64,
        ip_adapter_image=[[pillow(image) for image in references[:2]]],
        cross_attention_kwargs=more,
    )
    halves = [
        IPAdapter(images=(image,), scale=0.7, mask=mask)
        for image, mask in zip(references, (LEFT, RIGHT), strict=False)
    ]
    found = run([GUIDED, *halves], deep, beside.adapters)
    check(found, expected, run([GUIDED, halves[0]], deep, beside.adapters))


@pytest.mark.parametrize(
    ("group", "places"),
    [("style", {"up": {"block_1": 0.7}}), ("composition", {"down": {"block_2": 0.7}})],
)
def test_layer_groups_are_diffusers_blocks(
    run, deep, beside, theirs, ask, references, group, places
):
    given = [pillow(references[0])]
    expected = ask(theirs(scale=places), height=64, width=64, ip_adapter_image=given)
    operation = IPAdapter(images=references[:1], scale=0.7, layers=group)
    found = run([GUIDED, operation], deep, beside.adapters)
    check(found, expected, run([GUIDED], deep))


def test_a_window_is_a_scale_that_ends(run, deep, beside, theirs, ask, references):
    def end(pipeline, step, time, tensors):
        if step == 3:
            pipeline.set_ip_adapter_scale(0.0)
        return tensors

    more = {"ip_adapter_image": [pillow(references[0])], "callback_on_step_end": end}
    expected = ask(theirs(), height=64, width=64, **more)
    operation = IPAdapter(images=references[:1], scale=0.7, stop=0.5)
    found = run([GUIDED, operation], deep, beside.adapters)
    check(found, expected, run([GUIDED], deep))


@pytest.mark.parametrize(
    "off",
    [
        {"scale": 0.0},
        {"start": 0.5, "stop": 0.5},
        {"weights": (0.0,)},
        {"mask": Mask(np.zeros((64, 64), np.float32))},
    ],
)
def test_off_is_exactly_off(run, beside_tiny, references, off):
    found = run([Guidance(), IPAdapter(images=references[:1], **off)], adapters=beside_tiny)
    assert run.edit.condition.image_prompts == ()
    assert torch.equal(found, run([Guidance()]))


def test_equal_weights_are_a_scale(run, beside_tiny, references):
    def with_weights(weights, scale):
        operation = IPAdapter(images=references[:2], weights=weights, scale=scale)
        return run([Guidance(), operation], adapters=beside_tiny)

    plain = with_weights(None, 0.8)
    assert torch.equal(with_weights((1.0, 1.0), 0.8), plain)
    assert torch.allclose(with_weights((0.5, 0.5), 1.6), plain, atol=1e-4)
    assert (with_weights((1.0, 0.2), 0.8) - plain).abs().max() > 0.1


def test_weight_0_leaves_a_reference_out(run, beside_tiny, references):
    two = IPAdapter(images=references[:2], weights=(0.0, 1.0))
    one = IPAdapter(images=references[1:2])
    found = run([Guidance(), two], adapters=beside_tiny)
    assert torch.equal(found, run([Guidance(), one], adapters=beside_tiny))


def test_a_mask_of_ones_is_no_mask(run, beside_tiny, references):
    mask = Mask(np.ones((24, 40), np.float32))
    found = run([Guidance(), IPAdapter(images=references[:1], mask=mask)], adapters=beside_tiny)
    plain = run([Guidance(), IPAdapter(images=references[:1])], adapters=beside_tiny)
    assert torch.allclose(found, plain, atol=1e-4)


def test_several_add_up_in_any_order(run, beside_tiny, references):
    first = IPAdapter(images=references[:1], scale=0.4)
    second = IPAdapter(images=references[1:2], scale=0.8, model="plus", stop=0.5)
    both = run([Guidance(), first, second], adapters=beside_tiny)
    other = run([second, Guidance(), first], adapters=beside_tiny)
    assert torch.allclose(both, other, atol=1e-3)  # sums in another order, of about 15
    for alone in (first, second):
        assert (run([Guidance(), alone], adapters=beside_tiny) - both).abs().max() > 0.1


def test_only_the_branch_without_the_prompt_gets_no_picture(run, beside_tiny, references):
    operation = IPAdapter(images=references[:2])
    run([Guidance(), operation], adapters=beside_tiny)
    full = run.edit.condition
    without = full
    for drop in run.edit.deltas["prompt"].drops:
        without = drop(without)
    adapter = beside_tiny.ip_adapter(None, None)
    blank = adapter.embed_nothing(2).reshape(1, 8, -1)
    assert torch.equal(without.image_prompts[0].tokens, blank)
    assert not torch.equal(full.image_prompts[0].tokens, blank)


def test_every_reference_is_encoded_once(run, beside_tiny, references, monkeypatch):
    adapter = beside_tiny.ip_adapter(None, None)
    seen = []
    encode = type(adapter.image_encoder).forward

    def counted(self, *positional, **named):
        seen.append(1)
        return encode(self, *positional, **named)

    monkeypatch.setattr(type(adapter.image_encoder), "forward", counted)
    run([Guidance(), IPAdapter(images=references)], adapters=beside_tiny)
    assert len(seen) == 3


def test_the_network_is_left_as_it_was(run, beside_tiny, references):
    before = run([Guidance()])
    run([Guidance(), IPAdapter(images=references[:1])], adapters=beside_tiny)
    assert torch.equal(run([Guidance()]), before)


def test_it_runs_in_bfloat16_beside_full_precision_weights(run, beside_tiny, references):
    model = Model(tiny_sd(), dtype=torch.bfloat16)
    operation = IPAdapter(images=references[:2], weights=(1.0, 0.5))
    found = run([Guidance(), operation], model, beside_tiny)
    assert found.isfinite().all()
    assert (found - run([Guidance()], model)).abs().max() > 0.1


def test_deep_and_wide_documents_serve_as_references(run, beside_tiny):
    wide = np.linspace(0, 65535, 20 * 50 * 3).reshape(20, 50, 3).astype(np.uint16)
    bright = np.full((40, 33, 3), 4.0, np.float32)
    operation = IPAdapter(images=(Image(wide), Image(bright)))
    assert run([Guidance(), operation], adapters=beside_tiny).isfinite().all()


def places_of(counts):
    """Places of a network from cross-attention layers per block."""
    names = []
    for part in ("down", "up", "mid"):
        for block, count in enumerate(counts[part]):
            where = "mid_block" if part == "mid" else f"{part}_blocks.{block}"
            for layer in range(count):
                names += [f"{where}.{layer}.attn{kind}.processor" for kind in (1, 2)]
    return attention_places(names)


SD = {"down": (2, 2, 2, 0), "up": (0, 3, 3, 3), "mid": (1,)}
XL = {"down": (0, 4, 20), "up": (30, 6, 0), "mid": (10,)}


@pytest.mark.parametrize(
    ("network", "group", "part", "block", "layers"),
    [
        (SD, "style", "up", 1, range(3)),
        (SD, "composition", "down", 2, range(2)),
        (XL, "style", "up", 0, range(10, 20)),
        (XL, "composition", "down", 2, range(10, 20)),
    ],
)
def test_layer_groups_of_the_published_networks(network, group, part, block, layers):
    places = places_of(network)
    cross = {p.index: p for p in places if p.kind == "cross"}
    found = [cross[index] for index in sorted(layers_of(group, places))]
    assert {(p.part, p.block) for p in found} == {(part, block)}
    assert [p.layer for p in found] == list(layers)
    assert layers_of("full", places) == set(cross)


def test_a_network_without_up_blocks_has_no_style_layers():
    place = AttentionPlace("cross", "mid", 0, 0, 0)
    assert layers_of("style", [place]) == frozenset()


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("images", ()),
        ("images", "cat.png"),
        ("images", 17),
        ("weights", (1.0,)),
        ("weights", (1.0, 11.0)),
        ("weights", (1.0, float("nan"))),
        ("scale", 2.1),
        ("scale", -0.1),
        ("layers", "colour"),
        ("start", -1.0),
        ("stop", 1.1),
        ("mask", "mask.png"),
        ("model", 3),
    ],
)
def test_a_wrong_parameter_says_what_is_allowed(references, field, value):
    value = references[:1] * value if field == "images" and value == 17 else value
    with pytest.raises(InvalidField) as caught:
        IPAdapter(**({"images": references[:2]} | {field: value}))
    assert caught.value.field.startswith(f"ip_adapter.{field}")
    assert caught.value.allowed
    assert caught.value.fix


def test_a_missing_adapter_says_how_to_get_one(run, beside_tiny, references):
    operation = IPAdapter(images=references[:1], model="absent")
    with pytest.raises(ModelMissing, match=r"absent.*retouch models add"):
        run([operation], adapters=beside_tiny)
