"""The bytes of a PSD or PSB, taken apart just far enough to put one layer in.

Adobe Photoshop File Formats Specification, 2019: header, colour mode data, image resources, layer
and mask information, image data. Whoever rewrites a file from a model of it changes bytes that
the model does not know. Here every byte of the original is copied but the lengths that enclose
the new layer and the count of layers.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from retouch.errors import InvalidImage

#: Tagged blocks whose length has eight bytes in a PSB (specification, "Additional Layer Info").
_LONG_KEYS: Final = frozenset(
    b"LMsk Lr16 Lr32 Layr Mt16 Mt32 Mtrn Alph FMsk lnk2 FEid FXid PxSD".split()
)
_DEEP_KEYS: Final = (b"Lr16", b"Lr32", b"Layr")
_SIGNATURES: Final = (b"8BIM", b"8B64")


@dataclass(frozen=True)
class LayerBytes:
    """Where a layer's record and its channels lie in the file; offsets in bytes."""

    record: int
    clipping: int
    channels: int


@dataclass(frozen=True)
class LayerInfo:
    """Where the layers of a file are; offsets in bytes.

    Attributes:
        length: of the length of the layer info, the section's own or a tagged block's.
        width: bytes of that length.
        body: of the count of layers.
        end: behind the layer info.
        padded_end: behind the padding that follows it.
        layers: of the lowest layer first.
        records_end, channels_end: behind the last record, and behind the last channel.
    """

    length: int
    width: int
    body: int
    end: int
    padded_end: int
    layers: tuple[LayerBytes, ...]
    records_end: int
    channels_end: int


@dataclass(frozen=True)
class PsdFile:
    """A file taken apart; offsets in bytes.

    Attributes:
        data: all of it.
        big: a PSB: lengths of eight bytes.
        section: of the length of the layer and mask information.
        section_end: behind that section.
        info: its layers; None where there are none.
    """

    data: bytes
    big: bool
    section: int
    section_end: int
    info: LayerInfo | None

    @property
    def width(self) -> int:
        """Bytes of long lengths."""
        return 8 if self.big else 4

    @property
    def after_info(self) -> bytes:
        """The section behind an empty layer info: global mask, tagged blocks."""
        begins = self.section + 2 * self.width
        return self.data[begins : self.section_end] or struct.pack(">I", 0)


def parsed(data: bytes) -> PsdFile:
    """Take a file apart.

    Raises:
        InvalidImage: not a whole PSD or PSB.
    """
    try:
        return _parsed(data)
    except (struct.error, IndexError, ValueError) as problem:
        allowed, fix = "a whole PSD or PSB", f"save it again ({problem})"
        raise InvalidImage("psd", f"{len(data)} bytes", allowed, fix) from problem


def with_layer(file: PsdFile, record: bytes, channels: bytes, above: int) -> bytes:
    """Return the file with one more layer.

    Args:
        file: taken apart; it has layers.
        record, channels: of the new layer.
        above: number of the layer's record that it goes on top of.
    """
    data, info = file.data, file.info
    assert info is not None
    after, last = above + 1, above + 1 == len(info.layers)
    cut = info.records_end if last else info.layers[after].record
    put = info.channels_end if last else info.layers[after].channels
    (signed,) = struct.unpack_from(">h", data, info.body)
    # negative: the first alpha of the merged picture is its transparency; the sign stays
    number = struct.pack(">h", signed - 1 if signed < 0 else signed + 1)
    parts = (number, data[info.body + 2 : cut], record, data[cut:put], channels)
    body = b"".join((*parts, data[put : info.end]))
    body += b"\0" * (-len(body) % 4)
    (section,) = struct.unpack_from(_form(file.width), data, file.section)
    grown = len(body) - (info.padded_end - info.body)
    return b"".join(
        (
            data[: file.section],
            struct.pack(_form(file.width), section + grown),
            data[file.section + file.width : info.length],
            struct.pack(_form(info.width), len(body)),
            body,
            data[info.padded_end :],
        )
    )


def with_first_layers(file: PsdFile, layers: Sequence[tuple[bytes, bytes]], depth: int) -> bytes:
    """Return a file that had no layers with some, the lowest first.

    Args:
        file: taken apart.
        layers: record and channels of each.
        depth: bits a channel, 8 or 16.
    """
    body = struct.pack(">h", len(layers))
    body += b"".join(record for record, _ in layers) + b"".join(data for _, data in layers)
    body += b"\0" * (-len(body) % 4)
    length, after = _form(file.width), file.after_info
    if depth == 8:
        section = struct.pack(length, len(body)) + body + after
    else:  # as Photoshop: the layers of deeper files stand in a tagged block
        mask_end = 4 + int(struct.unpack_from(">I", after)[0])
        block = b"8BIMLr16" + struct.pack(length, len(body)) + body
        section = struct.pack(length, 0) + after[:mask_end] + block + after[mask_end:]
    head, tail = file.data[: file.section], file.data[file.section_end :]
    return b"".join((head, struct.pack(length, len(section)), section, tail))


def _form(width: int) -> str:
    return ">Q" if width == 8 else ">I"


def _parsed(data: bytes) -> PsdFile:
    signature, version = struct.unpack_from(">4sH", data)
    if signature != b"8BPS" or version not in (1, 2):
        raise ValueError("no PSD signature")
    big, place = version == 2, 26
    for _ in ("colour mode data", "image resources"):
        place += 4 + struct.unpack_from(">I", data, place)[0]
    width = 8 if big else 4
    (length,) = struct.unpack_from(_form(width), data, place)
    end = place + width + length
    if end > len(data):
        raise ValueError("layer and mask information is cut off")
    info = _info(data, place + width, end, big) if length else None
    return PsdFile(data, big, place, end, info)


def _info(data: bytes, place: int, end: int, big: bool) -> LayerInfo | None:
    width = 8 if big else 4
    (inside,) = struct.unpack_from(_form(width), data, place)
    own = inside > 0
    if not own:
        found = _deep_info(data, place + width, end, big)
        if found is None:
            return None
        place, width, inside = found
    body = place + width
    body_end = body + inside
    # of the section's own layer info the padding is inside its length; a block's may be outside
    padded_end = body_end if own else min(end, body_end + (-inside % 4))
    layers, records_end, channels_end = _layers(data, body, big)
    if channels_end > body_end:
        raise ValueError("layers are longer than their section")
    ends = (records_end, channels_end)
    return LayerInfo(place, width, body, body_end, padded_end, layers, *ends) if layers else None


def _deep_info(data: bytes, place: int, end: int, big: bool) -> tuple[int, int, int] | None:
    """Find the layers of 16 and 32 bits: offset of their length, its width, the length."""
    place += 4 + struct.unpack_from(">I", data, place)[0]  # global layer mask info
    while place + 12 <= end:
        signature, key = data[place : place + 4], data[place + 4 : place + 8]
        if signature not in _SIGNATURES:
            return None
        width = 8 if big and key in _LONG_KEYS else 4
        (length,) = struct.unpack_from(_form(width), data, place + 8)
        if key in _DEEP_KEYS and length:
            return place + 8, width, length
        place += 8 + width + length + (-length % 4)
    return None


def _layers(data: bytes, body: int, big: bool) -> tuple[tuple[LayerBytes, ...], int, int]:
    (signed,) = struct.unpack_from(">h", data, body)
    place, width = body + 2, 8 if big else 4
    starts: list[tuple[int, int, int]] = []
    for _ in range(abs(signed)):
        record = place
        (channels,) = struct.unpack_from(">H", data, place + 16)
        place += 18
        total = 0
        for _ in range(channels):
            total += struct.unpack_from(_form(width), data, place + 2)[0]
            place += 2 + width
        if data[place : place + 4] not in _SIGNATURES:
            raise ValueError("a layer's record is damaged")
        clipping = data[place + 9]
        place += 12
        place += 4 + struct.unpack_from(">I", data, place)[0]
        starts.append((record, clipping, total))
    records_end, found = place, []
    for record, clipping, total in starts:
        found.append(LayerBytes(record, clipping, place))
        place += total
    if place > len(data):
        raise ValueError("channels are cut off")
    return tuple(found), records_end, place
