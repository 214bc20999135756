"""The denoising network's rate against rows per forward, and what launching its kernels costs."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import torch
from torch import Tensor

from cases.accelerator import Accelerator
from cases.contenders import Contenders
from cases.setting import NEGATIVE, PROMPT
from retouch.denoiser import Condition, Evaluation, NoiseLevel
from retouch.models.family import Batch
from retouch.models.model import Model
from retouch.models.precision import place_network

#: More rows than those of the knee gain less than a tenth.
KNEE = 0.9
#: Where our forward is also measured in the other memory order.
OTHER_ORDER_ROWS = (2, 16)
STEPS = 30  # of the edits that design goals speak of, two rows each


def against_rows(
    known: Contenders,
    device: Accelerator,
    flops: int,
    matmul: float,
    rows: Sequence[int],
    diffusers_rows: Sequence[int],
) -> dict[str, Any]:
    """Rate and MFU of the engine's forward, and of diffusers' network in its own memory order.

    Args:
        known: both networks.
        device: where they are.
        flops: of one row.
        matmul: best FLOP/s of a matrix product of the same run.
        rows: per forward of ours; where memory runs out, the larger ones are left out.
        diffusers_rows: the same of diffusers'.
    """
    ours = _sweep(lambda n: _our_forward(known, n), device, flops, matmul, rows)
    reference = _sweep(lambda n: _their_forward(known, n), device, flops, matmul, diffusers_rows)
    with _other_order(known):
        few = [n for n in rows if n in OTHER_ORDER_ROWS]
        other = _sweep(lambda n: _our_forward(known, n), device, flops, matmul, few)
    best = max(found["rows_per_second"] for found in ours.values())
    knee = next(n for n, found in ours.items() if found["rows_per_second"] >= KNEE * best)
    sheet = device.data_sheet
    return {
        "tflop_per_row": flops / 1e12,
        "matmul_tflops": matmul / 1e12,
        "data_sheet_tflops": None if sheet is None else sheet / 1e12,
        "rows": ours,
        "rows_other_order": other,
        "order": str(known.model.memory_format),
        "diffusers_rows": reference,
        "knee": int(knee),
        "best_rows_per_second": best,
        "mfu_of_matmul": best * flops / matmul,
        "mfu_of_data_sheet": None if sheet is None else best * flops / sheet,
        "guided_edit_ms_in_a_full_batch": 2 * STEPS / best * 1e3,
    }


@contextlib.contextmanager
def _other_order(known: Contenders) -> Iterator[None]:
    """Our network in the order that is not its own (contiguous, channels-last), then in its own."""
    usual = known.model.memory_format
    orders = torch.contiguous_format, torch.channels_last
    _reorder(known.model, orders[usual is torch.contiguous_format])
    try:
        yield
    finally:
        _reorder(known.model, usual)


def _reorder(model: Model, order: torch.memory_format) -> None:
    place_network(model.checkpoint.unet, model.device, model.dtype, order)
    model.memory_format = order


def _sweep(
    forward_of: Callable[[int], Callable[[], Any]],
    device: Accelerator,
    flops: int,
    matmul: float,
    rows: Sequence[int],
) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for number in rows:
        try:
            forward = forward_of(number)
            peak = device.working_bytes(forward)
            taken = device.per_call(forward)
        except torch.OutOfMemoryError:
            device.free()
            break
        rate = number / taken["median"]
        sheet = device.data_sheet
        found[str(number)] = {
            "milliseconds": taken["median"] * 1e3,
            "spread_ms": [taken["least"] * 1e3, taken["most"] * 1e3],
            "rows_per_second": rate,
            "mfu_of_matmul": rate * flops / matmul,
            "mfu_of_data_sheet": None if sheet is None else rate * flops / sheet,
            "working_bytes": peak,
        }
    return found


def evaluations(known: Contenders, rows: int) -> list[Evaluation]:
    """As many evaluations of one row, all at different noise levels, as edits ask for."""
    model, side = known.model, known.making.side
    found = model.encode_prompts([NEGATIVE, PROMPT], (side, side))
    latent = side // model.factor
    shape = (1, model.latent_channels, latent, latent)
    asked = []
    for row in range(rows):
        x = torch.randn(shape, generator=torch.Generator().manual_seed(row))
        vectors = {name: value[row % 2 : row % 2 + 1] for name, value in found.vectors.items()}
        condition = Condition(found.text[row % 2 : row % 2 + 1], vectors)
        level = NoiseLevel(0.8, 0.6, 100.0 + 10.0 * row, 0.5)
        asked.append(Evaluation(x.to(model.device), level, condition))
    return asked


def _our_forward(known: Contenders, rows: int) -> Callable[[], Any]:
    asked = evaluations(known, rows)
    return lambda: known.model.forward(asked)


def _their_forward(known: Contenders, rows: int) -> Callable[[], Any]:
    """diffusers' network as its pipelines call it: contiguous, with its own attention."""
    batch = _batch(known, rows)
    inputs = batch.inputs.contiguous()
    vectors = dict(batch.vectors) or None

    @torch.no_grad()
    def run() -> Any:
        return known.parts["unet"](
            inputs,
            batch.times,
            encoder_hidden_states=batch.text,
            added_cond_kwargs=vectors,
            return_dict=False,
        )

    return run


def _batch(known: Contenders, rows: int) -> Batch:
    asked = evaluations(known, rows)
    return known.model._batch(asked, [1] * rows)


def launches(known: Contenders, device: Accelerator, rows: Sequence[int]) -> dict[str, Any]:
    """The network's forward as it is, and replayed from a CUDA graph: without launch costs.

    The ratio says how much of a forward the processor, not the card, takes.
    """
    found: dict[str, Any] = {}
    for number in rows:
        forward = _network_forward(known, number)
        eager = device.per_call(forward)["median"]
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph):
            forward()
        replayed = device.per_call(graph.replay)["median"]
        found[str(number)] = {
            "eager_ms": eager * 1e3,
            "graph_ms": replayed * 1e3,
            "eager_over_graph": eager / replayed,
        }
        del graph
    device.free()
    return {"rows": found}


def _network_forward(known: Contenders, rows: int) -> Callable[[], Tensor]:
    batch, model = _batch(known, rows), known.model

    @torch.no_grad()
    def run() -> Tensor:
        return model.family.predict(model.checkpoint, batch)

    return run
