"""The same edits in this process: what going through the daemon costs beside it."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import torch

from retouch.catalog import installed
from retouch.imaging.decode import read_image
from retouch.models.decoder_library import DecoderLibrary
from retouch.models.library import Library
from retouch.models.precision import choose_dtype
from retouch.plan import make_plan
from retouch.request import EditRequest
from retouch.runner import Runner
from serving_cases.diffusers_engine import Pipelines
from serving_cases.figures import spread
from serving_cases.load import Load, picture
from serving_cases.single import Numbers, timed
from serving_cases.trace import KIND_OF, Arrival


class Here:
    """Ours with its gate, and diffusers' pipeline without one."""

    def __init__(self) -> None:
        dtype = choose_dtype(torch.device("cpu"))
        self._catalog = installed()
        self._runner = Runner(Library(device="cpu", dtype=dtype))
        self._pipelines = Pipelines(dtype)
        self._decoders = DecoderLibrary(device="cpu", dtype=dtype)

    def _request(self, arrival: Arrival) -> EditRequest:
        return EditRequest(
            image=read_image(picture(arrival.picture)),
            prompt=arrival.prompt,
            seed=arrival.seed,
            **KIND_OF[arrival.kind].settings(),
        )

    def ours(self, arrival: Arrival) -> bytes:
        """Our edit, through the gate, as a file."""
        (result,) = self._runner.run(self._request(arrival))
        assert result.composite is not None
        return result.composite.encoded("PNG")

    def pipeline(self, arrival: Arrival) -> Any:
        """diffusers' edit and its decoding; nothing checks, marks or encodes it."""
        plan = make_plan(self._request(arrival), self._catalog)
        latents = self._pipelines.run(plan)
        with self._decoders.borrow(plan.model.name) as decoder:
            return decoder.decode(latents)


async def overhead(load: Load, numbers: Numbers, kind: str, repeats: int) -> dict[str, Any]:
    """What going through the daemon costs: the same edit in this process and through gRPC."""
    here = Here()
    taken: dict[str, list[float]] = {"in_process": [], "through_grpc": [], "bare_pipeline": []}
    here.ours(numbers.arrival(kind))
    here.pipeline(numbers.arrival(kind))
    for _ in range(repeats):
        taken["in_process"].append(_seconds(here.ours, numbers.arrival(kind)))
        taken["through_grpc"].append(await timed(load, numbers.arrival(kind)))
        taken["bare_pipeline"].append(_seconds(here.pipeline, numbers.arrival(kind)))
    known = {name: spread(values) for name, values in taken.items()}
    inside, through = known["in_process"]["median"], known["through_grpc"]["median"]
    return {
        "kind": kind,
        "seconds": known,
        "grpc_vs_in_process": through / inside,
        "grpc_overhead_ms": (through - inside) * 1e3,
        "gate_and_file_ms": (inside - known["bare_pipeline"]["median"]) * 1e3,
    }


def _seconds(run: Callable[[Arrival], Any], arrival: Arrival) -> float:
    begin = time.monotonic()
    run(arrival)
    return time.monotonic() - begin
