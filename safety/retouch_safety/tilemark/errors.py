"""What the watermark refuses: one error, which names field, value, what is allowed, and the fix."""

from __future__ import annotations

from retouch_safety.errors import SafetyError


class InvalidMarkRequest(SafetyError):
    """A mark, a key or a picture that cannot be used.

    Args:
        field: what is wrong, for example ``edited.shape``.
        value: what was given; never a key's bytes.
        allowed: the allowed range or set, in words.
        fix: what to do about it, one imperative clause.
    """

    def __init__(self, field: str, value: object, allowed: str, fix: str) -> None:
        self.field, self.value, self.allowed, self.fix = field, value, allowed, fix
        super().__init__(f"{field}: got {value!r}; allowed: {allowed}. Fix: {fix}.")
