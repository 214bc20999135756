"""Pictures, masks, profiles and rows that are broken in any way: one clear error, and nobody dies.

``RETOUCH_FUZZ=5000`` sends five thousand of them, each uploaded through the socket.
"""

import random
from pathlib import Path

import pytest
from checked_calls import Call, Sender, by_kind
from conftest import how_many
from endurance.calls import Calls
from malformed_pictures import SIDE, malformed
from templates import edits

from retouch.v1 import (
    edit_service_pb2,
    image_pb2,
    mask_pb2,
    operation_pb2,
    trust_service_pb2,
)

#: Memory that a process may take at its most, of pictures that say they are larger than any.
MOST_MEMORY = 3 << 30
_TYPES = (1, 2, 3, 4)


@pytest.fixture(scope="module")
def sent(fuzzed, loop):
    """Broken files, each with the digest under which it is stored now; and the right blobs."""
    found, blobs = edits()
    files = list(malformed(how_many(300)))

    async def upload():
        client = Calls(fuzzed.endpoint, "fuzz")
        for data in blobs.values():
            await client.upload(data)
        digests = [await client.upload(data, seconds=120) for _, data in files]
        await client.close()
        return digests

    return found, files, loop.run(upload())


def call_with(edit, digest, drawn):
    """A call that has a broken file where a picture, a mask, a profile or rows are wanted."""
    found = type(edit)()
    found.CopyFrom(edit)
    ref = image_pb2.ImageRef(sha256=digest)
    if drawn.random() < 0.3:
        ref.raw.CopyFrom(layout(drawn))
    place = drawn.choice(("source", "source", "mask", "ip", "t2i", "profile", "verify"))
    if place == "verify":
        picture = trust_service_pb2.PictureFile(sha256=digest)
        return Call(
            "/retouch.v1.TrustService/Verify", (trust_service_pb2.VerifyRequest(picture=picture),)
        )
    if place == "source":
        found.canvas.source.CopyFrom(ref)
    elif place == "mask":
        found.mask.CopyFrom(mask_pb2.Mask(image=ref, polarity=mask_pb2.MASK_POLARITY_EDIT_WHITE))
    elif place == "profile":
        found.canvas.source.color_profile.icc_sha256 = digest
    elif place == "ip":
        found.operations.append(operation_pb2.Operation(ip_adapter={"images": [ref]}))
    else:
        found.operations.append(operation_pb2.Operation(t2i_adapter={"kind": 1, "image": ref}))
    if drawn.random() < 0.1:
        found.client_job_id = f"broken-{digest}-{place}"
        return Call("/retouch.v1.EditService/Submit", (edit_service_pb2.SubmitRequest(edit=found),))
    return Call("/retouch.v1.EditService/Plan", (edit_service_pb2.PlanRequest(edit=found),))


def layout(drawn):
    """A layout of raw rows that fits nearly."""
    side = drawn.choice((SIDE, SIDE, 1, 0, 2**31, 65_536))
    return image_pb2.RawLayout(
        size=image_pb2.Size(width=side, height=drawn.choice((SIDE, side))),
        channel_order=drawn.choice((*range(6), 3, 3)),
        sample_type=drawn.choice((*_TYPES, 0, 4, 4)),
        row_stride_bytes=drawn.choice((0, 0, 0, 1, SIDE * 3, 2**32 - 1)),
        white_value=drawn.choice((0, 0, 1, 32768, 2**32 - 1)),
        alpha_mode=drawn.choice((0, 1, 2)),
    )


def test_every_broken_file_is_read_or_refused_by_a_clear_error(fuzzed, sent, loop, record_property):
    found, files, digests = sent
    drawn = random.Random(1)
    before = fuzzed.pids()
    made = [call_with(drawn.choice(found), digest, drawn) for digest in digests]
    judged = Sender(fuzzed.endpoint, loop).send(made)
    assert not judged.problems, by_kind(judged.problems)
    after = fuzzed.pids()
    for name in ("front", "engine", "gate"):
        assert after.get(name) == before[name], f"{name} died of it"
        assert most_memory(after[name]) < MOST_MEMORY, name
    assert not fuzzed.complaints(), fuzzed.complaints()[:10]
    record_property("fuzz", f"{len(files)} broken files: {dict(judged.counts.most_common())}")


def most_memory(pid):
    """Bytes that a process has had at its most."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    (line,) = [each for each in lines if each.startswith("VmHWM")]
    return int(line.split()[1]) << 10
