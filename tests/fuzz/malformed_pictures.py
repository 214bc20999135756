"""Real files of all kinds, broken in all ways: cut, flipped, lied about, blown up."""

import io
import random
import struct
import zlib

import numpy as np
from PIL import Image as Pillow
from PIL import ImageCms

SIDE = 24
_RGB = np.random.default_rng(1).integers(0, 256, (SIDE, SIDE, 3), dtype=np.uint8)
_ICC = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
#: What a bomb says it is, or becomes.
_HUGE = 0xFFFF


def _saved(picture, kind, **settings):
    stream = io.BytesIO()
    picture.save(stream, kind, **settings)
    return stream.getvalue()


def originals():
    """Files that are right, by name."""
    rgb = Pillow.fromarray(_RGB)
    alpha = rgb.copy()
    alpha.putalpha(Pillow.fromarray(_RGB[..., 0]))
    grey16 = Pillow.fromarray(_RGB[..., 0].astype(np.uint16) * 257)
    return {
        "png": _saved(rgb, "PNG", icc_profile=_ICC),
        "png grey": _saved(rgb.convert("L"), "PNG"),
        "png alpha": _saved(alpha, "PNG"),
        "png 16": _saved(grey16, "PNG"),
        "png palette": _saved(rgb.quantize(8), "PNG"),
        "png one bit": _saved(rgb.convert("1"), "PNG"),
        "jpeg": _saved(rgb, "JPEG", icc_profile=_ICC),
        "jpeg progressive": _saved(rgb, "JPEG", progressive=True),
        "jpeg cmyk": _saved(rgb.convert("CMYK"), "JPEG"),
        "webp": _saved(rgb, "WEBP"),
        "webp lossless": _saved(alpha, "WEBP", lossless=True),
        "webp animated": _saved(rgb, "WEBP", save_all=True, append_images=[rgb.rotate(90)]),
        "tiff": _saved(rgb, "TIFF", icc_profile=_ICC),
        "tiff deflate": _saved(alpha, "TIFF", compression="tiff_deflate"),
        "tiff 16": _saved(grey16, "TIFF"),
        "tiff float": _saved(Pillow.fromarray(_RGB[..., 0].astype(np.float32) / 255), "TIFF"),
        "gif": _saved(rgb.quantize(8), "GIF"),
        "bmp": _saved(rgb, "BMP"),
        "raw": _RGB.tobytes(),
        "raw float": np.where(_RGB > 128, np.nan, np.inf).astype(np.float32).tobytes(),
        "icc": _ICC,
    }


def chunk(kind, data, *, size=None, checksum=None):
    """A PNG chunk, which may lie about its size and its checksum."""
    found = zlib.crc32(kind + data) if checksum is None else checksum
    return (
        struct.pack(">I", len(data) if size is None else size)
        + kind
        + data
        + struct.pack(">I", found)
    )


def _png(width, height, *chunks, depth=8, colour=2):
    header = struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + b"".join(chunks) + chunk(b"IEND", b"")


def _width(columns):
    """The entry of a TIFF's width, as Pillow writes it."""
    return struct.pack("<HHII", 256, 4, 1, columns)


def bombs():
    """Small files that say they are huge, or become so."""
    zeros = zlib.compress(bytes(64 << 20), 9)
    pixels = chunk(b"IDAT", zlib.compress(bytes((SIDE * 3 + 1) * SIDE)))
    huge = struct.pack(">H", _HUGE) * 2
    jpeg = bytearray(originals()["jpeg"])
    frame = jpeg.index(b"\xff\xc0")
    jpeg[frame + 5 : frame + 9] = huge
    webp = bytearray(originals()["webp"])
    tiff = originals()["tiff"]
    return {
        "png of 2^31 pixels": _png(_HUGE, _HUGE, pixels),
        "png of no pixels": _png(0, 0, pixels),
        "png of 2^31 columns": _png(2**31 - 1, 1, pixels),
        "png that inflates": _png(SIDE, SIDE, chunk(b"IDAT", zeros)),
        "png that is as large as it says": _png(30_000, 30_000, chunk(b"IDAT", zeros), colour=0),
        "png whose profile inflates": _png(SIDE, SIDE, chunk(b"iCCP", b"x\0\0" + zeros), pixels),
        "png whose text inflates": _png(SIDE, SIDE, chunk(b"zTXt", b"x\0\0" + zeros), pixels),
        "png whose profile is garbage": _png(
            SIDE, SIDE, chunk(b"iCCP", b"x\0\0" + zlib.compress(b"garbage" * 99)), pixels
        ),
        "png with a chunk of 4 GiB": _png(SIDE, SIDE, chunk(b"IDAT", b"x", size=2**32 - 1)),
        "png of 100 000 chunks": _png(SIDE, SIDE, *[chunk(b"tEXt", b"a\0b")] * 100_000, pixels),
        "jpeg of 2^32 pixels": bytes(jpeg),
        "webp of 2^28 pixels": bytes(webp[:24]) + b"\xff\x3f\xff\x3f" + bytes(webp[28:]),
        "tiff of 2^32 columns": tiff.replace(_width(SIDE), _width(2**32 - 1)),
        "tiff whose directory follows itself": b"II*\0"
        + struct.pack("<IH", 8, 1) + _width(SIDE) + struct.pack("<I", 8),
        "svg": b"<svg xmlns='http://www.w3.org/2000/svg' width='9' height='9'/>",
    }  # fmt: skip


def mutated(data, drawn):
    """A file with some of its bytes changed in one of the usual ways."""
    broken = bytearray(data)
    for _ in range(drawn.choice((1, 1, 1, 2, 8))):
        drawn.choice((_cut, _flip, _fill, _repeat, _remove, _insert, _largest))(broken, drawn)
    return bytes(broken)


def _span(data, drawn):
    start = drawn.randrange(len(data) + 1)
    return start, min(len(data), start + drawn.choice((1, 2, 4, 16, 200)))


def _cut(data, drawn):
    del data[drawn.randrange(len(data) + 1) :]


def _flip(data, drawn):
    for _ in range(drawn.choice((1, 3, 20)) if data else 0):
        data[drawn.randrange(len(data))] ^= 1 << drawn.randrange(8)


def _fill(data, drawn):
    start, stop = _span(data, drawn)
    data[start:stop] = drawn.randbytes(stop - start)


def _repeat(data, drawn):
    start, stop = _span(data, drawn)
    data[start:start] = data[start:stop] * drawn.choice((1, 2, 50))


def _remove(data, drawn):
    start, stop = _span(data, drawn)
    del data[start:stop]


def _insert(data, drawn):
    start, _ = _span(data, drawn)
    data[start:start] = drawn.randbytes(drawn.choice((1, 4, 100)))


def _largest(data, drawn):
    """Where sizes and offsets are, the largest and the smallest are what programs forget."""
    start = drawn.randrange(min(len(data), 120) + 1)
    data[start : start + 4] = drawn.choice(
        (b"\xff" * 4, b"\x7f" + b"\xff" * 3, bytes(4), b"\xff\xff")
    )


def malformed(count, seed=0):
    """So many files, each with its name: bombs first, then mutations in turn."""
    drawn, right = random.Random(seed), originals()
    for name, data in list(bombs().items())[:count]:
        yield name, data
    names = list(right)
    for number in range(count - len(bombs())):
        name = names[number % len(names)]
        yield f"{name}, mutation {number}", mutated(right[name], drawn)
