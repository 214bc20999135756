"""What waits for a slow reader: the newest of each kind, and nothing more."""

import asyncio

from retouch.v1 import image_pb2, job_pb2
from retouch_daemon.front.live_outputs import INLINE, LiveOutputs
from retouch_daemon.storage.blob_limits import BlobLimits
from retouch_daemon.storage.blob_store import BlobStore


async def read(outputs):
    async def nothing():
        return

    return [each async for each in outputs.until(asyncio.create_task(nothing()))]


def test_a_slow_reader_gets_the_newest_of_each_kind(journal, tmp_path):
    async def run():
        outputs = LiveOutputs(BlobStore(tmp_path / "blobs", journal.database, BlobLimits()))
        for frame in range(1, 1000):
            await outputs.show(frame, "progress", job_pb2.Progress(step=frame))
            outputs.put(frame, cancelled=job_pb2.Cancelled(reason="replaced"))
        await outputs.show(1000, "result", job_pb2.Result(seed=7))
        return await read(outputs)

    found = asyncio.run(run())
    kinds = [(each.frame, each.WhichOneof("output")) for each in found]
    assert kinds == [(999, "progress"), (999, "cancelled"), (1000, "result")]


def test_a_small_picture_comes_along_and_a_large_one_does_not(journal, tmp_path):
    async def run():
        store = BlobStore(tmp_path / "blobs", journal.database, BlobLimits())
        outputs = LiveOutputs(store)
        small, large = (store.add(bytes(size), "host") for size in (10, INLINE + 1))
        refs = [image_pb2.ImageRef(sha256=s.digest, size_bytes=s.size) for s in (small, large)]
        await outputs.show(1, "preview", job_pb2.Preview(image=refs[0]))
        await outputs.show(2, "result", job_pb2.Result(composited=refs[1]))
        return await read(outputs)

    preview, result = asyncio.run(run())
    assert preview.data == bytes(10) and result.data == b""


def test_a_result_makes_the_wait_for_one_begin_anew(journal, tmp_path):
    async def run():
        outputs = LiveOutputs(BlobStore(tmp_path / "blobs", journal.database, BlobLimits()))
        await asyncio.sleep(0.3)
        before = outputs.unseen_seconds()
        await outputs.show(1, "preview", job_pb2.Preview())
        between = outputs.unseen_seconds()
        await outputs.show(1, "result", job_pb2.Result())
        return before, between, outputs.unseen_seconds()

    before, between, after = asyncio.run(run())
    assert before >= 0.3 and between >= before and after < before
