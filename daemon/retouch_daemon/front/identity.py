"""Who calls: a token that only this user can read, and the client's own name."""

from __future__ import annotations

import hmac
import os
import re
import secrets
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, Final

import grpc

#: Metadata of every call: ``Bearer TOKEN``, and the client's name.
TOKEN_KEY: Final = "authorization"
CLIENT_KEY: Final = "retouch-client"
#: Services that tell nothing and are asked by probes that have no token.
OPEN: Final = ("/grpc.health.v1.Health/",)
_NAME: Final = re.compile(r"[A-Za-z0-9._-]{1,64}")
#: gRPC's names of a checked certificate, and of what that calls its owner.
_CERTIFICATE: Final = "x509_pem_cert"
_CERTIFIED: Final = ("x509_common_name", "x509_subject_alternative_name")
_UNSAFE: Final = re.compile(r"[^A-Za-z0-9._-]")
_BEARER: Final = "Bearer "


def read_token(file: Path) -> str:
    """Return the token in a file; make one, readable by its owner only, where there is none.

    Raises:
        OSError: it cannot be read or made.
        ValueError: others may read it, or it is empty.
    """
    file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    try:
        descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        if os.name == "posix" and file.stat().st_mode & 0o077:
            raise ValueError(
                f"token: others may read {file}; allowed: its owner only. Fix: chmod 600 {file}."
            ) from None
    else:
        with os.fdopen(descriptor, "w", encoding="ascii") as made:
            made.write(secrets.token_urlsafe(32) + "\n")
    token = file.read_text("ascii").strip()
    if not token:
        raise ValueError(f"token: {file} is empty. Fix: delete it; it is made anew.")
    return token


def client_of(context: grpc.aio.ServicerContext[Any, Any]) -> str:
    """Return the caller's name: its certificate's, else its own; without any it is ``default``."""
    shown = context.auth_context() or {}
    if _CERTIFICATE in shown:  # it was checked: a caller cannot take another's name
        found = [name for key in _CERTIFIED for name in shown.get(key, ())]
        return _UNSAFE.sub("-", found[0].decode("utf-8", "replace"))[:64] if found else "default"
    names = [value for key, value in context.invocation_metadata() or () if key == CLIENT_KEY]
    name = names[0] if names else "default"
    return name if isinstance(name, str) and _NAME.fullmatch(name) else "default"


class TokenCheck(grpc.aio.ServerInterceptor):
    """Refuses every call without the token.

    Args:
        token: that callers must have.

    Attributes:
        refused: how many calls had none, or another.
    """

    def __init__(self, token: str) -> None:
        self._token = token.encode()
        self.refused = 0

    async def intercept_service(
        self,
        continuation: Callable[[grpc.HandlerCallDetails], Awaitable[Any]],
        details: grpc.HandlerCallDetails,
    ) -> Any:
        """Let a call through, or answer it with UNAUTHENTICATED."""
        handler = await continuation(details)
        if handler is None or details.method.startswith(OPEN) or self._has_token(details):
            return handler
        self.refused += 1
        return _refusing(handler)

    def _has_token(self, details: grpc.HandlerCallDetails) -> bool:
        given = [v for key, v in details.invocation_metadata or () if key == TOKEN_KEY]
        if len(given) != 1 or not isinstance(given[0], str):
            return False
        # The time that this takes says nothing of the token.
        return given[0].startswith(_BEARER) and hmac.compare_digest(
            given[0].removeprefix(_BEARER).encode(), self._token
        )


def _refusing(handler: Any) -> Any:
    """A handler of the same shape that refuses."""

    async def unary(request: Any, context: grpc.aio.ServicerContext[Any, Any]) -> None:
        fix = "send the metadata 'authorization: Bearer TOKEN' with the token of the daemon's file"
        await context.abort(
            grpc.StatusCode.UNAUTHENTICATED, f"authorization: missing or wrong. Fix: {fix}."
        )

    async def stream(request: Any, context: grpc.aio.ServicerContext[Any, Any]) -> Any:
        await unary(request, context)
        yield  # never reached: makes it a stream

    shapes = {
        (False, False): (grpc.unary_unary_rpc_method_handler, unary),
        (False, True): (grpc.unary_stream_rpc_method_handler, stream),
        (True, False): (grpc.stream_unary_rpc_method_handler, unary),
        (True, True): (grpc.stream_stream_rpc_method_handler, stream),
    }
    make, behaviour = shapes[(handler.request_streaming, handler.response_streaming)]
    return make(behaviour, handler.request_deserializer, handler.response_serializer)
