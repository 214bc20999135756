"""Pairing: a short code, shown to the owner, is traded once for a token of the client's own."""

from __future__ import annotations

import hmac
import json
import re
import secrets
import time
from collections.abc import Callable
from typing import Any, Final

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from retouch_bridge.gateway.paired_clients import PairedClients
from retouch_bridge.gateway.refusals import refusal
from retouch_bridge.gateway.request_bodies import message_body

DIGITS: Final = 8
SECONDS: Final = 120.0
TRIES: Final = 5
_NAME: Final = re.compile(r"[A-Za-z0-9._ -]{1,64}")
_NOT_GIVEN: Final = "unnamed"


class Pairing:
    """Holds one code at a time.

    Args:
        paired: where those that know it are kept.
        now: a clock in seconds.
    """

    def __init__(self, paired: PairedClients, now: Callable[[], float] = time.monotonic) -> None:
        self._paired, self._now = paired, now
        self._code, self._until, self._tries = "", 0.0, 0
        self._last = ""

    def open(self) -> tuple[str, float]:
        """Make a code; return it and the seconds that it is good for. An earlier one is not."""
        self._code = f"{secrets.randbelow(10**DIGITS):0{DIGITS}d}"
        self._until, self._tries, self._last = self._now() + SECONDS, TRIES, ""
        return self._code, SECONDS

    def status(self) -> dict[str, Any]:
        """Return the open code with its seconds, and who was paired with the last one."""
        left = self._until - self._now()
        if not self._code or left <= 0:
            return {"code": "", "secondsLeft": 0, "paired": self._last}
        return {"code": self._code, "secondsLeft": round(left, 1), "paired": ""}

    def trade(self, code: str, name: str, origin: str) -> str:
        """Return a token for a code, which is used up. Raises Refused; OSError."""
        if not self.status()["code"]:
            fix = "run `retouch pair` and enter the code that it shows"
            raise refusal("failed_precondition", "no code is open", fix, field="code")
        if not hmac.compare_digest(code.encode("utf-8", "replace"), self._code.encode()):
            self._tries -= 1
            left = f"{self._tries} tries are left"
            if self._tries <= 0:
                self._code, left = "", "it is closed now"
            fix = f"enter the code that `retouch pair` shows ({left})"
            raise refusal("permission_denied", "not the code", fix, field="code")
        self._code, self._last = "", name
        return self._paired.add(name, origin)


class PairingPages:
    """Serves pairing over HTTP.

    Args:
        pairing: the open code. paired: who has paired.
    """

    def __init__(self, pairing: Pairing, paired: PairedClients) -> None:
        self._pairing, self._paired = pairing, paired

    async def trade(self, request: Request) -> Response:
        """``POST /v1/pair``: a token for a code. Raises Refused."""
        given = await _object(request)
        code = re.sub(r"[\s-]", "", str(given.get("code", "")))
        name = str(given.get("client") or request.headers.get("retouch-client") or _NOT_GIVEN)
        if not _NAME.fullmatch(name):
            allowed = "1 to 64 letters, digits, blanks, dots, dashes"
            what = f"got {name[:80]!r}; allowed: {allowed}"
            raise refusal("invalid_argument", what, "give such a name", field="client")
        origin = request.headers.get("origin", "")
        return JSONResponse({"token": self._pairing.trade(code, name, origin)})

    async def code(self, request: Request) -> Response:
        """``POST /v1/pair/code`` opens one, ``GET`` tells how it is. Raises Refused."""
        if not request.scope["owner"]:
            fix = "use the token of the daemon's own file"
            raise refusal("permission_denied", "only the owner pairs", fix)
        if request.method == "POST":
            self._pairing.open()
        return JSONResponse(self._pairing.status())

    async def clients(self, request: Request) -> Response:
        """``GET /v1/paired`` lists who has paired; ``DELETE ?name=`` forgets. Raises Refused."""
        if not request.scope["owner"]:
            fix = "use the token of the daemon's own file"
            raise refusal("permission_denied", "only the owner sees who has paired", fix)
        forgotten = 0
        if request.method == "DELETE":
            forgotten = self._paired.forget(request.query_params.get("name", ""))
        shown = [
            {"name": each.name, "origin": each.origin, "paired": each.paired}
            for each in self._paired.all()
        ]
        return JSONResponse({"clients": shown, "forgotten": forgotten})


async def _object(request: Request) -> dict[str, Any]:
    """The JSON object of a request. Raises Refused: it is none."""
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != "application/json":
        what, fix = f"got {kind[:80]!r}; allowed: application/json", "send JSON"
        raise refusal("invalid_argument", what, fix, field="Content-Type", status=415)
    try:
        found = json.loads(await message_body(request))
    except (ValueError, RecursionError):
        found = None
    if isinstance(found, dict):
        return found
    raise refusal("invalid_argument", "not a JSON object", "send one", field="request")
