"""The user's own certificate, checked before anything is signed with it.

A certificate that C2PA does not allow would make files that no reader accepts, and would be
noticed only by their readers. Profile: C2PA 2.2, section 14.5.1.
"""

from __future__ import annotations

import os
import stat
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path
from typing import Final

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.asymmetric.types import PublicKeyTypes
from cryptography.x509.oid import NameOID

from retouch_safety.provenance.errors import InvalidProvenance
from retouch_safety.provenance.identity import Identity, IdentityKind

_CURVES: Final = {"secp256r1": "es256", "secp384r1": "es384", "secp521r1": "es512"}
_SMALLEST_RSA: Final = 2048
_PURPOSES: Final = {
    "1.3.6.1.5.5.7.3.4": "emailProtection",
    "1.3.6.1.5.5.7.3.36": "documentSigning",
    "1.3.6.1.4.1.62558.2.1": "c2pa-kp-claimSigning",
}


@dataclass(frozen=True)
class CheckedCertificate:
    """A chain and key that fit each other and C2PA's profile.

    Attributes:
        chain: certificates in PEM, the signer's own first.
        key: private key, PKCS#8 in PEM.
        algorithm: as C2PA names it.
        name: common name.
        serial: serial number, decimal.
        ends: end of validity.
    """

    chain: bytes
    key: bytes = field(repr=False)
    algorithm: str
    name: str
    serial: str
    ends: datetime


def own_identity(
    certificate: Path, key: Path, passphrase: bytes | None = None, now: datetime | None = None
) -> Identity:
    """Return an identity from the user's own files.

    Args:
        certificate: chain in PEM, the signer's own certificate first.
        key: private key in PEM (EC P-256, P-384, P-521, RSA from 2048 bits, Ed25519).
        passphrase: of the key, if it has one.
        now: the time, default the clock's.

    Raises:
        InvalidProvenance: says which file is wrong, in what, and what to do.
    """
    chain, secret = _bytes_of("certificate", certificate), _bytes_of("certificate.key", key)
    check_private("certificate.key", key, 0o007)
    time = now or datetime.now(UTC)
    checked = check_certificate(chain, secret, passphrase, name=certificate.name, now=time)
    return Identity(
        kind=IdentityKind.OWN,
        chain=checked.chain,
        key=checked.key,
        algorithm=checked.algorithm,
        name=checked.name,
        serial=checked.serial,
    )


def check_private(name: str, path: Path, forbidden: int) -> None:
    """Raise InvalidProvenance when others can read a key file.

    Args:
        name: field that the error names.
        path: the file.
        forbidden: permission bits that must not be set.
    """
    if os.name != "posix":
        return
    mode = stat.S_IMODE(path.stat().st_mode)
    if mode & forbidden:
        fix = f"chmod 600 {path.name}, and replace the key if others may have read it"
        raise InvalidProvenance(f"{name} mode", oct(mode), oct(mode & ~forbidden), fix)


def check_certificate(
    chain: bytes,
    key: bytes,
    passphrase: bytes | None,
    *,
    name: str,
    now: datetime | None = None,
) -> CheckedCertificate:
    """Check a chain and its key against each other and against C2PA's profile.

    Args:
        chain: certificates in PEM, the signer's own first.
        key: private key in PEM.
        passphrase: of the key, if it has one.
        name: what errors call the certificate.
        now: the time; None skips the check of validity.

    Raises:
        InvalidProvenance: anything that C2PA's readers would refuse.
    """
    certificates = _load_chain(chain, name)
    leaf = certificates[0]
    private = _load_key(key, passphrase, name)
    algorithm = _algorithm(private)
    if _public_bytes(private.public_key()) != _public_bytes(leaf.public_key()):
        fix = "put the signer's own certificate first in the file, or pass its own key"
        raise InvalidProvenance("certificate.key", name, "the key of the first certificate", fix)
    _check_links(certificates)
    _check_profile(leaf)
    if now is not None:
        _check_time(leaf, now)
    encoded = b"".join(c.public_bytes(serialization.Encoding.PEM) for c in certificates)
    plain = private.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    ends = leaf.not_valid_after_utc
    return CheckedCertificate(
        encoded, plain, algorithm, _common_name(leaf), str(leaf.serial_number), ends
    )


_Key = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey | ed25519.Ed25519PrivateKey


def _bytes_of(name: str, path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        reason = error.strerror or type(error).__name__
        fix = "check the path and its permissions"
        raise InvalidProvenance(name, f"{path}: {reason}", "a readable file", fix) from error


def _load_chain(chain: bytes, name: str) -> list[x509.Certificate]:
    try:
        return x509.load_pem_x509_certificates(chain)
    except ValueError as error:
        fix = "export the chain as PEM (-----BEGIN CERTIFICATE-----)"
        raise InvalidProvenance("certificate", name, "certificates in PEM", fix) from error


def _load_key(key: bytes, passphrase: bytes | None, name: str) -> _Key:
    field = "certificate.key"
    try:
        private = serialization.load_pem_private_key(key, passphrase)
    except TypeError as error:  # the library's way of saying: encrypted or not, unlike you say
        fix = "pass the passphrase" if passphrase is None else "leave the passphrase out"
        raise InvalidProvenance(
            field, f"key of {name}", "a passphrase if, and only if, the key has one", fix
        ) from error
    except ValueError as error:
        fix = "export it as PEM (-----BEGIN PRIVATE KEY-----), and check the passphrase"
        raise InvalidProvenance(field, f"key of {name}", "a private key in PEM", fix) from error
    kinds = (ec.EllipticCurvePrivateKey, rsa.RSAPrivateKey, ed25519.Ed25519PrivateKey)
    if not isinstance(private, kinds):
        raise InvalidProvenance(
            field, type(private).__name__, "EC, RSA or Ed25519", "use a P-256 key"
        )
    return private


def _algorithm(key: _Key) -> str:
    if isinstance(key, ed25519.Ed25519PrivateKey):
        return "ed25519"
    if isinstance(key, rsa.RSAPrivateKey):
        if key.key_size < _SMALLEST_RSA:
            raise InvalidProvenance(
                "certificate.key",
                f"RSA of {key.key_size} bits",
                f"RSA from {_SMALLEST_RSA} bits",
                "use a longer key, or P-256",
            )
        return "ps256"
    if key.curve.name not in _CURVES:
        allowed = ", ".join(_CURVES)
        raise InvalidProvenance("certificate.key", key.curve.name, allowed, "use a P-256 key")
    return _CURVES[key.curve.name]


def _public_bytes(key: PublicKeyTypes) -> bytes:
    return key.public_bytes(
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    )


def _check_links(certificates: list[x509.Certificate]) -> None:
    if certificates[0].issuer == certificates[0].subject:
        fix = "have it issued by a root, which may be your own"
        raise InvalidProvenance("certificate", "self-signed", "one issued by another", fix)
    for position, (below, above) in enumerate(pairwise(certificates)):
        try:
            below.verify_directly_issued_by(above)
        except (ValueError, TypeError, InvalidSignature) as error:
            fix = "order the file: signer, intermediates, root"
            raise InvalidProvenance(
                "certificate.chain",
                f"certificate {position + 1} is not issued by certificate {position + 2}",
                "each issued by the next",
                fix,
            ) from error


def _check_profile(leaf: x509.Certificate) -> None:
    fix = "ask your authority for a C2PA claim signing certificate"
    extensions = leaf.extensions
    try:
        basic = extensions.get_extension_for_class(x509.BasicConstraints).value
        if basic.ca:
            allowed = "a signer's certificate, not an authority's"
            raise InvalidProvenance("certificate", "CA:TRUE", allowed, "put the signer's first")
    except x509.ExtensionNotFound:
        pass  # not an authority, which is what matters
    try:
        usage = extensions.get_extension_for_class(x509.KeyUsage).value
        purposes = extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
        extensions.get_extension_for_class(x509.AuthorityKeyIdentifier)
    except x509.ExtensionNotFound as error:
        missing = error.oid._name
        allowed = "keyUsage, extendedKeyUsage and authorityKeyIdentifier"
        raise InvalidProvenance("certificate", f"no {missing}", allowed, fix) from error
    if not usage.digital_signature:
        raise InvalidProvenance(
            "certificate.keyUsage", "no digitalSignature", "digitalSignature", fix
        )
    named = [purpose.dotted_string for purpose in purposes]
    if not any(purpose in _PURPOSES for purpose in named):
        allowed = ", ".join(_PURPOSES.values())
        raise InvalidProvenance("certificate.extendedKeyUsage", ", ".join(named), allowed, fix)


def _check_time(leaf: x509.Certificate, now: datetime) -> None:
    starts, ends = leaf.not_valid_before_utc, leaf.not_valid_after_utc
    if not starts <= now <= ends:
        allowed = f"{starts:%Y-%m-%d} to {ends:%Y-%m-%d}"
        fix = "renew the certificate, or correct the clock"
        raise InvalidProvenance("certificate.validity", f"{now:%Y-%m-%d}", allowed, fix)


def _common_name(leaf: x509.Certificate) -> str:
    names = leaf.subject.get_attributes_for_oid(NameOID.COMMON_NAME)
    return str(names[0].value) if names else leaf.subject.rfc4514_string()
