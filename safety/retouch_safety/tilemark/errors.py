"""What the watermark refuses: one error, which names field, value, what is allowed, and the fix."""

from __future__ import annotations

from retouch_safety.errors import InvalidInput


class InvalidMarkRequest(InvalidInput):
    """A mark, a key or a picture that cannot be used; the value never shows a key's bytes."""
