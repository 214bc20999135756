"""The form of results is the client's choice, and every form is marked."""

import io
import sqlite3

import cv2
import imagecodecs
import numpy as np
import pytest
from PIL import Image as Pillow

from retouch.errors import InvalidField
from retouch.imaging.decode import read_image
from retouch.imaging.image import Image
from retouch.v1 import image_pb2, trust_pb2
from retouch_plugins.sdedit import SDEdit

SHORT = {"prompt": "a red house", "operations": [SDEdit(strength=0.6)], "steps": 4}
ADOBE = imagecodecs.cms_profile("adobergb")


def decoded(data):
    return cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)


@pytest.mark.parametrize(
    ("depth", "media_type", "kind"),
    [
        ("uint16", "image/png", np.uint16),
        ("float32", "image/tiff", np.float32),
        ("uint8", "image/jpeg", np.uint8),
    ],
)
def test_a_result_has_the_depth_that_was_asked_for_and_its_mark(
    client, house, depth, media_type, kind
):
    (found,) = client.edit(house, **SHORT, depth=depth, media_type=media_type)
    assert decoded(found.composite).dtype == kind
    said = client.verify(found.composite)
    assert said.intact and said.marks[0].claim == trust_pb2.MARK_CLAIM_AUTHENTIC
    assert said.marks[0].record == found.receipt


def test_a_deep_result_is_finer_than_its_source(client, house):
    (found,) = client.edit(house, **SHORT, depth="uint16")
    values = decoded(found.composite)
    assert (values % 257 != 0).any(), "not an 8-bit picture made wider"


def test_a_result_has_the_profile_that_was_asked_for(client, house):
    strength = np.zeros((128, 128), np.uint8)
    strength[:, :64] = 255
    mask = io.BytesIO()
    Pillow.fromarray(strength).save(mask, "PNG")
    (found,) = client.edit(house, prompt="a tree", mask=mask.getvalue(), steps=4, profile=ADOBE)
    picture = Pillow.open(io.BytesIO(found.composite))
    assert picture.info["icc_profile"] == ADOBE
    source = Image(read_image(house).pixels)
    shown = np.asarray(picture.convert("RGB"))[:, 70:].astype(int)
    kept = imagecodecs.cms_transform(
        np.ascontiguousarray(source.pixels), imagecodecs.cms_profile("srgb"), ADOBE,
        colorspace="rgb", outcolorspace="rgb",
    )  # fmt: skip
    assert np.abs(shown - kept[:, 70:].astype(int)).max() <= 2, "where nothing is edited"


def test_raw_rows_come_in_the_order_of_the_host(client, house):
    message = client.message(house, **SHORT, media_type="application/octet-stream")
    message.output.channel_order = image_pb2.CHANNEL_ORDER_BGRA
    (result,) = (
        event.result
        for event in client.watch(client.submit(message))
        if event.WhichOneof("event") == "result"
    )
    raw = result.composited.raw
    assert raw.channel_order == image_pb2.CHANNEL_ORDER_BGRA
    rows = client.fetch(result.composited.sha256)
    shown = np.frombuffer(rows, np.uint8).reshape(raw.size.height, raw.size.width, 4)
    assert (shown[..., 3] == 255).all()
    red_sky = read_image(house).pixels[:20].astype(int).mean((0, 1))
    assert np.abs(shown[:20, :, 2::-1].mean((0, 1)) - red_sky).max() < 90


def test_the_working_size_is_the_clients_choice(client, house):
    message = client.message(house, **SHORT, working_size=96)
    plan = client.plan(message)
    assert (plan.working_size.width, plan.working_size.height) == (96, 96)
    assert client.plan(client.message(house, **SHORT)).working_size.width == 128
    (found,) = client.results(client.submit(message))
    assert decoded(found.composite).shape[:2] == (128, 128)


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"depth": "float32"}, "media_type"),
        ({"media_type": "image/jpeg", "output": "patch"}, "media_type"),
        ({"working_size": 100_000}, "working_size"),
        ({"working_size": 1000}, "working_size"),
        ({"profile": b"noise" * 50}, "profile"),
    ],
)
def test_a_form_that_cannot_be_is_one_clear_error(client, house, settings, words):
    with pytest.raises(InvalidField, match=words):
        client.edit(house, **SHORT | settings)


def test_previews_are_as_small_as_was_asked_for(client, house):
    message = client.message(house, **SHORT | {"steps": 12}, preview_steps=2, preview_side=64)
    shown = [
        event.preview
        for event in client.watch(client.submit(message))
        if event.WhichOneof("event") == "preview"
    ]
    assert shown
    raw, bounds = shown[-1].image.raw, shown[-1].bounds
    assert (raw.size.width, raw.size.height) == (64, 64)
    assert (bounds.width, bounds.height) == (128, 128), "on the canvas it is as large as ever"
    assert len(client.fetch(shown[-1].image.sha256)) == 64 * 64 * 4


def test_pictures_count_for_whoever_asked_for_them(served, house):
    with served.client("paying") as client:
        message = client.message(house, **SHORT)
        (result,) = (
            event.result
            for event in client.watch(client.submit(message))
            if event.WhichOneof("event") == "result"
        )
    database = sqlite3.connect(f"file:{served.folder / 'journal.sqlite'}?mode=ro", uri=True)
    asked = "SELECT client FROM blobs WHERE digest = ?"
    assert database.execute(asked, (result.composited.sha256,)).fetchone() == ("paying",)
    database.close()
