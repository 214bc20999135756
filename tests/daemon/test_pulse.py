"""Signs of life come from a loop that comes round, not from one that is stuck."""

import socket
import time

import pytest

from retouch_daemon.link.blocking import BlockingLink
from retouch_daemon.link.pulse import Pulse


@pytest.fixture
def clock():
    return [0.0]


@pytest.fixture
def pulse(clock):
    return Pulse(5.0, lambda: clock[0])


def test_a_step_may_take_its_time_and_no_longer(pulse, clock):
    pulse.step()
    clock[0] = 5.0
    assert pulse.beats
    clock[0] = 5.1
    assert not pulse.beats
    pulse.step()
    assert pulse.beats


def test_rest_may_last(pulse, clock):
    assert pulse.beats
    pulse.step()
    pulse.rest()
    clock[0] = 1e9
    assert pulse.beats


def test_no_sign_of_life_comes_of_a_stuck_loop():
    ours, theirs = socket.socketpair()
    pulse = Pulse(1.0)
    with ours, theirs:
        link = BlockingLink(ours)
        pulse.step()
        BlockingLink(theirs).beat(0.02, pulse=pulse)
        assert link.receive().kind == "beat"
        time.sleep(1.2)
        ours.setblocking(False)
        while ours.recv(1 << 16, socket.MSG_PEEK):  # what came while it was moving
            ours.recv(1 << 16)
            time.sleep(0.1)
            try:
                ours.recv(1, socket.MSG_PEEK)
            except BlockingIOError:
                break
        with pytest.raises(BlockingIOError):
            ours.recv(1)
        pulse.step()
        ours.setblocking(True)
        assert link.receive().kind == "beat"
