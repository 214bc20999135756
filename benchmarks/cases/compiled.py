"""The engine's forward with parts of the network compiled by ``torch.compile``.

Our models have no switch for it: the blocks of the network are compiled in place here, one kind
after another, as diffusers' ``compile_repeated_blocks`` does.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import torch

from cases.accelerator import Accelerator
from cases.contenders import Contenders
from cases.different_edits import Wanted, psnr
from cases.forward_rates import evaluations
from cases.setting import PROMPT
from cases.whole_edits import ours, reference

KINDS = ("BasicTransformerBlock", "ResnetBlock2D")
#: A kind has about twenty shapes at one number of rows; torch gives up after eight by default.
MOST_SHAPES = 128


def stages(
    known: Contenders, device: Accelerator, rows: Sequence[int], steps: int, backend: str
) -> Iterator[dict[str, Any]]:
    """What is known after every stage, so that a stopped run keeps the finished ones.

    First nothing, then the transformer blocks, then the residual blocks too: ``rows[0]`` rows,
    and a whole edit against diffusers' uncompiled pipeline; then the other numbers of rows.
    """
    torch._dynamo.config.recompile_limit = MOST_SHAPES
    torch._dynamo.config.accumulated_recompile_limit = 8 * MOST_SHAPES
    found: dict[str, Any] = {"compiled": "repeated blocks, in place", "off": {}, "on": {}}
    forwards = {n: _forward(known, n) for n in rows}
    for number, forward in forwards.items():
        found["off"][str(number)] = _rate(device, forward)
    before = known.model.forward(evaluations(known, rows[0]))[0]
    yield found
    done: list[str] = []
    for kind in KINDS:
        _compile(known.model.checkpoint.unet, kind, backend)
        done.append(kind)
        on = found["on"][" + ".join(done)] = {str(rows[0]): _first(device, forwards[rows[0]])}
        yield found
        on["edit"] = _edit(known, device, steps)
        found["compiled_vs_diffusers"] = on["edit"]["vs_diffusers"]
        yield found
    after = known.model.forward(evaluations(known, rows[0]))[0]
    found["psnr_to_uncompiled"] = psnr(before, after, float(before.max() - before.min()))
    counters = torch._dynamo.utils.counters
    found["graphs"] = counters["stats"]["unique_graphs"]
    found["graph_breaks"] = sum(counters["graph_break"].values())
    for number in rows[1:]:
        on[str(number)] = _first(device, forwards[number])
        yield found
    yield found


def _compile(network: Any, kind: str, backend: str) -> None:
    for module in network.modules():
        if type(module).__name__ == kind:
            module.compile(dynamic=False, backend=backend)


def _forward(known: Contenders, rows: int) -> Callable[[], Any]:
    asked = evaluations(known, rows)
    return lambda: known.model.forward(asked)


def _first(device: Accelerator, forward: Callable[[], Any]) -> dict[str, float]:
    """Seconds that compiling took, then the rate."""
    return {"compile_seconds": device.seconds(forward)} | _rate(device, forward)


def _rate(device: Accelerator, forward: Callable[[], Any]) -> dict[str, float]:
    taken = device.per_call(forward)["median"]
    return {"milliseconds": taken * 1e3, "iterations_per_second": 1.0 / taken}


def _edit(known: Contenders, device: Accelerator, steps: int) -> dict[str, Any]:
    wanted = Wanted("nothing", "ddim", steps, PROMPT, seed=3)
    contenders = {"ours_compiled": ours(known, wanted), "diffusers": reference(known, wanted)}
    for run in contenders.values():
        run()
    taken = device.take_turns(contenders, repeats=3, seconds=4.0)
    ratio = taken["ours_compiled"]["median"] / taken["diffusers"]["median"]
    return {"steps": steps, "seconds": taken, "vs_diffusers": ratio}
