"""The client for asyncio does what the other one does."""

import asyncio
import inspect
import io

import numpy as np
import pytest
from PIL import Image as Pillow

from retouch.client import AsyncClient, Client
from retouch.errors import Blocked, Cancelled, InvalidField
from retouch.imaging.decode import read_image
from retouch.request import EditRequest
from retouch_plugins.sdedit import SDEdit

SHORT = {"prompt": "a red house", "operations": [SDEdit(strength=0.6)], "steps": 4}


def public(kind):
    return {name for name, _ in inspect.getmembers(kind) if not name.startswith("_")}


def test_both_have_the_same_methods_with_the_same_parameters():
    assert public(Client) == public(AsyncClient)
    for name in public(Client) - {"close"}:
        ours, theirs = (inspect.signature(getattr(kind, name)) for kind in (Client, AsyncClient))
        assert list(ours.parameters) == list(theirs.parameters), name


def test_edits_run_side_by_side_and_are_followed(served, house):
    async def run():
        async with AsyncClient(served.endpoint, name="async") as client:
            events = []
            edits = [client.edit(house, **SHORT, seed=seed) for seed in (1, 2)]
            edits.append(client.edit(house, **SHORT, seed=3, on_event=events.append))
            found = await asyncio.gather(*edits)
            request = EditRequest(image=read_image(house), **SHORT | _tuples(), seed=3)
            (again,) = await client.run(request)
            return found, events, again

    found, events, again = asyncio.run(run())
    assert [result.seed for (result,) in found] == [1, 2, 3]
    assert {event.WhichOneof("event") for event in events} >= {"phases", "result", "done"}
    first, second = (
        np.asarray(Pillow.open(io.BytesIO(r.composite)).convert("RGB")).astype(int)
        for r in (found[2][0], again)
    )
    assert np.abs(first - second).mean() < 4


def _tuples():
    return {"operations": (SDEdit(strength=0.6),)}


def test_the_other_services_answer(served, house):
    async def run():
        async with AsyncClient(served.endpoint, name="async") as client:
            (result,) = await client.edit(house, **SHORT)
            said = await client.verify(result.composite)
            receipts = await client.receipts(result.receipt)
            signed, _ = await client.sign_export(result.composite)
            ref = await client.upload(b"some bytes")
            same = await client.fetch(ref.sha256)
            plan = await client.plan(await client.message(house, **SHORT))
            await client.load_model("retouch-mini")
            names = {operation.name for operation in (await client.describe()).operations}
            return said, receipts, signed, same, plan, names

    said, receipts, signed, same, plan, names = asyncio.run(run())
    assert said.intact and len(receipts) == 1 and signed and same == b"some bytes"
    assert plan.network_calls and "sdedit" in names


def test_jobs_are_changed_and_cancelled(served, house):
    async def run():
        async with AsyncClient(served.endpoint, name="async-jobs") as client:
            message = await client.message(house, **SHORT | {"steps": 200}, group="g")
            job = await client.submit(message)
            (changed,) = await client.update(group="g", priority="batch")
            cancelled = await client.cancel(job)
            with pytest.raises(Cancelled):
                await client.results(job)
            return job, changed.job_id, cancelled, [each.job_id for each in await client.jobs()]

    job, changed, cancelled, listed = asyncio.run(run())
    assert changed == job and cancelled == (job,) and job in listed


def test_errors_are_the_same(served, house):
    async def run():
        async with AsyncClient(served.endpoint) as client:
            with pytest.raises(InvalidField, match=r"sampling\.steps"):
                await client.edit(house, **SHORT | {"steps": 9999})
            with pytest.raises(Blocked):
                await client.edit(house, **SHORT | {"prompt": "a naked child"})

    asyncio.run(run())


def test_a_live_session(served, house):
    async def run():
        async with AsyncClient(served.endpoint, name="async-live") as client:
            canvas = read_image(house)
            settings = SHORT | {"model": "retouch-mini-lcm"}
            frames = []
            async with await client.live(canvas, **settings) as live:
                async for response in live:
                    if response.WhichOneof("output") != "result":
                        continue
                    assert response.data
                    frames.append(response.frame)
                    if len(frames) == 1:
                        live.paint(0, 0, np.zeros((8, 8, 3), np.uint8))
                    elif len(frames) == 2:
                        await live.change(image=canvas, prompt="a tree")
                        live.finish()
            return frames

    assert asyncio.run(run()) == [1, 2, 3]
