"""A request as a host sends it, of a small picture and its mask, and how it is read or refused."""

import numpy as np
import pytest

from retouch.catalog import installed
from retouch.errors import InvalidField
from retouch.imaging.region import Size
from retouch.v1 import edit_pb2 as pb
from retouch.v1 import image_pb2, mask_pb2
from retouch_daemon.reading.requests import read_request
from retouch_daemon.storage.errors import UnknownBlob

CANVAS = Size(40, 30)
PIXELS = np.random.default_rng(0).integers(0, 256, (30, 40, 3), dtype=np.uint8)
STRENGTH = np.zeros((30, 40), np.uint8)
STRENGTH[10:20, 5:25] = 204
BLOBS = {"a" * 64: PIXELS.tobytes(), "b" * 64: STRENGTH.tobytes()}


def ref(digit, order):
    raw = image_pb2.RawLayout(
        size=image_pb2.Size(width=40, height=30),
        channel_order=order,
        sample_type=image_pb2.SAMPLE_TYPE_UINT8,
    )
    return image_pb2.ImageRef(sha256=digit * 64, raw=raw)


def mask(**fields):
    return mask_pb2.Mask(
        image=ref("b", image_pb2.CHANNEL_ORDER_GRAY),
        polarity=mask_pb2.MASK_POLARITY_EDIT_WHITE,
        **fields,
    )


def message(*, canvas=None, **fields):
    source = ref("a", image_pb2.CHANNEL_ORDER_RGB)
    return pb.EditRequest(canvas=pb.Canvas(source=source, **canvas or {}), **fields)


def fetch(digest):
    if digest not in BLOBS:
        raise UnknownBlob(digest)
    return BLOBS[digest]


def read(**fields):
    return read_request(message(**fields), installed(), fetch)


def refused(path, error=InvalidField, **fields):
    with pytest.raises(InvalidField) as caught:
        read(**fields)
    assert type(caught.value) is error and caught.value.field == path
    assert caught.value.allowed and caught.value.fix
    return caught.value
