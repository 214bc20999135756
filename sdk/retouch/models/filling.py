"""Weights into networks, strictly: what a library would load silently wrong is an error here."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import TypeVar

import torch
from torch import Tensor, nn

from retouch.errors import ModelInvalid
from retouch.models.weights_file import DOWNLOAD_AGAIN, read_header

ModuleT = TypeVar("ModuleT", bound=nn.Module)
# Buffers that older versions of the libraries stored, and that carry no information.
HARMLESS_SUFFIXES = ("position_ids", "attn_mask")
OTHER_MODEL = "use the weights and the configuration of the same model"


def read_tensors(files: Iterable[Path], prefixes: tuple[str, ...] = ("",)) -> dict[str, Tensor]:
    """Read the tensors of safetensors files, on the CPU, in the stored dtype.

    Args:
        files: to read.
        prefixes: how the names begin of those to read; all by default.

    Raises:
        ModelMissing, ModelInvalid: as `retouch.models.weights_file.read_header`.
    """
    from safetensors import SafetensorError, safe_open

    tensors: dict[str, Tensor] = {}
    for file in files:
        read_header(file)
        try:
            with safe_open(str(file), framework="pt") as opened:
                wanted = [name for name in opened.keys() if name.startswith(prefixes)]  # noqa: SIM118 - not a dict
                tensors |= {name: opened.get_tensor(name) for name in wanted}
        except (SafetensorError, OSError, RuntimeError, ValueError) as error:
            raise ModelInvalid(str(file), f"cannot be read ({error})", DOWNLOAD_AGAIN) from error
    return tensors


def fill(
    build: Callable[[], ModuleT],
    tensors: Mapping[str, Tensor],
    where: str,
    *,
    dtype: torch.dtype,
    device: str | torch.device = "cpu",
    on_placed: Callable[[int], None] | None = None,
) -> ModuleT:
    """Build a network and give it exactly these weights, in evaluation mode, without gradients.

    Args:
        build: makes the network; runs on the meta device, so nothing is initialised twice.
        tensors: weights by the network's own names.
        where: file and component, for the error.
        dtype: of the result; weights are copied, never mapped from the file.
        device: of the result.
        on_placed: told the bytes of every tensor, as it was given, once it is where it belongs.

    Raises:
        ModelInvalid: a name is missing or too many, a shape differs, or a value is NaN or
            infinite (also after the conversion to ``dtype``).
    """
    with torch.device("meta"):
        module = build()
    wanted = module.state_dict()
    given = {name: t for name, t in tensors.items() if not _harmless(name, wanted)}
    _compare_names(wanted, given, where)
    _compare_shapes(wanted, given, where)
    copies = {}
    for name, tensor in given.items():
        copies[name] = _converted(name, tensor, dtype, device, where)
        if on_placed is not None:
            on_placed(tensor.nbytes)
    module.load_state_dict(copies, strict=True, assign=True)
    _restore_position_ids(module, device)
    unfilled = [n for n, t in (*module.named_parameters(), *module.named_buffers()) if t.is_meta]
    if unfilled:
        raise ModelInvalid(where, f"left without weights: {_some(unfilled)}", OTHER_MODEL)
    return module.eval().requires_grad_(False)


def align_prefix(
    tensors: Mapping[str, Tensor], names: Iterable[str], prefix: str
) -> dict[str, Tensor]:
    """Add or remove a wrapper's prefix, where that gives one of ``names``.

    transformers wraps its CLIP towers (``text_model.``) in some versions and classes and not in
    others, and files keep whichever was current when they were written.
    """
    known = set(names)
    aligned = {}
    for name, tensor in tensors.items():
        bare = name.removeprefix(prefix)
        options = [n for n in (name, bare, prefix + name) if n in known]
        aligned[options[0] if options else name] = tensor
    return aligned


def state_names(build: Callable[[], nn.Module]) -> list[str]:
    """Return the names of the weights a network would have, without allocating it."""
    with torch.device("meta"):
        return list(build().state_dict())


def bytes_of(modules: Iterable[nn.Module]) -> int:
    """Return the bytes of all parameters and buffers."""
    return sum(t.nbytes for m in modules for t in (*m.parameters(), *m.buffers()))


def _harmless(name: str, wanted: Mapping[str, Tensor]) -> bool:
    return name not in wanted and name.endswith(HARMLESS_SUFFIXES)


def _compare_names(wanted: Mapping[str, Tensor], given: Mapping[str, Tensor], where: str) -> None:
    missing = [name for name in wanted if name not in given]
    unexpected = [name for name in given if name not in wanted]
    problems = []
    if missing:
        problems.append(f"missing weights: {_some(missing)}")
    if unexpected:
        problems.append(f"unexpected weights: {_some(unexpected)}")
    if problems:
        raise ModelInvalid(where, "; ".join(problems), OTHER_MODEL)


def _compare_shapes(wanted: Mapping[str, Tensor], given: Mapping[str, Tensor], where: str) -> None:
    wrong = [name for name in wanted if wanted[name].shape != given[name].shape]
    if wrong:
        have, want = tuple(given[wrong[0]].shape), tuple(wanted[wrong[0]].shape)
        problem = (
            f"wrong shapes: {_some(wrong)}; the first is {have}, the configuration says {want}"
        )
        raise ModelInvalid(where, problem, OTHER_MODEL)


def _converted(
    name: str, tensor: Tensor, dtype: torch.dtype, device: str | torch.device, where: str
) -> Tensor:
    kind = dtype if tensor.is_floating_point() else tensor.dtype
    copy = tensor.detach().to(device=device, dtype=kind, copy=True).contiguous()
    if not is_finite(copy):
        reason = "NaN or infinite values" + (f" in {dtype}" if is_finite(tensor) else "")
        raise ModelInvalid(where, f"{name} has {reason}", "use an undamaged copy of the model")
    return copy


def is_finite(tensor: Tensor) -> bool:
    """Whether no element is NaN or infinite; the extremes tell, because NaN spreads to them."""
    if tensor.numel() == 0 or not tensor.is_floating_point():
        return True
    low, high = torch.aminmax(tensor)
    return bool(torch.isfinite(low)) and bool(torch.isfinite(high))


def _restore_position_ids(module: nn.Module, device: str | torch.device) -> None:
    # CLIP's only buffer: 0..n-1, not stored in newer files, left on meta by the construction.
    for owner in module.modules():
        ids = getattr(owner, "position_ids", None)
        if isinstance(ids, Tensor) and ids.is_meta:
            owner.position_ids = torch.arange(ids.shape[-1], device=device).expand((1, -1))


def _some(names: list[str]) -> str:
    more = f" and {len(names) - 3} more" if len(names) > 3 else ""
    return ", ".join(names[:3]) + more
