"""From what a host holds and what a person chose to an edit that the daemon takes.

Operations travel by their names in the catalogue (``CustomOperation``), so a new operation needs no
new plugin.
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass, replace
from typing import Any

from .choices import Choices, OperationChoice, choices_of
from .geometry import Expansion, Rect, relative
from .pictures import CHANNELS, SAMPLES, Picture, Reference, is_reference, picture_of, reference
from .pixel_rows import expansion_mask, extended, rectangle_mask

__all__ = [
    "CHANNELS",
    "SAMPLES",
    "Choices",
    "OperationChoice",
    "Picture",
    "Prepared",
    "Snapshot",
    "choices_of",
    "expansion_snapshot",
    "picture_of",
    "prepare",
]

_CUSTOM = "type.googleapis.com/retouch.v1.CustomOperation"
#: Operations that are about the mask: without a selection they act on everything.
_ABOUT_MASK = ("soft_mask",)


@dataclass(frozen=True)
class Snapshot:
    """What was read of a document for one edit, all at once: the host may change it afterwards.

    Attributes:
        crop: the part of the document that was read, in document pixels (``geometry.region``).
        picture: the pixels of the crop; its size is the crop's.
        mask: soft selection of the crop, one byte per pixel, 255 = edit fully, crop.width *
            crop.height bytes; None = no selection: all of ``selection``, or of the crop.
        selection: rectangle that may change, in document pixels; None = where the mask says.
        document_id: the host's name for the document; may be empty.

    Raises:
        ValueError: a picture or a mask of another size than the crop's.
    """

    crop: Rect
    picture: Picture
    mask: bytes | None = None
    selection: Rect | None = None
    document_id: str = ""

    def __post_init__(self) -> None:
        crop, picture = self.crop, self.picture
        if crop.empty:
            raise ValueError("There is nothing to edit. Fix: select a part of the canvas.")
        if not picture.is_file and (picture.width, picture.height) != (crop.width, crop.height):
            sizes = f"{picture.width}x{picture.height}, the crop {crop.width}x{crop.height}"
            raise ValueError(f"the picture is {sizes}. Fix: read the crop's rectangle.")
        _check_mask("mask", self.mask, crop)


@dataclass(frozen=True)
class Prepared:
    """A request and what it refers to.

    Attributes:
        request: ``retouch.v1.EditRequest`` in JSON form, with a ``clientJobId`` of its own.
        blobs: SHA-256 -> bytes to upload first.
    """

    request: dict[str, Any]
    blobs: dict[str, bytes]


def expansion_snapshot(plan: Expansion, picture: Picture, document_id: str = "") -> Snapshot:
    """Return the snapshot for expanding a canvas: what is new is to be filled.

    Outside the old canvas the picture is mirrored. Set ``Choices.feather`` to the plan's overlap
    for a soft seam.

    Args:
        plan: of the expansion.
        picture: pixels of ``plan.read``, packed rows.
        document_id: as of ``Snapshot``.

    Raises:
        ValueError: a picture of another size than ``plan.read``.
    """
    read, crop = plan.read, plan.crop
    if picture.is_file or picture.row_stride or (picture.width, picture.height) != read[2:]:
        words = f"packed rows of {read.width}x{read.height} are needed"
        raise ValueError(f"{words}. Fix: read the rectangle of the plan.")
    area = relative(crop, read)
    data = extended(picture.data, (read.width, read.height), area, picture.pixel_bytes)
    whole = replace(picture, data=data, width=crop.width, height=crop.height)
    mask = expansion_mask((crop.width, crop.height), relative(plan.kept, crop))
    return Snapshot(crop, whole, mask, None, document_id)


def prepare(snapshot: Snapshot, choices: Choices) -> Prepared:
    """Return the request for an edit. Hashes all pixels: call it in a worker thread.

    The crop is the request's canvas and all of it is the model's context. Results are raw rows of
    the snapshot's own channel order, sample type and profile (half floats come as FLOAT32; see
    ``pixel_rows.to_half``).

    Raises:
        ValueError: pixels or masks whose length does not fit; one sentence.
    """
    blobs: dict[str, bytes] = {}
    crop = snapshot.crop
    request: dict[str, Any] = {
        "clientJobId": uuid.uuid4().hex,
        "group": choices.group,
        "documentId": snapshot.document_id[:128],
        "priority": "PRIORITY_CLASS_" + choices.priority.upper(),
        "canvas": {
            "source": reference(snapshot.picture, blobs),
            "context": {"wholeCanvas": True},
        },
        "prompt": {"text": choices.prompt, "negative": choices.negative},
        "model": choices.model,
        "sampling": _sampling(choices),
        "operations": [_operation(each, crop, blobs) for each in choices.operations],
        "output": _output(snapshot.picture, choices),
    }
    if choices.working_size:
        request["canvas"]["workingSize"] = _working_size(choices)
    mask = _mask(snapshot, choices)
    if mask is not None:
        request["mask"] = {
            **_mask_message(mask, crop, blobs),
            "growPx": choices.grow,
            "featherPx": choices.feather,
        }
    return Prepared(request, blobs)


def _mask(snapshot: Snapshot, choices: Choices) -> bytes | None:
    """The soft selection; a rectangle's where there is only that, as a mask can be feathered."""
    size = (snapshot.crop.width, snapshot.crop.height)
    if snapshot.mask is not None:
        return snapshot.mask
    if snapshot.selection is not None:
        return rectangle_mask(size, relative(snapshot.selection, snapshot.crop))
    if any(each.name in _ABOUT_MASK for each in choices.operations):
        return rectangle_mask(size, Rect(0, 0, *size))
    return None


def _mask_message(mask: bytes, crop: Rect, blobs: dict[str, bytes]) -> dict[str, Any]:
    picture = Picture(mask, crop.width, crop.height, "GRAY", "UINT8")
    return {"image": reference(picture, blobs), "polarity": "MASK_POLARITY_EDIT_WHITE"}


def _sampling(choices: Choices) -> dict[str, Any]:
    found: dict[str, Any] = {"sampler": choices.sampler}
    if choices.steps is not None:
        found["steps"] = choices.steps
    if choices.seed is None:
        found["seedMode"] = "SEED_MODE_RANDOM"
    else:
        found["seeds"] = [str(choices.seed)]
    return found


def _working_size(choices: Choices) -> dict[str, Any]:
    if isinstance(choices.working_size, tuple):
        width, height = choices.working_size
        return {"size": {"width": width, "height": height}}
    return {"longSidePx": choices.working_size}


def _output(picture: Picture, choices: Choices) -> dict[str, Any]:
    order = "BGRA" if picture.channel_order == "BGRA" else "RGBA"
    return {
        "count": choices.variants,
        "delivery": "DELIVERY_PATCH",
        "mediaType": "application/octet-stream",
        "channelOrder": "CHANNEL_ORDER_" + order,
        "preview": {"everySteps": choices.preview_every, "maxSidePx": choices.preview_side},
    }


def _operation(choice: OperationChoice, crop: Rect, blobs: dict[str, bytes]) -> dict[str, Any]:
    custom: dict[str, Any] = {"@type": _CUSTOM, "name": choice.name}
    message: dict[str, Any] = {"custom": custom}
    for name, value in choice.parameters.items():
        if value is None:
            continue
        if name == "mask":
            message["region"] = _region(choice.name, value, crop, blobs)
        elif name in ("start", "stop"):
            message[name] = value
        elif isinstance(value, (bytes, bytearray)):
            masks = custom.setdefault("masks", {})
            masks[name] = _checked_mask(f"{choice.name}.{name}", bytes(value), crop, blobs)
        elif _pictures(value):
            several = value if isinstance(value, (list, tuple)) else [value]
            images = [_image(each, blobs) for each in several]
            custom.setdefault("images", {})[name] = {"images": images}
        elif isinstance(value, dict) and "polarity" in value:
            custom.setdefault("masks", {})[name] = value
        else:
            plain = list(value) if isinstance(value, tuple) else value
            custom.setdefault("parameters", {})[name] = plain
    return message


def _region(operation: str, value: Any, crop: Rect, blobs: dict[str, bytes]) -> dict[str, Any]:
    """Where an operation acts: a mask of the crop, a rectangle of the document, or as a result."""
    if isinstance(value, Rect):
        return {"rect": relative(value, crop).to_json()}
    if isinstance(value, dict):
        return value
    return {"mask": _checked_mask(f"{operation}.mask", bytes(value), crop, blobs)}


def _checked_mask(name: str, mask: bytes, crop: Rect, blobs: dict[str, bytes]) -> dict[str, Any]:
    _check_mask(name, mask, crop)
    return _mask_message(mask, crop, blobs)


def _check_mask(name: str, mask: bytes | None, crop: Rect) -> None:
    if mask is not None and len(mask) != crop.width * crop.height:
        words = f"{name} has {len(mask)} bytes, the crop {crop.width}x{crop.height} pixels"
        raise ValueError(f"{words}. Fix: give one byte per pixel of the crop.")


def _pictures(value: Any) -> bool:
    several = value if isinstance(value, (list, tuple)) else [value]
    return bool(several) and all(isinstance(e, Picture) or is_reference(e) for e in several)


def _image(value: Any, blobs: dict[str, bytes]) -> Reference:
    return reference(value, blobs) if isinstance(value, Picture) else value
