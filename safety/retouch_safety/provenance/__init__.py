"""Provenance: signed manifests in files and beside pixels, and their verification.

The standard is C2PA ("content credentials"), the library is c2pa-python, imported when first
needed. Nothing here uses the network.
"""

from retouch_safety.provenance.c2pa_library import Trust
from retouch_safety.provenance.certificate_checks import own_identity
from retouch_safety.provenance.development_certificate import (
    development_identity,
    development_roots,
)
from retouch_safety.provenance.errors import (
    InvalidProvenance,
    ProvenanceUnavailable,
    SigningFailed,
)
from retouch_safety.provenance.identity import Identity, IdentityKind
from retouch_safety.provenance.report import EXIT_CODES, Report, Status, TrustedBy
from retouch_safety.provenance.sidecar_store import SidecarStore
from retouch_safety.provenance.signing import Signed, sign_export, sign_file, sign_pixels
from retouch_safety.provenance.statement import Edit, SeenMark, Source, Statement
from retouch_safety.provenance.verification import verify, verify_pixels
from retouch_safety.provenance.vocabulary import SourceType

__all__ = [
    "EXIT_CODES",
    "Edit",
    "Identity",
    "IdentityKind",
    "InvalidProvenance",
    "ProvenanceUnavailable",
    "Report",
    "SeenMark",
    "SidecarStore",
    "Signed",
    "SigningFailed",
    "Source",
    "SourceType",
    "Statement",
    "Status",
    "Trust",
    "TrustedBy",
    "development_identity",
    "development_roots",
    "own_identity",
    "sign_export",
    "sign_file",
    "sign_pixels",
    "verify",
    "verify_pixels",
]
