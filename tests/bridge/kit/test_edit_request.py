"""What the daemon reads of a prepared request is what the host held."""

import numpy as np
import pytest

from retouch.imaging.image import Mask
from retouch_bridge.plugin_kit.edit_request import (
    Choices,
    OperationChoice,
    Picture,
    Snapshot,
    expansion_snapshot,
    prepare,
)
from retouch_bridge.plugin_kit.geometry import Rect, expansion

CROP = Rect(-7, 40, 33, 21)
DTYPES = {"UINT8": "<u1", "UINT16": "<u2", "FLOAT16": "<f2", "FLOAT32": "<f4"}
SDEDIT = (OperationChoice("sdedit", {"strength": 0.5}),)


def rows(sample_type, channels, crop=CROP):
    kind = np.dtype(DTYPES[sample_type])
    white = 1.0 if kind.kind == "f" else np.iinfo(kind).max
    levels = np.random.default_rng(1).random((crop.height, crop.width, channels)) * white
    return levels.astype(kind)


def picture(pixels, order, sample_type, **more):
    height, width = pixels.shape[:2]
    return Picture(pixels.tobytes(), width, height, order, sample_type, **more)


@pytest.mark.parametrize("sample_type", DTYPES)
@pytest.mark.parametrize("order", ["RGBA", "BGRA", "RGB", "GRAY_ALPHA"])
def test_pixels_of_every_form_are_read_as_they_are(read, sample_type, order):
    held = rows(sample_type, {"RGB": 3, "GRAY_ALPHA": 2}.get(order, 4))
    request = read(prepare(Snapshot(CROP, picture(held, order, sample_type)), Choices()))
    colours = {"BGRA": [2, 1, 0], "GRAY_ALPHA": [0, 0, 0]}.get(order, [0, 1, 2])
    kind = "<f4" if sample_type.startswith("FLOAT") else DTYPES[sample_type]
    assert np.array_equal(request.image.pixels, held[..., colours].astype(kind))
    if order != "RGB":
        assert np.array_equal(request.image.alpha, held[..., -1].astype(kind))
    assert request.output == "patch"


def test_rows_with_gaps_and_photoshops_white(read):
    held = rows("UINT16", 4) // 2
    padded = np.zeros((CROP.height, CROP.width * 8 + 24), np.uint8)
    padded[:, : CROP.width * 8] = held.view(np.uint8).reshape(CROP.height, -1)
    data = padded.tobytes()[:-24]  # the last row has no gap behind it
    stride = padded.shape[1]
    given = Picture(data, CROP.width, CROP.height, "RGBA", "UINT16", None, stride, 32768)
    found = read(prepare(Snapshot(CROP, given), Choices())).image
    wanted = np.minimum(np.rint(held[..., :3] * (65535 / 32768)), 65535)
    assert np.array_equal(found.pixels, wanted.astype(np.uint16))


def test_an_icc_profile_travels_with_the_pixels(read):
    profile = bytes(16) + b"RGB " + bytes(16) + b"acsp" + bytes(88)
    held = picture(rows("UINT16", 4), "RGBA", "UINT16", profile=profile)
    prepared = prepare(Snapshot(CROP, held), Choices())
    assert read(prepared).image.icc == profile
    assert "colorProfile" not in prepared.request["output"]  # that is: as the source


@pytest.mark.parametrize("size", [(1, 1), (3, 1), (33, 21), (127, 65)])
def test_every_value_of_a_soft_mask_arrives(read, size):
    crop = Rect(5, -6, *size)
    values = np.random.default_rng(2).integers(0, 256, size[0] * size[1], dtype=np.uint8)
    held = picture(rows("UINT8", 4, crop), "BGRA", "UINT8")
    snapshot = Snapshot(crop, held, values.tobytes())
    mask = read(prepare(snapshot, Choices(feather=0))).mask
    assert np.allclose(mask.strength.ravel() * 255, values, atol=1e-4)
    assert np.array_equal(mask.strength.ravel() == 0, values == 0)


def test_a_rectangle_is_relative_to_the_crop_and_can_be_feathered(read):
    held = picture(rows("UINT8", 4), "RGBA", "UINT8")
    snapshot = Snapshot(CROP, held, selection=Rect(-5, 42, 10, 6))
    request = read(prepare(snapshot, Choices(operations=SDEDIT, feather=3)))
    assert request.mask.bbox() == Mask.rectangle(request.image.size, request.mask.bbox()).bbox()
    box = request.mask.bbox()
    assert (box.x, box.y, box.width, box.height) == (2, 2, 10, 6)
    assert request.feather == 3


def test_without_a_selection_filling_is_about_everything(read):
    held = picture(rows("UINT8", 4), "RGBA", "UINT8")
    filled = read(
        prepare(Snapshot(CROP, held), Choices(operations=(OperationChoice("soft_mask"),)))
    )
    assert filled.mask.strength.min() == 1
    assert read(prepare(Snapshot(CROP, held), Choices(operations=SDEDIT))).mask is None


def test_all_choices_arrive(read):
    reference = picture(rows("UINT8", 3, Rect(0, 0, 8, 9)), "RGB", "UINT8")
    operations = (
        OperationChoice("sdedit", {"strength": 0.25, "repeats": 2}),
        OperationChoice("ip_adapter", {"images": [reference, reference], "weights": [1, 0.5]}),
        OperationChoice("t2i_adapter", {"kind": "sketch", "image": reference, "stop": 0.5}),
        OperationChoice("prompt_to_prompt", {"source_prompt": "a cat", "words": {"dog": 1.5}}),
        OperationChoice("guidance", {"scale": 3.5, "rescale": None}),
    )
    chosen = Choices(
        prompt="a dog",
        negative="rain",
        model="retouch-mini",
        operations=operations,
        variants=3,
        seed=2**62,
        steps=7,
        sampler="euler",
        working_size=96,
    )
    found = read(prepare(Snapshot(CROP, picture(rows("UINT8", 4), "BGRA", "UINT8")), chosen))
    by_name = {each.name: each for each in found.operations}
    assert (found.prompt, found.negative_prompt, found.model) == ("a dog", "rain", "retouch-mini")
    assert (found.variants, found.seed, found.steps, found.sampler) == (3, 2**62, 7, "euler")
    assert found.working_size == 96
    assert (by_name["sdedit"].strength, by_name["sdedit"].repeats) == (0.25, 2)
    assert [image.size for image in by_name["ip_adapter"].images] == [(8, 9), (8, 9)]
    assert by_name["ip_adapter"].weights == (1, 0.5)
    assert (by_name["t2i_adapter"].kind, by_name["t2i_adapter"].stop) == ("sketch", 0.5)
    assert by_name["prompt_to_prompt"].words == {"dog": 1.5}
    assert by_name["guidance"].scale == 3.5


def test_an_operation_acts_only_where_its_mask_says(read):
    values = np.zeros((CROP.height, CROP.width), np.uint8)
    values[3:9, 4:8] = 200
    reference = picture(rows("UINT8", 3, Rect(0, 0, 8, 9)), "RGB", "UINT8")
    operations = (
        OperationChoice("ip_adapter", {"images": [reference], "mask": values.tobytes()}),
        OperationChoice("t2i_adapter", {"kind": "color", "mask": Rect(-5, 42, 10, 6)}),
    )
    held = picture(rows("UINT8", 4), "RGBA", "UINT8")
    found = read(prepare(Snapshot(CROP, held), Choices(operations=operations)))
    soft, rectangle = (each.mask.strength for each in found.operations)
    assert np.allclose(soft * 255, values, atol=1e-4)
    assert rectangle.sum() == 60 and rectangle[2:8, 2:12].min() == 1


def test_each_edit_has_a_name_of_its_own():
    held = picture(rows("UINT8", 4), "RGBA", "UINT8")
    names = {prepare(Snapshot(CROP, held), Choices()).request["clientJobId"] for _ in range(20)}
    assert len(names) == 20


def test_the_same_bytes_are_sent_once():
    held = picture(rows("UINT8", 4), "RGBA", "UINT8")
    twice = (OperationChoice("ip_adapter", {"images": [held, held]}),)
    assert len(prepare(Snapshot(CROP, held), Choices(operations=twice)).blobs) == 1


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        (lambda p: Snapshot(Rect(0, 0, 5, 5), p), "read the crop's rectangle"),
        (lambda p: Snapshot(CROP, p, bytes(10)), "one byte per pixel of the crop"),
        (lambda p: Snapshot(Rect(0, 0, 0, 5), p), "select a part"),
        (lambda p: Picture(p.data[1:], CROP.width, CROP.height), "read the same rectangle"),
        (lambda p: Picture(p.data, CROP.width, CROP.height, "ARGB"), "Fix: use GRAY"),
        (lambda p: Picture(p.data, CROP.width, CROP.height, "RGBA", "INT8"), "Fix: use UINT8"),
    ],
)
def test_what_does_not_fit_is_said_in_a_sentence(wrong, words):
    with pytest.raises(ValueError, match=words):
        wrong(picture(rows("UINT8", 4), "RGBA", "UINT8"))


def test_a_region_mask_of_another_size_is_said():
    held = picture(rows("UINT8", 4), "RGBA", "UINT8")
    chosen = Choices(operations=(OperationChoice("ip_adapter", {"mask": b"123"}),))
    with pytest.raises(ValueError, match=r"ip_adapter\.mask has 3 bytes"):
        prepare(Snapshot(CROP, held), chosen)


def test_expanding_a_canvas_mirrors_it_and_keeps_the_rest(read):
    canvas = rows("UINT16", 4, Rect(0, 0, 24, 16))
    plan = expansion((24, 16), left=6, bottom=5, overlap=2)
    part = plan.read
    held = canvas[part.y : part.bottom, part.x : part.right]
    snapshot = expansion_snapshot(plan, picture(held, "BGRA", "UINT16"))
    request = read(prepare(snapshot, Choices(operations=(OperationChoice("soft_mask"),))))
    rows_, columns = np.mgrid[plan.crop.y : plan.crop.bottom, plan.crop.x : plan.crop.right]
    old = (rows_ >= 0) & (rows_ < 16) & (columns >= 0) & (columns < 24)
    kept = (rows_ < 14) & (columns >= 2) & old
    assert np.array_equal(request.mask.strength == 0, kept)
    assert set(np.unique(request.mask.strength)) == {0, 1}
    mirrored = np.pad(canvas, ((0, 5), (6, 0), (0, 0)), mode="symmetric")
    assert np.array_equal(request.image.pixels, mirrored[..., [2, 1, 0]])


def test_expanding_with_another_rectangle_is_said():
    plan = expansion((24, 16), left=6)
    with pytest.raises(ValueError, match=f"{plan.read.width}x{plan.read.height} are needed"):
        expansion_snapshot(plan, picture(rows("UINT8", 4), "RGBA", "UINT8"))
