"""Fields of a facade's request: typed, or one clear error."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from retouch_bridge.gateway.refusals import refusal

_MOST_SHOWN: Final = 80


@dataclass(frozen=True, slots=True)
class Fields:
    """A request's JSON object.

    Attributes:
        given: the object. ``None`` and what is left out mean the default.
    """

    given: Mapping[str, Any]

    def has(self, name: str) -> bool:
        """Return whether a field is given, and says something."""
        return bool(self.given.get(name))

    def text(self, name: str, default: str = "") -> str:
        """Return a text. Raises Refused."""
        found = self.given.get(name)
        if found is None:
            return default
        if not isinstance(found, str):
            raise _wrong(name, found, "a text")
        return found

    def whole(self, name: str, low: int, high: int) -> int | None:
        """Return a whole number; None where it is not given. Raises Refused."""
        found = self.number(name, low, high)
        if found is None:
            return None
        if found != int(found):
            raise _wrong(name, found, f"a whole number, {low} to {high}")
        return int(found)

    def number(self, name: str, low: float, high: float) -> float | None:
        """Return a number; None where it is not given. Raises Refused."""
        found = self.given.get(name)
        if found is None:
            return None
        if isinstance(found, bool) or not isinstance(found, int | float):
            raise _wrong(name, found, "a number")
        if not low <= found <= high:
            raise _wrong(name, found, f"{low:g} to {high:g}")
        return found

    def object(self, name: str) -> Fields:
        """Return an object; an empty one where it is not given. Raises Refused."""
        found = self.given.get(name) or {}
        if not isinstance(found, dict):
            raise _wrong(name, found, "an object")
        return Fields(found)

    def picture(self, name: str, value: Any) -> bytes:
        """Return the bytes of a picture in base64, with or without ``data:``. Raises Refused."""
        if not isinstance(value, str):
            raise _wrong(name, value, "a picture file in base64")
        if value.startswith("data:"):
            value = value.partition(",")[2]
        try:
            found = base64.b64decode("".join(value.split()), validate=True)
        except (binascii.Error, ValueError) as problem:
            raise _wrong(name, value, "a picture file in base64") from problem
        if not found:
            raise _wrong(name, value, "a picture file in base64")
        return found

    def refuse(self, *names: str) -> None:
        """Refuse what would have to be ignored. Raises Refused."""
        for name in names:
            if self.has(name):
                fix = "leave it out; Retouch's own API has operations for more (docs/bridge.md)"
                raise refusal("unimplemented", "not done here", fix, field=name, status=422)


def _wrong(name: str, found: Any, allowed: str) -> Exception:
    what = f"got {str(found)[:_MOST_SHOWN]!r}; allowed: {allowed}"
    return refusal("invalid_argument", what, "send that", field=name, status=422)
