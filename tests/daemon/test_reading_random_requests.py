"""Whatever a request holds, it is read or refused by one clear error."""

import hashlib
import io

import numpy as np
import pytest
from google.protobuf.descriptor import FieldDescriptor
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image as Pillow
from PIL import ImageCms

from retouch.catalog import installed
from retouch.errors import InvalidField, InvalidRequest, ModelError
from retouch.request import EditRequest
from retouch.v1 import edit_pb2, image_pb2
from retouch_daemon.reading.requests import read_request
from retouch_daemon.storage.errors import CorruptBlob, UnknownBlob
from retouch_daemon.storage.reading import checked_digest

# What overflows in samples of a float is refused afterwards.
pytestmark = pytest.mark.filterwarnings("ignore::RuntimeWarning", "ignore::UserWarning:PIL")

WIDTH, HEIGHT = 6, 4


def file_of(kind, *shape):
    stream = io.BytesIO()
    pixels = np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)
    Pillow.fromarray(pixels).save(stream, kind)
    return stream.getvalue()


PICTURES = [file_of("PNG", HEIGHT, WIDTH, 3), file_of("TIFF", HEIGHT, WIDTH, 4)]
OTHERS = [
    file_of("PNG", HEIGHT, WIDTH),
    file_of("WEBP", 3, 3, 3),
    PICTURES[0][:50],
    np.full(HEIGHT * WIDTH * 4, np.nan, np.float32).tobytes(),
    np.random.default_rng(1).bytes(HEIGHT * WIDTH * 16),
    ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes(),
    b"",
]
BLOBS = {hashlib.sha256(data).hexdigest(): data for data in (*PICTURES, *OTHERS)}
CORRUPT = hashlib.sha256(b"corrupt").hexdigest()


def fetch(digest):
    if checked_digest(digest) == CORRUPT:
        raise CorruptBlob(digest, "0" * 64)
    if digest not in BLOBS:
        raise UnknownBlob(digest)
    return BLOBS[digest]


# --- random messages of the contract -----------------------------------------------------------

SPECIAL = [0.0, 0.5, 1.0, -1.0, 2.5, 1024.0, 4096.0, 1e300, float("nan"), float("inf")]
DOUBLES = st.sampled_from([0.0, 0.25, 0.5, 1.0]) | st.sampled_from(SPECIAL) | st.floats()
COUNTS = st.integers(0, 8) | st.sampled_from([1, 16, 17, 255, 32768, 2**31, 2**32 - 1])
DIGESTS = st.sampled_from([*BLOBS] * 3 + ["0" * 64, CORRUPT, "", "../x"])
WORDS = st.sampled_from(["cat", "dog", "", "a red cat"])
TEXTS = st.sampled_from(["", "a cat", "x" * 2001, "image/png", "srgb", "ddim"]) | st.text(
    max_size=8
)
SCALARS = {
    FieldDescriptor.CPPTYPE_STRING: TEXTS,
    FieldDescriptor.CPPTYPE_DOUBLE: DOUBLES,
    FieldDescriptor.CPPTYPE_BOOL: st.booleans(),
    FieldDescriptor.CPPTYPE_UINT32: COUNTS,
    FieldDescriptor.CPPTYPE_UINT64: st.integers(0, 3) | st.integers(0, 2**64 - 1),
    FieldDescriptor.CPPTYPE_INT32: st.integers(-8, 8) | st.integers(-(2**31), 2**31 - 1),
    FieldDescriptor.CPPTYPE_INT64: st.integers(-(2**63), 2**63 - 1),
}


def scalar(field):
    if field.name in ("sha256", "icc_sha256"):
        return DIGESTS
    if field.enum_type is not None:
        usual = [value.number for value in field.enum_type.values]
        return st.sampled_from([*usual * 3, max(usual) + 1, -1])
    if field.type == FieldDescriptor.TYPE_BYTES:
        return st.binary(max_size=8)
    return SCALARS[field.cpp_type]


#: Without these a picture, a mask or an operation says nothing.
NEEDED = ("sha256", "image", "images", "polarity", "kind", "source_prompt")
PARTS = [("mask",), ("operations",), ("mask", "operations"), ("sampling",), ("output",)]
USUALLY = st.sampled_from([True] * 7 + [False])


def one(draw, field, depth):
    if field.message_type is None:
        return draw(scalar(field))
    return fields_of(draw, field.message_type, depth + 1)


def fields_of(draw, descriptor, depth=0):
    """Fields of a random message, as its constructor takes them; of a oneof at most one."""
    known = list(descriptor.fields)
    chosen = draw(st.lists(st.sampled_from(known), max_size=4, unique=True))
    needed = NEEDED if depth else draw(st.sampled_from(PARTS))
    chosen += [field for field in known if field.name in needed and field not in chosen]
    if "technique" in descriptor.oneofs_by_name:
        techniques = list(descriptor.oneofs_by_name["technique"].fields)
        chosen = [draw(st.sampled_from(techniques))]
        chosen += draw(st.sampled_from([[]] * 3 + [known[-3:-2], known[-2:-1], known[-1:]]))
    found = {}
    for field in chosen:
        if depth > 5 and field.message_type is not None:
            continue
        if field.message_type is not None and field.message_type.GetOptions().map_entry:
            found[field.name] = draw(st.dictionaries(WORDS, DOUBLES, max_size=3))
        elif field.is_repeated:
            found[field.name] = [one(draw, field, depth) for _ in range(draw(st.integers(1, 3)))]
        else:
            found[field.name] = one(draw, field, depth)
    return found


@st.composite
def requests(draw):
    """A random request; most have a picture and nothing that is refused before it is read."""
    message = edit_pb2.EditRequest(**fields_of(draw, edit_pb2.EditRequest.DESCRIPTOR))
    if draw(USUALLY):
        digest = hashlib.sha256(draw(st.sampled_from(PICTURES))).hexdigest()
        message.canvas.source.CopyFrom(image_pb2.ImageRef(sha256=digest))
        message.canvas.ClearField("working_size")
    if draw(st.booleans()):
        message.ClearField("output")
    return message


def path_exists(path):
    """Whether a path names a field of a request; a picture's own may be followed by more."""
    descriptor = edit_pb2.EditRequest.DESCRIPTOR
    for part in path.split("."):
        if descriptor is image_pb2.ImageRef.DESCRIPTOR:
            return True
        if descriptor is None:
            return False
        names = {*descriptor.fields_by_name, *descriptor.oneofs_by_name}
        name = part.split("[")[0]
        if name not in names:
            return False
        field = descriptor.fields_by_name.get(name)
        descriptor = field.message_type if field is not None else None
    return True


def outcome(message):
    """What became of a request: read, or the field that was refused first."""
    try:
        found = read_request(message, installed(), fetch)
    except InvalidField as problem:
        assert path_exists(problem.field), problem.field
        assert problem.allowed and problem.fix
        return problem.field.split(".")[0].split("[")[0]
    except (InvalidRequest, ModelError) as problem:
        return type(problem).__name__
    assert isinstance(found, EditRequest)
    return "read"


def test_a_random_request_is_read_or_refused_by_one_clear_error():
    reached = set()

    @settings(
        max_examples=300,
        deadline=None,
        derandomize=True,
        database=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(requests())
    def check(message):
        reached.add(outcome(message))

    check()
    assert {"read", "canvas", "mask", "operations", "sampling"} <= reached
