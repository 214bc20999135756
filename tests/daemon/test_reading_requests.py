"""A request's message becomes the request that the engine takes, or one clear error."""

import numpy as np
import pytest

from retouch.catalog import installed
from retouch.errors import CannotCombine, InvalidField, InvalidImage
from retouch.imaging.image import Mask
from retouch.imaging.region import Rect, Size
from retouch.request import MAX_SEED, EditRequest
from retouch.v1 import edit_pb2 as pb
from retouch.v1 import image_pb2, mask_pb2, operation_pb2, sampling_pb2
from retouch_daemon.reading.requests import read_request
from retouch_daemon.storage.errors import UnknownBlob
from retouch_daemon.storage.reading import checked_digest
from retouch_plugins.guidance import Guidance
from retouch_plugins.sdedit import SDEdit

CANVAS = Size(40, 30)
PIXELS = np.random.default_rng(0).integers(0, 256, (30, 40, 3), dtype=np.uint8)
STRENGTH = np.zeros((30, 40), np.uint8)
STRENGTH[10:20, 5:25] = 204
BLOBS = {"a" * 64: PIXELS.tobytes(), "b" * 64: STRENGTH.tobytes()}
UINT16, ROWS = image_pb2.SAMPLE_TYPE_UINT16, "application/octet-stream"
INCREMENT, LIST, RANDOM = sampling_pb2.SeedMode.values()[1:]


def ref(digit, order):
    raw = image_pb2.RawLayout(
        size=image_pb2.Size(width=40, height=30),
        channel_order=order,
        sample_type=image_pb2.SAMPLE_TYPE_UINT8,
    )
    return image_pb2.ImageRef(sha256=digit * 64, raw=raw)


def mask(**fields):
    return mask_pb2.Mask(
        image=ref("b", image_pb2.CHANNEL_ORDER_GRAY),
        polarity=mask_pb2.MASK_POLARITY_EDIT_WHITE,
        **fields,
    )


def message(*, canvas=None, **fields):
    source = ref("a", image_pb2.CHANNEL_ORDER_RGB)
    return pb.EditRequest(canvas=pb.Canvas(source=source, **canvas or {}), **fields)


def fetch(digest):
    if digest not in BLOBS:
        raise UnknownBlob(digest)
    return BLOBS[digest]


def read(**fields):
    return read_request(message(**fields), installed(), fetch)


def refused(path, error=InvalidField, **fields):
    with pytest.raises(InvalidField) as caught:
        read(**fields)
    assert type(caught.value) is error and caught.value.field == path
    assert caught.value.allowed and caught.value.fix
    return caught.value


def test_only_a_picture_gives_the_defaults():
    request, wanted = read(), EditRequest(image=read().image, output="patch")
    assert (request.image.pixels == PIXELS).all()
    for field in EditRequest.__dataclass_fields__:
        if field != "image":
            assert getattr(request, field) == getattr(wanted, field), field


def test_every_field_reaches_the_request():
    request = read(
        client_job_id="job",
        group="group",
        document_id="document",
        priority=pb.PRIORITY_CLASS_BATCH,
        canvas={"context": pb.ContextPolicy(padding_px=17)},
        mask=mask(feather_px=3.0),
        prompt=pb.Prompt(text="a dog", negative="blurry"),
        model="other",
        sampling=sampling_pb2.Sampling(sampler="euler", steps=9, seeds=[7], exact=True),
        operations=[
            operation_pb2.Operation(sdedit=operation_pb2.SDEdit(strength=0.5)),
            operation_pb2.Operation(guidance=operation_pb2.Guidance(scale=2.0), stop=0.5),
        ],
        output=pb.Output(count=3, delivery=pb.DELIVERY_BOTH, media_type="image/tiff"),
    )
    assert (request.prompt, request.negative_prompt) == ("a dog", "blurry")
    assert request.operations == (SDEdit(strength=0.5), Guidance(scale=2.0, stop=0.5))
    assert (request.mask.strength == STRENGTH / np.float32(255)).all()
    assert (request.region, request.feather, request.padding) == (None, 3, 17)
    assert (request.model, request.steps, request.sampler) == ("other", 9, "euler")
    assert (request.seed, request.variants, request.output) == (7, 3, "both")
    assert request.exact is True


@pytest.mark.parametrize(
    ("delivery", "output"),
    [
        (pb.DELIVERY_UNSPECIFIED, "patch"),
        (pb.DELIVERY_PATCH, "patch"),
        (pb.DELIVERY_COMPOSITED, "composite"),
        (pb.DELIVERY_BOTH, "both"),
    ],
)
def test_deliveries(delivery, output):
    assert read(output=pb.Output(delivery=delivery)).output == output


def test_a_request_without_a_picture_is_refused():
    with pytest.raises(InvalidImage) as caught:
        read_request(pb.EditRequest(), installed(), checked_digest)
    assert caught.value.field == "canvas.source.sha256"


# --- selection, mask and context ---------------------------------------------------------------


def rect(x, y, width, height):
    return image_pb2.Rect(x=x, y=y, width=width, height=height)


def test_a_selection_alone_is_the_region():
    request = read(canvas={"selection": rect(3, 4, 20, 10)})
    assert request.region == Rect(3, 4, 20, 10) and request.mask is None


def test_a_selection_cuts_the_mask():
    request = read(canvas={"selection": rect(0, 0, 15, 15)}, mask=mask())
    inside = Mask.rectangle(CANVAS, Rect(0, 0, 15, 15)).strength > 0
    assert request.region is None
    assert (request.mask.strength == np.where(inside, STRENGTH / np.float32(255), 0)).all()
    assert request.mask.bbox() == Rect(5, 10, 10, 5)


def test_a_selection_cuts_what_the_mask_has_grown():
    request = read(canvas={"selection": rect(0, 0, 30, 15)}, mask=mask(grow_px=3))
    assert request.mask.bbox() == Rect(2, 7, 26, 8)


@pytest.mark.parametrize(
    "selection", [rect(0, 0, 0, 5), rect(0, 0, 41, 30), rect(-1, 0, 5, 5), rect(90, 0, 5, 5)]
)
def test_a_selection_lies_in_the_picture(selection):
    refused("canvas.selection", canvas={"selection": selection})


def test_an_empty_selection_is_refused_with_a_mask_too():
    refused("canvas.selection", canvas={"selection": rect(3, 3, 4, 0)}, mask=mask())


def test_a_mask_that_cannot_be_read_has_its_path():
    refused("mask.image.sha256", InvalidImage, mask=mask_pb2.Mask(image={"sha256": "c" * 64}))
    refused("mask.feather_px", mask=mask(feather_px=4097))


SELECTED = {"selection": rect(3, 4, 20, 10)}


@pytest.mark.parametrize(
    ("policy", "alone", "with_selection", "with_mask"),
    [
        ({}, None, None, None),
        ({"padding_px": 0}, 0, 0, 0),
        ({"padding_px": 65536}, 65536, 65536, 65536),
        ({"padding_fraction": 0.0}, 0, 0, 0),
        ({"padding_fraction": 0.5}, 20, 10, 10),
        ({"padding_fraction": 4.0}, 160, 80, 80),
        ({"whole_canvas": True}, 65536, 65536, 65536),
        ({"whole_canvas": False}, None, None, None),
    ],
)
def test_context_policies(policy, alone, with_selection, with_mask):
    context = {"context": pb.ContextPolicy(**policy)}
    assert read(canvas=context).padding == alone
    assert read(canvas=context | SELECTED).padding == with_selection
    assert read(canvas=context, mask=mask()).padding == with_mask


@pytest.mark.parametrize(
    "policy",
    [
        *({"padding_fraction": value} for value in (-0.01, 4.01, np.nan, np.inf, -np.inf)),
        *({"padding_px": value} for value in (65537, 2**32 - 1)),
    ],
)
def test_context_out_of_range_is_refused(policy):
    context = {"context": pb.ContextPolicy(**policy)}
    refused(f"canvas.context.{next(iter(policy))}", canvas=context)


# --- seeds -------------------------------------------------------------------------------------


def seed(seeds=(), mode=0, count=0):
    sampling = sampling_pb2.Sampling(seeds=seeds, seed_mode=mode)
    return {"sampling": sampling, "output": pb.Output(count=count)}


@pytest.mark.parametrize("mode", [0, INCREMENT])
def test_seeds_count_up_from_the_first(mode):
    assert read(**seed(mode=mode, count=3)).seed == 0
    assert read(**seed([9], mode, 3)).seed == 9
    assert read(**seed([MAX_SEED], mode)).seed == MAX_SEED
    refused("sampling.seeds", **seed([1, 2], mode, 2))


@pytest.mark.parametrize("mode", [0, LIST])
def test_a_seed_out_of_range_is_refused(mode):
    refused("sampling.seeds", **seed([MAX_SEED + 1], mode))
    refused("sampling.seeds", **seed([2**64 - 1], mode))


def test_a_list_has_one_seed_per_variant_each_one_more():
    assert read(**seed([5], LIST)).seed == 5
    request = read(**seed([5, 6, 7], LIST, 3))
    assert (request.seed, request.variants) == (5, 3)
    for seeds in ([], [5], [5, 6, 7, 8], [5, 7, 9], [7, 6, 5], [5, 5, 5]):
        refused("sampling.seeds", **seed(seeds, LIST, 3))


def test_random_seeds_differ_and_leave_room_for_the_variants():
    found = {read(**seed(mode=RANDOM, count=16)).seed for _ in range(4)}
    assert len(found) == 4
    assert all(0 <= each <= MAX_SEED - 16 for each in found)
    refused("sampling.seeds", **seed([0], RANDOM))


@pytest.mark.parametrize("mode", [4, -1, 99])
def test_an_unknown_seed_mode_is_refused(mode):
    assert refused("sampling.seed_mode", **seed(mode=mode)).value == mode


@pytest.mark.parametrize("mode", [0, LIST, RANDOM])
@pytest.mark.parametrize("count", [17, 2**32 - 1])
def test_too_many_variants_are_refused_at_once(mode, count):
    refused("output.count", **seed(mode=mode, count=count))


# --- what is refused ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("path", "output"),
    [
        ("output.delivery", {"delivery": 4}),
        ("output.delivery", {"delivery": -1}),
        ("output.media_type", {"media_type": "image/jpeg"}),
        ("output.media_type", {"media_type": "PNG"}),
        ("output.sample_type", {"sample_type": image_pb2.SAMPLE_TYPE_FLOAT16}),
        ("output.media_type", {"sample_type": image_pb2.SAMPLE_TYPE_FLOAT32}),
        ("output.media_type", {"sample_type": UINT16, "media_type": "image/webp"}),
        ("output.sample_type", {"sample_type": 77}),
        ("output.channel_order", {"channel_order": image_pb2.CHANNEL_ORDER_BGRA}),
        ("output.color_profile.name", {"color_profile": image_pb2.ColorProfile(name="p3")}),
        (
            "output.channel_order",
            {"channel_order": image_pb2.CHANNEL_ORDER_RGB, "media_type": ROWS},
        ),
        ("output.preview.every_steps", {"preview": pb.PreviewPolicy(every_steps=1001)}),
        ("output.preview.max_side_px", {"preview": pb.PreviewPolicy(max_side_px=63)}),
        ("output.preview.max_side_px", {"preview": pb.PreviewPolicy(max_side_px=1025)}),
    ],
)
def test_an_output_that_cannot_be_made_is_refused(path, output):
    refused(path, output=pb.Output(**output))


@pytest.mark.parametrize("media_type", ["", "image/png", "image/webp", "image/tiff", ROWS])
def test_outputs_that_can_be_made(media_type):
    preview = pb.PreviewPolicy(every_steps=1000, max_side_px=1024)
    assert read(output=pb.Output(media_type=media_type, preview=preview)).variants == 1


@pytest.mark.parametrize(
    ("policy", "wanted"),
    [
        ({}, None),
        ({"long_side_px": 512}, 512),
        ({"size": image_pb2.Size(width=64, height=96)}, Size(64, 96)),
    ],
)
def test_a_working_size_is_the_clients_choice(policy, wanted):
    sized = {"working_size": pb.WorkingSizePolicy(**policy)}
    assert read(canvas=sized).working_size == wanted


def test_a_working_size_out_of_range_is_refused():
    for side in (0, 4097):
        sized = {"working_size": pb.WorkingSizePolicy(long_side_px=side)}
        refused("canvas.working_size", canvas=sized)


def test_the_depth_is_the_clients_choice_or_what_the_file_holds():
    assert read(output=pb.Output(sample_type=UINT16)).depth == "uint16"
    raw = pb.Output(sample_type=image_pb2.SAMPLE_TYPE_FLOAT32, media_type=ROWS)
    assert read(output=raw).depth == "float32"
    assert read(output=pb.Output(media_type="image/webp")).depth is None


def test_the_profile_is_the_clients_choice():
    output = pb.Output(color_profile=image_pb2.ColorProfile(name="srgb"))
    assert read(output=output).profile == "srgb"
    output.color_profile.icc_sha256 = "a" * 64
    refused("output.color_profile.icc_sha256", output=output)


def test_a_jpeg_is_a_whole_picture():
    output = pb.Output(media_type="image/jpeg", delivery=pb.DELIVERY_COMPOSITED)
    assert read(output=output).output == "composite"


def test_errors_of_operations_have_their_place_in_the_message():
    good = operation_pb2.Operation(guidance=operation_pb2.Guidance())
    bad = operation_pb2.Operation(sdedit=operation_pb2.SDEdit(strength=1.5))
    refused("operations[2].sdedit.strength", operations=[good, good, bad])
    refused("operations[1].technique", operations=[good, operation_pb2.Operation()])


def test_an_operation_twice_cannot_be_combined():
    twice = [operation_pb2.Operation(guidance=operation_pb2.Guidance())] * 2
    with pytest.raises(CannotCombine, match="guidance twice"):
        read(operations=twice)


def test_too_many_operations_are_refused_before_any_is_read():
    nothing = operation_pb2.Operation()
    assert refused("operations", operations=[nothing] * 33).value == 33
