"""How large work is: told from headers alone, whatever the bytes are."""

import io

import pytest
from PIL import Image as Pillow

from retouch.v1 import edit_pb2, image_pb2, operation_pb2
from retouch_daemon.front.work_size import MOST, pixels_of


def file_of(kind, size=(30, 20)):
    stream = io.BytesIO()
    Pillow.new("RGB", size).save(stream, kind)
    return stream.getvalue()


def ref(store, data):
    return image_pb2.ImageRef(sha256=store.add(data, "host").digest)


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WebP", "TIFF"])
def test_a_file_counts_its_pixels(store, kind):
    edit = edit_pb2.EditRequest(canvas=edit_pb2.Canvas(source=ref(store, file_of(kind))))
    assert pixels_of(edit, store.folder) == 600


def test_the_source_counts_once_per_variant_and_all_other_pictures_once(store):
    edit = edit_pb2.EditRequest(canvas=edit_pb2.Canvas(source=ref(store, file_of("PNG"))))
    edit.mask.image.CopyFrom(ref(store, file_of("PNG", (10, 10))))
    adapter = operation_pb2.IPAdapter(images=[ref(store, file_of("PNG", (5, 5)))])
    edit.operations.append(operation_pb2.Operation(ip_adapter=adapter))
    edit.output.count = 3
    assert pixels_of(edit, store.folder) == 3 * 600 + 100 + 25


def test_raw_rows_count_what_they_say(store):
    source = image_pb2.ImageRef(sha256="0" * 64)
    source.raw.size.width, source.raw.size.height = 4000, 3000
    edit = edit_pb2.EditRequest(canvas=edit_pb2.Canvas(source=source))
    assert pixels_of(edit, store.folder) == 12_000_000


def test_what_says_that_it_is_larger_than_anything_can_be_added_up(store):
    """It was an OverflowError of the database's."""
    source = image_pb2.ImageRef(sha256="0" * 64)
    source.raw.size.width = source.raw.size.height = 2**32 - 1
    edit = edit_pb2.EditRequest(canvas=edit_pb2.Canvas(source=source))
    edit.output.count = 16
    assert pixels_of(edit, store.folder) == MOST
    assert MOST * 100_000 < 2**63


@pytest.mark.parametrize("data", [b"", b"no picture at all", file_of("PNG")[:14], b"II*\x00" * 9])
def test_what_has_no_readable_header_counts_its_bytes(store, data):
    edit = edit_pb2.EditRequest(canvas=edit_pb2.Canvas(source=ref(store, data)))
    assert pixels_of(edit, store.folder) == len(data)
