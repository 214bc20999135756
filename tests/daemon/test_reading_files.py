"""Pictures in files, digests and profiles: what a request names is read, or one clear error."""

import hashlib
import io

import cv2
import numpy as np
import pytest
from PIL import Image as Pillow
from PIL import ImageCms

from retouch.errors import InvalidField, InvalidImage
from retouch.v1 import image_pb2 as pb
from retouch_daemon.reading.pictures import PictureReader
from retouch_daemon.storage.errors import CorruptBlob, UnknownBlob
from retouch_daemon.storage.reading import checked_digest

HEIGHT, WIDTH = 5, 7
SRGB = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
LAB = ImageCms.ImageCmsProfile(ImageCms.createProfile("LAB")).tobytes()
PICTURE = np.random.default_rng(1).integers(0, 256, (HEIGHT, WIDTH, 3), dtype=np.uint8)
NO_DIGESTS = ("\u00e4", "0F" * 32, "0f" * 31, "", "../../etc/passwd", "0f" * 32 + "\n")


class Blobs(dict):
    """Stored bytes by digest, with the errors of the real store."""

    def put(self, data):
        digest = hashlib.sha256(data).hexdigest()
        self[digest] = data
        return digest

    def fetch(self, digest):
        if checked_digest(digest) not in self:
            raise UnknownBlob(digest)
        found = hashlib.sha256(self[digest]).hexdigest()
        if found != digest:
            raise CorruptBlob(digest, found)
        return self[digest]


def read(data, **fields):
    blobs = Blobs()
    profile = fields.pop("icc", None)
    ref = pb.ImageRef(sha256=blobs.put(data), **fields)
    if profile is not None:
        ref.color_profile.icc_sha256 = blobs.put(profile)
    return PictureReader(blobs.fetch).image(ref, "canvas.source")


def refused(error, path, make, *arguments, **fields):
    with pytest.raises(InvalidField) as caught:
        make(*arguments, **fields)
    assert type(caught.value) is error
    assert caught.value.field == path
    assert caught.value.allowed and caught.value.fix
    return caught.value


# --- encoded files -----------------------------------------------------------------------------


def encoded(kind, array=PICTURE, **options):
    stream = io.BytesIO()
    Pillow.fromarray(array).save(stream, kind, **options)
    return stream.getvalue()


FILES = {
    "image/png": encoded("PNG"),
    "image/tiff": encoded("TIFF"),
    "image/webp": encoded("WEBP", lossless=True),
    "image/jpeg": encoded("JPEG", quality=100),
}


@pytest.mark.parametrize("named", [None, "", "own"])
@pytest.mark.parametrize("media_type", FILES)
def test_encoded_files(media_type, named):
    fields = {}
    if named is not None:
        fields["encoded"] = pb.EncodedLayout(media_type=media_type if named else "")
    image = read(FILES[media_type], **fields)
    assert image.pixels.shape == PICTURE.shape and image.alpha is None
    assert media_type == "image/jpeg" or (image.pixels == PICTURE).all()


@pytest.mark.parametrize("suffix", [".png", ".tiff"])
def test_16_bit_files_stay_so_and_keep_their_alpha(suffix):
    values = np.random.default_rng(2).integers(0, 65536, (HEIGHT, WIDTH, 4), dtype=np.uint16)
    image = read(cv2.imencode(suffix, values)[1].tobytes())
    assert (image.pixels == values[..., 2::-1]).all() and (image.alpha == values[..., 3]).all()


@pytest.mark.parametrize("named", ["image/gif", "png", "IMAGE/PNG", "image/jpeg"])
def test_a_media_type_that_is_not_the_files_own_is_refused(named):
    path = "canvas.source.encoded.media_type"
    layout = pb.EncodedLayout(media_type=named)
    refused(InvalidField, path, read, FILES["image/png"], encoded=layout)


@pytest.mark.parametrize("data", [b"", b"\0" * 40, b"GIF89a" + b"\0" * 40, FILES["image/png"][:60]])
def test_bytes_that_are_no_whole_picture_are_refused(data):
    refused(InvalidImage, "canvas.source", read, data)


# --- digests and profiles ----------------------------------------------------------------------


@pytest.mark.parametrize("place", ["sha256", "color_profile.icc_sha256"])
@pytest.mark.parametrize("digest", [*NO_DIGESTS, "0f" * 32, hashlib.sha256(b"hurt").hexdigest()])
def test_a_digest_that_is_missing_corrupt_or_none_is_refused(digest, place):
    blobs = Blobs({hashlib.sha256(b"hurt").hexdigest(): b"other bytes"})
    ref = pb.ImageRef(sha256=blobs.put(FILES["image/png"]))
    if place == "sha256":
        ref.sha256 = digest
    else:
        ref.color_profile.icc_sha256 = digest
    reader = PictureReader(blobs.fetch)
    error = refused(InvalidImage, f"mask.image.{place}", reader.image, ref, "mask.image")
    assert error.value == digest and "upload it" in error.fix


def test_a_stated_length_must_match():
    data = FILES["image/png"]
    assert read(data, size_bytes=len(data)).size == (WIDTH, HEIGHT)
    for wrong in (len(data) - 1, len(data) + 1, 2**64 - 1):
        refused(InvalidImage, "canvas.source.size_bytes", read, data, size_bytes=wrong)


def test_a_profile_given_replaces_the_files_own():
    own = encoded("PNG", icc_profile=SRGB)
    other = SRGB[:4] + b"TEST" + SRGB[8:]
    assert read(own).icc == SRGB
    assert read(own, icc=other).icc == other
    assert read(own, color_profile=pb.ColorProfile(name="srgb")).icc is None
    assert read(own, color_profile=pb.ColorProfile()).icc == SRGB
    raw = pb.RawLayout(
        size=pb.Size(width=1, height=1),
        channel_order=pb.CHANNEL_ORDER_RGB,
        sample_type=pb.SAMPLE_TYPE_UINT8,
    )
    assert read(b"rgb", raw=raw).icc is None
    assert read(b"rgb", raw=raw, icc=SRGB).icc == SRGB


def test_a_profile_of_other_values_than_rgb_is_dropped():
    assert read(encoded("PNG", icc_profile=LAB)).icc is None
    assert read(encoded("PNG", icc_profile=SRGB), icc=LAB).icc is None


@pytest.mark.parametrize("profile", [b"", b"no profile", FILES["image/png"]])
def test_bytes_that_are_no_profile_are_refused(profile):
    path = "canvas.source.color_profile.icc_sha256"
    refused(InvalidField, path, read, FILES["image/png"], icc=profile)


@pytest.mark.parametrize("name", ["", "sRGB", "display-p3", "adobe-rgb", "linear-srgb"])
def test_a_profile_known_by_name_only_is_refused(name):
    path = "canvas.source.color_profile.name"
    chosen = pb.ColorProfile(name=name)
    refused(InvalidField, path, read, FILES["image/png"], color_profile=chosen)
