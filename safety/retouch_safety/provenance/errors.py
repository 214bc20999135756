"""Every error of provenance.

::

    SafetyError
    ├── InvalidProvenance       wrong input, an InvalidInput
    ├── ProvenanceUnavailable   c2pa-python is missing or does not load
    └── SigningFailed           nothing was signed, and nothing may be released
"""

from __future__ import annotations

from retouch_safety.errors import InvalidInput, SafetyError


class InvalidProvenance(InvalidInput):
    """Input that cannot be signed or verified."""


class ProvenanceUnavailable(SafetyError):
    """The library that signs and reads manifests is missing or does not load."""


class SigningFailed(SafetyError):
    """A manifest could not be made, or did not verify after it was made."""
