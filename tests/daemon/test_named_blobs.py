"""Every blob that a request names is found, so that it stays while the job does."""

import pytest
from google.protobuf.any_pb2 import Any

from retouch.errors import InvalidField
from retouch.v1 import edit_pb2, image_pb2, mask_pb2, operation_pb2
from retouch_daemon.front.named_blobs import digests_of

REFS = [image_pb2.ImageRef(sha256=digit * 64) for digit in "abcdef"]


def test_digests_are_found_in_lists_maps_profiles_and_packed_operations():
    source = REFS[0]
    source.color_profile.icc_sha256 = "1" * 64
    mask = mask_pb2.Mask(image=REFS[1])
    adapter = operation_pb2.IPAdapter(images=[REFS[2], REFS[2]])
    custom = operation_pb2.CustomOperation(name="theirs")
    custom.images["look"].images.extend([REFS[3], REFS[4]])
    custom.masks["where"].image.CopyFrom(REFS[5])
    packed = operation_pb2.Operation()
    packed.custom.Pack(custom)
    edit = edit_pb2.EditRequest(
        canvas=edit_pb2.Canvas(source=source),
        mask=mask,
        operations=[operation_pb2.Operation(ip_adapter=adapter), packed],
    )
    edit.output.color_profile.icc_sha256 = "2" * 64
    found = digests_of(edit)
    assert sorted(found) == sorted([*(ref.sha256 for ref in REFS), "1" * 64, "2" * 64])
    assert len(found) == len(set(found))


def test_word_weights_and_other_packed_messages_name_none():
    words = operation_pb2.PromptToPrompt(words={"red": 2.0})
    other = operation_pb2.Operation(custom=Any(type_url="example.com/theirs.v1.Glow", value=b"x"))
    edit = edit_pb2.EditRequest(operations=[operation_pb2.Operation(prompt_to_prompt=words), other])
    assert digests_of(edit) == []


def test_a_packed_operation_that_is_damaged_is_refused():
    damaged = operation_pb2.Operation()
    damaged.custom.Pack(operation_pb2.CustomOperation(name="theirs"))
    damaged.custom.value = b"\xff\xff"
    with pytest.raises(InvalidField, match="custom"):
        digests_of(edit_pb2.EditRequest(operations=[damaged]))
