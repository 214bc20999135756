"""Latents on their way from the engine to the gate: as safetensors, and checked to the last value.

The gate knows from its own plan how many there must be, their shapes, and the seeds that made them.
Anything else was not admitted.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

from retouch.candidates import Candidate
from retouch.errors import ForwardFailed
from retouch.plan import Plan
from retouch.result import plain
from retouch_daemon.link.frames import MOST_LATENTS

if TYPE_CHECKING:
    from torch import Tensor

_LOOK: Final = "look"
#: Numbers as samplers compute them; how the safetensors format calls them.
_DTYPES: Final = ("F32", "F64")
#: Most bytes of a file's header, and of the settings of one candidate: 256 of them fit in a frame.
_HEADER: Final = 1 << 20
_SETTINGS: Final = 2048


class NotAsAdmitted(Exception):
    """The engine handed over what the gate's plan has no place for."""


def digest_of(request: bytes) -> str:
    """Return what names a request: the engine says with it what it has run."""
    return hashlib.sha256(request).hexdigest()


def packed(variants: Sequence[Sequence[Candidate]], model: str) -> tuple[str, bytes]:
    """Return what the engine has finished, as the words and the bytes of a frame.

    Args:
        variants: the candidates of every variant, the best one first.
        model: name of the model, for the error.

    Raises:
        ForwardFailed: more than a link carries.
    """
    from safetensors.torch import save

    order, tensors = [], {}
    for number, candidates in enumerate(variants):
        order.append([{"seed": c.seed, "settings": _short(c.settings)} for c in candidates])
        for place, candidate in enumerate(candidates):
            tensors[f"{number}.{place}"] = candidate.latents.detach().cpu().contiguous()
    payload = save(tensors)
    if len(payload) > MOST_LATENTS:
        raise ForwardFailed(model, f"{len(payload)} bytes of latents, at most {MOST_LATENTS}")
    return json.dumps(order), payload


def packed_look(latents: Tensor) -> bytes:
    """Return latents of an edit on its way."""
    from safetensors.torch import save

    return bytes(save({_LOOK: latents.detach().cpu().contiguous()}))


def unpacked(order: str, payload: bytes, plan: Plan) -> list[list[Candidate]]:
    """Return what the engine has finished.

    Args:
        order: the words, and
        payload: the bytes of :func:`packed`.
        plan: the gate's own.

    Raises:
        NotAsAdmitted: other variants, candidates, seeds, shapes or number formats than the plan's.
    """
    request = plan.request
    said = _order(order, request.variants, plan.candidates)
    names = [f"{v}.{c}" for v in range(request.variants) for c in range(plan.candidates)]
    tensors = _tensors(payload, names, plan)
    variants = []
    for number, candidates in enumerate(said):
        first = request.seed + number * plan.candidates
        seeds = [int(candidate["seed"]) for candidate in candidates]
        if sorted(seeds) != list(range(first, first + plan.candidates)):
            raise NotAsAdmitted(f"variant {number} was made with the seeds {seeds}")
        variants.append(
            [
                Candidate(tensors[f"{number}.{place}"], int(each["seed"]), each["settings"])
                for place, each in enumerate(candidates)
            ]
        )
    return variants


def unpacked_look(payload: bytes, plan: Plan) -> Tensor:
    """Return latents of an edit on its way, ``[1, C, h, w]``. Raises NotAsAdmitted."""
    return _tensors(payload, [_LOOK], plan)[_LOOK]


def _order(order: str, variants: int, candidates: int) -> list[list[Mapping[str, Any]]]:
    try:
        said = json.loads(order)
        sizes = [len(each) for each in said]
        for each in (one for some in said for one in some):
            if type(each["seed"]) is not int or not isinstance(each["settings"], dict):
                raise TypeError("neither a seed nor settings")
            each["settings"] = plain(each["settings"])
    except (ValueError, TypeError, KeyError, RecursionError) as problem:
        raise NotAsAdmitted(f"no seeds and settings: {problem}") from problem
    if sizes != [candidates] * variants:
        wanted = f"{variants} times {candidates}"
        raise NotAsAdmitted(f"candidates of {sizes} variants, the plan has {wanted}")
    return list(said)


def _tensors(payload: bytes, names: Sequence[str], plan: Plan) -> dict[str, Tensor]:
    from safetensors import SafetensorError
    from safetensors.torch import load

    shape = _shape(plan)
    _check_header(payload, {name: shape for name in names})
    try:
        tensors: dict[str, Tensor] = load(payload)
    except (SafetensorError, ValueError, RuntimeError) as problem:
        raise NotAsAdmitted(f"no latents: {problem}") from problem
    return tensors


def _shape(plan: Plan) -> list[int]:
    assert plan.region is not None
    factor, (width, height) = plan.geometry.factor, plan.region.working
    return [1, plan.geometry.latent_channels, height // factor, width // factor]


def _check_header(payload: bytes, wanted: Mapping[str, list[int]]) -> None:
    """Read what is there before any of it is made a tensor. Raises NotAsAdmitted."""
    length = int.from_bytes(payload[:8], "little")
    if not 2 <= length <= min(_HEADER, len(payload) - 8):
        raise NotAsAdmitted(f"no latents: {len(payload)} bytes with a header of {length}")
    try:
        header = json.loads(payload[8 : 8 + length])
        found = {name: (entry["dtype"], entry["shape"]) for name, entry in header.items()}
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as problem:
        raise NotAsAdmitted(f"no latents: {problem}") from problem
    if found.keys() != wanted.keys():
        raise NotAsAdmitted(f"{len(found)} tensors, the plan has {len(wanted)}")
    for name, (dtype, shape) in found.items():
        if dtype not in _DTYPES or shape != wanted[name]:
            raise NotAsAdmitted(f"a tensor of {dtype} {shape}, the plan has {wanted[name]}")


def _short(settings: Mapping[str, object]) -> Mapping[str, object]:
    """Settings as plain words; none where they are too many to go with a frame."""
    words = plain(settings)
    return words if len(json.dumps(words)) <= _SETTINGS else {}
