"""What a request says of its results: what they can be, and what is refused."""

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))
from small_requests import read, refused

from retouch.imaging.region import Size
from retouch.v1 import edit_pb2 as pb
from retouch.v1 import image_pb2

UINT16, ROWS = image_pb2.SAMPLE_TYPE_UINT16, "application/octet-stream"


@pytest.mark.parametrize(
    ("path", "output"),
    [
        ("output.delivery", {"delivery": 4}),
        ("output.delivery", {"delivery": -1}),
        ("output.media_type", {"media_type": "image/jpeg"}),
        ("output.media_type", {"media_type": "PNG"}),
        ("output.sample_type", {"sample_type": image_pb2.SAMPLE_TYPE_FLOAT16}),
        ("output.media_type", {"sample_type": image_pb2.SAMPLE_TYPE_FLOAT32}),
        ("output.media_type", {"sample_type": UINT16, "media_type": "image/webp"}),
        ("output.sample_type", {"sample_type": 77}),
        ("output.channel_order", {"channel_order": image_pb2.CHANNEL_ORDER_BGRA}),
        ("output.color_profile.name", {"color_profile": image_pb2.ColorProfile(name="p3")}),
        (
            "output.channel_order",
            {"channel_order": image_pb2.CHANNEL_ORDER_RGB, "media_type": ROWS},
        ),
        ("output.preview.every_steps", {"preview": pb.PreviewPolicy(every_steps=1001)}),
        ("output.preview.max_side_px", {"preview": pb.PreviewPolicy(max_side_px=63)}),
        ("output.preview.max_side_px", {"preview": pb.PreviewPolicy(max_side_px=1025)}),
    ],
)
def test_an_output_that_cannot_be_made_is_refused(path, output):
    refused(path, output=pb.Output(**output))


@pytest.mark.parametrize("media_type", ["", "image/png", "image/webp", "image/tiff", ROWS])
def test_outputs_that_can_be_made(media_type):
    preview = pb.PreviewPolicy(every_steps=1000, max_side_px=1024)
    assert read(output=pb.Output(media_type=media_type, preview=preview)).variants == 1


@pytest.mark.parametrize(
    ("policy", "wanted"),
    [
        ({}, None),
        ({"long_side_px": 512}, 512),
        ({"size": image_pb2.Size(width=64, height=96)}, Size(64, 96)),
    ],
)
def test_a_working_size_is_the_clients_choice(policy, wanted):
    sized = {"working_size": pb.WorkingSizePolicy(**policy)}
    assert read(canvas=sized).working_size == wanted


def test_a_working_size_out_of_range_is_refused():
    for side in (0, 4097):
        sized = {"working_size": pb.WorkingSizePolicy(long_side_px=side)}
        refused("canvas.working_size", canvas=sized)


def test_the_depth_is_the_clients_choice_or_what_the_file_holds():
    assert read(output=pb.Output(sample_type=UINT16)).depth == "uint16"
    raw = pb.Output(sample_type=image_pb2.SAMPLE_TYPE_FLOAT32, media_type=ROWS)
    assert read(output=raw).depth == "float32"
    assert read(output=pb.Output(media_type="image/webp")).depth is None


def test_the_profile_is_the_clients_choice():
    output = pb.Output(color_profile=image_pb2.ColorProfile(name="srgb"))
    assert read(output=output).profile == "srgb"
    output.color_profile.icc_sha256 = "a" * 64
    refused("output.color_profile.icc_sha256", output=output)


def test_a_jpeg_is_a_whole_picture():
    output = pb.Output(media_type="image/jpeg", delivery=pb.DELIVERY_COMPOSITED)
    assert read(output=output).output == "composite"
