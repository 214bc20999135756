"""XMP in the four containers: what is written, what is kept, what is refused."""

import io
import struct
import zlib

import numpy as np
import pytest
from PIL import Image as Pillow
from PIL import PngImagePlugin

from retouch_safety.provenance import InvalidProvenance, SourceType
from retouch_safety.provenance.metadata_in_files import source_metadata, with_source_metadata
from retouch_safety.provenance.xmp import SourceMetadata, facts_in, packet_with

FACTS = SourceMetadata(str(SourceType.EDITED), "1.2", (0x5A3C96E1, 7))
RDF = "http://www.w3.org/1999/02/22-rdf-syntax-ns#"
IPTC = "http://iptc.org/std/Iptc4xmpExt/2008-02-29/"


def packet(inside, attributes=""):
    return (
        '<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?><x:xmpmeta '
        f'xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="{RDF}"><rdf:Description rdf:about="" '
        f'xmlns:dc="http://purl.org/dc/elements/1.1/" xmlns:iptc="{IPTC}" {attributes}>{inside}'
        '</rdf:Description></rdf:RDF></x:xmpmeta><?xpacket end="w"?>'
    ).encode()


def test_written_and_read_in_every_container(make, kind, pixels_of):
    data = with_source_metadata(make(kind), FACTS)
    assert source_metadata(data) == FACTS
    assert (pixels_of(data) == pixels_of(make(kind))).all()
    with Pillow.open(io.BytesIO(data)) as opened:  # another reader finds it where it belongs
        if kind == "TIFF":
            xmp = opened.tag_v2[700]
        else:
            xmp = opened.info.get("xmp") or opened.info["XML:com.adobe.xmp"].encode()
    assert b'Iptc4xmpExt:DigitalSourceType="http://cv.iptc.org/newscodes/digitalsource' in xmp
    assert b'AISystemUsed="Retouch"' in xmp and b'AISystemVersionUsed="1.2"' in xmp
    changed = SourceMetadata(str(SourceType.GENERATED), "", (1,))
    again = with_source_metadata(data, changed)
    assert source_metadata(again) == changed
    assert again.count(b"DigitalSourceType=") == 1 or kind == "TIFF"  # TIFF leaves old bytes unused


def test_other_metadata_stays(kind, make):
    old = packet("<dc:rights>Ann &amp; Bob</dc:rights>", 'dc:format="image/x"')
    data = with_packet(make(kind), kind, old)
    assert source_metadata(data) == SourceMetadata("")
    after = with_source_metadata(data, FACTS)
    assert source_metadata(after) == FACTS
    assert b"<dc:rights>Ann &amp; Bob</dc:rights>" in after and b'dc:format="image/x"' in after


def with_packet(data, kind, xmp):
    picture, out = Pillow.open(io.BytesIO(data)), io.BytesIO()
    if kind == "PNG":
        info = PngImagePlugin.PngInfo()
        info.add_itxt("XML:com.adobe.xmp", xmp.decode(), zip=True)
        picture.save(out, kind, pnginfo=info)
    elif kind == "TIFF":
        picture.save(out, kind, tiffinfo={700: xmp})
    else:
        picture.save(out, kind, xmp=xmp)
    return out.getvalue()


@pytest.mark.parametrize(
    ("inside", "attributes"),
    [
        ("", 'iptc:DigitalSourceType="old"'),
        ("<iptc:DigitalSourceType>old</iptc:DigitalSourceType>", ""),
        (f'<iptc:DigitalSourceType xmlns:r="{RDF}" r:resource="old"/>', ""),
    ],
)
def test_an_old_source_type_is_read_and_replaced_in_any_form(inside, attributes):
    old = packet(inside, attributes)
    assert facts_in(old).source_type == "old"
    new = packet_with(FACTS, old)
    assert facts_in(new) == FACTS and b"old" not in new


def test_another_ai_system_stays_named():
    old = packet("", 'iptc:AISystemUsed="Other"')
    new = packet_with(FACTS, packet_with(FACTS, old))
    assert b'AISystemUsed="Other, Retouch"' in new and new.count(b"AISystemUsed=") == 1


@pytest.mark.parametrize(
    "broken",
    [
        b"",
        b"junk",
        b"<x:xmpmeta",
        b"<a/>",
        "<a>\u00e9</a>".encode("utf-16"),
        b'<!DOCTYPE a [<!ENTITY e "x">]>' + packet("&e;"),
    ],
)
def test_a_packet_that_is_not_xmp_is_replaced(broken):
    assert facts_in(broken) == SourceMetadata("")
    assert facts_in(packet_with(FACTS, broken)) == FACTS


def test_entities_are_never_expanded():
    entity = b'<!DOCTYPE a [<!ENTITY e "expanded">]>'
    assert facts_in(entity + packet("", 'iptc:DigitalSourceType="&e;"')) == SourceMetadata("")
    bomb = b'<!DOCTYPE a [<!ENTITY a "aaaaaaaaaa">' + b"".join(
        b'<!ENTITY a%d "%s">' % (i, b"&a%d;" % (i - 1) * 10) for i in range(1, 9)
    )
    assert facts_in(bomb + b"]>" + packet("&a8;")) == SourceMetadata("")


def test_records_that_are_not_ids_are_left_out():
    old = packet("", 'xmlns:r="urn:retouch:xmp:1#" r:record="5a3c96e1 xyz 5A3C96E1 1 00000007"')
    assert facts_in(old).records == (0x5A3C96E1, 7)


def test_jpeg_without_room(make):
    data = with_packet(make("JPEG"), "JPEG", packet("<dc:title>" + "x" * 64_800 + "</dc:title>"))
    with pytest.raises(InvalidProvenance, match=r"JPEG: its XMP would have 6\d+ bytes"):
        with_source_metadata(data, FACTS)


def test_jpeg_keeps_jfif_and_exif_first(make):
    exif = Pillow.Exif()
    exif[305] = "x"
    data = with_source_metadata(make("JPEG", exif=exif), FACTS)
    assert data.index(b"JFIF") < data.index(b"Exif\0") < data.index(b"http://ns.adobe.com/xap")


@pytest.mark.parametrize("mode", ["RGB", "RGBA"])
@pytest.mark.parametrize("lossless", [True, False])
def test_simple_webp_becomes_extended(make, mode, lossless, pixels_of):
    picture = np.dstack([pixels_of(make("PNG"))[:33, :47], np.full((33, 47), 90, np.uint8)])
    data = make("WEBP", picture[..., : len(mode)], lossless=lossless)
    after = with_source_metadata(data, FACTS)
    assert after[12:16] == b"VP8X" and (pixels_of(after) == pixels_of(data)).all()
    assert Pillow.open(io.BytesIO(after)).size == (47, 33)
    assert Pillow.open(io.BytesIO(after)).mode == mode
    assert source_metadata(after) == FACTS


def test_big_endian_tiff_of_two_pages(pixels_of):
    def page(start, following, value):
        entries = [
            (256, 4, 1, struct.pack(">I", 1)),
            (257, 4, 1, struct.pack(">I", 1)),
            (258, 3, 1, struct.pack(">HH", 8, 0)),
            (259, 3, 1, struct.pack(">HH", 1, 0)),
            (262, 3, 1, struct.pack(">HH", 1, 0)),
            (273, 4, 1, struct.pack(">I", value)),
            (278, 4, 1, struct.pack(">I", 1)),
            (279, 4, 1, struct.pack(">I", 1)),
        ]
        body = b"".join(struct.pack(">HHI", *e[:3]) + e[3] for e in entries)
        return struct.pack(">H", len(entries)) + body + struct.pack(">I", following)

    size = 2 + 8 * 12 + 4
    data = b"MM\0*" + struct.pack(">I", 10) + b"\x21\x42"
    data += page(10, 10 + size, 8) + page(10 + size, 0, 9)
    after = with_source_metadata(data, FACTS)
    assert source_metadata(after) == FACTS
    with Pillow.open(io.BytesIO(after)) as opened:
        assert opened.n_frames == 2 and np.asarray(opened).item() == 0x21
        opened.seek(1)
        assert np.asarray(opened).item() == 0x42


def test_cut_files_are_refused_and_read_as_empty(make, kind):
    whole = make(kind)
    for length in (8, 9, 13, 30, *([] if kind == "TIFF" else [len(whole) // 3])):
        with pytest.raises(InvalidProvenance, match="Fix: "):
            with_source_metadata(whole[:length], FACTS)
        assert source_metadata(whole[:length]) == SourceMetadata("")


def test_png_that_grows_without_end_is_cut(make):
    bomb = zlib.compress(b"x" * (20 << 20), 1)
    body = b"XML:com.adobe.xmp\0\1\0\0\0" + bomb
    chunk = struct.pack(">I", len(body)) + b"iTXt" + body
    chunk += struct.pack(">I", zlib.crc32(b"iTXt" + body))
    data = make("PNG")
    assert source_metadata(data[:33] + chunk + data[33:]) == SourceMetadata("")
