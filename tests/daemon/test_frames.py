"""Frames between front and worker: round trips, and hostile bytes that neither hang nor harm."""

import asyncio
import json
import socket
import struct
import threading

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from retouch_daemon.link.blocking import CLOSED, BlockingLink, Inbox
from retouch_daemon.link.frames import (
    HEADER_BYTES,
    MOST_PAYLOAD,
    MOST_VALUES,
    BrokenFrame,
    Frame,
    lengths,
    packed,
    unpacked,
)
from retouch_daemon.link.streams import StreamLink

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=30)
VALUE = st.one_of(
    TEXT,
    st.integers(-(2**70), 2**70),
    st.floats(allow_nan=False),
    st.booleans(),
    st.none(),
    st.lists(TEXT, max_size=4),
)
NAMES = TEXT.filter(lambda name: name != "kind")
FRAMES = st.builds(Frame, TEXT, st.dictionaries(NAMES, VALUE, max_size=5), st.binary(max_size=4000))
QUICK = settings(max_examples=60, deadline=None)


def pair():
    ours, theirs = socket.socketpair()
    theirs.settimeout(10)
    return ours, theirs


def wire(frame):
    return packed(frame) + frame.payload


def raw(values, payload=b"", *, claimed=None):
    counts = claimed or (len(values), len(payload))
    return struct.pack(">IQ", *counts) + values + payload


def taken_by_front(*sent):
    """What the front reads of some bytes, up to the end."""

    async def read():
        ours, theirs = pair()
        link = await StreamLink.over(ours)
        sender = threading.Thread(target=lambda: (theirs.sendall(b"".join(sent)), theirs.close()))
        sender.start()
        found = []
        try:
            async with asyncio.timeout(10):
                while (frame := await link.receive()) is not None:
                    found.append(frame)
        finally:
            link.close()
            sender.join(10)
        return found

    return asyncio.run(read())


def taken_by_worker(*sent):
    ours, theirs = pair()
    with ours, theirs:
        ours.settimeout(10)
        sender = threading.Thread(
            target=lambda: (theirs.sendall(b"".join(sent)), theirs.shutdown(socket.SHUT_WR))
        )
        sender.start()
        link, found = BlockingLink(ours), []
        try:
            while (frame := link.receive()) is not CLOSED:
                found.append(frame)
        finally:
            ours.shutdown(socket.SHUT_RDWR)
            sender.join(10)
    return found


BOTH = pytest.mark.parametrize("taken", [taken_by_front, taken_by_worker])


@BOTH
@QUICK
@given(frames=st.lists(FRAMES, max_size=4))
def test_frames_arrive_as_they_were_sent(taken, frames):
    assert taken(*map(wire, frames)) == frames


@BOTH
@QUICK
@given(noise=st.binary(max_size=200), frame=FRAMES)
@example(noise=b"\0" * HEADER_BYTES, frame=Frame("x"))
@example(noise=b"\xff" * 300, frame=Frame("x"))
def test_noise_is_no_frame_or_the_end(taken, noise, frame):
    try:
        found = taken(wire(frame), noise)
    except BrokenFrame:
        return
    assert found[0] == frame


@BOTH
@QUICK
@given(data=st.data(), frame=FRAMES)
def test_what_is_cut_short_is_the_end(taken, data, frame):
    sent = wire(frame)
    assert taken(wire(frame), sent[: data.draw(st.integers(0, len(sent) - 1))]) == [frame]


@BOTH
@pytest.mark.parametrize(
    "values",
    [
        b"",
        b"{}",
        b"[]",
        b"null",
        b"1",
        b'"kind"',
        b'{"kind": 1}',
        b'{"kind": null}',
        b'{"kind": "x"',
        b"\xff\xfe\xfa",
        b'{"kind": "x", "n": ' + b"9" * 5000 + b"}",
        b"[" * 200_000,
        b'{"kind":' * 100_000,
    ],
    ids=lambda values: repr(values[:12]),
)
def test_what_is_no_frame_is_said(taken, values):
    with pytest.raises(BrokenFrame):
        taken(raw(values, b"payload"))


@BOTH
@pytest.mark.parametrize(
    "claimed", [(MOST_VALUES + 1, 0), (1, MOST_PAYLOAD + 1), (2**32 - 1, 0), (0, 2**64 - 1)]
)
def test_a_length_beyond_the_limits_is_refused_before_anything_is_read(taken, claimed):
    with pytest.raises(BrokenFrame, match=str(max(claimed))):
        taken(raw(b"", claimed=claimed))


def test_lengths_at_the_limits_are_allowed():
    assert lengths(struct.pack(">IQ", MOST_VALUES, MOST_PAYLOAD)) == (MOST_VALUES, MOST_PAYLOAD)


def test_values_cannot_change_the_kind():
    sent = packed(Frame("cancel", {"kind": "start"}))
    assert unpacked(sent[HEADER_BYTES:], b"").kind == "cancel"
    assert json.loads(sent[HEADER_BYTES:]) == {"kind": "cancel"}


def test_a_value_that_must_be_text_is_checked():
    assert Frame("x", {"a": "b"}).text("a") == "b"
    for values in ({}, {"a": 1}, {"a": None}, {"a": ["b"]}):
        with pytest.raises(BrokenFrame, match=r"x\.a"):
            Frame("x", values).text("a")


def test_both_ends_understand_each_other():
    """Large frames both ways at once, which no buffer between them can hold."""
    ours, theirs = pair()
    given = [Frame("blob", {"n": n}, bytes([n]) * 3_000_000) for n in range(3)]
    answers = []

    def work():
        with theirs:
            theirs.settimeout(20)
            link = BlockingLink(theirs)
            for _ in given:
                frame = link.receive()
                answers.append(frame)
                link.send(Frame("answer", frame.values, frame.payload[::-1]))
            answers.append(link.receive())

    async def serve():
        link = await StreamLink.over(ours)
        async with asyncio.timeout(20):
            assert all([link.send(frame) for frame in given])
            found = [await link.receive() for _ in given]
        link.close()
        link.close()
        return found

    worker = threading.Thread(target=work, daemon=True)
    worker.start()
    found = asyncio.run(serve())
    worker.join(20)
    assert answers == [*given, CLOSED]
    assert answers[-1] is CLOSED
    assert [(each.values["n"], len(each.payload)) for each in found] == [
        (n, 3_000_000) for n in range(3)
    ]


def test_threads_that_send_at_once_do_not_mix_their_frames():
    ours, theirs = pair()
    sending, receiving = BlockingLink(theirs), BlockingLink(ours)
    threads = [
        threading.Thread(
            target=lambda n=n: [sending.send(Frame(str(n), {}, b"%d" % n * 5000)) for _ in range(9)]
        )
        for n in range(4)
    ]
    with ours, theirs:
        ours.settimeout(10)
        for thread in threads:
            thread.start()
        for _ in range(36):
            frame = receiving.receive()
            assert frame.payload == frame.kind.encode() * 5000
        for thread in threads:
            thread.join(10)


@pytest.mark.parametrize("how", ["closed", "broken", "cut"])
def test_an_inbox_always_ends(how):
    """Whoever waits for the next command must not wait for ever."""
    ours, theirs = pair()
    inbox = Inbox(BlockingLink(ours))
    assert inbox.take(wait=False) is None
    theirs.sendall(wire(Frame("start", {"a": 1}, b"x")))
    assert inbox.take(wait=True) == Frame("start", {"a": 1}, b"x")
    if how == "broken":
        theirs.sendall(raw(b"no json"))
    elif how == "cut":
        theirs.sendall(wire(Frame("start", {}, b"payload"))[:-1])
        theirs.close()
    else:
        theirs.close()
    found = []
    waiting = threading.Thread(target=lambda: found.append(inbox.take(wait=True)), daemon=True)
    waiting.start()
    waiting.join(10)
    assert found == [CLOSED]
    ours.close()
    theirs.close()
