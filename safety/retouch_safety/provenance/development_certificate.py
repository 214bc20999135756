"""A certificate made on this machine, for signing without an authority.

A root signs one leaf, and the root's key is then thrown away: nothing else can ever be signed
under it. The pair proves that this installation signed, and nothing about who runs it. Profile of
the leaf: C2PA 2.2, section 14.5 (EKU emailProtection, KeyUsage digitalSignature, not a CA, key
identifiers of itself and of its issuer).
"""

from __future__ import annotations

import re
import secrets
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from retouch_safety.durable_files import PRIVATE, PUBLIC, write_once
from retouch_safety.provenance.certificate_checks import check_certificate, check_private
from retouch_safety.provenance.errors import InvalidProvenance
from retouch_safety.provenance.identity import Identity, IdentityKind

# Without a time stamp authority a signature is worth nothing after its certificate: both last long.
_VALID: Final = timedelta(days=3650)
_RENEW_BEFORE: Final = timedelta(days=30)
_CLOCK_SKEW: Final = timedelta(days=1)
_FILE: Final = re.compile(r"development-(\d\d)\.pem")
_MOST: Final = 99


def development_identity(folder: Path, now: datetime | None = None) -> Identity:
    """Return this installation's identity, made at first start and again before it expires.

    Args:
        folder: made when missing. ``development-01.pem`` holds key, leaf and root and only its
            owner may read it; ``development-01-root.pem`` may be given to whoever verifies.
        now: the time, default the clock's.

    Raises:
        InvalidProvenance: a damaged file, one that others can read, or no room to write.
    """
    time = now or datetime.now(UTC)
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        numbers = _numbers(folder)
        if not numbers:
            numbers = [_make(folder, 1, time)]
        identity, ends = _read(folder, numbers[-1])
        if ends - time < _RENEW_BEFORE:
            identity, _ = _read(folder, _make(folder, numbers[-1] + 1, time))
        return identity
    except OSError as error:
        fix = "make room, or choose another folder"
        raise InvalidProvenance(
            "certificate.folder", f"{folder}: {error}", "a writable folder", fix
        ) from error


def development_roots(folder: Path) -> bytes:
    """Return the roots of every certificate this installation ever made, in PEM."""
    return b"".join(_root(folder, number) for number in _numbers(folder))


def _numbers(folder: Path) -> list[int]:
    found = (_FILE.fullmatch(path.name) for path in folder.iterdir()) if folder.is_dir() else ()
    return sorted(int(match[1]) for match in found if match)


def _path(folder: Path, number: int) -> Path:
    return folder / f"development-{number:02d}.pem"


def _read(folder: Path, number: int) -> tuple[Identity, datetime]:
    path = _path(folder, number)
    check_private("certificate.key", path, 0o077)
    data = path.read_bytes()
    _certificates(path)
    _publish_root(folder, number)
    checked = check_certificate(data, data, None, name=path.name)
    identity = Identity(
        kind=IdentityKind.DEVELOPMENT,
        chain=checked.chain,
        key=checked.key,
        algorithm=checked.algorithm,
        name=checked.name,
        serial=checked.serial,
    )
    return identity, checked.ends


def _root(folder: Path, number: int) -> bytes:
    certificates = _certificates(_path(folder, number))
    return certificates[-1].public_bytes(serialization.Encoding.PEM)


def _certificates(path: Path) -> list[x509.Certificate]:
    allowed = "key, leaf and root in PEM"
    fix = "restore it from a backup, or move it away to make a new one"
    try:
        found = x509.load_pem_x509_certificates(path.read_bytes())
    except ValueError as error:
        raise InvalidProvenance("certificate", path.name, allowed, fix) from error
    if len(found) != 2:  # a file that was cut may still hold the leaf
        given = f"{path.name}: {len(found)} certificates"
        raise InvalidProvenance("certificate", given, allowed, fix)
    return found


def _publish_root(folder: Path, number: int) -> None:
    path = folder / f"development-{number:02d}-root.pem"
    if not path.exists():
        write_once(path, _root(folder, number), PUBLIC)


def _make(folder: Path, number: int, now: datetime) -> int:
    if number > _MOST:
        fix = "move the old ones to a backup"
        raise InvalidProvenance("certificate.number", number, f"1 to {_MOST}", fix)
    # one file: key and certificate can never be of two different runs
    write_once(_path(folder, number), _key_leaf_root(now), PRIVATE)
    _publish_root(folder, number)
    return number


def _key_leaf_root(now: datetime) -> bytes:
    root_key, key = (ec.generate_private_key(ec.SECP256R1()) for _ in range(2))
    label = secrets.token_hex(4)  # tells installations apart, says nothing about them
    issuer, subject = _name(f"Retouch local root {label}"), _name(f"Retouch local {label}")
    root = (
        _builder(issuer, issuer, root_key.public_key(), now)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_usage(signs_certificates=True), critical=True)
        .add_extension(_own_identifier(root_key), critical=False)
        .sign(root_key, hashes.SHA256())
    )
    usages = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.EMAIL_PROTECTION])
    above = x509.AuthorityKeyIdentifier.from_issuer_public_key(root_key.public_key())
    leaf = (
        _builder(subject, issuer, key.public_key(), now)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_usage(signs_certificates=False), critical=True)
        .add_extension(usages, critical=False)
        .add_extension(_own_identifier(key), critical=False)
        .add_extension(above, critical=False)
        .sign(root_key, hashes.SHA256())
    )
    secret = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    return secret + b"".join(c.public_bytes(serialization.Encoding.PEM) for c in (leaf, root))


def _builder(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePublicKey, now: datetime
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - _CLOCK_SKEW)
        .not_valid_after(now + _VALID)
    )


def _name(common: str) -> x509.Name:
    return x509.Name(
        [
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, "Retouch, not verified by anyone"),
            x509.NameAttribute(NameOID.COMMON_NAME, common),
        ]
    )


def _usage(*, signs_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not signs_certificates,
        key_cert_sign=signs_certificates,
        crl_sign=signs_certificates,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )


def _own_identifier(key: ec.EllipticCurvePrivateKey) -> x509.SubjectKeyIdentifier:
    return x509.SubjectKeyIdentifier.from_public_key(key.public_key())
