"""How much may be kept: of one blob, of one client, of all, and what the disk must have left."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class BlobLimits:
    """How much may be kept. Of what is limited, what nobody needs is evicted first.

    Attributes:
        blob_bytes: of one blob.
        client_bytes: of one client, uploads under way included.
        total_bytes: of all.
        client_blobs: blobs of one client.
        client_uploads: uploads of one client under way: the longest untouched is dropped.
        passing_bytes: in memory, of pictures that only pass.
        free_bytes: that blobs leave on the disk, so that the journal can always be written.
    """

    blob_bytes: int = 1 << 30
    client_bytes: int = 8 << 30
    total_bytes: int = 16 << 30
    client_blobs: int = 100_000
    client_uploads: int = 64
    passing_bytes: int = 64 << 20
    free_bytes: int = 0
