"""Receipts in manifest stores, byte for byte as they were signed.

The library's report is no way to them: it returns lists of whole numbers as base64, each cut to
its lowest byte (measured with c2pa-python 0.38.1), and a receipt's signature covers its ``Box``.
So the boxes are read here: JUMBF (ISO/IEC 19566-5), a superbox ``jumb`` of a description ``jumd``
and contents, ``json`` among them.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import Final

from retouch_safety.provenance.vocabulary import RECEIPT

_DEEPEST: Final = 8  # store, manifest, assertions, assertion: four
_LABELLED: Final = 0b10  # toggle of the description box
_UUID: Final = 16


def receipt_texts(manifests: bytes) -> Iterator[str]:
    """Yield the text of every receipt in a manifest store, of its ingredients' too.

    Args:
        manifests: a manifest store; what is not one, or is cut, gives what can be read.
    """
    yield from _texts(memoryview(manifests), _DEEPEST)


def _texts(data: memoryview, depth: int) -> Iterator[str]:
    label = ""
    for kind, body in _boxes(data):
        if kind == b"jumd":
            label = _label(body)
        elif kind == b"json" and label.split("__")[0] == RECEIPT:
            yield bytes(body).decode("utf-8", "replace")
        elif kind == b"jumb" and depth:
            yield from _texts(body, depth - 1)


def _boxes(data: memoryview) -> Iterator[tuple[bytes, memoryview]]:
    start = 0
    while start + 8 <= len(data):
        length, kind = struct.unpack(">I4s", data[start : start + 8])
        header = 8
        if length == 1 and start + 16 <= len(data):  # the length is in 8 bytes of its own
            (length,) = struct.unpack(">Q", data[start + 8 : start + 16])
            header = 16
        end = start + (length or len(data) - start)  # 0: up to the end
        if not start + header <= end <= len(data):
            return
        yield kind, data[start + header : end]
        start = end


def _label(description: memoryview) -> str:
    if len(description) <= _UUID or not description[_UUID] & _LABELLED:
        return ""
    return bytes(description[_UUID + 1 :]).split(b"\0")[0].decode("utf-8", "replace")
