"""Frames of a live session: strokes land where they were painted, and bad ones change nothing."""

import asyncio
import time

import numpy as np
import pytest

from retouch.client.raw_rows import raw_rows
from retouch.errors import InvalidField
from retouch.v1 import edit_pb2, image_pb2, live_pb2, mask_pb2
from retouch_daemon.front.live_canvas import LiveFrames, RawCanvas


@pytest.fixture
def frames(store):
    return LiveFrames(store, "host")


def dirty(x, y, width, height, pixels):
    rect = image_pb2.Rect(x=x, y=y, width=width, height=height)
    return live_pb2.DirtyRect(rect=rect, pixels=pixels)


def whole(store, pixels, frame=1):
    rows, layout = raw_rows(pixels)
    source = image_pb2.ImageRef(sha256=store.add(rows, "host").digest, raw=layout)
    edit = edit_pb2.EditRequest(canvas=edit_pb2.Canvas(source=source))
    edit.prompt.text = "a house"
    return live_pb2.LiveRequest(frame=frame, edit=edit)


def change(frame, **fields):
    return live_pb2.LiveRequest(frame=frame, change=live_pb2.LiveChange(**fields))


def state(frames):
    return asyncio.run(frames.request())


def take(frames, *requests):
    async def all_of_them():
        for request in requests:
            await frames.apply(request)

    asyncio.run(all_of_them())


@pytest.mark.parametrize("slow", ["paint", "snapshot"])
def test_a_large_canvas_stops_nobody_else(store, frames, monkeypatch, slow):
    """Painting and copying took the time of all calls of all clients."""
    done = getattr(RawCanvas, slow)
    monkeypatch.setattr(RawCanvas, slow, lambda *given: (time.sleep(1.0), done(*given))[1])

    async def scenario():
        turns, longest, last = 0, 0.0, time.monotonic()
        pixels = np.zeros((6, 8, 3), np.uint8)
        await frames.apply(whole(store, pixels))
        doing = asyncio.create_task(strokes())
        while not doing.done():
            await asyncio.sleep(0.01)
            now = time.monotonic()
            turns, longest, last = turns + 1, max(longest, now - last), now
        await doing
        return turns, longest

    async def strokes():
        await frames.apply(change(2, dirty=[dirty(1, 1, 2, 2, bytes(12))]))
        await frames.request()

    turns, longest = asyncio.run(scenario())
    assert turns > 10 and longest < 0.8


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32])
def test_strokes_land_where_they_were_painted(store, frames, dtype):
    pixels = np.zeros((6, 8, 3), dtype)
    stroke = np.arange(2 * 3 * 3).reshape(2, 3, 3).astype(dtype)
    take(
        frames,
        whole(store, pixels),
        change(2, dirty=[dirty(5, 4, 3, 2, stroke.tobytes())]),
        change(3, dirty=[dirty(0, 0, 1, 1, stroke[:1, :1].tobytes())]),
    )
    pixels[4:6, 5:8], pixels[0, 0] = stroke, stroke[0, 0]
    found = np.frombuffer(store.read(state(frames).canvas.source.sha256), dtype)
    assert (found.reshape(6, 8, 3) == pixels).all()


def test_rows_with_gaps_keep_their_gaps():
    layout = image_pb2.RawLayout(
        size=image_pb2.Size(width=2, height=2),
        channel_order=image_pb2.CHANNEL_ORDER_GRAY,
        sample_type=image_pb2.SAMPLE_TYPE_UINT8,
        row_stride_bytes=4,
    )
    canvas = RawCanvas(layout, bytes(6))
    canvas.paint(dirty(1, 1, 1, 1, b"\x07"))
    assert canvas.snapshot() == b"\0\0\0\0\0\x07"


def test_what_a_change_does_not_name_stays(store, frames):
    first = whole(store, np.zeros((4, 4, 3), np.uint8))
    mask = mask_pb2.Mask(image=image_pb2.ImageRef(sha256="e" * 64))
    take(frames, first, change(2, mask=mask), change(3, prompt=edit_pb2.Prompt(text="a tree")))
    found = state(frames)
    assert (found.prompt.text, found.mask) == ("a tree", mask)
    assert found.canvas.source.sha256 == first.edit.canvas.source.sha256
    take(frames, change(4, no_mask=True))
    assert not state(frames).HasField("mask")


def test_a_new_canvas_forgets_the_strokes_on_the_old_one(store, frames):
    other = whole(store, np.full((4, 4, 3), 9, np.uint8)).edit.canvas.source
    take(
        frames,
        whole(store, np.zeros((4, 4, 3), np.uint8)),
        change(2, dirty=[dirty(0, 0, 1, 1, b"abc")]),
        change(3, source=other),
    )
    assert state(frames).canvas.source.sha256 == other.sha256


@pytest.mark.parametrize(
    ("request_of", "path"),
    [
        (lambda: change(2, dirty=[dirty(3, 3, 2, 1, b"abcdef")]), "change.dirty[0].rect"),
        (lambda: change(2, dirty=[dirty(-1, 0, 1, 1, b"abc")]), "change.dirty[0].rect"),
        (lambda: change(2, dirty=[dirty(0, 0, 0, 1, b"")]), "change.dirty[0].rect"),
        (lambda: change(2, dirty=[dirty(0, 0, 1, 1, b"ab")]), "change.dirty[0].pixels"),
        (lambda: change(1), "frame"),
        (lambda: live_pb2.LiveRequest(frame=2), "content"),
        (lambda: change(2, mask=mask_pb2.Mask(), no_mask=True), "change.no_mask"),
    ],
)
def test_a_frame_that_cannot_be_used_changes_nothing(store, frames, request_of, path):
    take(frames, whole(store, np.zeros((4, 4, 3), np.uint8)))
    before = state(frames)
    with pytest.raises(InvalidField) as caught:
        take(frames, request_of())
    assert caught.value.field == path and caught.value.fix
    assert state(frames) == before


def test_of_several_rectangles_none_is_painted_where_one_is_bad(store, frames):
    take(frames, whole(store, np.zeros((4, 4, 3), np.uint8)))
    good, bad = dirty(0, 0, 1, 1, b"abc"), dirty(9, 9, 1, 1, b"abc")
    with pytest.raises(InvalidField):
        take(frames, change(2, dirty=[good, bad]))
    take(frames, change(3, dirty=[dirty(1, 1, 1, 1, b"xyz")]))
    found = store.read(state(frames).canvas.source.sha256)
    assert found[:3] == b"\0\0\0" and found[15:18] == b"xyz"


def test_a_file_cannot_be_painted_on(store, frames):
    file = image_pb2.ImageRef(sha256=store.add(b"file", "host").digest)
    edit = edit_pb2.EditRequest(canvas=edit_pb2.Canvas(source=file))
    take(frames, live_pb2.LiveRequest(frame=1, edit=edit))
    with pytest.raises(InvalidField, match="raw rows"):
        take(frames, change(2, dirty=[dirty(0, 0, 1, 1, b"abc")]))


def test_a_live_edit_makes_one_variant(frames):
    edit = edit_pb2.EditRequest(output=edit_pb2.Output(count=2))
    with pytest.raises(InvalidField, match=r"output\.count"):
        take(frames, live_pb2.LiveRequest(frame=1, edit=edit))
