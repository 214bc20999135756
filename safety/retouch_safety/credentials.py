"""What a released picture takes into its file: the signed manifest of this very picture."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from retouch_safety.content import Content, bounding_box
from retouch_safety.installation import Installation
from retouch_safety.provenance import Edit, Identity, Source, Statement, sign_file, sign_pixels
from retouch_safety.receipt import Receipt

#: c2pa-python has no wheel for Windows: receipts are signed there, manifests are not written.
MANIFESTS: Final = sys.platform != "win32"


@dataclass(frozen=True, eq=False, repr=False)
class Credentials:
    """What is stated about a picture, and who states it.

    Attributes:
        statement: what manifests say.
        identity: who signs them.
    """

    statement: Statement
    identity: Identity

    def signed(self, data: bytes) -> bytes:
        """Return a file with the manifest in it.

        Args:
            data: a PNG, JPEG, WebP or TIFF file of this picture, whole.

        Raises:
            SigningFailed, ProvenanceUnavailable: nothing may be written.
        """
        return sign_file(data, self.statement, self.identity).data


def credentials_of(
    content: Content,
    receipt: Receipt,
    source: Source | None,
    version: str,
    installation: Installation,
) -> Credentials | None:
    """Return what a picture's files are signed with; None where manifests cannot be written."""
    if not MANIFESTS:
        return None
    region = bounding_box(content.edited > 0)
    height, width = content.pixels.shape[:2]
    edits = [
        Edit(name, None if region == (0, 0, width, height) else region)
        for name in receipt.operations
    ]
    statement = Statement.of_receipt(receipt, edits, source, model=receipt.model, version=version)
    return Credentials(statement, installation.identity)


def keep_manifest(content: Content, credentials: Credentials, installation: Installation) -> Path:
    """Sign the pixels themselves, for hosts that take them without a file.

    Returns:
        Where the manifest is kept.

    Raises:
        SigningFailed, ProvenanceUnavailable: nothing may be released.
        InvalidProvenance: no room for it.
    """
    signed = sign_pixels(content.pixels, content.alpha, credentials.statement, credentials.identity)
    return installation.manifests.put(credentials.statement.record, signed.manifest)
