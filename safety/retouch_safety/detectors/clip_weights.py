"""Reading the weights of a CLIP safety checker: only known files, and nothing that fails open.

The checker compares a picture's embedding with 17 concepts and 3 of special care. A concept that
is NaN, zero, or that has a threshold which no cosine reaches never fires: that picture would be
safe whatever it shows. Such files are refused.
"""

from __future__ import annotations

import hashlib
import importlib.resources
import re
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from retouch_safety.errors import DetectorFailed, InvalidInput

if TYPE_CHECKING:
    from torch import Tensor

_FILES: Final = ("model.safetensors", "model.fp16.safetensors")
_FOLDERS: Final = ("", "safety_checker")  # of the checker itself, of a diffusers checkpoint
_TOWER: Final = "vision_model.vision_model."
_PROJECTION: Final = "visual_projection.weight"
_CONCEPTS, _SPECIAL_CARE = 17, 3
_PINNING: Final = "give pinned_sha256 if you know where the file comes from"


@dataclass(frozen=True)
class Concepts:
    """What a picture is compared with.

    Attributes:
        embeds: N x P, none of them zero.
        thresholds: N; from which cosine on a concept is found, inside of (-1, 1).
    """

    embeds: Tensor
    thresholds: Tensor


@dataclass(frozen=True)
class CheckerWeights:
    """The parts of a checker, in ``float32``.

    Attributes:
        tower: CLIP's image encoder, name -> tensor, without prefixes.
        projection: P x hidden.
        concepts: the 17 concepts that make a picture unsafe.
        special_care: the 3 that lower the thresholds of the others.
    """

    tower: dict[str, Tensor]
    projection: Tensor
    concepts: Concepts
    special_care: Concepts


def published() -> dict[str, str]:
    """SHA-256 -> file and repository of every weight file that is taken without a pin."""
    listed = importlib.resources.files("retouch_safety.detectors").joinpath(
        "data/clip_safety_checkers.toml"
    )
    rows = tomllib.loads(listed.read_text(encoding="utf-8"))["weights"]
    return {row["sha256"]: f"{row['file']} of {row['repository']}" for row in rows}


def find_weights(path: Path) -> Path:
    """Return the weight file: the path itself, or the one in this folder.

    Raises:
        InvalidInput: there is none, or it is not a safetensors file.
    """
    if path.is_dir():
        inside = [path / folder / name for folder in _FOLDERS for name in _FILES]
        found = next((file for file in inside if file.is_file()), None)
        if found is not None:
            return found
    elif path.is_file() and path.suffix == ".safetensors":
        return path
    allowed = f"a .safetensors file, or a folder with {' or '.join(_FILES)}"
    raise InvalidInput("path", str(path), allowed, "give the safety checker's own folder or file")


def accepted_sha256(path: Path, pinned_sha256: str | None) -> str:
    """Return the SHA-256 of a weight file that may be used.

    Args:
        path: the file.
        pinned_sha256: what it must be, 64 hexadecimal digits; None: one of the published ones.

    Raises:
        InvalidInput: the pin is not a SHA-256.
        DetectorFailed: another file than the pinned one, or one that nobody vouches for.
    """
    if pinned_sha256 is not None and not re.fullmatch(r"[0-9a-f]{64}", pinned_sha256):
        allowed = "64 hexadecimal digits in lower case, or None"
        raise InvalidInput("pinned_sha256", pinned_sha256, allowed, f"run sha256sum {path.name}")
    with path.open("rb") as stream:
        found = hashlib.file_digest(stream, "sha256").hexdigest()
    if pinned_sha256 is not None and found != pinned_sha256:
        raise DetectorFailed(
            f"{path.name}: SHA-256 is {found}, pinned is {pinned_sha256}. "
            "Fix: fetch the file again, or correct the pin."
        )
    if pinned_sha256 is None and found not in published():
        known = ", ".join(f"{sha[:12]}… ({what})" for sha, what in published().items())
        raise DetectorFailed(
            f"{path.name}: SHA-256 {found} is not on the list of published safety checkers. "
            f"Allowed: {known}. Fix: use one of these; or {_PINNING}."
        )
    return found


def read_weights(path: Path, sha256: str) -> CheckerWeights:
    """Read and check a weight file.

    Raises:
        DetectorFailed: the file changed, a tensor is missing, has a wrong shape or no finite
            values, or a concept can never be found.
    """
    # hashed and parsed from the same bytes: the file cannot change in between
    data = path.read_bytes()
    if hashlib.sha256(data).hexdigest() != sha256:
        raise DetectorFailed(f"{path.name} changed since it was checked. Fix: restart.")
    tensors = _parsed(path.name, data)
    projection = tensors.get(_PROJECTION)
    if projection is None or projection.ndim != 2:
        raise _refused(_PROJECTION, "is missing or no matrix")
    width = projection.shape[0]
    tower = {k.removeprefix(_TOWER): v for k, v in tensors.items() if k.startswith(_TOWER)}
    tower.pop("embeddings.position_ids", None)  # a constant that older versions saved
    concepts = _concepts(tensors, "concept_embeds", _CONCEPTS, width)
    special_care = _concepts(tensors, "special_care_embeds", _SPECIAL_CARE, width)
    return CheckerWeights(tower, projection, concepts, special_care)


def _parsed(name: str, data: bytes) -> dict[str, Tensor]:
    from safetensors import SafetensorError
    from safetensors.torch import load

    try:
        found = load(data)
    except SafetensorError as error:
        raise DetectorFailed(
            f"{name} is no safetensors file ({error}). Fix: get another."
        ) from error
    tensors = {
        key: value if "position_ids" in key else value.float() for key, value in found.items()
    }
    for key, value in tensors.items():
        if not bool(value.isfinite().all()):
            raise _refused(key, "has NaN or infinity")
    return tensors


def _concepts(tensors: dict[str, Tensor], name: str, count: int, width: int) -> Concepts:
    embeds = _shaped(tensors, name, (count, width))
    thresholds = _shaped(tensors, f"{name}_weights", (count,))
    if bool((embeds == 0).all(dim=1).any()):
        raise _refused(name, "has a concept that is all zero, which is never found")
    if bool((thresholds == 0).all()):
        raise _refused(f"{name}_weights", "is all zero")
    if not bool((thresholds.abs() < 1).all()):
        raise _refused(f"{name}_weights", "has a threshold that no cosine can cross")
    return Concepts(embeds, thresholds)


def _shaped(tensors: dict[str, Tensor], name: str, shape: tuple[int, ...]) -> Tensor:
    found = tensors.get(name)
    if found is None:
        raise _refused(name, "is missing")
    if tuple(found.shape) != shape:
        raise _refused(name, f"has shape {tuple(found.shape)} instead of {shape}")
    return found


def _refused(name: str, problem: str) -> DetectorFailed:
    return DetectorFailed(
        f"safety checker: {name} {problem}. Fix: get the published weights again."
    )
