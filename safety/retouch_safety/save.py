"""The only writer of picture files. It takes ``Released`` and nothing else."""

from __future__ import annotations

import os
from pathlib import Path

from retouch_safety.durable_files import PUBLIC, replace_whole
from retouch_safety.encode import LONGEST_SIDE, SUFFIXES
from retouch_safety.errors import CannotSave
from retouch_safety.sealed import Released


def check_path(path: str | os.PathLike[str], size: tuple[int, int] | None = None) -> str:
    """Return the format that a path stands for; call it before a long edit.

    Args:
        path: where the picture would be saved.
        size: width and height in pixels, to check that the format can hold it.

    Returns:
        ``PNG``, ``JPEG``, ``WebP`` or ``TIFF``.

    Raises:
        CannotSave: unknown suffix, a folder, or a folder that is missing or not writable.
    """
    target = Path(path)
    kind = SUFFIXES.get(target.suffix.lower())
    if kind is None:
        allowed = ", ".join(SUFFIXES)
        raise CannotSave("out.suffix", target.suffix or target.name, allowed, "rename the output")
    if size is not None and max(size) > LONGEST_SIDE[kind]:
        allowed = f"sides of at most {LONGEST_SIDE[kind]} pixels in {kind}"
        raise CannotSave("out.size", f"{size[0]}x{size[1]}", allowed, "choose PNG or TIFF")
    if target.is_dir():
        raise CannotSave("out", str(target), "a file name, not a folder", "add a file name")
    folder = target.parent
    if not folder.is_dir():
        raise CannotSave("out.folder", str(folder), "an existing folder", "create it first")
    if not os.access(folder, os.W_OK):
        raise CannotSave("out.folder", str(folder), "a writable folder", "choose another one")
    return kind


def save(released: Released, path: str | os.PathLike[str]) -> Path:
    """Write a released picture, whole or not at all; the suffix chooses the format.

    Args:
        released: what the gate returned.
        path: ``.png``, ``.jpg``, ``.jpeg``, ``.webp``, ``.tif`` or ``.tiff``.

    Returns:
        The path that was written.

    Raises:
        TypeError: anything but a ``Released``.
        CannotSave: unknown suffix, missing folder, a size the format cannot hold, a full disk, a
            preview.
        SigningFailed, ProvenanceUnavailable: it cannot be signed; nothing was written.
    """
    kind = check_path(path)
    if type(released) is not Released:
        raise TypeError(f"only pictures released by the gate are saved, got {type(released)}")
    target = Path(path)
    try:
        replace_whole(target, released.encoded(kind), PUBLIC)
    except OSError as error:
        raise CannotSave("out", str(target), "a writable file", f"make room: {error}") from error
    return target
