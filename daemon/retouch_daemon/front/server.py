"""The daemon, assembled: storage, queue, services, sockets."""

from __future__ import annotations

import asyncio
import fcntl
import logging
import os
import time
from pathlib import Path
from typing import IO, Final

import grpc
from grpc_health.v1 import health, health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection

from retouch.v1 import (
    blob_service_pb2,
    blob_service_pb2_grpc,
    catalog_service_pb2,
    catalog_service_pb2_grpc,
    edit_service_pb2,
    edit_service_pb2_grpc,
)
from retouch_daemon.front.blob_service import CHUNK, BlobService
from retouch_daemon.front.catalog_service import CatalogService
from retouch_daemon.front.dispatcher import Dispatcher
from retouch_daemon.front.edit_service import EditService
from retouch_daemon.front.event_feed import EventFeed
from retouch_daemon.front.identity import TokenCheck, read_token
from retouch_daemon.front.settings import Settings
from retouch_daemon.front.worker_process import WorkerOptions
from retouch_daemon.storage.blob_store import BlobStore
from retouch_daemon.storage.database import Database
from retouch_daemon.storage.journal import Journal

#: Seconds that calls have to end when the daemon stops.
GRACE: Final = 5.0
_DAY: Final = 86_400.0
_HOUR: Final = 3_600.0
SERVICES: Final = tuple(
    module.DESCRIPTOR.services_by_name[name].full_name
    for module, name in (
        (edit_service_pb2, "EditService"),
        (blob_service_pb2, "BlobService"),
        (catalog_service_pb2, "CatalogService"),
    )
)

_log = logging.getLogger(__name__)


class AlreadyServed(Exception):
    """Another daemon has the address or the folder."""


class Daemon:
    """One daemon. ``async with Daemon(settings) as daemon`` serves until the block ends.

    Args:
        settings: see there.

    Raises:
        StorageError: the folder cannot be used. AlreadyServed: another daemon has the address.
        ValueError: the token's file is not safe.
    """

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.port = 0
        self._lock = _locked(settings.folder)
        self._database = Database(settings.database)
        self._journal = Journal(self._database, jobs_per_client=settings.jobs_per_client)
        self._blobs = BlobStore(settings.blobs, self._database, settings.limits)
        self._feed = EventFeed(self._journal)
        options = WorkerOptions(settings.blobs, settings.device, settings.row_cap, settings.policy)
        self.dispatcher = Dispatcher(self._journal, self._blobs, self._feed, options)
        self._health = health.aio.HealthServicer()
        self._tasks: list[asyncio.Task[None]] = []

    async def __aenter__(self) -> Daemon:
        self._server = self._assembled(read_token(self.settings.token_file))
        self._listen(self._server)
        await self._server.start()
        self._tasks = [
            asyncio.create_task(self.dispatcher.run()),
            asyncio.create_task(self._tidy()),
        ]
        for name in ("", *SERVICES):
            await self._health.set(name, health_pb2.HealthCheckResponse.SERVING)
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._health.enter_graceful_shutdown()
        await self.dispatcher.stop()
        await self._server.stop(GRACE)
        self._tasks[1].cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)  # ``wait`` says what failed
        if self.settings.socket is not None:
            self.settings.socket.unlink(missing_ok=True)
        self._database.close()
        self._lock.close()

    async def wait(self) -> None:
        """Wait until the queue has failed, which is a fault of the daemon's own."""
        await self._tasks[0]

    def _assembled(self, token: str) -> grpc.aio.Server:
        server = grpc.aio.server(
            interceptors=(TokenCheck(token),),
            options=(
                ("grpc.max_receive_message_length", 4 * CHUNK),
                ("grpc.so_reuseport", 0),
                ("grpc.keepalive_time_ms", 30_000),
                ("grpc.http2.max_ping_strikes", 0),
            ),
        )
        edits = EditService(self._journal, self._blobs, self._feed, self.dispatcher)
        edit_service_pb2_grpc.add_EditServiceServicer_to_server(edits, server)
        blob_service_pb2_grpc.add_BlobServiceServicer_to_server(BlobService(self._blobs), server)
        catalog_service_pb2_grpc.add_CatalogServiceServicer_to_server(CatalogService(), server)
        health_pb2_grpc.add_HealthServicer_to_server(self._health, server)
        reflection.enable_server_reflection((*SERVICES, reflection.SERVICE_NAME), server)
        return server

    def _listen(self, server: grpc.aio.Server) -> None:
        try:
            if self.settings.address:
                self.port = server.add_insecure_port(self.settings.address)
            if self.settings.socket is not None:
                _add_own_socket(server, self.settings.socket)
        except RuntimeError as problem:
            where = self.settings.socket or self.settings.address
            raise AlreadyServed(
                f"address: {where} is taken. Fix: stop the other daemon, or choose another."
            ) from problem

    async def _tidy(self) -> None:
        """Forget jobs that have been over for long; their blobs can then be evicted."""
        while True:
            before = time.time() - self.settings.keep_days * _DAY
            forgotten = await asyncio.to_thread(self._journal.forget, before)
            if forgotten:
                _log.info("forgot %s jobs", forgotten)
            await asyncio.sleep(_HOUR)


def _add_own_socket(server: grpc.aio.Server, socket: Path) -> None:
    """Listen on a Unix socket that only this user can connect to. Raises RuntimeError."""
    socket.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    before = os.umask(0o177)  # the socket is made by gRPC, which takes no mode
    try:
        server.add_insecure_port(f"unix:{socket}")
    finally:
        os.umask(before)


def _locked(folder: Path) -> IO[str]:
    """Take a folder for as long as the file that is returned is open, or the process lives.

    Raises:
        AlreadyServed: another daemon has it.
    """
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    file = (folder / "lock").open("w")
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as problem:
        file.close()
        raise AlreadyServed(
            f"folder: another daemon uses {folder}. Fix: stop it, or choose another folder."
        ) from problem
    return file
