"""Weights on disk, before torch is needed: headers, hashes, and what is refused.

A safetensors file starts with the length of its header (8 bytes, little-endian) and the header
(JSON: name -> dtype, shape, offsets), so what a model is can be read in a millisecond.
"""

from __future__ import annotations

import hashlib
import json
import struct
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from retouch.errors import ModelInvalid, ModelMissing

PICKLE_SUFFIXES = (".ckpt", ".bin", ".pt", ".pth")
# The format's own limit; a longer header is not a header.
MAX_HEADER_BYTES = 100_000_000
# What JSON of a stranger's can raise: it may be nested, and its numbers large, without limit.
_DAMAGED = (ValueError, RecursionError, OverflowError)
DOWNLOAD_AGAIN = "copy or download the file again and compare its size with the publisher's"


@dataclass(frozen=True)
class Header:
    """What a safetensors file says about itself.

    Attributes:
        shapes: shape by tensor name.
        metadata: the publisher's notes, strings only.
    """

    shapes: dict[str, tuple[int, ...]]
    metadata: dict[str, str] = field(default_factory=dict)

    def shape(self, name: str) -> tuple[int, ...]:
        """Return a tensor's shape, ``()`` when there is no such tensor."""
        return self.shapes.get(name, ())

    def has(self, prefix: str) -> bool:
        """Whether any tensor's name starts with ``prefix``."""
        return any(name.startswith(prefix) for name in self.shapes)


def read_header(path: Path) -> Header:
    """Read and check the header of a safetensors file.

    Raises:
        ModelMissing: there is no such file.
        ModelInvalid: it is a pickle, truncated, or not a safetensors file.
    """
    if not path.is_file():
        raise ModelMissing(str(path), "check the path: there is no such file")
    refuse_pickle(path)
    size = path.stat().st_size
    with path.open("rb") as file:
        start = file.read(8)
        length = struct.unpack("<Q", start)[0] if len(start) == 8 else 0
        if not 2 <= length <= min(MAX_HEADER_BYTES, max(size - 8, 0)):
            raise ModelInvalid(str(path), "not a safetensors file, or truncated", DOWNLOAD_AGAIN)
        raw = file.read(length)
    try:
        entries = json.loads(raw)
        metadata = dict(entries.pop("__metadata__", None) or {})
        shapes = {name: tuple(map(int, entry["shape"])) for name, entry in entries.items()}
        end = int(max((entry["data_offsets"][1] for entry in entries.values()), default=0))
    except (*_DAMAGED, TypeError, KeyError, AttributeError, IndexError) as error:
        raise ModelInvalid(
            str(path), "its safetensors header is damaged", DOWNLOAD_AGAIN
        ) from error
    if 8 + length + end != size:
        problem = f"truncated or damaged: {size} bytes, its header promises {8 + length + end}"
        raise ModelInvalid(str(path), problem, DOWNLOAD_AGAIN)
    return Header(shapes, metadata)


def refuse_pickle(path: Path) -> None:
    """Refuse a pickled file, by its name or its first bytes: loading one can run code.

    Raises:
        ModelInvalid: naming the command that converts it.
    """
    with path.open("rb") as file:
        start = file.read(4)
    pickled = start[:2] == b"PK" or (start[:1] == b"\x80" and start[1:2] in b"\x02\x03\x04\x05")
    # A safetensors header of 0x0280 bytes starts like a pickle: its name decides then.
    if path.suffix in PICKLE_SUFFIXES or (pickled and path.suffix != ".safetensors"):
        raise ModelInvalid(
            str(path),
            "a pickled checkpoint, which can run code when it is opened",
            f"convert it once with `retouch models convert {path}`",
        )


def component_files(folder: Path) -> tuple[Path, ...]:
    """Return the safetensors files of one component folder, sharded or not.

    Raises:
        ModelInvalid: no weights, only pickled ones, or an index that names a missing file.
    """
    for stem in ("diffusion_pytorch_model", "model"):
        for variant in ("", ".fp16", ".bf16", ".non_ema"):
            file = folder / f"{stem}{variant}.safetensors"
            index = folder / f"{stem}.safetensors.index{variant}.json"
            if file.is_file():
                return (file,)
            if index.is_file():
                return _shards(index)
    for file in sorted(folder.glob("*")) if folder.is_dir() else ():
        if file.suffix in PICKLE_SUFFIXES:
            refuse_pickle(file)
    fix = "add the component's .safetensors file to this folder"
    raise ModelInvalid(str(folder), "no weights in this folder", fix)


def _shards(index: Path) -> tuple[Path, ...]:
    names = sorted(set(read_json(index).get("weight_map", {}).values()))
    files = tuple(index.parent / Path(name).name for name in names)
    absent = [file.name for file in files if not file.is_file()]
    if absent or not files:
        raise ModelInvalid(str(index), f"names missing files: {', '.join(absent)}", DOWNLOAD_AGAIN)
    return files


def read_json(path: Path) -> dict[str, Any]:
    """Read a JSON object.

    Raises:
        ModelInvalid: there is no such file, or it is not a JSON object.
    """
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        fix = "restore the publisher's file of this name"
        raise ModelInvalid(str(path.parent), f"it has no {path.name}", fix) from error
    except (OSError, *_DAMAGED) as error:
        raise ModelInvalid(str(path), "not readable as JSON", DOWNLOAD_AGAIN) from error
    if not isinstance(data, dict):
        raise ModelInvalid(str(path), "not a JSON object", DOWNLOAD_AGAIN)
    return data


def sha256_of(files: Iterable[Path], root: Path) -> str:
    """Return the sha256 of one file, or of the sorted ``path sha256`` lines of several.

    Args:
        files: weight files.
        root: what the paths in those lines are relative to; the file itself when there is one.
    """
    digests = {}
    for file in files:
        with file.open("rb") as stream:
            digests[file] = hashlib.file_digest(stream, "sha256").hexdigest()
    if list(digests) == [root]:
        return digests[root]
    lines = sorted(f"{_relative(file, root)} {digest}\n" for file, digest in digests.items())
    return hashlib.sha256("".join(lines).encode()).hexdigest()


def _relative(file: Path, root: Path) -> str:
    # What is borrowed from elsewhere (a base model, an image encoder) lies outside the root.
    if file.is_relative_to(root):
        return file.relative_to(root).as_posix()
    return f"{file.parent.name}/{file.name}"
