"""How fast the network runs, and where its time goes."""

from __future__ import annotations

from typing import Any

import torch
from torch.utils.flop_counter import FlopCounterMode, sdpa_flop_count

from cases.clock import SIDES, matmul_rate, take_turns
from cases.setting import NEGATIVE, PROMPT
from retouch.denoiser import Evaluation, NoiseLevel
from retouch.models.model import Model

KINDS = {
    "convolution": ("convolution",),
    "linear": ("addmm", "mm", "bmm", "baddbmm"),
    "attention": ("scaled_dot_product", "flash_attention"),
    "normalisation": ("native_group_norm", "native_layer_norm"),
}


def fractions(
    model: Model, side: int, repeats: int, products: tuple[int, ...] = SIDES
) -> dict[str, Any]:
    """The network's rate over the best matrix product's, and the share of each kind of work.

    A ratio of bfloat16 to float32 products is what the format can bring at most on this machine.
    """
    evaluations = two_branches(model, side)
    # torch counts fused attention on GPUs only.
    also = {torch.ops.aten._scaled_dot_product_flash_attention_for_cpu: attention_flops}
    with FlopCounterMode(display=False, custom_mapping=also) as counter:
        model.forward(evaluations)
    counted = {str(op): n for op, n in counter.get_flop_counts()["Global"].items()}
    taken = take_turns({"forward": lambda: model.forward(evaluations)}, repeats)["forward"]
    rates = {str(d): matmul_rate(d, products) for d in (torch.float32, torch.bfloat16)}
    best = max(rates[str(model.dtype)], rates["torch.bfloat16"])
    achieved = sum(counted.values()) / taken["median"]
    shares = time_shares(model, evaluations)
    kinds = {}
    for kind, share in shares.items():
        flops = sum(n for op, n in counted.items() if kind_of(op) == kind)
        rate = flops / (share * taken["median"])
        kinds[kind] = {"time": share, "flops": flops, "of_matmul_rate": rate / best}
    return {
        "forward_seconds": taken,
        "gflop": sum(counted.values()) / 1e9,
        "gflops_matmul": {name: rate / 1e9 for name, rate in rates.items()},
        "bf16_over_fp32_matmul": rates["torch.bfloat16"] / rates["torch.float32"],
        "amx_tiles": bool(torch.cpu._is_amx_tile_supported()),
        "amx_fraction": achieved / best,
        "by_kind": kinds,
    }


def attention_flops(query: Any, key: Any, value: Any, *more: Any, **named: Any) -> int:
    """Floating-point operations of fused attention, from the shapes of its inputs."""
    flops: int = sdpa_flop_count(query, key, value)
    return flops


def two_branches(model: Model, side: int) -> list[Evaluation]:
    """The two branches of guidance of one step."""
    from retouch.denoiser import Condition

    found = model.encode_prompts([NEGATIVE, PROMPT], (side * 8, side * 8))
    x = torch.randn(1, 4, side, side, generator=torch.Generator().manual_seed(0))
    level = NoiseLevel(0.8, 0.6, 500.0, 0.5)
    return [Evaluation(x, level, Condition(found.text[i : i + 1])) for i in range(2)]


def time_shares(model: Model, evaluations: list[Evaluation]) -> dict[str, float]:
    """Share of the forward's own time by kind of work."""
    activities = [torch.profiler.ProfilerActivity.CPU]
    with torch.profiler.profile(activities=activities) as profile:
        model.forward(evaluations)
    times: dict[str, float] = {}
    for event in profile.key_averages():
        kind = kind_of(event.key)
        times[kind] = times.get(kind, 0.0) + event.self_cpu_time_total
    total = sum(times.values())
    return {kind: spent / total for kind, spent in sorted(times.items(), key=lambda i: -i[1])}


def kind_of(op: str) -> str:
    """Kind of work of an operator such as ``aten::addmm`` or ``aten.addmm``."""
    name = op.replace("::", ".").split(".")[1] if "aten" in op else op
    for kind, names in KINDS.items():
        exact = kind == "linear"
        if any(name.lstrip("_") == n if exact else n in name for n in names):
            return kind
    return "other"
