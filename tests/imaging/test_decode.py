"""Reading pictures: every depth survives, every hostile file is one clear error."""

import io
import struct
import zlib

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image as Pillow
from PIL import ImageCms

from retouch.errors import InvalidImage
from retouch.imaging.decode import read_image, read_mask
from retouch.imaging.image import Image
from retouch.imaging.region import Size

# Pillow warns about the very damage that the tests make
pytestmark = pytest.mark.filterwarnings("ignore::UserWarning:PIL")

PICTURE = np.random.default_rng(0).integers(0, 256, (12, 17, 3), dtype=np.uint8)
SRGB = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()


def encoded(image, kind="PNG", **options):
    stream = io.BytesIO()
    (image if isinstance(image, Pillow.Image) else Pillow.fromarray(image)).save(
        stream, kind, **options
    )
    return stream.getvalue()


def by_opencv(array, suffix):
    return cv2.imencode(suffix, array)[1].tobytes()


def chunk(name, body):
    return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))


def png_claiming(width, height, bits=8, color=2, data=b"\0" * 64):
    header = struct.pack(">IIBBBBB", width, height, bits, color, 0, 0, 0)
    body = chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(data)) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + body


def refused(source, match, read=read_image, **options):
    with pytest.raises(InvalidImage, match=match) as caught:
        read(source, **options)
    error = caught.value
    assert error.field and error.allowed and error.fix
    assert type(error) is InvalidImage
    return error


# --- what is read ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "options"), [("PNG", {}), ("TIFF", {}), ("WEBP", {"lossless": True})]
)
def test_lossless_formats(kind, options):
    image = read_image(encoded(PICTURE, kind, icc_profile=SRGB, **options))
    assert image.depth == "uint8" and image.alpha is None and image.icc == SRGB
    assert (image.pixels == PICTURE).all()


def test_jpeg_and_paths(tmp_path):
    path = tmp_path / "ä b.jpg"
    path.write_bytes(encoded(PICTURE, "JPEG", icc_profile=SRGB))
    for source in (path, str(path)):
        image = read_image(source)
        assert image.size == (17, 12) and image.icc == SRGB


@pytest.mark.parametrize("suffix", [".png", ".tiff"])
@pytest.mark.parametrize("channels", [1, 3, 4])
def test_16_bit_stays_16_bit(suffix, channels):
    shape = (9, 7) if channels == 1 else (9, 7, channels)
    array = np.random.default_rng(1).integers(0, 65536, shape, dtype=np.uint16)
    image = read_image(by_opencv(array, suffix))
    assert image.depth == "uint16"
    if channels == 1:
        assert all((image.pixels[..., i] == array).all() for i in range(3))
    else:
        assert (image.pixels == array[..., 2::-1]).all()
    assert (image.alpha is None) if channels < 4 else (image.alpha == array[..., 3]).all()


def test_16_bit_grey_with_alpha():
    array = np.random.default_rng(2).integers(0, 65536, (5, 6, 2), dtype=np.uint16)
    rows = b"".join(b"\0" + row.astype(">u2").tobytes() for row in array)
    image = read_image(png_claiming(6, 5, 16, 4, rows))
    assert image.depth == "uint16"
    assert (image.pixels[..., 1] == array[..., 0]).all() and (image.alpha == array[..., 1]).all()


@pytest.mark.parametrize("channels", [1, 3])
def test_float_tiff_stays_float(channels):
    shape = (9, 7) if channels == 1 else (9, 7, 3)
    array = np.random.default_rng(3).normal(0, 3, shape).astype(np.float32)
    image = read_image(by_opencv(array, ".tiff"))
    assert image.depth == "float32"
    expected = array[..., ::-1] if channels == 3 else np.repeat(array[..., None], 3, 2)
    assert (image.pixels == expected).all()


@pytest.mark.parametrize("mode", ["1", "L", "P", "LA", "RGBA", "CMYK", "RGB"])
def test_modes(mode):
    kind = "TIFF" if mode == "CMYK" else "PNG"
    source = Pillow.fromarray(PICTURE).convert(mode)
    image = read_image(encoded(source, kind))
    assert image.depth == "uint8" and image.size == (17, 12)
    assert (image.alpha is not None) == (mode in ("LA", "RGBA"))
    assert (image.pixels == np.asarray(source.convert("RGB"))).all()


def test_palette_transparency():
    source = Pillow.fromarray(PICTURE).convert("P")
    image = read_image(encoded(source, transparency=int(np.asarray(source)[0, 0])))
    assert image.alpha is not None and image.alpha[0, 0] == 0 and image.alpha.max() == 255


def test_cmyk_profile_is_not_kept_on_rgb_pixels():
    source = Pillow.fromarray(PICTURE).convert("CMYK")
    for profile in (SRGB, b"not a profile" * 20):  # neither describes CMYK: plain conversion
        assert read_image(encoded(source, "JPEG", icc_profile=profile)).icc is None


def test_grey_profile_is_dropped():
    grey = SRGB[:16] + b"GRAY" + SRGB[20:]
    assert read_image(encoded(PICTURE[..., 0], icc_profile=grey)).icc is None


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("kind", ["PNG", "TIFF", "WEBP"])
def test_exif_orientation(orientation, kind):
    exif = Pillow.Exif()
    exif[274] = orientation
    options = {"lossless": True} if kind == "WEBP" else {}
    image = read_image(encoded(PICTURE, kind, exif=exif, **options))
    turned = {
        1: PICTURE,
        2: PICTURE[:, ::-1],
        3: PICTURE[::-1, ::-1],
        4: PICTURE[::-1],
        5: PICTURE.transpose(1, 0, 2),
        6: PICTURE[::-1].transpose(1, 0, 2),
        7: PICTURE[::-1, ::-1].transpose(1, 0, 2),
        8: PICTURE[:, ::-1].transpose(1, 0, 2),
    }
    assert image.pixels.tobytes() == turned[orientation].tobytes()


def test_one_pixel():
    assert read_image(encoded(PICTURE[:1, :1])).size == (1, 1)


# --- what is refused ---------------------------------------------------------------------------


def test_decompression_bomb_is_refused_from_the_header():
    error = refused(png_claiming(20_000, 20_000), "at most 64 million pixels")
    assert error.value == "20000x20000" and error.field == "image.size"
    refused(png_claiming(2**31 - 1, 2**31 - 1), "million pixels")
    webp = bytearray(encoded(PICTURE, "WEBP", lossless=True, exif=b"Exif\0\0II*\0\x08\0\0\0\0\0"))
    assert webp[12:16] == b"VP8X"
    webp[24:30] = b"\xff\x3f\0\xff\x3f\0"
    refused(bytes(webp), "million pixels")
    jpeg = bytearray(encoded(PICTURE, "JPEG"))
    start = jpeg.index(b"\xff\xc0")
    jpeg[start + 5 : start + 9] = struct.pack(">HH", 65500, 65500)
    refused(bytes(jpeg), "million pixels")
    tiff = encoded(PICTURE, "TIFF")
    wide = tiff.replace(struct.pack("<HHII", 256, 4, 1, 17), struct.pack("<HHII", 256, 4, 1, 10**7))
    wide = wide.replace(struct.pack("<HHII", 257, 4, 1, 12), struct.pack("<HHII", 257, 4, 1, 10**7))
    refused(wide, "image")


def test_the_limit_is_configurable():
    assert read_image(encoded(PICTURE), max_pixels=17 * 12).size == (17, 12)
    refused(encoded(PICTURE), "17x12", max_pixels=17 * 12 - 1)


def test_zero_size():
    refused(png_claiming(0, 5), "0x5")
    refused(png_claiming(5, 0), ">= 1x1")


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"hello",
        b"\x89PNG\r\n\x1a\n",
        b"\xff\xd8\xff",
        b"RIFF\0\0\0\0WEBP",
        b"II*\0\0\0\0\0",
        b"II*\0\xff\xff\xff\xff",
        b"MM\0*",
        b"<svg xmlns='http://www.w3.org/2000/svg'/>",
        b"%PDF-1.4",
        b"GIF89a" + b"\0" * 40,
    ],
)
def test_not_a_picture(data):
    refused(data, "image")


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP", "TIFF", "PNG16", "TIFF16", "TIFF32"])
def test_truncated(kind):
    deep = np.random.default_rng(4).integers(0, 65536, (40, 40, 3), dtype=np.uint16)
    large = np.random.default_rng(5).integers(0, 256, (40, 40, 3), dtype=np.uint8)
    data = {
        "PNG16": lambda: by_opencv(deep, ".png"),
        "TIFF16": lambda: by_opencv(deep, ".tiff"),
        "TIFF32": lambda: by_opencv(deep.astype(np.float32), ".tiff"),
    }.get(kind, lambda: encoded(large, kind))()
    for part in (0.3, 0.6, 0.9):
        refused(data[: int(len(data) * part)], "image")


def test_animated():
    frames = [Pillow.fromarray(PICTURE), Pillow.fromarray(255 - PICTURE)]
    for kind in ("PNG", "WEBP", "TIFF"):
        data = encoded(frames[0], kind, save_all=True, append_images=frames[1:])
        refused(data, "one still picture")


def test_unsupported_modes():
    refused(encoded(Pillow.fromarray(PICTURE).convert("LAB"), "TIFF"), "mode")
    refused(by_opencv(np.full((4, 4, 3), np.nan, np.float32), ".tiff"), "finite")
    refused(encoded(np.full((3, 3), 70_000, np.int32), "TIFF"), "mode")


def test_paths_that_are_not_files(tmp_path, monkeypatch):
    refused(tmp_path / "none.png", "an existing file")
    refused(tmp_path, "not a folder")
    refused("a\0b", "image")
    (tmp_path / "empty.png").touch()
    monkeypatch.chdir(tmp_path)  # a long path would be cut, and the size with it
    refused("empty.png", "0 by.*export it again")


@settings(max_examples=150, deadline=None, database=None, derandomize=True)
@given(
    st.sampled_from(["PNG", "JPEG", "WEBP", "TIFF", "PNG16", "TIFF32"]),
    st.lists(st.tuples(st.integers(0, 4000), st.integers(0, 255)), min_size=1, max_size=8),
)
def test_corrupt_bytes_are_read_or_refused(kind, changes):
    deep = np.arange(17 * 12 * 3, dtype=np.uint16).reshape(12, 17, 3) * 100
    data = {
        "PNG16": lambda: by_opencv(deep, ".png"),
        "TIFF32": lambda: by_opencv(deep.astype(np.float32), ".tiff"),
    }.get(kind, lambda: encoded(PICTURE, kind))()
    broken = bytearray(data)
    for place, value in changes:
        broken[place % len(broken)] = value
    try:
        image = read_image(bytes(broken), max_pixels=10**6)
    except InvalidImage:
        return
    assert image.width * image.height <= 10**6


# --- masks -------------------------------------------------------------------------------------


def test_masks(tmp_path):
    grey = np.array([[0, 51, 255]], np.uint8)
    assert np.allclose(read_mask(encoded(grey)).strength, [[0, 0.2, 1]])
    deep = np.array([[0, 13107, 65535]], np.uint16)
    assert np.allclose(read_mask(by_opencv(deep, ".png")).strength, [[0, 0.2, 1]])
    white = np.full((1, 3, 4), 255, np.uint8)
    white[..., 3] = grey
    assert np.allclose(read_mask(encoded(white)).strength, [[0, 0.2, 1]])
    assert read_mask(encoded(np.full((2, 2), 255, np.uint8))).strength.min() == 1


def test_mask_of_another_size():
    data = encoded(PICTURE[..., 0])
    assert read_mask(data, size=Size(17, 12)).size == (17, 12)
    error = refused(data, "the picture's size", read=read_mask, size=Size(12, 17))
    assert (error.field, error.value) == ("mask.size", "17x12")
    assert refused(b"nope", "mask", read=read_mask).field == "mask"


def test_a_mask_with_colours_is_its_luminance(tmp_path):
    colours = np.uint8([[[255, 0, 0], [0, 255, 0], [0, 0, 255], [255, 255, 255], [90, 90, 90]]])
    Pillow.fromarray(colours).save(tmp_path / "mask.png")
    found = read_mask(tmp_path / "mask.png").strength[0]
    assert found == pytest.approx([0.299, 0.587, 0.114, 1.0, 90 / 255], abs=1e-6)
    assert found[3] == 1.0, "white edits fully, to the last bit"


def test_black_may_be_what_is_edited_and_transparency_never_is():
    pixels = np.uint8([[[0, 0, 0], [255, 255, 255], [0, 0, 0]]])
    image = Image(pixels, alpha=np.uint8([[255, 255, 0]]))
    assert image.strength(edit_black=True).tolist() == [[1.0, 0.0, 0.0]]
    assert image.strength().tolist() == [[0.0, 1.0, 0.0]]
