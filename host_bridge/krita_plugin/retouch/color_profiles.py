"""Colour profiles: Krita tells a name, the daemon needs the ICC profile itself."""

from __future__ import annotations

import os
import struct
import tempfile
import zlib

from krita import InfoObject, Krita

#: Profiles that are sRGB as the daemon has it.
_SRGB = ("sRGB-elle-V2-srgbtrc.icc", "sRGB built-in", "sRGB IEC61966-2.1")
_PNG = {
    "alpha": True,
    "compression": 1,
    "forceSRGB": False,
    "indexed": False,
    "interlaced": False,
    "saveSRGBProfile": True,
    "storeAuthor": False,
    "storeMetaData": False,
    "downsample": False,
}


class ColorProfiles:
    """ICC profiles by Krita's names of them; each is looked up once."""

    def __init__(self) -> None:
        self._known: dict[str, str | bytes] = dict.fromkeys(_SRGB, "srgb")

    def named(self, name: str) -> str | bytes:
        """Return "srgb", or the ICC profile's bytes. Call it in the UI thread.

        Krita's Python has no call for this, so a picture of one pixel with this profile is
        exported and read: 15 to 50 ms, the first time.

        Raises:
            ValueError: Krita does not write the profile; one sentence.
        """
        if name not in self._known:
            try:
                found = _icc_of_png(_exported_pixel(name))
            except OSError:
                found = None
            if found is None:
                fix = "choose Image > Convert Image Color Space and take an sRGB profile"
                raise ValueError(f"The colour profile {name!r} cannot be read. Fix: {fix}.")
            self._known[name] = found
        return self._known[name]


def _exported_pixel(profile_name: str) -> bytes:
    """A PNG file of one pixel."""
    document = Krita.instance().createDocument(1, 1, "profile", "RGBA", "U16", profile_name, 72.0)
    document.setBatchmode(True)  # else Krita opens a dialog and waits
    options = InfoObject()
    for name, value in _PNG.items():
        options.setProperty(name, value)
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "profile.png")
        document.exportImage(path, options)
        document.close()
        with open(path, "rb") as file:
            return file.read()


def _icc_of_png(data: bytes) -> bytes | None:
    """The profile in a PNG file (PNG specification, 11.3.2.3)."""
    place = 8
    while place + 8 <= len(data):
        (length,) = struct.unpack_from(">I", data, place)
        kind = data[place + 4 : place + 8]
        if kind == b"iCCP":
            body = data[place + 8 : place + 8 + length]
            return zlib.decompress(body[body.index(b"\0") + 2 :])
        place += 12 + length
    return None
