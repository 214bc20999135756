"""What an installation keeps on disk for its gate: keys, certificate, audit log, manifests."""

from __future__ import annotations

import os
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Final

from retouch_safety.audit import AuditLog
from retouch_safety.errors import InvalidInput
from retouch_safety.provenance import (
    Identity,
    SidecarStore,
    Trust,
    development_identity,
    development_roots,
    own_identity,
)
from retouch_safety.receipt_key import ReceiptKey
from retouch_safety.tilemark import KeyRing

HOME: Final = "RETOUCH_HOME"
CERTIFICATE: Final = "RETOUCH_CERTIFICATE"
CERTIFICATE_KEY: Final = "RETOUCH_CERTIFICATE_KEY"
TRUST_ANCHORS: Final = "RETOUCH_TRUST_ANCHORS"
SAFETY_CHECKER: Final = "RETOUCH_SAFETY_CHECKER"


@dataclass(frozen=True)
class Installation:
    """Everything the gate keeps, in one folder that its owner alone may read.

    Each part is made when it is first needed: ``keys/`` (watermark), ``receipts/`` (signing key),
    ``certificates/``, ``audit/``, ``manifests/``. Back the folder up: without it, marks of this
    installation cannot be told from forged ones.

    Attributes:
        folder: where.
        certificate: the user's own certificate chain, PEM; None signs with a certificate that is
            made here and that nobody else trusts.
        certificate_key: its private key, PEM; needed with a certificate.
        anchors: roots that count when pictures are verified, PEM; None for none but our own.
        safety_checker: folder of the CLIP safety checker's weights, a second opinion on every
            picture; None for none.

    Raises:
        InvalidInput: a certificate without its key, or the other way round.
    """

    folder: Path
    certificate: Path | None = None
    certificate_key: Path | None = None
    anchors: Path | None = None
    safety_checker: Path | None = None

    def __post_init__(self) -> None:
        if (self.certificate is None) != (self.certificate_key is None):
            given = CERTIFICATE if self.certificate else CERTIFICATE_KEY
            fix = f"set {CERTIFICATE} and {CERTIFICATE_KEY}, or neither"
            raise InvalidInput("certificate", f"only {given}", "both files or none", fix)

    @classmethod
    def default(cls) -> Installation:
        """Return this user's: ``$RETOUCH_HOME/safety``, else in the platform's data folder."""
        home = os.environ.get(HOME)
        if home:
            folder = Path(home).expanduser()
        else:
            import platformdirs

            folder = Path(platformdirs.user_data_dir("retouch", appauthor=False))
        names = (CERTIFICATE, CERTIFICATE_KEY, TRUST_ANCHORS, SAFETY_CHECKER)
        paths = (os.environ.get(name) for name in names)
        own = [Path(path).expanduser() if path else None for path in paths]
        return cls(folder / "safety", *own)

    def prepare(self) -> None:
        """Make whatever is missing, so that what is wrong is found before anything runs.

        Raises:
            SafetyError, OSError: a part that is damaged, that others can read, or no room.
        """
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        for part in ("keys", "receipts", "audit", "identity"):
            getattr(self, part)
        self.audit.head()  # a damaged log blocks before the work, not after it

    @cached_property
    def keys(self) -> KeyRing:
        """The watermark's keys."""
        return KeyRing(self.folder / "keys")

    @cached_property
    def receipts(self) -> ReceiptKey:
        """The key that signs receipts."""
        return ReceiptKey(self.folder / "receipts")

    @cached_property
    def audit(self) -> AuditLog:
        """The log of what the gate did."""
        return AuditLog(self.folder / "audit")

    @cached_property
    def identity(self) -> Identity:
        """Who signs manifests."""
        if self.certificate is not None and self.certificate_key is not None:
            return own_identity(self.certificate, self.certificate_key)
        return development_identity(self.folder / "certificates")

    @property
    def manifests(self) -> SidecarStore:
        """Manifests of pictures that may have no file."""
        return SidecarStore(self.folder / "manifests")

    @property
    def trust(self) -> Trust:
        """Whose signatures count here.

        Raises:
            OSError: the anchors cannot be read.
        """
        roots = development_roots(self.folder / "certificates")
        return Trust(roots, self.anchors.read_bytes() if self.anchors else b"")
