"""The small HTTP server: what it shows to whom, and that nobody can hold it up."""

import asyncio
import json
import stat
import tempfile
from pathlib import Path

import pytest

from retouch_daemon.front import status_page
from retouch_daemon.front.status_page import Pages, StatusPage, Visitors

TOKEN = "right"
BEARER = "Authorization: Bearer right"


async def shown():
    return {"state": "serving", "text": "ä"}


PAGES = Pages(shown, lambda status: b"retouch_up 1\n")


def visited(scenario, who=None):
    """Run a scenario with the port of a page on loopback."""

    async def run():
        page = StatusPage(PAGES)
        visitors = who or Visitors.of_address("127.0.0.1:0", TOKEN, loopback=True)
        port = await page.listen("127.0.0.1:0", visitors, None)
        try:
            async with asyncio.timeout(20):
                return await scenario(port)
        finally:
            await page.close()

    return asyncio.run(run())


async def sent(port, text):
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(text.encode())
    try:
        answer = await reader.read()
    except ConnectionResetError:  # it was closed with what we sent unread
        answer = b""
    writer.close()
    head, _, body = answer.partition(b"\r\n\r\n")
    return int(head.split()[1]) if head else 0, head.decode(), body


def get(path, *headers, host="127.0.0.1:7861", method="GET"):
    return "\r\n".join((f"{method} {path} HTTP/1.1", f"Host: {host}", *headers, "", ""))


def asked(*requests, who=None):
    async def scenario(port):
        return [await sent(port, request) for request in requests]

    return visited(scenario, who)


def test_metrics_are_open_on_loopback_and_the_status_is_not():
    metrics, closed, wrong, status = asked(
        get("/metrics"),
        get("/status.json"),
        get("/status.json", "Authorization: Bearer wrong"),
        get("/status.json", BEARER),
    )
    assert metrics[0] == 200 and metrics[2] == b"retouch_up 1\n"
    assert "text/plain; version=" in metrics[1]
    assert (closed[0], wrong[0]) == (401, 401)
    assert status[0] == 200 and json.loads(status[2]) == {"state": "serving", "text": "ä"}
    assert "no-store" in status[1] and "nosniff" in status[1]


def test_from_other_machines_everything_needs_the_token():
    who = Visitors.of_address("0.0.0.0:7861", TOKEN, loopback=False)
    found = asked(get("/metrics"), get("/metrics", BEARER), get("/healthz"), who=who)
    assert [each[0] for each in found] == [401, 200, 200]


@pytest.mark.parametrize(
    ("host", "code"),
    [
        ("127.0.0.1:7861", 200),
        ("localhost", 200),
        ("[::1]:7861", 200),
        ("evil.example:7861", 421),
        ("127.0.0.1.evil.example", 421),
        ("localhost.evil.example", 421),
        ("", 421),
    ],
)
def test_a_web_page_that_points_its_name_here_sees_nothing(host, code):
    ((found, _, body),) = asked(get("/metrics", host=host))
    assert found == code
    assert (b"retouch_up" in body) == (code == 200)


@pytest.mark.parametrize(
    ("request_text", "code"),
    [
        (get("/metrics", method="POST"), 405),
        (get("/"), 404),
        (get("/../token"), 404),
        (get("/metrics?x=1"), 200),
        ("nonsense\r\n\r\n", 400),
        ("GET /metrics HTTP/1.1\r\n\r\n", 400),
        ("GET /metrics HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", 400),
        (get("/metrics", "X: " + "y" * 20_000), 431),
    ],
)
def test_other_requests_are_refused(request_text, code):
    assert asked(request_text)[0][0] == code


def test_a_head_has_no_body():
    ((code, head, body),) = asked(get("/metrics", method="HEAD"))
    assert (code, body) == (200, b"")
    assert "content-length: 13" in head.lower()


def test_who_sends_slowly_is_left_and_the_others_are_served(monkeypatch):
    monkeypatch.setattr(status_page, "PATIENCE", 1.5)
    monkeypatch.setattr(status_page, "MOST_OPEN", 3)

    async def scenario(port):
        slow = [await asyncio.open_connection("127.0.0.1", port) for _ in range(3)]
        for _, writer in slow:
            writer.write(b"GET /metr")
            await writer.drain()
        await asyncio.sleep(0.05)
        too_many = await sent(port, get("/metrics"))
        ends = [await reader.read() for reader, _ in slow]
        for _, writer in slow:
            writer.close()
        return too_many[0], ends, (await sent(port, get("/metrics")))[0]

    assert visited(scenario) == (0, [b"", b"", b""], 200)


def test_a_page_that_fails_harms_only_its_visitor():
    async def broken():
        raise RuntimeError("no status")

    async def run():
        page = StatusPage(Pages(broken, lambda status: b""))
        port = await page.listen("127.0.0.1:0", Visitors(), None)
        found = [(await sent(port, get("/metrics")))[0] for _ in range(2)]
        await page.close()
        return found

    assert asyncio.run(run()) == [0, 0]


def test_the_socket_is_this_users_alone_and_asks_for_nothing():
    async def run(folder):
        page = StatusPage(PAGES)
        path = Path(folder) / "status"
        path.write_text("left by a daemon that was killed")
        await page.listen_here(path)
        mode = stat.S_IMODE(path.stat().st_mode)
        reader, writer = await asyncio.open_unix_connection(path)
        writer.write(get("/status.json", host="x").encode())
        answer = await reader.read()
        writer.close()
        await page.close()
        return mode, answer

    with tempfile.TemporaryDirectory() as folder:
        mode, answer = asyncio.run(run(folder))
    assert mode == 0o600
    assert answer.startswith(b"HTTP/1.1 200")
