"""Frames of a live session: numbered upwards, strokes cut into pieces that fit."""

import numpy as np
import pytest

from retouch.client.edit_messages import edit_message
from retouch.client.live_messages import LiveMessages, missing_picture
from retouch.client.uploads import Uploads
from retouch.errors import InvalidField
from retouch.imaging.image import Image, Mask
from retouch.imaging.region import Size
from retouch.v1 import image_pb2, job_pb2, live_pb2
from retouch_plugins.sdedit import SDEdit

CANVAS = Image(np.zeros((16, 24, 3), np.uint8))


@pytest.fixture
def messages():
    uploads = Uploads()
    return LiveMessages(edit_message(uploads, CANVAS, prompt="a house"), uploads, 0.25)


def test_the_first_frame_is_the_whole_request(messages):
    first = messages.first()
    assert first.frame == 1 and first.edit.prompt.text == "a house"
    assert first.show_every.ToMilliseconds() == 250


def test_a_stroke_is_one_frame(messages):
    messages.first()
    (frame,) = messages.painted(3, 4, np.full((2, 5, 3), 7, np.uint8))
    (rect,) = frame.change.dirty
    assert frame.frame == 2 and rect.rect == image_pb2.Rect(x=3, y=4, width=5, height=2)
    assert rect.pixels == b"\x07" * 30


def test_a_part_of_a_larger_array_is_packed(messages):
    whole = np.arange(10 * 10 * 3, dtype=np.uint8).reshape(10, 10, 3)
    (frame,) = messages.painted(0, 0, whole[2:4, 3:5])
    assert frame.change.dirty[0].pixels == whole[2:4, 3:5].tobytes()


def test_a_large_stroke_is_cut_into_bands_and_frames(messages):
    stroke = np.random.default_rng(0).integers(0, 256, (1500, 1000, 3), dtype=np.uint8)
    frames = list(messages.painted(0, 0, stroke))
    rects = [rect for frame in frames for rect in frame.change.dirty]
    assert len(frames) == 2 and all(len(rect.pixels) <= 1 << 20 for rect in rects)
    assert all(frame.ByteSize() < 4 << 20 for frame in frames)
    assert b"".join(rect.pixels for rect in rects) == stroke.tobytes()
    tops = [rect.rect.y for rect in rects]
    assert tops == sorted(tops) and sum(rect.rect.height for rect in rects) == 1500
    assert [frame.frame for frame in frames] == [1, 2]


def test_only_what_has_changed_is_sent(messages):
    change = messages.changed(prompt="a tree").change
    assert change.prompt.text == "a tree" and not change.HasField("mask")
    change = messages.changed(operations=[SDEdit(strength=0.5)]).change
    assert len(change.operations) == 1 and not change.HasField("prompt")
    assert messages.changed(mask=Mask.full(Size(24, 16))).change.HasField("mask")


def test_a_file_cannot_be_painted_on():
    uploads = Uploads()
    messages = LiveMessages(edit_message(uploads, b"a file"), uploads)
    with pytest.raises(InvalidField, match="Image"):
        list(messages.painted(0, 0, np.zeros((1, 1, 3), np.uint8)))


def test_pictures_that_did_not_come_along_are_fetched():
    ref = image_pb2.ImageRef(sha256="a" * 64)
    preview = live_pb2.LiveResponse(preview=job_pb2.Preview(image=ref))
    assert missing_picture(preview) == "a" * 64
    whole = live_pb2.LiveResponse(result=job_pb2.Result(composited=ref))
    assert missing_picture(whole) == "a" * 64
    whole.data = b"here"
    assert missing_picture(whole) == ""
    assert missing_picture(live_pb2.LiveResponse(progress=job_pb2.Progress())) == ""
