"""Who may ask: names of this machine, listed origins, and the token."""

from __future__ import annotations

import base64
import binascii
import hmac
import re
from collections.abc import Callable
from typing import Final

from starlette.datastructures import Headers

from retouch_bridge.gateway.daemon_calls import Caller
from retouch_bridge.gateway.paired_clients import PairedClients
from retouch_bridge.gateway.refusals import refusal

NAMES: Final = ("127.0.0.1", "localhost", "[::1]")
#: What a page of an unlisted origin may ask, so that it can be paired at all.
OPEN_TO_ALL: Final = ("/v1/hello", "/v1/pair")
#: What needs no token: who answers, pairing, and the files of the studio.
_NO_TOKEN: Final = ("/", "/studio", *OPEN_TO_ALL)
_STUDIO: Final = "/studio/"
#: Clients of this one send a user's name and a password, if anything.
_BASIC: Final = "/sdapi/"
_NAME: Final = re.compile(r"[A-Za-z0-9._-]{1,64}")
_HTTP_PORT: Final = 80
_METHODS: Final = "GET, HEAD, POST, PUT, DELETE"
_REQUEST_HEADERS: Final = (
    "authorization, content-type, content-encoding, retouch-client, upload-offset, range, "
    "connect-protocol-version, connect-timeout-ms"
)
_ANSWER_HEADERS: Final = "upload-offset, content-range, accept-ranges, etag, retry-after"


class Access:
    """Decides about every request before anything is done for it.

    Args:
        port: that the gateway listens on.
        token: the daemon's.
        paired: clients that have tokens of their own.
    """

    def __init__(self, port: int, token: str, paired: PairedClients) -> None:
        self._token, self._paired = token, paired
        self._hosts = {f"{name}:{port}" for name in NAMES}
        if port == _HTTP_PORT:
            self._hosts |= set(NAMES)
        self._own = {f"http://{host}" for host in self._hosts}

    def check_place(self, headers: Headers, path: str) -> None:
        """Refuse names that a web page has pointed at this machine, and unlisted origins.

        Raises:
            Refused.
        """
        if headers.get("host", "").lower() not in self._hosts:
            hosts = ", ".join(sorted(self._hosts))
            what, fix = f"not a name of this gateway; allowed: {hosts}", "ask one of these"
            raise refusal("permission_denied", what, fix, field="Host", status=421)
        origin = headers.get("origin")
        if origin is not None and path not in OPEN_TO_ALL and not self.lists(origin):
            what = f"pages of {origin[:100]} may not ask"
            fix = "pair it: run `retouch pair` and enter the code there"
            raise refusal("permission_denied", what, fix, field="Origin")

    def lists(self, origin: str) -> bool:
        """Return whether pages of an origin may ask."""
        return origin in self._own or self._paired.has_origin(origin)

    def is_open(self, path: str) -> bool:
        """Return whether a path needs no token."""
        return path in _NO_TOKEN or path.startswith(_STUDIO)

    def caller(self, headers: Headers, path: str) -> Caller:
        """Return who asks. Raises Refused: no token, a wrong one, or a bad name."""
        given = headers.getlist("authorization")
        kind, _, value = given[0].partition(" ") if len(given) == 1 else ("", "", "")
        name = headers.get("retouch-client", "")
        if kind.lower() == "basic" and path.startswith(_BASIC):
            user, value = _user_and_password(value)
            return self.named(value, name or (user if _NAME.fullmatch(user) else ""))
        return self.named(value if kind.lower() == "bearer" else "", name)

    def named(self, token: str, name: str) -> Caller:
        """Return the caller with a token and a name. Raises Refused."""
        if not (_same(token, self._token) or self._paired.has_token(token)):
            fix = "send 'Authorization: Bearer TOKEN' with the token of the daemon's file"
            what = "missing or wrong"
            headers = (("www-authenticate", "Bearer"),)
            raise refusal("unauthenticated", what, fix, field="authorization", headers=headers)
        if name and not _NAME.fullmatch(name):
            what = f"got {name[:80]!r}; allowed: 1 to 64 letters, digits, dots, dashes"
            raise refusal("invalid_argument", what, "send such a name", field="Retouch-Client")
        return Caller(name)

    def is_owner(self, headers: Headers) -> bool:
        """Return whether a caller has the daemon's own token, which is not said to who pairs."""
        given = headers.get("authorization", "").partition(" ")
        return given[0].lower() == "bearer" and _same(given[2], self._token)

    def cors(self, headers: Headers, path: str) -> list[tuple[str, str]]:
        """Return what lets a page read an answer; nothing for pages that may not."""
        origin = headers.get("origin")
        found = [("vary", "Origin")]
        if origin is not None and (path in OPEN_TO_ALL or self.lists(origin)):
            found += [
                ("access-control-allow-origin", origin),
                ("access-control-expose-headers", _ANSWER_HEADERS),
            ]
        return found

    def preflight(self, headers: Headers) -> list[tuple[str, str]]:
        """Return what a browser asks for before it lets a page of a listed origin ask."""
        found = [
            ("access-control-allow-methods", _METHODS),
            ("access-control-allow-headers", _REQUEST_HEADERS),
            ("access-control-max-age", "600"),
        ]
        if headers.get("access-control-request-private-network") == "true":
            found.append(("access-control-allow-private-network", "true"))
        return found


def read_token(read: Callable[[], str]) -> str:
    """Return the token in a file. Raises ValueError: there is none."""
    token = read().strip()
    if not token:
        raise ValueError("token: the file is empty")
    return token


def _same(given: str, token: str) -> bool:
    """The time that this takes says nothing of the token."""
    return hmac.compare_digest(given.encode("utf-8", "surrogateescape"), token.encode())


def _user_and_password(value: str) -> tuple[str, str]:
    try:
        user, _, password = base64.b64decode(value, validate=True).decode().partition(":")
    except (binascii.Error, ValueError):
        return "", ""
    return user, password
