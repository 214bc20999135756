"""Reading and writing OpenEXR files: every part, channel and attribute as it was."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from retouch.batch.formats.document import missing_extra
from retouch.batch.formats.exr_header import Attributes, Headers, headers, with_attributes
from retouch.errors import InvalidImage
from retouch.imaging.image import Pixels

#: Of every part: further channels by name, and further attributes.
Channels = Mapping[str, Pixels]
_LOSSLESS: Final = ("NO", "RLE", "ZIPS", "ZIP", "PIZ", "ZSTD")


@dataclass(frozen=True, eq=False)
class ExrFile:
    """A file that was read whole.

    Attributes:
        parts: header and channels of each, as the library has them.
        headers: the same headers as bytes.
        file: its path, for errors.
    """

    parts: tuple[Any, ...]
    headers: Headers
    file: Path

    def channels(self, part: int) -> dict[str, Pixels]:
        """Return the channels of a part by name, H x W each."""
        return {name: each.pixels for name, each in self.parts[part].channels.items()}


def read_exr(file: Path) -> ExrFile:
    """Read a file whole.

    Raises:
        InvalidField: OpenEXR is not installed. InvalidImage: damaged, deep, or of several levels.
    """
    try:
        import OpenEXR
    except ImportError as problem:
        raise missing_extra("OpenEXR", file) from problem
    try:
        with file.open("rb") as stream:
            begins = headers(stream.read())
        parts = tuple(OpenEXR.File(str(file), separate_channels=True).parts)
        if [len(part.channels) for part in parts] != [_planes(each) for each in begins.parts]:
            raise ValueError("pixels are missing")  # the library says so on its output alone
        kinds = [part.header["type"] for part in parts]
        levels = [part.header["tiles"].mode for part in parts if "tiles" in part.header]
    except Exception as problem:  # hostile bytes raise anything
        allowed, fix = "a whole OpenEXR file", f"render it again ({problem})"
        raise InvalidImage("exr", str(file), allowed, fix) from problem
    if any(kind in (OpenEXR.deepscanline, OpenEXR.deeptile) for kind in kinds):
        allowed, fix = "flat scanlines or tiles", "flatten it first"
        raise InvalidImage("exr", f"deep data: {file}", allowed, fix)
    if any("ONE_LEVEL" not in str(level) for level in levels):
        raise InvalidImage("exr", f"several levels: {file}", "one level", "save it without mipmaps")
    return ExrFile(parts, begins, file)


def written_exr(
    original: ExrFile,
    part: int,
    channels: Channels,
    attributes: Mapping[str, tuple[str, bytes]],
) -> bytes:
    """Return the bytes of a copy in which some channels of one part are new.

    Values of all others are the same bits. Where a part was compressed with loss it is compressed
    without, as it would lose again.

    Args:
        original: what is copied.
        part: number of the part.
        channels: H x W each; those that it has already are replaced.
        attributes: that the part gets besides, type and value by name.
    """
    import OpenEXR

    parts = []
    for number, each in enumerate(original.parts):
        pixels = {name: held.pixels for name, held in each.channels.items()}
        samples = {name: (held.xSampling, held.ySampling) for name, held in each.channels.items()}
        pixels |= channels if number == part else {}
        made = {
            name: OpenEXR.Channel(name, plane, *samples.get(name, (1, 1)))
            for name, plane in pixels.items()
        }
        parts.append(OpenEXR.Part(_plain_header(each.header), made, each.name()))
    with tempfile.TemporaryDirectory() as folder:  # the library writes files alone
        copy = Path(folder) / "copy.exr"
        OpenEXR.File(parts).write(str(copy))
        data = copy.read_bytes()
    added = [attributes if number == part else {} for number in range(len(parts))]
    return with_attributes(data, original.headers, added)


def _planes(attributes: Attributes) -> int:
    """How many channels a part's header lists: names, each with 16 bytes behind its zero."""
    listed, found = attributes["channels"][1], 0
    while listed[:1] not in (b"", b"\0"):
        listed, found = listed[listed.index(b"\0") + 17 :], found + 1
    return found


def _plain_header(header: Mapping[str, Any]) -> dict[str, Any]:
    """What the library must know to write; the other attributes are put in as bytes."""
    import OpenEXR

    names = ("type", "lineOrder", "dataWindow", "displayWindow", "tiles", "compression")
    kept = {name: header[name] for name in names if name in header}
    word = str(kept.get("compression", "")).rpartition(".")[2].removesuffix("_COMPRESSION")
    if word.partition(":")[0] not in _LOSSLESS:
        kept["compression"] = OpenEXR.ZIP_COMPRESSION
    return kept
