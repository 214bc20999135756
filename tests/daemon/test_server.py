"""The daemon as a whole, without its workers: what it does before and beside serving."""

import asyncio

import pytest

from retouch_daemon.front import server
from retouch_daemon.front.listening import AlreadyServed
from retouch_daemon.front.server import Daemon
from retouch_daemon.front.settings import Settings
from retouch_daemon.storage.database import Database
from retouch_daemon.storage.errors import StorageFailed
from retouch_daemon.storage.job_records import NewJob
from retouch_daemon.storage.journal import Journal


@pytest.fixture
def settings(tmp_path):
    return Settings(folder=tmp_path / "daemon", address="127.0.0.1:0")


@pytest.fixture
def daemon(settings):
    found = Daemon(settings)
    yield found
    found._database.close()
    found._lock.close()


def test_what_an_earlier_daemon_left_is_there_before_anybody_can_ask(settings, monkeypatch):
    """A job that was cancelled right after the start ran all the same."""
    database = Database(settings.database)
    left, _ = Journal(database).submit(NewJob("host", "1", b""))
    database.close()
    found = Daemon(settings)

    def refused(*given):
        assert [job.job_id for job in found.dispatcher.waiting] == [left.job_id]
        raise AlreadyServed("as far as this test goes")

    monkeypatch.setattr(server, "listen", refused)
    with pytest.raises(AlreadyServed, match="this test"):
        asyncio.run(found.__aenter__())
    found._database.close()
    found._lock.close()


def test_old_jobs_are_forgotten_again_after_the_disk_was_full(daemon, monkeypatch, caplog):
    """The first refusal ended it, until the next start."""
    asked = []

    def forget(before):
        asked.append(before)
        if len(asked) == 1:
            raise StorageFailed("forget old jobs", "full")
        return 3

    monkeypatch.setattr(daemon._journal, "forget", forget)
    monkeypatch.setattr(server, "_HOUR", 0.01)

    async def scenario():
        tidying = asyncio.create_task(daemon._tidy())
        async with asyncio.timeout(5):
            while len(asked) < 3:
                await asyncio.sleep(0.01)
        tidying.cancel()
        await asyncio.gather(tidying, return_exceptions=True)

    asyncio.run(scenario())
    assert "cannot forget old jobs" in caplog.text
