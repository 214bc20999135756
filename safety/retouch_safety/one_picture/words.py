"""Telling words from pictures in metadata: text stays, whatever may be a picture does not."""

from __future__ import annotations

import re
from typing import Final
from xml.dom import minidom

from retouch_safety.provenance.xmp import parsed_packet

#: Longest text that stays, in bytes.
LONGEST_TEXT: Final = 1 << 15
_BEGINNINGS: Final = (
    b"\xff\xd8\xff",
    b"\x89PNG\r\n",
    b"WEBPVP8",
    b"GIF87a",
    b"GIF89a",
    b"II*\0",
    b"MM\0*",
    b"ftypheic",
    b"ftypavif",
    b"ftypmp4",
    b"ftypisom",
    b"/9j/",  # the first and the second in base64, and RIFF
    b"iVBORw0KGgo",
    b"UklGR",
)
_MOST_CODED: Final = 1000  # bytes of a text: digests and signatures are shorter
_CODED: Final = re.compile(rb"[\w+/=-]{40,}", re.ASCII)  # a line of base64 or hex; no word


def shows_picture(data: bytes) -> bool:
    """Whether a picture or a film begins somewhere in some bytes, also in base64."""
    return any(beginning in data for beginning in _BEGINNINGS)


def are_words(data: bytes) -> bool:
    """Whether some bytes are a text for people: not endless, not coded, not a picture."""
    if len(data) > LONGEST_TEXT or shows_picture(data):
        return False
    return sum(map(len, _CODED.findall(data))) < _MOST_CODED


def words_of_xmp(packet: bytes) -> tuple[bytes | None, int]:
    """Return a packet without values that are no words, and how many bytes went.

    Args:
        packet: XMP; None comes back for one that cannot be read.
    """
    document = parsed_packet(packet)
    top = None if document is None else document.documentElement
    if top is None:
        return None, len(packet)
    gone = _clean(top)
    return top.toxml().encode("utf-8"), gone


def _clean(element: minidom.Element) -> int:
    """Remove what is no words below an element, and return how long it was, in bytes."""
    gone = 0
    for name, value in list(element.attributes.items()):
        if name.endswith(":HasExtendedXMP"):  # says where more is, which does not stay
            element.removeAttribute(name)
        elif not are_words(value.encode()):
            element.removeAttribute(name)
            gone += len(value.encode())
    for child in list(element.childNodes):
        if child.nodeType == child.ELEMENT_NODE:
            gone += _clean(child)
        elif child.nodeType not in (child.TEXT_NODE, child.CDATA_SECTION_NODE):
            element.removeChild(child)  # comments and instructions, which nobody reads
    texts = [child for child in element.childNodes if child.nodeType != child.ELEMENT_NODE]
    text = "".join(child.data for child in texts).encode()
    if are_words(text):
        return gone
    for child in texts:
        element.removeChild(child)
    return gone + len(text)
