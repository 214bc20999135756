"""The real catalogue, and the real reading of requests; no daemon."""

import sys
from pathlib import Path

import pytest
from google.protobuf.json_format import MessageToDict, ParseDict

from retouch.catalog import installed
from retouch.v1 import edit_pb2
from retouch_daemon.front.catalog_service import describe
from retouch_daemon.reading.requests import read_request
from retouch_daemon.storage.errors import UnknownBlob

sys.path.insert(0, str(Path(__file__).parent))


@pytest.fixture(scope="session")
def catalog():
    """As a daemon describes itself, in JSON form."""
    return MessageToDict(describe())


@pytest.fixture
def read():
    """Read a prepared request as engine and gate do."""

    def reading(prepared):
        def fetch(digest):
            if digest not in prepared.blobs:
                raise UnknownBlob(digest)
            return prepared.blobs[digest]

        message = ParseDict(prepared.request, edit_pb2.EditRequest())
        return read_request(message, installed(), fetch)

    return reading
