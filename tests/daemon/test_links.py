"""The two ends of a link: nobody waits for ever for the other side, nor takes it for dead."""

import asyncio
import socket

import pytest

from retouch_daemon.link.blocking import BlockingLink
from retouch_daemon.link.frames import BrokenFrame, Frame, packed
from retouch_daemon.link.streams import StreamLink


def pair():
    ours, theirs = socket.socketpair()
    theirs.settimeout(10)
    return ours, theirs


def wire(frame):
    return packed(frame) + frame.payload


def test_sending_to_nobody_is_an_os_error():
    ours, theirs = pair()
    theirs.close()
    with ours, pytest.raises(OSError, match=r".+"):
        for _ in range(3):
            BlockingLink(ours).send(Frame("x", {}, b"x" * 1_000_000))


def test_sending_from_the_front_to_nobody_is_said():
    async def send():
        ours, theirs = pair()
        link = await StreamLink.over(ours)
        theirs.close()
        async with asyncio.timeout(10):
            while link.send(Frame("x", {}, b"x" * 100_000)):
                await asyncio.sleep(0)
            assert await link.receive() is None
        link.close()

    asyncio.run(send())


def test_the_front_never_waits_for_a_side_that_does_not_read():
    """Two that hand large frames on to each other cannot wait for each other."""

    async def send():
        ours, theirs = pair()
        link = await StreamLink.over(ours)
        sent = [link.send(Frame("x", {"n": n}, bytes(4_000_000))) for n in range(5)]
        assert all(sent) and link.waiting > 15_000_000
        reading = asyncio.to_thread(lambda: [BlockingLink(theirs).receive() for _ in range(5)])
        frames = await reading
        assert [frame.values["n"] for frame in frames] == list(range(5)) and link.waiting == 0
        link.close()
        theirs.close()

    asyncio.run(send())


def test_a_payload_of_a_kind_that_has_none_is_not_read():
    async def read():
        ours, theirs = pair()
        link = await StreamLink.over(ours, lambda kind: 10 if kind == "large" else 0)
        theirs.sendall(wire(Frame("large", {}, b"1234567890")) + wire(Frame("small")))
        assert [(await link.receive()).kind for _ in range(2)] == ["large", "small"]
        theirs.sendall(wire(Frame("small", {}, b"1")))
        with pytest.raises(BrokenFrame, match="small with 1 bytes; allowed: at most 0"):
            await link.receive()
        link.close()
        theirs.close()

    asyncio.run(read())


def test_every_piece_of_a_large_frame_is_a_sign_of_life():
    async def read():
        ours, theirs = pair()
        link = await StreamLink.over(ours)
        data = wire(Frame("x", {}, bytes(5_000_000)))
        receiving = asyncio.create_task(link.receive())
        await asyncio.to_thread(theirs.sendall, data[:3_500_000])
        while link.heard < 5:  # header, values, three pieces of a mebibyte
            await asyncio.sleep(0.01)
        assert not receiving.done()
        await asyncio.to_thread(theirs.sendall, data[3_500_000:])
        assert len((await receiving).payload) == 5_000_000
        link.close()
        theirs.close()

    asyncio.run(read())


def test_what_goes_with_a_beat_is_asked_for_every_time():
    ours, theirs = pair()
    counts = iter(range(9))
    BlockingLink(theirs).beat(0.01, lambda: {"n": next(counts)})
    link = BlockingLink(ours)
    assert [link.receive() for _ in range(3)] == [Frame("beat", {"n": n}) for n in range(3)]
    ours.close()
