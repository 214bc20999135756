"""Pickled checkpoints into safetensors, tensors only: no code in the pickle is ever run."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from retouch.errors import InvalidField, ModelInvalid, ModelMissing

UNTRUSTED = "do not open it with other tools; download a .safetensors from the publisher"


def convert(path: str | Path, output: Path | None = None) -> Path:
    """Write the tensors of a ``.ckpt``, ``.bin``, ``.pt`` or ``.pth`` file as ``.safetensors``.

    Reads with ``torch.load(weights_only=True)``: a pickle that wants to run code is refused.

    Args:
        path: the pickled file.
        output: where to write; by default beside it with the suffix ``.safetensors``.

    Returns:
        The written file.

    Raises:
        ModelMissing: there is no such file.
        ModelInvalid: it wants to run code, is damaged, or holds no tensors.
        InvalidField: the output exists already, or does not end in ``.safetensors``.
    """
    path = Path(path).expanduser()
    if not path.is_file():
        raise ModelMissing(str(path), "check the path: there is no such file")
    target = output or path.with_suffix(".safetensors")
    if target.suffix != ".safetensors" or target.exists():
        allowed = "a new file that ends in .safetensors"
        raise InvalidField("output", str(target), allowed, "give another path with --output")
    _write(dict(_flat(_load(path), "")), path, target)
    return target


def _load(path: Path) -> Any:
    import pickle
    import warnings

    import torch

    try:
        with warnings.catch_warnings():
            # Old pickle protocols are what this command is for.
            warnings.simplefilter("ignore", UserWarning)
            return torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        problem = "holds more than tensors, or is damaged; nothing in it was run"
        raise ModelInvalid(str(path), problem, UNTRUSTED) from error
    except (RuntimeError, EOFError, OSError, ValueError, KeyError, AttributeError) as error:
        fix = "copy or download the file again"
        raise ModelInvalid(str(path), f"cannot be read ({_line(error)})", fix) from error


def _flat(data: Any, prefix: str) -> Iterator[tuple[str, Any]]:
    """Yield tensors by dotted name; ``state_dict`` is a wrapper, numbers and strings are notes."""
    import torch

    if isinstance(data, torch.Tensor):
        yield prefix, data
    elif isinstance(data, Mapping):
        weights = data.get("state_dict", data) if not prefix else data
        for name, value in weights.items():
            yield from _flat(value, f"{prefix}.{name}" if prefix else str(name))


def _write(tensors: dict[str, Any], path: Path, target: Path) -> None:
    from safetensors.torch import save_file

    if not tensors or "" in tensors:
        fix = "choose a file with a model's weights"
        raise ModelInvalid(str(path), "holds no named tensors", fix)
    # Clones, because safetensors refuses tensors that share storage.
    owned = {name: tensor.detach().clone().contiguous() for name, tensor in tensors.items()}
    handle, temporary = tempfile.mkstemp(dir=target.parent, prefix=".", suffix=".tmp")
    os.close(handle)
    try:
        save_file(owned, temporary, {"format": "pt"})
        os.replace(temporary, target)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise


def _line(error: BaseException) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0][:200]
