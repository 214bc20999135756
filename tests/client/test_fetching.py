"""Results of a daemon that is away just now: waited for, as while the job was followed."""

import asyncio

import pytest

from retouch.client import async_client, client
from retouch.client.async_client import AsyncClient
from retouch.client.client import Client
from retouch.client.failures import DaemonFailed

AWAY = DaemonFailed("no daemon answers", retryable=True)


@pytest.fixture(autouse=True)
def short_pauses(monkeypatch):
    for module in (client, async_client):
        monkeypatch.setattr(module, "PAUSE", 0.01)


def fetched(kind, patience, *answers):
    """What comes of fetching a blob, and how often it was tried."""
    tries, left = [], list(answers)

    def answer(sha256):
        tries.append(sha256)
        found = left.pop(0) if len(left) > 1 else left[0]
        if isinstance(found, Exception):
            raise found
        return found

    async def answer_later(sha256):
        return answer(sha256)

    made = kind.__new__(kind)
    made.patience = patience
    made.fetch = answer if kind is Client else answer_later
    try:
        found = made._fetched("digest")
        return (found if kind is Client else asyncio.run(found)), len(tries)
    except DaemonFailed as problem:
        return problem, len(tries)


@pytest.mark.parametrize("kind", [Client, AsyncClient])
def test_a_daemon_that_comes_back_gives_what_it_has_kept(kind):
    assert fetched(kind, 1.0, AWAY, AWAY, b"picture") == (b"picture", 3)


@pytest.mark.parametrize("kind", [Client, AsyncClient])
def test_patience_ends(kind):
    assert fetched(kind, 0.03, AWAY) == (AWAY, 4)


@pytest.mark.parametrize("kind", [Client, AsyncClient])
def test_what_will_not_change_is_said_at_once(kind):
    gone = DaemonFailed("broken", retryable=False)
    assert fetched(kind, 9.0, gone) == (gone, 1)
