"""Runs a batch through the daemon: several pictures at a time, each one's end on the disk at once.

A job's name is made of batch, picture, recipe and attempt. So a run that was killed finds its jobs
again in the daemon, which went on, and takes their results instead of making them twice.
"""

from __future__ import annotations

import asyncio
import hashlib
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Final, Protocol

import retouch
from retouch.batch.edits import Asked, asked_of, files_behind
from retouch.batch.inputs import Item
from retouch.batch.manifest import Entry, Manifest, digest_of_file
from retouch.batch.writing import write_results
from retouch.client import AsyncClient, RemoteResult
from retouch.client.failures import DaemonFailed
from retouch.errors import Blocked, Cancelled, InvalidField, RetouchError
from retouch.v1 import job_pb2

#: Seconds to wait for a daemon that is full, where it does not say how many; and how often.
_PAUSE: Final = 2.0
_TRIES: Final = 30
#: Outcomes that are failures for the exit code.
FAILED: Final = ("failed", "blocked")


class Watcher(Protocol):
    """Is told what happens to a batch."""

    def began(self, item: Item) -> None:
        """Work at a picture begins."""
        ...

    def stepped(self, item: Item, done: int, total: int) -> None:
        """Its edit is so far."""
        ...

    def ended(self, outcome: Outcome) -> None:
        """It is over."""
        ...


@dataclass(frozen=True)
class Outcome:
    """What became of a picture in this run.

    Attributes:
        item: the picture.
        status: ``done``, ``skipped``, ``blocked``, ``failed`` or ``cancelled``.
        entry: of the manifest.
    """

    item: Item
    status: str
    entry: Entry


@dataclass(frozen=True)
class Batch:
    """What is common to all pictures of a run.

    Attributes:
        client: of the daemon, connected.
        folder: of the recipe.
        out: of the results.
        manifest: of that folder.
        watcher: is told what happens.
        replace_files: whether files that are not of this batch may be replaced.
    """

    client: AsyncClient
    folder: Path
    out: Path
    manifest: Manifest
    watcher: Watcher
    replace_files: bool = False


async def run_batch(batch: Batch, items: Sequence[Item], jobs: int) -> tuple[Outcome, ...]:
    """Edit every picture that is not done yet.

    Args:
        batch: where and how.
        items: the pictures.
        jobs: how many at a time, at least 1.

    Returns:
        Outcomes in the order of the items. Where the task is cancelled, jobs at work are, too.

    Raises:
        OSError: the manifest cannot be written.
    """
    batch.manifest.begin()
    waiting = list(reversed(items))
    found: dict[str, Outcome] = {}

    async def work() -> None:
        while waiting:
            item = waiting.pop()
            found[item.key] = outcome = await _outcome(batch, item)
            batch.watcher.ended(outcome)

    async with asyncio.TaskGroup() as group:
        for _ in range(min(jobs, len(items))):
            group.create_task(work())
    return tuple(found[item.key] for item in items)


async def _outcome(batch: Batch, item: Item) -> Outcome:
    """Edit one picture; whatever is wrong with it ends it alone."""
    batch.watcher.began(item)
    began, last = time.monotonic(), batch.manifest.last(item.key)
    entry = Entry(
        key=item.key, input=str(item.picture), input_sha256="", recipe_sha256="", status="failed",
        retouch=retouch.__version__, model=item.choices.model,
    )  # fmt: skip
    try:
        used = await asyncio.to_thread(files_behind, item.choices, batch.folder, item.picture)
        digest = await asyncio.to_thread(digest_of_file, item.picture)
        entry = replace(entry, input_sha256=digest, recipe_sha256=recipe_digest(item, used))
        ready = (item.key, entry.input_sha256, entry.recipe_sha256)
        if await asyncio.to_thread(batch.manifest.is_done, *ready):
            assert last is not None
            return Outcome(item, "skipped", last)
        _check_free(batch, item)
        entry = replace(entry, attempt=_attempt(entry, last))
        files = tuple({"file": o.relative_to(batch.out).as_posix()} for o in item.outputs)
        batch.manifest.add(replace(entry, status="begun", outputs=files))
        entry = await _edited(batch, item, entry)
    except Blocked as refusal:
        entry = replace(entry, status="blocked", error=str(refusal))
    except (RetouchError, OSError) as problem:
        entry = replace(entry, error=str(problem))
    except asyncio.CancelledError:
        batch.manifest.add(_timed(replace(entry, status="cancelled", error="cancelled"), began))
        raise
    entry = _timed(entry, began)
    batch.manifest.add(entry)
    return Outcome(item, entry.status, entry)


def _attempt(entry: Entry, last: Entry | None) -> int:
    """What a run that was killed has begun goes on; anything else is tried under a new name."""
    same = last is not None and last.recipe_sha256 == entry.recipe_sha256
    if last is None or not same:
        return 0
    return last.attempt if last.status == "begun" else last.attempt + 1


def _timed(entry: Entry, began: float) -> Entry:
    now = datetime.now(UTC).isoformat(timespec="seconds")
    return replace(entry, seconds=round(time.monotonic() - began, 3), time=now)


def recipe_digest(item: Item, files: dict[str, str]) -> str:
    """What decides the result but the picture; where it goes is part of it, and its seed."""
    parts = (item.choices.digest(files), item.format, str(item.choices.seed_of(item.picture)))
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()


def _check_free(batch: Batch, item: Item) -> None:
    """Refuse to replace somebody else's file. Raises InvalidField."""
    for output in item.outputs:
        if output.exists() and not batch.replace_files and not batch.manifest.wrote(output):
            fix = "move it, choose another folder with -o, or give --force"
            raise InvalidField("-o", str(output), "no file, or one of this batch", fix)


async def _edited(batch: Batch, item: Item, entry: Entry) -> Entry:
    asked = await asyncio.to_thread(asked_of, item, batch.folder, batch.manifest.batch)
    try:
        results = await _results(batch, item, asked, entry)
    except Cancelled:  # by a run that was killed meanwhile: under another name it is another job
        entry = replace(entry, attempt=entry.attempt + 1)
        results = await _results(batch, item, asked, entry)
    outputs = await asyncio.to_thread(write_results, item, asked, results, batch.out)
    refused = [result.refused for result in results if result.refused is not None]
    if refused:
        error = f"the gate refused {len(refused)} of {len(results)} variants: {refused[0]}"
        return replace(entry, status="blocked", error=error, outputs=outputs)
    model = next((r.effective.request.model for r in results if r.effective is not None), "")
    return replace(entry, status="done", error="", outputs=outputs, model=model)


async def _results(
    batch: Batch, item: Item, asked: Asked, entry: Entry
) -> tuple[RemoteResult, ...]:
    """Have it edited, or take what was edited under the same name; patient with a full daemon."""
    job, client = "", batch.client

    def on_event(event: job_pb2.JobEvent) -> None:
        if event.WhichOneof("event") == "progress":
            batch.watcher.stepped(item, event.progress.step, event.progress.of_steps)

    try:
        for tries in range(_TRIES):
            try:
                message = await client.message(asked.picture, **asked.settings)
                message.client_job_id = _job_name(batch, entry)
                job = await client.submit(message)
                break
            except DaemonFailed as problem:
                if not problem.retryable or tries + 1 == _TRIES:
                    raise
                await asyncio.sleep(problem.retry_seconds or _PAUSE)
        return await client.results(job, on_event=on_event, first_seed=asked.settings["seed"])
    except asyncio.CancelledError:
        if job:
            await asyncio.shield(client.cancel(job))
        raise


def _job_name(batch: Batch, entry: Entry) -> str:
    parts = (batch.manifest.batch, entry.key, entry.input_sha256, entry.recipe_sha256)
    return hashlib.sha256("\n".join((*parts, str(entry.attempt))).encode()).hexdigest()
