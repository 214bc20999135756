"""The public half of an installation's keys, as one text that may be given to anyone.

``0 <64 hexadecimal digits>`` for each pattern key of the watermark, the public key that checks
receipts, and the roots of the certificates that the installation made for itself, in PEM. With it
marks are found and receipts and manifests checked; nothing can be marked or signed with it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import Final

from cryptography import x509

from retouch_safety.errors import InvalidInput
from retouch_safety.installation import Installation
from retouch_safety.receipt_key import key_id
from retouch_safety.tilemark import ReadingKeys
from retouch_safety.tilemark.payload import KEY_IDS

LARGEST: Final = 1 << 18  # bytes

_TITLE: Final = "# Public keys of a Retouch installation: they check its pictures, and make none.\n"
_PATTERN: Final = re.compile(r"(\d{1,2}) ([0-9a-f]{64})")
_BLOCK: Final = re.compile(r"-----BEGIN ([A-Z ]+)-----\n[A-Za-z0-9+/=\n]+-----END \1-----\n?")
_RECEIPT, _ROOT = "PUBLIC KEY", "CERTIFICATE"
_FIELD: Final = "public keys"
_FIX: Final = "pass what `retouch keys publish` wrote"


@dataclass(frozen=True)
class PublishedKeys:
    """What checks the pictures of an installation.

    Attributes:
        patterns: the watermark's pattern keys, id and 32 bytes; ids may share a pattern.
        receipts: public keys of receipts, PEM.
        roots: certificates in PEM, may be empty.
    """

    patterns: tuple[tuple[int, bytes], ...]
    receipts: tuple[bytes, ...]
    roots: bytes

    @classmethod
    def of(cls, installation: Installation) -> PublishedKeys:
        """Return the public half of an installation's keys; keys that are missing are made.

        Raises:
            SafetyError, OSError: a part that is damaged, that others can read, or no room.
        """
        _ = installation.identity  # its root is made with it
        patterns = _patterns(installation.keys.published())
        roots = replace(installation, anchors=None).trust.installation
        return cls(patterns, (installation.receipts.public,), roots)

    def to_text(self) -> str:
        """Return ASCII text that :meth:`from_text` reads."""
        lines = "".join(f"{number} {key.hex()}\n" for number, key in self.patterns)
        blocks = b"".join([*self.receipts, self.roots]).decode("ascii")
        return f"{_TITLE}{lines}{blocks}"

    @classmethod
    def from_text(cls, text: str) -> PublishedKeys:
        """Read what :meth:`to_text` wrote, or the pattern keys alone.

        Raises:
            InvalidInput: anything else; nobody's word is taken for half a file.
        """
        if len(text) > LARGEST:
            raise InvalidInput(_FIELD, f"{len(text)} characters", f"up to {LARGEST}", _FIX)
        blocks = [(match[1], match[0].encode("ascii")) for match in _BLOCK.finditer(text)]
        for kind, _ in blocks:
            if kind not in (_RECEIPT, _ROOT):
                allowed = f"{_RECEIPT} and {_ROOT}"
                raise InvalidInput(_FIELD, f"a block of {kind}", allowed, _FIX)
        receipts = tuple(block for kind, block in blocks if kind == _RECEIPT)
        for receipt in receipts:
            key_id(receipt)
        roots = b"".join(block for kind, block in blocks if kind == _ROOT)
        _check_roots(roots)
        return cls(_patterns(_BLOCK.sub("", text)), receipts, roots)

    def readers(self) -> tuple[ReadingKeys, ...]:
        """Return what finds the marks, one for each pattern: it claims by the public rules."""
        return tuple(ReadingKeys(key) for key in dict.fromkeys(key for _, key in self.patterns))


def _patterns(text: str) -> tuple[tuple[int, bytes], ...]:
    lines = [line.strip() for line in text.splitlines()]
    found = [_PATTERN.fullmatch(line) for line in lines if line and not line.startswith("#")]
    known = [(int(match[1]), bytes.fromhex(match[2])) for match in found if match]
    if not known or len(known) != len(found) or any(number not in KEY_IDS for number, _ in known):
        allowed = "an id from 0 to 15 and 64 hexadecimal digits in each line, and PEM"
        # a secret that was passed by mistake must not be shown
        raise InvalidInput(_FIELD, f"{len(found) - len(known)} other lines", allowed, _FIX)
    return tuple(known)


def _check_roots(roots: bytes) -> None:
    try:
        if roots:
            x509.load_pem_x509_certificates(roots)
    except ValueError as error:
        raise InvalidInput(_FIELD, "a damaged certificate", "certificates in PEM", _FIX) from error
