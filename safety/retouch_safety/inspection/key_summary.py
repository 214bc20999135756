"""What an installation marks and signs with, without any secret."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

from retouch_safety.inspection.published_keys import PublishedKeys
from retouch_safety.installation import Installation


@dataclass(frozen=True)
class MarkKey:
    """A key of the watermark.

    Attributes:
        id: 0 to 15.
        pattern: first 16 hexadecimal digits of the SHA-256 of its pattern key.
    """

    id: int
    pattern: str


@dataclass(frozen=True)
class CertificateNames:
    """A certificate.

    Attributes:
        name: common name.
        issuer: common name of what signed it.
        serial: decimal.
        ends: end of validity, ISO 8601.
        sha256: of the certificate, to compare it with a published one.
    """

    name: str
    issuer: str
    serial: str
    ends: str
    sha256: str


@dataclass(frozen=True)
class KeySummary:
    """Keys by their ids and names.

    Attributes:
        folder: where everything is kept.
        marks: the watermark's keys; the last one marks, all of them read.
        receipt: id of the key that signs receipts.
        receipt_public: its public half, PEM.
        kind: ``DEVELOPMENT`` or ``OWN``, see ``IdentityKind``.
        certificate: the signer's.
        root: the last certificate of its chain.
        anchors: file of the roots that count besides, empty without one.
    """

    folder: str
    marks: tuple[MarkKey, ...]
    receipt: str
    receipt_public: str
    kind: str
    certificate: CertificateNames
    root: CertificateNames
    anchors: str

    @classmethod
    def of(cls, installation: Installation) -> KeySummary:
        """Summarise an installation's keys; keys that are missing are made.

        Raises:
            SafetyError, OSError: a part that is damaged, that others can read, or no room.
        """
        identity, receipts = installation.identity, installation.receipts
        chain = x509.load_pem_x509_certificates(identity.chain)
        patterns = PublishedKeys.of(installation).patterns
        return cls(
            folder=str(installation.folder),
            marks=tuple(MarkKey(number, _short(key)) for number, key in patterns),
            receipt=receipts.id,
            receipt_public=receipts.public.decode("ascii"),
            kind=str(identity.kind),
            certificate=_names(chain[0]),
            root=_names(chain[-1]),
            anchors=str(installation.anchors or ""),
        )

    def words(self) -> str:
        """Return the summary in lines."""
        *older, current = self.marks
        lines = [f"folder       {self.folder}"]
        lines += [f"watermark    key {key.id}, pattern {key.pattern}, reads" for key in older]
        lines += [f"watermark    key {current.id}, pattern {current.pattern}, marks and reads"]
        lines += [f"receipts     {self.receipt}", *self.receipt_public.strip().splitlines()]
        origin = "made here" if self.kind == "DEVELOPMENT" else "your own"
        lines += [
            f"certificate  {self.certificate.name} ({origin}), until {self.certificate.ends[:10]}",
            f"root         {self.root.name}, sha256 {self.root.sha256}",
            f"anchors      {self.anchors or 'none but what is made here'}",
        ]
        return "\n".join(lines)

    def to_json(self) -> str:
        """Return one line of ASCII JSON."""
        return json.dumps(asdict(self), sort_keys=True)


def _names(certificate: x509.Certificate) -> CertificateNames:
    return CertificateNames(
        name=_common(certificate.subject),
        issuer=_common(certificate.issuer),
        serial=str(certificate.serial_number),
        ends=certificate.not_valid_after_utc.isoformat(),
        sha256=hashlib.sha256(certificate.public_bytes(Encoding.DER)).hexdigest(),
    )


def _common(name: x509.Name) -> str:
    found = [str(each.value) for each in name.get_attributes_for_oid(NameOID.COMMON_NAME)]
    text = found[0] if found else name.rfc4514_string()
    return "".join(c if c.isprintable() else "�" for c in text)


def _short(key: bytes) -> str:
    return hashlib.sha256(key).hexdigest()[:16]
