"""Many who ask for the catalogue at once are told together: it is read once."""

import asyncio
import time

from retouch.v1 import catalog_pb2, catalog_service_pb2
from retouch_daemon.front import catalog_service
from retouch_daemon.front.worker_process import WorkerGone


class NoEngine:
    async def call(self, kind, payload):
        raise WorkerGone("it is being started")


def test_those_who_ask_at_once_share_an_answer(monkeypatch):
    read = []

    def describe():
        read.append(time.monotonic())
        time.sleep(0.05)
        return catalog_pb2.Catalog(retouch_version=str(len(read)))

    async def ask():
        service = catalog_service.CatalogService(NoEngine(), None)
        asked = catalog_service_pb2.DescribeRequest()
        together = await asyncio.gather(*(service.Describe(asked, None) for _ in range(30)))
        later = await service.Describe(asked, None)
        return together, later

    monkeypatch.setattr(catalog_service, "describe", describe)
    together, later = asyncio.run(ask())
    assert {each.catalog.retouch_version for each in together} == {"1"}
    assert later.catalog.retouch_version == "2"


def test_one_who_leaves_takes_nobody_along(monkeypatch):
    monkeypatch.setattr(
        catalog_service, "describe", lambda: time.sleep(0.1) or catalog_pb2.Catalog()
    )

    async def ask():
        service = catalog_service.CatalogService(NoEngine(), None)
        asked = catalog_service_pb2.DescribeRequest()
        leaving, staying = (asyncio.create_task(service.Describe(asked, None)) for _ in range(2))
        await asyncio.sleep(0.02)
        leaving.cancel()
        return await staying

    assert asyncio.run(ask()).HasField("catalog")
