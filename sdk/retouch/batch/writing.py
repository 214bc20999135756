"""The results of one picture on the disk: what a daemon's gate released, whole or not at all."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from retouch.batch.edits import Asked
from retouch.batch.inputs import Item
from retouch.batch.released import released_patch
from retouch.client.failures import DaemonFailed
from retouch.client.results import RemoteResult
from retouch.errors import Blocked
from retouch_safety.durable_files import PUBLIC, replace_whole


def write_results(
    item: Item, asked: Asked, results: Sequence[RemoteResult], out: Path
) -> tuple[dict[str, Any], ...]:
    """Write every released variant; say of each what the manifest says.

    Args:
        item: the picture.
        asked: its document.
        results: of its job, in the order of its outputs.
        out: folder of the batch.

    Raises:
        DaemonFailed: a patch that is not what its receipt says. OSError: no room, no permission.
    """
    return tuple(
        _refused(result) if result.refused else _written(item, asked, result, path, out)
        for result, path in zip(results, item.outputs, strict=True)
    )


def _written(
    item: Item, asked: Asked, result: RemoteResult, path: Path, out: Path
) -> dict[str, Any]:
    if item.container:
        patch = released_patch(result.patch, result.bounds)
        filed = asked.document.with_patch(patch, item.choices)
        data, mark = filed.data, filed.mark
    else:
        given = result.composite if result.composite is not None else result.patch
        if given is None:
            raise DaemonFailed("the daemon sent no picture")
        data, mark = given, "the file's own pixels, as they were released"
    path.parent.mkdir(parents=True, exist_ok=True)
    replace_whole(path, data, PUBLIC)
    receipt = json.loads(result.receipt_json)
    if receipt.get("mark") != "EMBEDDED":
        mark = f"not in the pixels: {receipt.get('mark_note')}; released were {mark}"
    return {
        "file": path.relative_to(out).as_posix(),
        "sha256": hashlib.sha256(data).hexdigest(),
        "bytes": len(data),
        "seed": result.seed,
        "mark": mark,
        "receipt": receipt,
    }


def _refused(result: RemoteResult) -> dict[str, Any]:
    refusal = result.refused
    assert isinstance(refusal, Blocked)
    return {"seed": result.seed, "refused": str(refusal)}
