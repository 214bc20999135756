"""``/studio/``: the web studio's files, as they are in the package."""

from __future__ import annotations

from typing import Final

from starlette.exceptions import HTTPException
from starlette.types import Receive, Scope, Send

from retouch_bridge.gateway.refusals import refusal
from retouch_bridge.studio.pages import BUNDLE, policy, studio_pages

__all__ = ["FOLDER", "PLACE", "StudioFiles", "policy"]

PLACE: Final = "/studio"
FOLDER: Final = BUNDLE


class StudioFiles:
    """Serves them, as an ASGI application."""

    def __init__(self) -> None:
        self._files = studio_pages()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer with a file. Raises Refused, HTTPException."""
        fix = "open /studio/; where that is missing, install a release of Retouch"
        missing = refusal("not_found", "there is no such file of the studio", fix)
        if not FOLDER.is_dir():
            raise missing
        try:
            await self._files(scope, receive, send)
        except HTTPException as problem:
            if problem.status_code == 405:
                raise  # told as everywhere
            raise missing from problem
