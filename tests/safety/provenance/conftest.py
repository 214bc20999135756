import io
import json
from dataclasses import replace
from datetime import UTC, datetime

import numpy as np
import pytest
from PIL import Image as Pillow

from retouch_safety.content import Box
from retouch_safety.provenance import (
    Edit,
    Source,
    Statement,
    Trust,
    development_identity,
    development_roots,
    sign_file,
)

RECORD = 0x5A3C96E1
KINDS = {
    "PNG": {},
    "JPEG": {"quality": 90},
    "WEBP": {"lossless": True},
    "TIFF": {},
}


def drawn(side=64):
    """A picture that is cheap, small, and not flat."""
    y, x = np.mgrid[:side, :side]
    return np.stack([x * 255 // side, y * 255 // side, (x * y) % 256], axis=2).astype(np.uint8)


def encoded(kind, pixels=None, **options):
    stream = io.BytesIO()
    picture = Pillow.fromarray(drawn() if pixels is None else pixels)
    picture.save(stream, kind, **{**KINDS[kind], **options})
    return stream.getvalue()


def decoded(data):
    with Pillow.open(io.BytesIO(data)) as opened:
        return np.asarray(opened)


@pytest.fixture(scope="session")
def make():
    return encoded


@pytest.fixture(scope="session")
def pixels_of():
    return decoded


@pytest.fixture(scope="session")
def keys(tmp_path_factory):
    return tmp_path_factory.mktemp("keys")


@pytest.fixture(scope="session")
def identity(keys):
    return development_identity(keys)


@pytest.fixture(scope="session")
def trust(identity, keys):
    return Trust(installation=development_roots(keys))


@pytest.fixture(scope="session")
def statement():
    return Statement(
        record=RECORD,
        created=datetime(2026, 5, 4, 3, 2, 1, tzinfo=UTC),
        edits=(Edit("sdedit", Box(10, 20, 30, 40)), Edit("guidance")),
        source=Source(encoded("PNG"), "cat.png"),
        mark_area=Box(10, 20, 30, 40),
        model="retouch-mini",
        version="0.1.0",
        receipt='{"record": "5a3c96e1", "score": 0.125}',
    )


@pytest.fixture(scope="session")
def restated(statement):
    """The same statement about another record."""

    def change(record, **changes):
        receipt = json.dumps({"record": f"{record:08x}"})
        return replace(statement, record=record, receipt=receipt, **changes)

    return change


@pytest.fixture(scope="session")
def signed(identity, statement):
    """Signed files by kind."""
    return {kind: sign_file(encoded(kind), statement, identity) for kind in KINDS}


@pytest.fixture(params=KINDS)
def kind(request):
    return request.param
