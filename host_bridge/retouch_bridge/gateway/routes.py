"""What there is at which path."""

from __future__ import annotations

from typing import Any

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Mount, Route, Router
from starlette.types import Receive, Scope, Send

from retouch_bridge.gateway.access import Access
from retouch_bridge.gateway.blob_downloads import BlobDownloads
from retouch_bridge.gateway.blob_uploads import BlobUploads, Room
from retouch_bridge.gateway.connect_calls import ConnectCalls
from retouch_bridge.gateway.daemon_calls import Daemon
from retouch_bridge.gateway.event_socket import EventSockets
from retouch_bridge.gateway.paired_clients import PairedClients
from retouch_bridge.gateway.pairing import Pairing, PairingPages
from retouch_bridge.gateway.sdapi import pages as sdapi
from retouch_bridge.gateway.settings import Settings
from retouch_bridge.gateway.status_pages import StatusPages
from retouch_bridge.gateway.studio_files import PLACE, StudioFiles
from retouch_bridge.gateway.until_gone import Presence


class Routes:
    """Everything but who may ask, as an ASGI application.

    Args:
        settings: of the gateway.
        daemon: behind it.
        access: who may ask.
        paired: who has paired.
    """

    def __init__(
        self, settings: Settings, daemon: Daemon, access: Access, paired: PairedClients
    ) -> None:
        self._settings, self._daemon, self._paired = settings, daemon, paired
        self.presence = Presence()
        self.sockets = EventSockets(daemon, access)
        self._pairing = Pairing(paired)
        self._downloads = BlobDownloads(daemon, self.presence)
        room = Room(settings.folder, settings.blob_bytes, settings.free_bytes)
        self._uploads = BlobUploads(daemon, room)
        self._connect = ConnectCalls(daemon, self.presence)
        self._facade = sdapi.FacadePages(daemon, self.presence)
        pages = PairingPages(self._pairing, paired)
        status = StatusPages(settings.status, self.status)
        self._router = Router(
            [
                Route("/v1/blobs", self._uploads.post, methods=["POST"]),
                Route("/v1/blobs/{digest}", _Blob(self._downloads, self._uploads)),
                Route("/v1/pair", pages.trade, methods=["POST"]),
                Route("/v1/pair/code", pages.code, methods=["GET", "POST"]),
                Route("/v1/paired", pages.clients, methods=["GET", "DELETE"]),
                Route("/metrics", status.metrics),
                Route("/status.json", status.status),
                Mount(PLACE, StudioFiles()),
            ],
            redirect_slashes=False,
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request. Raises Refused, Gone, HTTPException."""
        path = scope["path"]
        if path.startswith("/retouch.v1."):
            await self._connect(scope, receive, send)
        elif path.startswith(f"{sdapi.PLACE}/"):
            await self._facade(scope, receive, send)
        else:
            await self._router(scope, receive, send)

    def status(self) -> dict[str, Any]:
        """Return what the gateway says of itself."""
        return {
            "address": self._settings.address,
            "open_calls": self._daemon.open_calls,
            "open_sockets": self.sockets.open,
            "paired_clients": len(self._paired.all()),
            "pairing_code": self._pairing.status()["code"],
        }


class _Blob:
    """``/v1/blobs/{digest}``, as an ASGI application."""

    def __init__(self, downloads: BlobDownloads, uploads: BlobUploads) -> None:
        self._downloads, self._uploads = downloads, uploads

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        digest = scope["path_params"]["digest"]
        method = scope["method"]
        if method == "GET":
            await self._downloads.get(scope, receive, send, digest)
            return
        answer: Response
        if method == "HEAD":
            answer = await self._downloads.head(digest, scope["caller"])
        elif method == "PUT":
            answer = await self._uploads.put(Request(scope, receive), digest)
        else:
            raise HTTPException(405, headers={"Allow": "GET, HEAD, PUT"})
        await answer(scope, receive, send)
