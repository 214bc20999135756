"""TLS: certificate and key, found unusable before anybody connects, and exchanged while serving."""

from __future__ import annotations

import os
import ssl
import threading
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

import grpc
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.types import PublicKeyTypes
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    PublicFormat,
    load_pem_private_key,
)

from retouch.errors import InvalidField

#: From when on a certificate that ends is spoken of.
SOON: Final = timedelta(days=14)
_OTHERS: Final = 0o007
_MOST_BYTES: Final = 1 << 20


@dataclass(frozen=True, slots=True)
class TlsFiles:
    """PEM files of a server; all are read and checked when this is made.

    Attributes:
        certificate: its certificate, then those that lead to the authority's.
        key: the certificate's private key, without a passphrase.
        client_ca: authorities of which callers must have a certificate; None asks for none.
        names: hosts that the certificate is for.
        ends: when it ends.

    Raises:
        InvalidField: a file cannot be read or used, or has expired; says which, and what to do.
    """

    certificate: Path
    key: Path
    client_ca: Path | None = None
    names: tuple[str, ...] = field(init=False)
    ends: datetime = field(init=False)

    def __post_init__(self) -> None:
        chain = _certificates("tls-cert", self.certificate)
        for each in chain:
            _check_time("tls-cert", self.certificate, each)
        _check_key(self.key, chain[0])
        if self.client_ca is not None:
            for each in _certificates("tls-client-ca", self.client_ca):
                _check_time("tls-client-ca", self.client_ca, each)
                _check_authority(self.client_ca, each)
        object.__setattr__(self, "names", _names(chain[0]))
        object.__setattr__(self, "ends", min(each.not_valid_after_utc for each in chain))

    def warnings(self) -> list[str]:
        """Return what works, but not for long or not for everybody; one sentence each."""
        found = []
        if self.ends - datetime.now(UTC) < SOON:
            found.append(f"Renew {self.certificate} soon: it ends on {self.ends:%Y-%m-%d}.")
        if not self.names:
            found.append(f"{self.certificate} names no host: clients will refuse it.")
        return found

    def grpc_credentials(self) -> grpc.ServerCredentials:
        """Return what a gRPC server needs; renewed files are taken up without a restart."""
        renewal = _Renewal(self)
        return grpc.dynamic_ssl_server_credentials(
            renewal.current(),
            renewal.newer,
            require_client_authentication=self.client_ca is not None,
        )

    def http_context(self) -> ssl.SSLContext:
        """Return what an HTTP server needs; renewed files are taken up without a restart."""
        renewal, first = _Renewal(self), self._http_context()
        newest = first

        def handshake(connection: ssl.SSLObject, name: str | None, context: ssl.SSLContext) -> None:
            nonlocal newest
            if (files := renewal.newer_files()) is not None:
                newest = files._http_context()
            connection.context = newest

        first.sni_callback = handshake
        return first

    def _http_context(self) -> ssl.SSLContext:
        found = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=self.client_ca)
        found.minimum_version = ssl.TLSVersion.TLSv1_2
        found.load_cert_chain(self.certificate, self.key)
        if self.client_ca is not None:
            found.verify_mode = ssl.CERT_REQUIRED
        return found


class _Renewal:
    """Looks at every handshake whether the files have changed; bad new ones are left alone."""

    def __init__(self, files: TlsFiles) -> None:
        self._files = files
        self._lock = threading.Lock()
        self._seen = self._stamp()

    def current(self) -> grpc.ServerCertificateConfiguration:
        files = self._files
        return grpc.ssl_server_certificate_configuration(
            [(files.key.read_bytes(), files.certificate.read_bytes())],
            root_certificates=files.client_ca.read_bytes() if files.client_ca else None,
        )

    def newer(self) -> Any:
        """Return files that have changed, None where none has: the stubs do not know of None."""
        try:
            return None if self.newer_files() is None else self.current()
        except OSError:
            return None

    def newer_files(self) -> TlsFiles | None:
        """Return files that have changed since this was asked last, None where none has."""
        with self._lock:
            try:
                stamp = self._stamp()
                if stamp == self._seen:
                    return None
                self._seen = stamp
                known = self._files
                self._files = TlsFiles(known.certificate, known.key, known.client_ca)
            except (OSError, InvalidField):
                return None  # half-written, or bad: what is in use goes on
            return self._files

    def _stamp(self) -> tuple[int, ...]:
        files = (self._files.certificate, self._files.key, self._files.client_ca)
        return tuple(file.stat().st_mtime_ns for file in files if file is not None)


def _read(name: str, file: Path) -> bytes:
    try:
        with file.open("rb") as opened:
            return opened.read(_MOST_BYTES)
    except OSError as problem:
        fix = f"name a file that this user can read ({problem.strerror})"
        raise InvalidField(name, str(file), "a readable PEM file", fix) from problem


def _certificates(name: str, file: Path) -> list[x509.Certificate]:
    try:
        return x509.load_pem_x509_certificates(_read(name, file))
    except ValueError as problem:
        fix = "give the file that begins with -----BEGIN CERTIFICATE-----"
        raise InvalidField(name, str(file), "a PEM certificate", fix) from problem


def _check_time(name: str, file: Path, certificate: x509.Certificate) -> None:
    now = datetime.now(UTC)
    allowed = "a certificate that is valid now"
    if now > certificate.not_valid_after_utc:
        fix = f"renew it: it ended on {certificate.not_valid_after_utc:%Y-%m-%d %H:%M} UTC"
        raise InvalidField(name, str(file), allowed, fix)
    if now < certificate.not_valid_before_utc:
        begins = f"{certificate.not_valid_before_utc:%Y-%m-%d %H:%M} UTC"
        raise InvalidField(name, str(file), allowed, f"see to the clock: it begins on {begins}")


def _check_key(file: Path, certificate: x509.Certificate) -> None:
    data = _read("tls-key", file)
    if os.name == "posix" and file.stat().st_mode & _OTHERS:
        value = f"{file} (mode {file.stat().st_mode & 0o777:04o})"
        allowed = "a file that is closed to other users"
        raise InvalidField("tls-key", value, allowed, f"chmod 600 {file}")
    try:
        key = load_pem_private_key(data, None)
    except TypeError as problem:
        fix = f"remove the passphrase: openssl pkey -in {file} -out NEW"
        raise InvalidField("tls-key", str(file), "a key without a passphrase", fix) from problem
    except ValueError as problem:
        fix = "give the file that begins with -----BEGIN PRIVATE KEY-----"
        raise InvalidField("tls-key", str(file), "a PEM private key", fix) from problem
    if _spki(key.public_key()) != _spki(certificate.public_key()):
        allowed = "the private key of the certificate"
        raise InvalidField("tls-key", str(file), allowed, "give the two that were made together")


def _check_authority(file: Path, certificate: x509.Certificate) -> None:
    try:
        basic = certificate.extensions.get_extension_for_class(x509.BasicConstraints).value
        authority = basic.ca
    except x509.ExtensionNotFound:
        authority = False
    if not authority:
        fix = "give the certificate that signed those of the clients"
        raise InvalidField("tls-client-ca", str(file), "certificates of authorities", fix)


def _spki(key: PublicKeyTypes) -> bytes:
    return key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


def _names(certificate: x509.Certificate) -> tuple[str, ...]:
    try:
        found = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return ()
    hosts = found.get_values_for_type(x509.DNSName)
    return (*hosts, *(str(each) for each in found.get_values_for_type(x509.IPAddress)))
