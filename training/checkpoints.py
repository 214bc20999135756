"""Checkpoints that travel with the repository: ``python -m training.checkpoints --parts base``.

A training that takes longer than one machine lives goes on elsewhere from what is committed in
``training/checkpoints``: the averaged weights as float16 safetensors, with the samples, steps and
minutes behind them. A part whose own checkpoint is missing in the cache folder starts from there;
the optimisers' moments start anew.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any, Final

import torch
from safetensors import safe_open
from safetensors.torch import save_file
from torch import Tensor

from training.art import cache_dir

FOLDER: Final = Path(__file__).parent / "checkpoints"


def exists(path: Path) -> bool:
    """Return whether the run whose own checkpoint is at ``path`` has one, there or committed."""
    return path.exists() or _committed(path).exists()


def _committed(path: Path) -> Path:
    return FOLDER / f"{path.stem}.safetensors"


def read(path: Path) -> dict[str, Any] | None:
    """Return the state of the run whose own checkpoint is at ``path``; None when there is none.

    The keys are ``ema``, ``step``, ``samples`` and ``spent`` (seconds), and, where the run's own
    checkpoint exists, ``modules`` and ``optimiser``.
    """
    if path.exists():
        state: dict[str, Any] = torch.load(path, map_location="cpu", weights_only=True)
        return state
    return _open(_committed(path)) if exists(path) else None


def _open(path: Path) -> dict[str, Any]:
    ema: dict[str, dict[str, Tensor]] = {}
    with safe_open(path, "pt") as file:
        keys, numbers = list(file.keys()), file.metadata()
        for key in keys:
            module, name = key.split(":", 1)
            tensor = file.get_tensor(key)
            whole = tensor.float() if tensor.is_floating_point() else tensor
            ema.setdefault(module, {})[name] = whole
    return {
        "ema": ema,
        "step": int(numbers["step"]),
        "samples": int(numbers["samples"]),
        "spent": float(numbers["spent"]),
    }


def write(path: Path) -> Path:
    """Commit the checkpoint at ``path``: write it to ``training/checkpoints``; return where."""
    state = torch.load(path, map_location="cpu", weights_only=True)
    tensors = {
        f"{module}:{name}": (t.half() if t.is_floating_point() else t).contiguous()
        for module, weights in state["ema"].items()
        for name, t in weights.items()
    }
    FOLDER.mkdir(exist_ok=True)
    target = _committed(path)
    save_file(tensors, target, {name: str(state[name]) for name in ("step", "samples", "spent")})
    return target


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--out", type=Path, default=cache_dir(), help="cache folder")
    parser.add_argument("--parts", nargs="+", required=True, help="names of runs, such as base")
    args = parser.parse_args()
    for part in args.parts:
        target = write(args.out / f"{part}.pt")
        print(f"{target.stat().st_size / 1e6:6.1f} MB  {target}")


if __name__ == "__main__":
    main()
