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
#: Bytes of a piece of a checkpoint, where files may not be larger than 16 MiB.
PIECE: Final = 15_000_000


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
    FOLDER.mkdir(exist_ok=True)
    target = _committed(path)
    save_file(_halves(state), target, _numbers(state))
    return target


def _halves(state: dict[str, Any]) -> dict[str, Tensor]:
    return {
        f"{module}:{name}": (t.half() if t.is_floating_point() else t).cpu().contiguous()
        for module, weights in state["ema"].items()
        for name, t in weights.items()
    }


def _numbers(state: dict[str, Any]) -> dict[str, str]:
    return {name: str(state[name]) for name in ("step", "samples", "spent")}


def split(state: dict[str, Any], folder: Path, run: str, limit: int = PIECE) -> list[Path]:
    """Write a run's averaged weights as float16 safetensors of at most ``limit`` bytes each.

    The files are ``<run>.1.safetensors`` and so on; each is replaced in one move.
    """
    pieces: list[dict[str, Tensor]] = [{}]
    size = 0
    for name, tensor in _halves(state).items():
        if pieces[-1] and size + tensor.nbytes > limit:
            pieces.append({})
            size = 0
        pieces[-1][name] = tensor
        size += tensor.nbytes
    folder.mkdir(parents=True, exist_ok=True)
    files = [folder / f"{run}.{number}.safetensors" for number in range(1, len(pieces) + 1)]
    for file, piece in zip(files, pieces, strict=True):
        partial = file.with_suffix(".partial")
        save_file(piece, partial, {**_numbers(state), "pieces": str(len(pieces))})
        partial.replace(file)
    return files


def join(folder: Path, path: Path) -> Path:
    """Write the pieces in ``folder`` of the run whose own checkpoint is ``path`` there.

    Raises:
        FileNotFoundError: a piece is missing.
        ValueError: the pieces are not of the same step.
    """
    first = folder / f"{path.stem}.1.safetensors"
    if not first.exists():
        raise FileNotFoundError(f"{first}: no piece of {path.stem}")
    with safe_open(first, "pt") as file:
        count = int(file.metadata()["pieces"])
    found = [_open(folder / f"{path.stem}.{n}.safetensors") for n in range(1, count + 1)]
    if len({piece["step"] for piece in found}) > 1:
        raise ValueError(f"{path.stem}: pieces of different steps: {[p['step'] for p in found]}")
    ema: dict[str, dict[str, Tensor]] = {}
    for piece in found:
        for module, weights in piece["ema"].items():
            ema.setdefault(module, {}).update(weights)
    path.parent.mkdir(parents=True, exist_ok=True)
    torch.save({**found[0], "ema": ema}, path)
    return path


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--out", type=Path, default=cache_dir(), help="cache folder")
    parser.add_argument("--parts", nargs="+", required=True, help="names of runs, such as base")
    parser.add_argument("--join", type=Path, help="folder of pieces to put into the cache instead")
    args = parser.parse_args()
    for part in args.parts:
        path = args.out / f"{part}.pt"
        target = write(path) if args.join is None else join(args.join, path)
        print(f"{target.stat().st_size / 1e6:6.1f} MB  {target}")


if __name__ == "__main__":
    main()
