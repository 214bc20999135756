"""What systemd is told, over a socket like its own."""

import asyncio
import os
import socket
import tempfile
import time
from pathlib import Path

import pytest

from retouch_daemon.front.service_notices import ServiceNotices


@pytest.fixture
def manager():
    """Where notices go, and the variables that say so."""
    with (
        tempfile.TemporaryDirectory() as folder,
        socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listener,
    ):
        path = Path(folder) / "notify"
        listener.bind(str(path))
        listener.settimeout(30)
        yield listener, {"NOTIFY_SOCKET": str(path)}


def test_it_is_said_word_for_word(manager):
    listener, environment = manager
    assert ServiceNotices(environment).say(READY=1, STATUS="serving")
    assert listener.recv(100) == b"READY=1\nSTATUS=serving"


def test_elsewhere_nothing_is_said():
    notices = ServiceNotices({})
    assert not notices.say(READY=1)
    assert notices.pause is None
    asyncio.run(asyncio.wait_for(notices.watchdog(), 20))


def test_a_manager_that_is_gone_is_no_trouble(tmp_path):
    assert not ServiceNotices({"NOTIFY_SOCKET": str(tmp_path / "gone")}).say(READY=1)


def test_a_manager_that_does_not_read_stops_nobody(manager):
    listener, environment = manager
    notices = ServiceNotices(environment)
    assert not all(notices.say(WATCHDOG=1) for _ in range(5000))

    async def insist():
        said = asyncio.create_task(notices.insist(READY=1))
        await asyncio.sleep(0)
        assert not said.done()
        listener.setblocking(False)
        last = b""
        while not said.done():
            try:
                last = listener.recv(100)
            except BlockingIOError:
                await asyncio.sleep(0.05)
        return last if last == b"READY=1" else listener.recv(100)

    assert asyncio.run(asyncio.wait_for(insist(), 60)) == b"READY=1"


@pytest.mark.skipif(not Path("/proc/sys/kernel/ostype").exists(), reason="names of Linux")
def test_names_outside_of_the_file_system_are_known():
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listener:
        listener.bind("\0retouch-tests")
        listener.settimeout(5)
        ServiceNotices({"NOTIFY_SOCKET": "@retouch-tests"}).say(STOPPING=1)
        assert listener.recv(100) == b"STOPPING=1"


def test_signs_of_life_come_twice_in_the_time(manager):
    listener, environment = manager
    notices = ServiceNotices(
        environment | {"WATCHDOG_USEC": "100000", "WATCHDOG_PID": str(os.getpid())}
    )
    assert notices.pause == pytest.approx(0.05)

    async def live():
        telling = asyncio.create_task(notices.watchdog())
        began = time.monotonic()
        for _ in range(5):  # one may come at once
            assert await asyncio.to_thread(listener.recv, 100) == b"WATCHDOG=1"
        telling.cancel()
        await asyncio.gather(telling, return_exceptions=True)
        return time.monotonic() - began

    assert asyncio.run(live()) > 4 * notices.pause - 0.02


@pytest.mark.parametrize(
    "given",
    [
        {"WATCHDOG_USEC": "x"},
        {"WATCHDOG_USEC": "0"},
        {"WATCHDOG_USEC": "9", "WATCHDOG_PID": "1"},
    ],
)
def test_no_sign_of_life_is_given_that_nobody_asked_for(given):
    assert ServiceNotices(given).pause is None
