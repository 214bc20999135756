"""What a daemon gives: released pictures as files."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from google.protobuf.json_format import MessageToDict

from retouch.client.failures import error_of, refusal_of
from retouch.errors import Blocked, Cancelled
from retouch.imaging.region import Rect
from retouch.v1 import job_pb2, plan_pb2


@dataclass(frozen=True, slots=True)
class RemoteResult:
    """One variant.

    Attributes:
        patch: file of the changed rectangle with its alpha; None where it was not asked for.
        composite: file of the whole picture; None where it was not asked for.
        bounds: where the patch lies on the canvas, in canvas pixels.
        seed: what made it.
        receipt: id of the signed receipt.
        refused: why the gate kept it; the files are None then.
        receipt_json: the receipt as the gate signed it; empty where it refused.
        settings: effective settings, as of ``retouch.EditResult``.
        effective: everything needed to make it again; None where the gate refused.
        rank_score: similarity of picture and prompt, -1 to 1; None where best_of did not rank.
    """

    patch: bytes | None
    composite: bytes | None
    bounds: Rect | None
    seed: int
    receipt: str
    refused: Blocked | None = None
    receipt_json: str = ""
    settings: Mapping[str, Any] = field(default_factory=dict)
    effective: plan_pb2.EffectiveParameters | None = None
    rank_score: float | None = None

    def save(self, path: str | Path) -> Path:
        """Write the whole picture, or else the patch, as the daemon's gate encoded it.

        The file is written whole or not at all.

        Raises:
            Blocked: the gate kept this variant. OSError: no room, no permission.
        """
        if self.refused is not None:
            raise self.refused
        data = self.composite if self.composite is not None else self.patch
        assert data is not None
        written = Path(path)
        partial = written.with_name(f".{written.name}.part")
        try:
            partial.write_bytes(data)
            partial.replace(written)
        except BaseException:
            partial.unlink(missing_ok=True)
            raise
        return written


class Gathering:
    """What a job gives, gathered from its events.

    Args:
        first_seed: of the first variant, so that refused ones can be named; see ``RemoteResult``.
    """

    def __init__(self, first_seed: int = 0) -> None:
        self._first_seed = first_seed
        self._results: list[RemoteResult] = []

    def take(self, event: job_pb2.JobEvent) -> job_pb2.Result | None:
        """Take an event; return the result whose pictures are to be fetched, if it is one.

        Raises:
            RetouchError: how the job failed. Cancelled: it was.
        """
        kind = event.WhichOneof("event")
        if kind == "result":
            return event.result
        if kind == "blocked":
            seed = self._first_seed + len(self._results)
            refusal = refusal_of(event.blocked)
            self._results.append(RemoteResult(None, None, None, seed, "", refusal))
        elif kind == "failed":
            raise error_of(event.failed)
        elif kind == "cancelled":
            raise Cancelled(f"cancelled: {event.cancelled.reason}")
        return None

    def add(self, result: job_pb2.Result, patch: bytes | None, whole: bytes | None) -> None:
        """Take a result with its pictures."""
        box = result.bounds
        self._results.append(
            RemoteResult(
                patch,
                whole,
                Rect(box.x, box.y, box.width, box.height),
                result.seed,
                result.receipt_id,
                receipt_json=result.receipt,
                settings=_plain(MessageToDict(result.settings)),
                effective=result.effective,
                rank_score=result.rank_score if result.HasField("rank_score") else None,
            )
        )

    def finished(self) -> tuple[RemoteResult, ...]:
        """Return all, in the order of the variants. Raises Blocked where the gate refused all."""
        refusals = [result.refused for result in self._results if result.refused is not None]
        if refusals and len(refusals) == len(self._results):
            raise refusals[0]
        return tuple(self._results)


def _plain(value: Any) -> Any:
    """Settings as they were: JSON knows no whole numbers."""
    if isinstance(value, dict):
        return {name: _plain(one) for name, one in value.items()}
    if isinstance(value, list):
        return [_plain(one) for one in value]
    return int(value) if isinstance(value, float) and value.is_integer() else value


def pictures_of(result: job_pb2.Result) -> tuple[str, str]:
    """Return the digests of a result's patch and composited picture; empty for none."""
    return result.patch.sha256, result.composited.sha256
