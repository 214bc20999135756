"""What a mark says: a key id, a 32-bit record id, and a tag that only the key's owner can make.

Nine bytes: header (version in the high four bits, key id in the low four), the record id
big-endian, and the first four bytes of HMAC-SHA256(auth key, "tilemark/tag" and the five before).
"""

from __future__ import annotations

import hashlib
import hmac
from dataclasses import dataclass
from typing import Final

from retouch_safety.tilemark.errors import InvalidMarkRequest

VERSION: Final = 1
KEY_IDS: Final = range(16)
RECORDS: Final = range(1 << 32)
TAG_BYTES: Final = 4


@dataclass(frozen=True)
class Payload:
    """A record id under a key.

    Attributes:
        key_id: which auth key made the tag, 0 to 15.
        record: 32-bit record id.

    Raises:
        InvalidMarkRequest: out of range.
    """

    key_id: int
    record: int

    def __post_init__(self) -> None:
        for field, allowed in (("key_id", KEY_IDS), ("record", RECORDS)):
            value = getattr(self, field)
            if value not in allowed:
                span = f"{allowed.start} to {allowed.stop - 1}"
                raise InvalidMarkRequest(field, value, span, f"give a {field} in that range")

    def message(self, auth: bytes) -> bytes:
        """Return the nine bytes to encode, with the tag of an auth key."""
        signed = bytes([header(self.key_id)]) + self.record.to_bytes(4, "big")
        return signed + _tag(signed, auth)


def header(key_id: int) -> int:
    """Return the first byte of a payload of this version."""
    return VERSION << 4 | key_id


def read_message(message: bytes) -> Payload | None:
    """Return what nine bytes say, the tag unchecked, or None for another version."""
    if message[0] >> 4 != VERSION:
        return None
    return Payload(message[0] & 0xF, int.from_bytes(message[1:5], "big"))


def is_authentic(message: bytes, auth: bytes) -> bool:
    """Return whether the tag of nine bytes was made with an auth key."""
    signed, tag = message[:-TAG_BYTES], message[-TAG_BYTES:]
    return hmac.compare_digest(tag, _tag(signed, auth))


def _tag(signed: bytes, auth: bytes) -> bytes:
    return hmac.digest(auth, b"tilemark/tag" + signed, hashlib.sha256)[:TAG_BYTES]
