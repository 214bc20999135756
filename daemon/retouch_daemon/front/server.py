"""The daemon, assembled: storage, queue, services, sockets."""

from __future__ import annotations

import asyncio
import fcntl
import logging
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
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
    trust_service_pb2,
    trust_service_pb2_grpc,
)
from retouch_daemon.front.addresses import is_loopback
from retouch_daemon.front.blob_service import BlobService
from retouch_daemon.front.call_guard import Callers, CallGuard
from retouch_daemon.front.catalog_service import CatalogService
from retouch_daemon.front.daemon_status import DaemonStatus
from retouch_daemon.front.dispatcher import Dispatcher
from retouch_daemon.front.edit_service import EditService
from retouch_daemon.front.event_feed import EventFeed
from retouch_daemon.front.gateways import Gateways
from retouch_daemon.front.identity import TokenCheck, read_token
from retouch_daemon.front.inspection_process import InspectionProcess
from retouch_daemon.front.job_observers import Observers
from retouch_daemon.front.listening import CONNECTION, AlreadyServed, listen
from retouch_daemon.front.log_lines import JobLog
from retouch_daemon.front.metrics import Metrics
from retouch_daemon.front.readiness import tell_readiness
from retouch_daemon.front.settings import Settings
from retouch_daemon.front.status_page import Pages, StatusPage, Visitors
from retouch_daemon.front.traces import job_traces
from retouch_daemon.front.trust_service import TrustService
from retouch_daemon.front.worker_options import WorkerOptions
from retouch_daemon.storage.blob_store import BlobStore
from retouch_daemon.storage.database import Database
from retouch_daemon.storage.errors import StorageError
from retouch_daemon.storage.journal import Journal

#: Seconds that calls have to end when the daemon stops.
GRACE: Final = 5.0
#: Seconds between two looks at whether running edits have ended.
_LOOK: Final = 0.1
#: Threads that wait for the disk: more than the open calls of one client, so that what it asks
#: for does not keep the steps of others' jobs from being written.
_THREADS: Final = 128
_DAY: Final = 86_400.0
_HOUR: Final = 3_600.0
SERVICES: Final = tuple(
    module.DESCRIPTOR.services_by_name[name].full_name
    for module, name in (
        (edit_service_pb2, "EditService"),
        (blob_service_pb2, "BlobService"),
        (catalog_service_pb2, "CatalogService"),
        (trust_service_pb2, "TrustService"),
    )
)
#: The one that needs the workers.
_EDITS: Final = edit_service_pb2.DESCRIPTOR.services_by_name["EditService"].full_name

_log = logging.getLogger(__name__)


class Daemon:
    """One daemon. ``async with Daemon(settings) as daemon`` serves until the block ends.

    Args:
        settings: see there.

    Attributes:
        port: of gRPC; 0 without one.
        status_port: of metrics and status over HTTP; 0 without one.
        on_gateway: told the address of a gateway whenever it listens.

    Raises:
        StorageError: the folder cannot be used. AlreadyServed: another daemon has the address.
        ValueError: the token's file is not safe.
    """

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.port = self.status_port = 0
        self.on_gateway: Callable[[str], None] = _ignored
        self._lock = _locked(settings.folder)
        self._database = Database(settings.database)
        self._journal = Journal(self._database, settings.jobs)
        self._blobs = BlobStore(settings.blobs, self._database, settings.limits)
        self._metrics = Metrics()
        observers = Observers(self._metrics, JobLog(), *job_traces())
        self._feed = EventFeed(self._journal, observers)
        options = WorkerOptions(
            settings.blobs, settings.device, settings.row_cap, settings.policy,
            memory=settings.memory, gate_device=settings.gate_device, silence=settings.silence,
            step_seconds=settings.step_seconds, start_seconds=settings.start_seconds,
        )  # fmt: skip
        self.dispatcher = Dispatcher(self._journal, self._blobs, self._feed, options)
        self._callers = Callers(settings.calls)
        self._inspector = InspectionProcess(settings.blobs)
        self._health = health.aio.HealthServicer()
        self._tasks: list[asyncio.Task[None]] = []

    async def __aenter__(self) -> Daemon:
        threads = ThreadPoolExecutor(_THREADS, "storage")
        asyncio.get_running_loop().set_default_executor(threads)
        await self.dispatcher.recover()  # before anybody can ask for what an earlier daemon left
        token = read_token(self.settings.token_file)
        self._check = TokenCheck(token)
        self._server = self._assembled()
        self.port = listen(self._server, self.settings)
        await self._server.start()
        self._gateways = Gateways(self.settings, self._own_target(), self._told_gateway)
        self._tasks = [
            asyncio.create_task(self.dispatcher.run()),
            asyncio.create_task(self._tidy()),
            asyncio.create_task(
                tell_readiness(self._health, _EDITS, lambda: self.dispatcher.ready)
            ),
        ]
        await self._show_status(token)
        self._gateways.start()
        for name in {"", *SERVICES} - {_EDITS}:
            await self._health.set(name, health_pb2.HealthCheckResponse.SERVING)
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._health.enter_graceful_shutdown()
        await self.dispatcher.stop()
        await self._gateways.stop()
        await self._server.stop(GRACE)
        await self._inspector.stop()
        await self._page.close()
        for task in self._tasks[1:]:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)  # ``wait`` says what failed
        own = self.settings
        for socket in (own.socket, own.status_socket, own.gateway_socket):
            if socket is not None:
                socket.unlink(missing_ok=True)
        self._database.close()
        self._lock.close()

    async def wait(self) -> None:
        """Wait until the queue has failed, which is a fault of the daemon's own."""
        await self._tasks[0]

    async def wait_until_ready(self) -> None:
        """Wait until edits can run."""
        while not self.dispatcher.ready:
            await asyncio.sleep(_LOOK)

    async def drain(self, seconds: float) -> bool:
        """Take nothing new and let running edits end; what waits is served after the next start.

        Returns:
            Whether all have ended before the time was over.
        """
        self._callers.draining = self.dispatcher.draining = True
        await self._health.enter_graceful_shutdown()
        ends = time.monotonic() + seconds
        while self.dispatcher.running and time.monotonic() < ends:
            await asyncio.sleep(_LOOK)
        return not self.dispatcher.running

    def _assembled(self) -> grpc.aio.Server:
        server = grpc.aio.server(
            interceptors=(self._check, CallGuard(self._callers)),
            options=CONNECTION,
            maximum_concurrent_rpcs=self.settings.calls.of_all,
        )
        edits = EditService(self._journal, self._blobs, self._feed, self.dispatcher)
        edit_service_pb2_grpc.add_EditServiceServicer_to_server(edits, server)
        blob_service_pb2_grpc.add_BlobServiceServicer_to_server(BlobService(self._blobs), server)
        catalog = CatalogService(self.dispatcher.engine, self.dispatcher.gate)
        catalog_service_pb2_grpc.add_CatalogServiceServicer_to_server(catalog, server)
        trust = TrustService(self._blobs, self._inspector, self.dispatcher.gate)
        trust_service_pb2_grpc.add_TrustServiceServicer_to_server(trust, server)
        health_pb2_grpc.add_HealthServicer_to_server(self._health, server)
        if not self.settings.remote:
            reflection.enable_server_reflection((*SERVICES, reflection.SERVICE_NAME), server)
        return server

    async def _show_status(self, token: str) -> None:
        """Show numbers and status. Raises AlreadyServed."""
        status = DaemonStatus(
            row_cap=self.settings.row_cap, dispatcher=self.dispatcher, feed=self._feed,
            blobs=self._blobs, callers=self._callers, check=self._check, metrics=self._metrics,
        )  # fmt: skip
        self._page = StatusPage(Pages(status.read, self._metrics.text))
        settings = self.settings
        if settings.status_socket is not None:
            await self._page.listen_here(settings.status_socket)
        if settings.status_address:
            loopback = is_loopback(settings.status_address)
            who = Visitors.of_address(settings.status_address, token, loopback=loopback)
            tls = None if loopback or settings.tls is None else settings.tls.http_context()
            try:
                self.status_port = await self._page.listen(settings.status_address, who, tls)
            except OSError as problem:
                raise AlreadyServed(
                    f"status-address: {settings.status_address} cannot be had: "
                    f"{problem.strerror}. Fix: choose another."
                ) from problem

    def _own_target(self) -> str:
        """Where a process of this user's reaches gRPC."""
        settings = self.settings
        if (socket := settings.gateway_socket or settings.socket) is not None:
            return f"unix:{socket}"
        host = settings.address.rpartition(":")[0]
        return f"{host}:{self.port}" if host and settings.tls is None else ""

    def _told_gateway(self, address: str) -> None:
        self.on_gateway(address)

    async def _tidy(self) -> None:
        """Forget jobs that have been over for long; their blobs can then be evicted."""
        while True:
            before = time.time() - self.settings.keep_days * _DAY
            try:
                forgotten = await asyncio.to_thread(self._journal.forget, before)
            except StorageError as problem:  # the disk may be full for a while
                _log.error("cannot forget old jobs: %s", problem)
            else:
                _log.log(logging.INFO if forgotten else logging.DEBUG, "forgot %s jobs", forgotten)
            await asyncio.sleep(_HOUR)


def _ignored(address: str) -> None:
    """Nobody has asked."""


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
