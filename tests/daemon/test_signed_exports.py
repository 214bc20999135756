"""A signed export, as the gate hands it over: kept until whoever asked for it has fetched it."""

import asyncio

import pytest

from retouch.v1 import trust_service_pb2 as pb
from retouch_daemon.front.trust_service import TrustService
from retouch_daemon.link.frames import BrokenFrame, Frame

SIGNED = b"the signed file"


def kept(store, **values):
    message = pb.SignExportResponse(audit_record=7).SerializeToString()
    known = {"call": "1", "message_bytes": len(message)} | values
    answer = Frame("sign_export", known, message + SIGNED)
    return asyncio.run(TrustService(store, None, None)._kept(answer, "host"))


def test_it_is_stored_and_not_the_first_that_makes_room(store):
    """It was evicted before it was fetched, where others needed room."""
    found = kept(store)
    assert found.audit_record == 7 and found.picture.size_bytes == len(SIGNED)
    assert store.room.evict(1) == 0
    assert store.read(found.picture.sha256) == SIGNED


@pytest.mark.parametrize("length", ["5", None, True])
def test_an_answer_without_its_length_is_none(store, length):
    with pytest.raises(BrokenFrame, match="message_bytes"):
        kept(store, message_bytes=length)
