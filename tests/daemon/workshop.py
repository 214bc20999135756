"""A front without sockets: the real queue, journal and blobs, with real engine and gate processes.

What is left out is gRPC; so a test can put another engine or another gate in a process's place.
"""

import asyncio
import hashlib
import threading
import time
import uuid
from pathlib import Path

from retouch.v1 import edit_pb2, image_pb2, job_pb2, operation_pb2
from retouch_daemon.front.dispatcher import Dispatcher
from retouch_daemon.front.event_feed import EventFeed
from retouch_daemon.front.worker_options import WorkerOptions
from retouch_daemon.storage.blob_limits import BlobLimits
from retouch_daemon.storage.blob_store import BlobStore
from retouch_daemon.storage.database import Database
from retouch_daemon.storage.job_records import NewJob
from retouch_daemon.storage.journal import Journal

HOUSE = Path(__file__).resolve().parents[2] / "sdk/retouch/demo/house.png"
#: Seconds of silence after which a worker counts as hung: tests need not wait for long, and one
#: that only waits for a core of a busy machine is not taken for hung.
SILENCE = 3.0
PAUSES = (0.02, 0.05)


class Front:
    """``with Front(folder) as front``; other modules of Python can be the workers.

    Args:
        folder: journal and blobs.
        given: as of ``WorkerOptions``.
    """

    def __init__(self, folder, **given):
        self.folder = Path(folder)
        (self.folder / "blobs").mkdir(parents=True, exist_ok=True)
        self._given = {"device": "cpu", "silence": SILENCE, "pauses": PAUSES} | given
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)

    def __enter__(self):
        self._thread.start()
        self.do(self._start())
        return self

    def __exit__(self, *_):
        self.do(self.dispatcher.stop())
        self.do(asyncio.wait_for(self._running, 60))
        self._database.close()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def do(self, coroutine, seconds=120):
        """Run something on the front's loop."""
        return asyncio.run_coroutine_threadsafe(coroutine, self._loop).result(seconds)

    async def _start(self):
        self._database = Database(self.folder / "journal.sqlite")
        self.journal = Journal(self._database)
        self.blobs = BlobStore(self.folder / "blobs", self._database, BlobLimits())
        self.feed = EventFeed(self.journal)
        options = WorkerOptions(self.folder / "blobs", **self._given)
        self.dispatcher = Dispatcher(self.journal, self.blobs, self.feed, options)
        await self.dispatcher.recover()
        self._running = asyncio.create_task(self.dispatcher.run())

    def store(self, data):
        self.blobs.add(data, "tests")
        return hashlib.sha256(data).hexdigest()

    def message(self, prompt="a red house", *, steps=4, strength=0.6, seed=0, count=1, every=0):
        found = edit_pb2.EditRequest(
            client_job_id=uuid.uuid4().hex,
            canvas=edit_pb2.Canvas(
                source=image_pb2.ImageRef(sha256=self.store(HOUSE.read_bytes()))
            ),
            prompt=edit_pb2.Prompt(text=prompt),
            operations=[operation_pb2.Operation(sdedit=operation_pb2.SDEdit(strength=strength))],
            output=edit_pb2.Output(delivery=edit_pb2.DELIVERY_COMPOSITED, count=count),
        )
        found.sampling.steps = steps
        found.sampling.seeds.append(seed)
        found.output.preview.every_steps = every
        return found

    def submit(self, message=None, client="tests", priority=1):
        message = message or self.message()
        digests = (message.canvas.source.sha256,)
        asked = message.SerializeToString()
        new = NewJob(client, message.client_job_id, asked, blobs=digests, priority=priority)
        job, _ = self.do(self.dispatcher.submit(new))
        return job.job_id

    def cancel(self, job_id):
        return self.do(self.dispatcher.cancel([self.journal.job(job_id)], "asked"))

    def events(self, job_id, from_seq=0, until=None, seconds=200):
        """Events of a job to its end, or to the first of a kind."""

        async def follow():
            found = []
            async for event in self.feed.watch(job_id, from_seq):
                found.append(event)
                if event.WhichOneof("event") == until:
                    break
            return found

        return self.do(asyncio.wait_for(follow(), seconds), seconds + 10)

    def ready(self, seconds=240):
        ends = time.monotonic() + seconds
        while not self.dispatcher.ready:
            assert time.monotonic() < ends, "the workers are not ready"
            time.sleep(0.02)
        return self

    def blob(self, digest):
        return self.blobs.read(digest)


def kinds(events):
    return [event.WhichOneof("event") for event in events]


def kept(front, job_id):
    """The events that the journal has."""
    return [job_pb2.JobEvent.FromString(payload) for payload in front.journal.events(job_id)]
