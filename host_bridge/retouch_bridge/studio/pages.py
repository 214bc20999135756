"""The studio's page as an ASGI application: the prebuilt files, under a strict policy."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

from starlette.datastructures import Headers, MutableHeaders
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp, Message, Receive, Scope, Send

#: What `npm run build` in host_bridge/web_studio makes; committed, so that nobody needs node.
BUNDLE: Final = Path(__file__).resolve().parent / "dist"
_HOST: Final = re.compile(r"[A-Za-z0-9.-]+(:\d{1,5})?|\[[0-9A-Fa-f:]+\](:\d{1,5})?")
#: Files whose names hold a digest of their content never change.
_LASTING: Final = re.compile(r"-[A-Za-z0-9_-]{8}\.(js|css|svg)$")
_SOURCES: Final = (
    "default-src 'none'",
    "script-src 'self'",
    "style-src 'self'",
    "img-src 'self' blob:",
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
    "require-trusted-types-for 'script'",
    "trusted-types 'none'",
)
_ALWAYS: Final = (
    ("x-content-type-options", "nosniff"),
    ("x-frame-options", "DENY"),
    ("referrer-policy", "no-referrer"),
    ("cross-origin-opener-policy", "same-origin"),
    ("cross-origin-resource-policy", "same-origin"),
    ("permissions-policy", "camera=(), geolocation=(), microphone=(), payment=(), usb=()"),
)


def policy(host: str) -> list[tuple[str, str]]:
    """Return the headers that say what a browser lets these pages do.

    They load their own files and speak to the place that they came from; no inline script or style
    runs, and nothing is asked of any other place.

    Args:
        host: of the request, with its port; already checked.
    """
    # Browsers differ in whether 'self' covers the WebSocket of the same place.
    socket = f" ws://{host}" if _HOST.fullmatch(host) else ""
    sources = "; ".join((*_SOURCES, f"connect-src 'self'{socket}"))
    return [("content-security-policy", sources), *_ALWAYS]


def studio_pages(folder: Path = BUNDLE) -> ASGIApp:
    """Return the application to mount at ``/studio/``: GET and HEAD of the bundle's files.

    It raises starlette's HTTPException for everything else.
    """
    return _StudioPages(folder)


class _StudioPages:
    def __init__(self, folder: Path) -> None:
        self._files = StaticFiles(directory=folder, html=True, check_dir=False)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        lasting = _LASTING.search(scope["path"])
        kept = "public, max-age=31536000, immutable" if lasting else "no-cache"
        headers = [*policy(Headers(scope=scope).get("host", "")), ("cache-control", kept)]

        async def answered(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message).update(dict(headers))
            await send(message)

        await self._files(scope, receive, answered)
