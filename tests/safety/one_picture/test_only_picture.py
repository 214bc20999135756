"""What a file holds besides its picture is taken out and named; its picture and words stay."""

import base64
import io
import struct
import zlib

import numpy as np
import pytest
from PIL import Image as Pillow
from PIL import ImageCms, PngImagePlugin
from PIL.TiffImagePlugin import ImageFileDirectory_v2

from retouch.picture_file import pixels_of
from retouch_safety.errors import InvalidInput
from retouch_safety.one_picture import only_picture
from retouch_safety.one_picture.words import are_words
from retouch_safety.provenance.manifest_contents import files_in

KINDS = {"PNG": {}, "JPEG": {"quality": 90}, "WEBP": {"lossless": True}, "TIFF": {}}
ARTIST, ORIENTATION, THUMBNAIL = 315, 274, 513
EXIF, MAKER_NOTE, TAKEN = 34665, 37500, 36867


def drawn(seed=0):
    return np.random.default_rng(seed).integers(0, 255, (48, 56, 3), np.uint8)


def encoded(kind, pixels=None, **options):
    stream = io.BytesIO()
    picture = Pillow.fromarray(drawn() if pixels is None else pixels)
    picture.save(stream, kind, **KINDS[kind] | options)
    return stream.getvalue()


SECOND = encoded("JPEG", drawn(1))


def exif(**extra):
    found = Pillow.Exif()
    found[ORIENTATION], found[ARTIST] = 6, "A. N. Artist"
    below = found.get_ifd(EXIF)
    below[TAKEN] = "2026:01:02 03:04:05"
    for name, value in extra.items():
        below[{"maker": MAKER_NOTE}[name]] = value
    return found


def with_thumbnail():
    """An EXIF block whose second directory is a whole JPEG picture."""
    block = exif().tobytes().removeprefix(b"Exif\0\0")
    order = "<" if block[:2] == b"II" else ">"
    (first,) = struct.unpack(order + "I", block[4:8])
    (count,) = struct.unpack(order + "H", block[first : first + 2])
    at = first + 2 + 12 * count
    fields = [(THUMBNAIL, 4, 1, len(block) + 30), (THUMBNAIL + 1, 4, 1, len(SECOND))]
    packed = b"".join(struct.pack(order + "HHII", *field) for field in fields)
    second = struct.pack(order + "H", 2) + packed + bytes(4)
    return block[:at] + struct.pack(order + "I", len(block)) + block[at + 4 :] + second + SECOND


def segment(marker, body):
    return bytes([0xFF, marker]) + struct.pack(">H", len(body) + 2) + body


def inserted(data, *segments):
    return data[:2] + b"".join(segments) + data[2:]


def chunk(name, body):
    return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))


def with_chunks(data, *chunks):
    return data[:33] + b"".join(chunks) + data[33:]  # behind the header


def riff(data, *chunks):
    """A WebP file in the extended format, with further chunks behind its picture."""
    packed = b"".join(
        name + struct.pack("<I", len(body)) + body + bytes(len(body) % 2) for name, body in chunks
    )
    size = struct.pack("<I", len(data) - 8 + len(packed))
    return data[:4] + size + data[8:] + packed


def xmp(value):
    return (
        '<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF '
        'xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"><rdf:Description rdf:about="" '
        'xmlns:dc="http://purl.org/dc/elements/1.1/" xmlns:g="http://ns.adobe.com/xap/1.0/g/img/" '
        f'dc:rights="mine, all of it"><g:image>{value}</g:image></rdf:Description></rdf:RDF>'
        "</x:xmpmeta>"
    ).encode()


CODED = base64.encodebytes(SECOND).decode()


def check(data, *named, gone=(SECOND,)):
    """The picture is bit for bit the same, named parts are gone, and nothing is left to take."""
    only = only_picture(data)
    before, after = pixels_of(data), pixels_of(only.data)
    assert np.array_equal(before.pixels, after.pixels)
    assert (before.alpha is None) == (after.alpha is None)
    assert [each.what for each in only.left_out] == list(named)
    assert all(each.size > 0 for each in only.left_out)
    assert not any(part in only.data for part in gone)
    again = only_picture(only.data)
    assert (again.data, again.left_out) == (only.data, ())
    return only.data


@pytest.mark.parametrize("kind", KINDS)
def test_a_plain_file_stays_as_it_is(kind):
    data = encoded(kind)
    assert check(data) == data or kind == "TIFF"


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("tail", [SECOND, b"\0\0\0\x18ftypmp42" + bytes(4000)], ids=["jpg", "mp4"])
def test_data_behind_the_picture_is_left_out(kind, tail):
    belongs = "that does not belong to the picture" if kind == "TIFF" else "behind the end of the"
    what = f"data {belongs}" + ("" if kind == "TIFF" else " picture")
    check(encoded(kind) + tail, what, gone=(tail,))


@pytest.mark.parametrize("options", [{"progressive": True}, {"restart_marker_blocks": 2}])
def test_the_end_of_a_jpeg_is_found_through_all_its_scans(options):
    check(encoded("JPEG", **options) + SECOND, "data behind the end of the picture")


def test_a_cmyk_jpeg_stays_inverted():
    stream = io.BytesIO()
    Pillow.fromarray(drawn()).convert("CMYK").save(stream, "JPEG")
    check(stream.getvalue())


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP"])
def test_exif_keeps_its_words_and_loses_its_thumbnail(kind):
    block = with_thumbnail()
    given = block if kind != "JPEG" else b"Exif\0\0" + block
    clean = check(encoded(kind, exif=given), "the thumbnail in EXIF")
    with Pillow.open(io.BytesIO(clean)) as opened:
        found = opened.getexif()
        assert (found[ARTIST], found[ORIENTATION]) == ("A. N. Artist", 6)
        assert found.get_ifd(EXIF)[TAKEN] == "2026:01:02 03:04:05"
        assert not found.get_ifd(1)


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP"])
def test_makers_notes_may_hold_previews(kind):
    data = encoded(kind, exif=exif(maker=b"Maker\0" + SECOND))
    check(data, "previews and makers' notes in EXIF")


def test_further_pictures_in_jpeg_segments():
    thumbnail = bytes(3 * 8 * 8)
    jfif = b"JFIF\0\x01\x01\0\0\x01\0\x01\x08\x08" + thumbnail
    data = inserted(
        encoded("JPEG").replace(segment(0xE0, b"JFIF\0\x01\x01\0\0\x01\0\x01\0\0"), b""),
        segment(0xE0, jfif),
        segment(0xE0, b"JFXX\0\x10" + SECOND),
        segment(0xE2, b"MPF\0" + bytes(80)),
        segment(0xED, b"Photoshop 3.0\x008BIM\x04\x0c" + SECOND),
        segment(0xE3, SECOND),
        segment(0xFE, b"a comment, in words"),
        segment(0xFE, SECOND),
    )
    clean = check(
        data + SECOND,
        "the thumbnail in JFIF",
        "segment APP0 JFXX",
        "segment APP2 MPF",
        "segment APP13 Photoshop 3.0",
        "segment APP3",
        "a comment",
        "data behind the end of the picture",
    )
    assert b"a comment, in words" in clean


@pytest.mark.parametrize("kind", KINDS)
def test_pictures_in_xmp_go_and_its_words_stay(kind):
    packet = xmp(CODED)
    if kind == "TIFF":
        tags = ImageFileDirectory_v2()
        tags[700], tags.tagtype[700] = packet, 1
        data = encoded("TIFF", tiffinfo=tags)
    elif kind == "PNG":
        data = with_chunks(encoded("PNG"), chunk(b"iTXt", b"XML:com.adobe.xmp" + bytes(5) + packet))
    else:
        data = encoded(kind, xmp=packet)
    clean = check(data, "pictures in XMP", gone=(CODED[:60].encode(),))
    assert b"mine, all of it" in clean


def test_the_rest_of_an_xmp_packet_in_jpeg_is_left_out():
    more = b"http://ns.adobe.com/xmp/extension/\0" + bytes(40) + CODED.encode()
    check(
        inserted(encoded("JPEG"), segment(0xE1, more)),
        "segment APP1 http://ns.adobe.com/xmp/extension/",
        gone=(CODED[:60].encode(),),
    )


def test_png_texts_stay_where_they_are_words():
    raw = b"Raw profile type iptc\0\niptc\n%8d\n" % len(SECOND) + SECOND.hex().encode()
    data = with_chunks(
        encoded("PNG"),
        chunk(b"tEXt", b"Author\0A. N. Artist"),
        chunk(b"tEXt", raw),
        chunk(b"zTXt", b"Comment\0\0" + zlib.compress(SECOND)),
        chunk(b"prVt", SECOND),
    )
    clean = check(data, "chunk tEXt", "chunk zTXt", "chunk prVt", gone=(SECOND, raw))
    assert b"A. N. Artist" in clean


def test_unknown_webp_chunks_are_left_out():
    check(riff(encoded("WEBP"), (b"PREV", SECOND)), "chunk PREV")


def test_layers_and_private_fields_of_a_tiff_are_left_out():
    tags = ImageFileDirectory_v2()
    for tag in (34377, 37724, 50000):
        tags[tag], tags.tagtype[tag] = SECOND, 7
    tags[ARTIST] = "A. N. Artist"
    named = ("Photoshop's resources", "layers", "field 50000")
    clean = check(encoded("TIFF", tiffinfo=tags), *named)
    with Pillow.open(io.BytesIO(clean)) as opened:
        assert opened.tag_v2[ARTIST] == "A. N. Artist"


@pytest.mark.parametrize("compression", ["raw", "tiff_lzw", "tiff_adobe_deflate", "jpeg"])
def test_every_compression_of_a_tiff_keeps_its_pixels(compression):
    picture = np.random.default_rng(2).integers(0, 255, (300, 200, 3), np.uint8)
    check(encoded("TIFF", picture, compression=compression))


@pytest.mark.parametrize("kind", KINDS)
def test_the_colour_profile_stays(kind):
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    clean = check(encoded(kind, icc_profile=profile))
    with Pillow.open(io.BytesIO(clean)) as opened:
        assert opened.info["icc_profile"] == profile


@pytest.mark.parametrize("kind", ["PNG", "WEBP", "TIFF"])
def test_transparency_stays(kind):
    pixels = np.dstack([drawn(), drawn(3)[..., 0]])
    only = only_picture(encoded(kind, pixels) + SECOND)
    assert np.array_equal(pixels_of(only.data).alpha, pixels[..., 3])


# --- several pictures ---


def several(kind):
    frames = [Pillow.fromarray(drawn(seed)) for seed in range(3)]
    stream = io.BytesIO()
    frames[0].save(stream, kind, save_all=True, append_images=frames[1:], **KINDS[kind])
    return stream.getvalue()


def hidden_default():
    """A PNG that decoders without animation show one picture of, and browsers another."""
    control = chunk(b"acTL", struct.pack(">II", 1, 0))
    frame = chunk(b"fcTL", struct.pack(">IIIIIHHBB", 0, 56, 48, 0, 0, 1, 1, 0, 0))
    still = with_chunks(encoded("PNG"), control)
    other = encoded("PNG", drawn(1))
    at = other.index(b"IDAT")
    (length,) = struct.unpack(">I", other[at - 4 : at])
    pixels = chunk(b"fdAT", struct.pack(">I", 1) + other[at + 4 : at + 4 + length])
    return still[:-12] + frame + pixels + still[-12:]


SEVERAL = {
    "apng": lambda: several("PNG"),
    "one hidden frame": hidden_default,
    "webp": lambda: several("WEBP"),
    "two in one webp": lambda: riff(encoded("WEBP"), (b"VP8L", encoded("WEBP", drawn(1))[20:])),
    "tiff": lambda: several("TIFF"),
}


@pytest.mark.parametrize("name", SEVERAL)
def test_a_file_that_shows_several_pictures_is_refused(name):
    with pytest.raises(InvalidInput, match=r"^file: got .*; allowed: one still picture\. Fix: "):
        only_picture(SEVERAL[name]())


def test_two_frames_in_one_jpeg_are_damage():
    data = encoded("JPEG")
    frame = data.index(b"\xff\xc0")
    length = int.from_bytes(data[frame + 2 : frame + 4], "big") + 2
    twice = data[:frame] + data[frame : frame + length] * 2 + data[frame + length :]
    with pytest.raises(InvalidInput, match="2 pictures in one"):
        only_picture(twice)


@pytest.mark.parametrize("kind", KINDS)
def test_cut_and_damaged_files_are_one_clear_error(kind):
    data = encoded(kind, exif=with_thumbnail()) if kind == "WEBP" else encoded(kind)
    generator = np.random.default_rng(4)
    for _ in range(150):
        broken = bytearray(data[: generator.integers(8, len(data))])
        for at in generator.integers(8, len(broken), 6):
            broken[at] = generator.integers(256)
        try:
            only_picture(bytes(broken))
        except InvalidInput as error:
            assert "Fix: " in str(error)


def test_fields_that_share_a_value_do_not_grow():
    entries = b"".join(struct.pack("<HHII", 50000 + n, 7, 1000, 8) for n in range(2000))
    block = b"II*\0" + struct.pack("<I", 8) + struct.pack("<H", 2000) + entries + bytes(4)
    data = with_chunks(encoded("PNG"), chunk(b"eXIf", block))
    only = only_picture(data)
    assert [each.what for each in only.left_out] == ["EXIF that cannot be read"]
    assert len(only.data) < len(data)


# --- the rules ---


def test_packets_with_definitions_and_words_that_are_none():
    assert are_words(b"A caption, as people write them. " * 100) and are_words(b"")
    assert are_words(b'{"receipt": "of an edit", "score": 0.1}' * 40)
    assert not are_words(CODED.encode()) and not are_words(SECOND)
    assert not are_words(b"x, " * 20_000)
    assert not are_words(bytes(range(48, 58)) * 200)
    assert not are_words(b"profile\0\n" + b"\n".join([b"00ff" * 18] * 20))
    assert are_words(b"words without any sign between them " * 60)
    hostile = xmp("x").replace(b"<x:xmpmeta", b"<!DOCTYPE a><x:xmpmeta", 1)
    only = only_picture(encoded("WEBP", xmp=hostile))
    assert b"DOCTYPE" not in only.data and only.left_out


def test_files_in_a_manifest_store():
    def box(name, content):
        return struct.pack(">I", len(content) + 8) + name + content

    words = box(b"jumd", b"label") + box(b"cbor", b"\xa0")
    assert files_in(box(b"jumb", words)) == ()
    held = box(b"jumb", box(b"jumd", b"t") + box(b"bfdb", b"image/jpeg") + box(b"bidb", SECOND))
    assert files_in(box(b"jumb", words + held)) == (SECOND,)
    assert files_in(box(b"jumb", words + box(b"brob", b"packed"))) is None
    assert files_in(box(b"jumb", words)[:-1]) is None


def test_a_hidden_text_keeps_the_file_of_another_program_readable():
    info = PngImagePlugin.PngInfo()
    info.add_itxt("Title", "Überschrift")
    clean = check(encoded("PNG", pnginfo=info))
    with Pillow.open(io.BytesIO(clean)) as opened:
        opened.load()
        assert opened.text["Title"] == "Überschrift"
