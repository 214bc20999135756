"""Every error of provenance.

::

    SafetyError
    ├── InvalidProvenance       wrong input: field, value, allowed, fix
    ├── ProvenanceUnavailable   c2pa-python is missing or does not load
    └── SigningFailed           nothing was signed, and nothing may be released
"""

from __future__ import annotations

from retouch_safety.errors import SafetyError


class InvalidProvenance(SafetyError):
    """Input that cannot be used.

    Args:
        field: what is wrong, for example ``certificate.key``.
        value: what was given; never a secret.
        allowed: the allowed range or set, in words.
        fix: what to do about it, one imperative clause.
    """

    def __init__(self, field: str, value: object, allowed: str, fix: str) -> None:
        self.field, self.value, self.allowed, self.fix = field, value, allowed, fix
        super().__init__(f"{field}: got {value!r}; allowed: {allowed}. Fix: {fix}.")


class ProvenanceUnavailable(SafetyError):
    """The library that signs and reads manifests is missing or does not load."""


class SigningFailed(SafetyError):
    """A manifest could not be made, or did not verify after it was made."""
