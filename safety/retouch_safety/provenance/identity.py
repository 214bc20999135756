"""Who signs: a certificate chain and its key."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum


class IdentityKind(StrEnum):
    """Where a certificate comes from."""

    DEVELOPMENT = "DEVELOPMENT"  # made on this machine; proves that this installation signed
    OWN = "OWN"  # the user's, by path


@dataclass(frozen=True)
class Identity:
    """What manifests are signed with.

    Attributes:
        kind: where it comes from.
        chain: certificates in PEM, the signer's own first.
        key: private key, PKCS#8 in PEM; not shown by ``repr``.
        algorithm: signature algorithm as C2PA names it, for example ``es256``.
        name: common name of the certificate.
        serial: serial number of the certificate, decimal.
    """

    kind: IdentityKind
    chain: bytes = field(repr=False)
    key: bytes = field(repr=False)
    algorithm: str
    name: str
    serial: str
