"""The XMP packet: the IPTC's DigitalSourceType, for readers that know nothing of C2PA.

Properties (IPTC Photo Metadata Standard 2025.1, Extension schema): ``DigitalSourceType``,
``AISystemUsed`` and ``AISystemVersionUsed``; our own ``record`` beside them. The standard keeps
these in XMP alone: the older IIM block has no place for them. Metadata is not signed here, and
anyone can change it; the manifest covers the whole file, metadata included.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final
from xml.dom import minidom
from xml.parsers.expat import ExpatError

from retouch_safety.provenance.vocabulary import SOFTWARE, SourceType, record_of, record_text

LARGEST_PACKET: Final = 16 << 20

_RDF: Final = "http://www.w3.org/1999/02/22-rdf-syntax-ns#"
_IPTC: Final = "http://iptc.org/std/Iptc4xmpExt/2008-02-29/"
_OURS: Final = "urn:retouch:xmp:1#"
_IPTC_NAMES: Final = ("DigitalSourceType", "AISystemUsed", "AISystemVersionUsed")
_OPEN: Final = '<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?>\n'
_CLOSE: Final = '\n<?xpacket end="w"?>'
_EMPTY: Final = (
    f'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="{_RDF}"></rdf:RDF></x:xmpmeta>'
)


@dataclass(frozen=True)
class SourceMetadata:
    """What the packet says.

    Attributes:
        source_type: IRI of the digital source type, empty when there is none.
        version: version of the software, may be empty.
        records: record ids of the watermarks.
    """

    source_type: str
    version: str = ""
    records: tuple[int, ...] = ()


def packet_with(facts: SourceMetadata, existing: bytes | None = None) -> bytes:
    """Return a packet with our properties, and everything else that was in the old one.

    Another AI system that the old packet names stays named, before ours.

    Args:
        facts: what to say; replaces what an old packet said of the same.
        existing: the packet that the file has, or None. One that is not XMP is replaced.
    """
    old = parsed_packet(existing)
    system = _value(old, _IPTC, "AISystemUsed") if old else ""
    systems = dict.fromkeys([*(name.strip() for name in system.split(",") if name), SOFTWARE])
    document = old or parsed_packet(_EMPTY.encode())
    if document is None:
        raise ValueError("the empty packet does not parse")  # cannot be: it is our own text
    rdf = document.getElementsByTagNameNS(_RDF, "RDF")[0]
    for element in rdf.getElementsByTagNameNS(_RDF, "Description"):
        _forget(element)
    rdf.appendChild(_description(document, facts, ", ".join(systems)))
    top = document.documentElement or rdf
    return (_OPEN + top.toxml() + _CLOSE).encode("utf-8")


def facts_in(packet: bytes | None) -> SourceMetadata:
    """Return what a packet says; all empty when it says nothing or is not XMP."""
    document = parsed_packet(packet)
    if document is None:
        return SourceMetadata("")
    found = {name: _value(document, _IPTC, name) for name in _IPTC_NAMES}
    listed = _value(document, _OURS, "record").split()
    records = tuple(record for text in listed if (record := record_of(text)) is not None)
    return SourceMetadata(found["DigitalSourceType"], found["AISystemVersionUsed"], records)


def is_ai(source_type: str) -> bool:
    """Whether a digital source type says that a trained model took part."""
    return source_type in (str(SourceType.GENERATED), str(SourceType.EDITED))


def parsed_packet(packet: bytes | None) -> minidom.Document | None:
    """Return a packet as a document, None when it is not XMP, or over 16 MB."""
    text = (packet or b"").strip(b"\0 \r\n\t")
    # a document type could define entities that grow without end; XMP has none, and is UTF-8 here
    if not text or len(text) > LARGEST_PACKET or b"<!DOCTYPE" in text or b"\0" in text:
        return None
    try:
        document = minidom.parseString(text)
    except (ExpatError, ValueError, LookupError):
        return None
    return document if document.getElementsByTagNameNS(_RDF, "RDF") else None


def _description(
    document: minidom.Document, facts: SourceMetadata, systems: str
) -> minidom.Element:
    made = document.createElementNS(_RDF, "rdf:Description")
    made.setAttribute("xmlns:rdf", _RDF)
    made.setAttribute("rdf:about", "")
    made.setAttribute("xmlns:Iptc4xmpExt", _IPTC)
    made.setAttribute("xmlns:retouch", _OURS)
    values = {
        "Iptc4xmpExt:DigitalSourceType": facts.source_type,
        "Iptc4xmpExt:AISystemUsed": systems,
        "Iptc4xmpExt:AISystemVersionUsed": facts.version,
        "retouch:record": " ".join(record_text(record) for record in facts.records),
    }
    for name, value in values.items():
        if value:
            made.setAttribute(name, value)
    return made


def _forget(description: minidom.Element) -> None:
    """Remove our properties, in either of RDF's two forms."""
    for space, name in _properties():
        if description.hasAttributeNS(space, name):
            description.removeAttributeNS(space, name)
        for child in list(description.childNodes):
            if child.nodeType == child.ELEMENT_NODE and _is(child, space, name):
                description.removeChild(child)


def _is(element: minidom.Element, space: str, name: str) -> bool:
    return bool(element.namespaceURI == space and element.localName == name)


def _properties() -> list[tuple[str, str]]:
    return [*((_IPTC, name) for name in _IPTC_NAMES), (_OURS, "record")]


def _value(document: minidom.Document, space: str, name: str) -> str:
    for element in document.getElementsByTagNameNS(_RDF, "Description"):
        if element.hasAttributeNS(space, name):
            return str(element.getAttributeNS(space, name)).strip()
    for element in document.getElementsByTagNameNS(space, name):
        resource = element.getAttributeNS(_RDF, "resource")
        texts = (child.data for child in element.childNodes if child.nodeType == child.TEXT_NODE)
        return str(resource or "".join(texts)).strip()
    return ""
