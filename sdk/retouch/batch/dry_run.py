"""``retouch batch --dry-run``: what would be done with every picture; nothing is written."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from retouch.batch.edits import asked_of, files_behind
from retouch.batch.inputs import Item
from retouch.batch.manifest import Manifest, digest_of_file
from retouch.batch.running import recipe_digest
from retouch.cli.remote_edit import described
from retouch.client import AsyncClient
from retouch.errors import RetouchError


@dataclass(frozen=True)
class Planned:
    """What would be done with a picture.

    Attributes:
        input, outputs: paths.
        status: ``edit``, ``skip`` (done and unchanged) or ``fail``.
        size: of the canvas, ``WxH``.
        plan: as ``retouch edit --plan --json`` has it; empty where there is none.
        error: why it would fail.
    """

    input: str
    outputs: tuple[str, ...]
    status: str
    size: str = ""
    plan: dict[str, Any] | None = None
    error: str = ""

    def fields(self) -> dict[str, Any]:
        """Return it as JSON has it."""
        return asdict(self)


async def plan_batch(
    client: AsyncClient, items: Sequence[Item], folder: Path, manifest: Manifest, jobs: int
) -> tuple[Planned, ...]:
    """Ask the daemon what it would do; pictures that it lacks are uploaded.

    Args:
        client: connected.
        items: the pictures.
        folder: of the recipe.
        manifest: of the results' folder.
        jobs: how many pictures at a time.
    """
    free = asyncio.Semaphore(jobs)

    async def planned(item: Item) -> Planned:
        async with free:
            return await _planned(client, item, folder, manifest)

    return tuple(await asyncio.gather(*map(planned, items)))


async def _planned(client: AsyncClient, item: Item, folder: Path, manifest: Manifest) -> Planned:
    outputs = tuple(str(output) for output in item.outputs)
    try:
        files = await asyncio.to_thread(files_behind, item.choices, folder, item.picture)
        digest = await asyncio.to_thread(digest_of_file, item.picture)
        ready = (item.key, digest, recipe_digest(item, files))
        if await asyncio.to_thread(manifest.is_done, *ready):
            return Planned(str(item.picture), outputs, "skip")
        asked = await asyncio.to_thread(asked_of, item, folder, manifest.batch)
        width, height = asked.document.size
        message = await client.message(asked.picture, **asked.settings)
        plan = dict(described(await client.plan(message)))
        return Planned(str(item.picture), outputs, "edit", f"{width}x{height}", plan)
    except (RetouchError, OSError) as problem:
        return Planned(str(item.picture), outputs, "fail", error=str(problem))


def print_planned(planned: Sequence[Planned]) -> None:
    """Print a table, and the sums."""
    table = Table(box=None)
    for heading in ("input", "result", "", "size", "model", "operations", "works at", "memory"):
        long = heading in ("input", "result", "operations")
        table.add_column(heading, overflow="fold", no_wrap=not long)
    for each in planned:
        plan, more = each.plan or {}, len(each.outputs) - 1
        outputs = each.outputs[0] + (f" and {more} more" if more else "")
        row = [each.input, outputs, each.status]
        if each.plan:
            row += [each.size, str(plan["model"]), ", ".join(plan["operations"])]
            row += [str(plan["working size"]), str(plan["memory"])]
        table.add_row(*row)
    console = Console(soft_wrap=not Console().is_terminal)
    console.print(table)
    for each in planned:
        if each.error:
            console.print(escape(f"{each.input}: {each.error}"), soft_wrap=True, highlight=False)
    edits = [each for each in planned if each.plan]
    calls = sum(int((each.plan or {})["network calls"]) for each in edits)
    skipped = sum(each.status == "skip" for each in planned)
    failing = sum(each.status == "fail" for each in planned)
    said = f"{len(edits)} to edit ({calls} network calls), {skipped} done already"
    console.print(f"{said}, {failing} that would fail; nothing was written")
