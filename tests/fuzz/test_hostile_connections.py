"""Connections that are held open, half open, or fed a byte at a time: others are served."""

import asyncio
import hashlib
import resource
import socket
import time

import psutil
import pytest
from endurance.calls import Calls
from templates import edits

from retouch.v1 import blob_service_pb2, catalog_service_pb2, edit_service_pb2

pytestmark = pytest.mark.endurance

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
#: Frames of HTTP/2: settings, then headers that never end.
SETTINGS = b"\x00\x00\x00\x04\x00\x00\x00\x00\x00"
ENDLESS_HEADERS = b"\x00\x40\x00\x01\x00\x00\x00\x00\x01" + b"\x00" * 64
#: Seconds for an edit beside all of them, on a busy machine.
SERVED = 60.0


@pytest.fixture
def address(fuzzed):
    host, _, port = fuzzed.endpoint.address.partition(":")
    return host, int(port)


def opened(address, count, sent=b""):
    """So many connections that say no more than ``sent``."""
    low, high = resource.getrlimit(resource.RLIMIT_NOFILE)
    if low < count + 500:
        resource.setrlimit(resource.RLIMIT_NOFILE, (min(high, count + 500), high))
    found = []
    for _ in range(count):
        connection = socket.create_connection(address, timeout=10)
        if sent:
            connection.sendall(sent)
        found.append(connection)
    return found


async def edited(endpoint):
    """Make an edit on a connection of its own; return the seconds that it took."""
    began = time.monotonic()
    client = Calls(endpoint, "neighbour")
    given = {"metadata": client.metadata, "timeout": SERVED}
    # Where there are as many connections as may be, the next waits until one has been silent for
    # as long as a handshake may take.
    await client.catalog.Describe(
        catalog_service_pb2.DescribeRequest(), wait_for_ready=True, **given
    )
    found, blobs = edits()
    for data in blobs.values():
        await client.upload(data)
    found[0].client_job_id = f"neighbour-{began}"
    answer = await client.edits.Submit(edit_service_pb2.SubmitRequest(edit=found[0]), **given)
    watch = edit_service_pb2.WatchRequest(job_id=answer.job.job_id)
    events = [each.event async for each in client.edits.Watch(watch, **given)]
    await client.close()
    assert events[-1].WhichOneof("event") == "done"
    return time.monotonic() - began


def descriptors(fuzzed):
    return psutil.Process(fuzzed.pids()["front"]).num_fds()


@pytest.mark.parametrize(
    ("count", "sent"),
    [(1000, b""), (200, PREFACE), (200, PREFACE + SETTINGS + ENDLESS_HEADERS), (200, b"GET / HT")],
    ids=["idle", "half open", "endless headers", "another protocol"],
)
def test_connections_that_say_nothing_keep_nobody_out(
    fuzzed, address, loop, record_property, count, sent
):
    loop.run(edited(fuzzed.endpoint))
    before = descriptors(fuzzed)
    held = opened(address, count, sent)
    seconds = loop.run(edited(fuzzed.endpoint))
    for connection in held:
        connection.close()
    ends = time.monotonic() + 30
    while descriptors(fuzzed) > before + 5:
        assert time.monotonic() < ends, "connections are not given back"
        time.sleep(0.1)
    assert not fuzzed.complaints()
    record_property("fuzz", f"{count} held connections: an edit took {seconds:.1f} s meanwhile")


def test_uploads_a_byte_at_a_time_keep_nobody_out(fuzzed, loop, record_property):
    async def run():
        slow = Calls(fuzzed.endpoint, "slow")
        tasks = [asyncio.create_task(drip(slow, number)) for number in range(40)]
        seconds = await edited(fuzzed.endpoint)
        for task in tasks:
            task.cancel()
        asked = catalog_service_pb2.DescribeRequest()
        await slow.catalog.Describe(asked, metadata=slow.metadata, timeout=SERVED)
        await slow.close()
        return seconds

    seconds = loop.run(run())
    assert not fuzzed.complaints()
    record_property("fuzz", f"40 dripping uploads: an edit took {seconds:.1f} s meanwhile")


async def drip(client, number):
    """Upload a blob of which a byte comes every now and then."""
    digest = hashlib.sha256(str(number).encode()).hexdigest()

    async def pieces():
        yield blob_service_pb2.PutRequest(sha256=digest, chunk=b"a")
        while True:
            await asyncio.sleep(0.2)
            yield blob_service_pb2.PutRequest(chunk=b"a")

    await client.blobs.Put(pieces(), metadata=client.metadata)
