"""``retouch edit --remote``: the same edit, flags, files and exit codes, in the daemon."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from google.protobuf.json_format import MessageToDict

from retouch.cli.edit import print_plan, tell_refused, tell_written, told_refusals
from retouch.cli.progress import step_bar
from retouch.client.client import Client
from retouch.client.finding import Endpoint
from retouch.client.results import RemoteResult
from retouch.request import EditRequest
from retouch.v1 import job_pb2, operation_pb2, plan_pb2
from retouch_safety.errors import CannotSave

_MEDIA_TYPES = {
    "PNG": "image/png",
    "JPEG": "image/jpeg",
    "WebP": "image/webp",
    "TIFF": "image/tiff",
}


class _Done(NamedTuple):
    """How far it is, as the progress bar takes it."""

    done: int
    total: int


def edit_remotely(
    request: EditRequest, title: str, names: list[Path], options: dict[str, Any]
) -> int:
    """Have a request edited, write what comes of it, and return the exit code.

    Args:
        request: what to do.
        title: of the progress bar.
        names: of the files to write; none with ``--plan``.
        options: of the command.

    Raises:
        RetouchError: as of ``Client.run``; an interrupt cancels the job.
    """
    from retouch_safety.encode import SUFFIXES

    endpoint = Endpoint(options["remote"]) if options["remote"] else Endpoint()
    kind = SUFFIXES[names[0].suffix.lower()] if names else "PNG"
    with Client(endpoint, name="retouch-edit") as client:
        message = client.message_of(request, media_type=_MEDIA_TYPES[kind])
        if options["plan_only"]:
            print_plan(described(client.plan(message)), options["as_json"])
            return 0
        job = client.submit(message)
        try:
            with step_bar(title) as on_step:

                def on_event(event: job_pb2.JobEvent) -> None:
                    if event.WhichOneof("event") == "progress":
                        on_step(_Done(event.progress.step, event.progress.of_steps))

                results = client.results(job, on_event=on_event, first_seed=request.seed)
        except KeyboardInterrupt:
            client.cancel(job)
            raise
    for result, name in zip(results, names, strict=True):
        if result.refused:
            tell_refused(result, name, options["as_json"])
        else:
            _save(result, name)
            tell_written(result, name, result.receipt_json, options["as_json"])
    return told_refusals(results)


def _save(result: RemoteResult, name: Path) -> None:
    """Write a file. Raises CannotSave, as where it was made here."""
    try:
        result.save(name)
    except OSError as error:
        raise CannotSave("out", str(name), "a writable file", f"make room: {error}") from error


def described(plan: plan_pb2.Plan) -> Mapping[str, object]:
    """Return a daemon's plan in the words of ``Plan.describe``."""
    request, crop = plan.effective.request, plan.context_bounds
    operations = dict(map(_operation, request.operations))
    candidates = next((int(o["n"]) for n, o in operations.items() if n == "best_of"), 1)
    lanes = max(1, plan.network_calls * candidates * request.output.count)
    where = f"Rect(x={crop.x}, y={crop.y}, width={crop.width}, height={crop.height})"
    size = plan.working_size
    changes = bool(crop.width)
    return {
        "model": request.model,
        "operations": operations,
        "sampler": request.sampling.sampler,
        "steps": request.sampling.steps,
        "seed": request.sampling.seeds[0],
        "variants": request.output.count,
        "candidates per variant": candidates,
        "crop": where if changes else "nothing changes",
        "working size": f"{size.width}x{size.height}" if changes else "-",
        "rows per step": plan.rows // lanes,
        "network calls": plan.network_calls,
        "row-steps in all": plan.rows,
        "memory": f"about {plan.memory_bytes / 2**20:.0f} MiB",
    }


def _operation(message: operation_pb2.Operation) -> tuple[str, dict[str, Any]]:
    name: str = message.WhichOneof("technique") or ""
    if name == "custom":
        custom = operation_pb2.CustomOperation()
        message.custom.Unpack(custom)
        name, fields = custom.name, MessageToDict(custom.parameters)
    else:
        fields = MessageToDict(getattr(message, name), preserving_proto_field_name=True)
    window = {
        known: getattr(message, known) for known in ("start", "stop") if message.HasField(known)
    }
    return name, {**fields, **window}
