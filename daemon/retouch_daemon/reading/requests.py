"""From the message of an edit to the request that the engine takes."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

import numpy as np

from retouch.catalog import Catalog
from retouch.errors import InvalidField
from retouch.imaging.convert import depth_for
from retouch.imaging.image import Image, Mask
from retouch.imaging.region import Rect, Size
from retouch.request import MAX_OPERATIONS, MAX_VARIANTS, EditRequest, Output
from retouch.v1 import edit_pb2, image_pb2, sampling_pb2
from retouch_daemon.reading.operations import read_operation
from retouch_daemon.reading.pictures import Fetch, PictureReader, rect_of

DEFAULT_MODEL: Final = "retouch-mini"
#: Media type of a result -> what the gate's encoder calls it; raw rows have none.
MEDIA_TYPES: Final = {
    "": "PNG",
    "image/png": "PNG",
    "image/jpeg": "JPEG",
    "image/webp": "WebP",
    "image/tiff": "TIFF",
    "application/octet-stream": "",
}
_DELIVERIES: Final[dict[int, Output]] = {
    edit_pb2.DELIVERY_UNSPECIFIED: "patch",
    edit_pb2.DELIVERY_PATCH: "patch",
    edit_pb2.DELIVERY_COMPOSITED: "composite",
    edit_pb2.DELIVERY_BOTH: "both",
}
_WHOLE: Final = 65_536
#: Seeds that are drawn are below this: with those of all variants and tries that follow they stay
#: below 2^31, which every client can hold, also one whose numbers are doubles.
_DRAWN_SEEDS: Final = 2**31 - 256
_PADDING: Final = 4.0
#: What the request's own checks name -> the message's path of it.
_PATHS: Final = {
    "prompt": "prompt.text",
    "negative_prompt": "prompt.negative",
    "padding": "canvas.context.padding_px",
    "sampling.seed": "sampling.seeds",
    "working_size": "canvas.working_size",
    "profile": "output.color_profile",
}
_DEPTHS: Final = {
    image_pb2.SAMPLE_TYPE_UNSPECIFIED: None,
    image_pb2.SAMPLE_TYPE_UINT8: "uint8",
    image_pb2.SAMPLE_TYPE_UINT16: "uint16",
    image_pb2.SAMPLE_TYPE_FLOAT32: "float32",
}
_ROWS: Final = (
    image_pb2.CHANNEL_ORDER_UNSPECIFIED,
    image_pb2.CHANNEL_ORDER_RGBA,
    image_pb2.CHANNEL_ORDER_BGRA,
)


def read_request(message: edit_pb2.EditRequest, catalog: Catalog, fetch: Fetch) -> EditRequest:
    """Return the request that a message describes.

    Raises:
        InvalidRequest: one clear error with the message's own path.
    """
    _check_counts(message)
    _check_output(message.output)
    with message_paths(message):
        return _request(message, catalog, PictureReader(fetch))


@contextmanager
def message_paths(message: edit_pb2.EditRequest) -> Iterator[None]:
    """Have what a request's own checks, or its plan's, say name the fields of the message."""
    try:
        yield
    except InvalidField as problem:
        path = _PATHS.get(problem.field) or _model_path(message, problem)
        if not path:
            raise
        raise type(problem)(path, problem.value, problem.allowed, problem.fix) from problem


def _model_path(message: edit_pb2.EditRequest, problem: InvalidField) -> str:
    """The path of an operation's model that is not installed; empty where it is another fault."""
    kind, _, field = problem.field.partition(".")
    technique = "best_of" if kind == "clip" else kind
    if field == "model":
        for i, operation in enumerate(message.operations):
            same = operation.WhichOneof("technique") == technique
            if same and getattr(operation, technique).model == problem.value:
                return f"operations[{i}].{technique}.model"
    return ""


def _request(
    message: edit_pb2.EditRequest, catalog: Catalog, pictures: PictureReader
) -> EditRequest:
    image = pictures.image(message.canvas.source, "canvas.source")
    mask, region = _where(message, image, pictures)
    output = message.output
    return EditRequest(
        image=image,
        prompt=message.prompt.text,
        negative_prompt=message.prompt.negative,
        operations=tuple(
            read_operation(each, catalog, pictures, image.size, f"operations[{i}]")
            for i, each in enumerate(message.operations)
        ),
        mask=mask,
        region=region,
        feather=round(message.mask.feather_px) if mask is not None else 0,
        padding=_padding(message.canvas, image, mask, region),
        model=message.model or DEFAULT_MODEL,
        steps=message.sampling.steps if message.sampling.HasField("steps") else None,
        sampler=message.sampling.sampler or None,
        seed=_seed(message.sampling, output.count or 1),
        variants=output.count or 1,
        output=_DELIVERIES[_known(output.delivery, _DELIVERIES, "output.delivery")],
        exact=message.sampling.exact,
        working_size=_working_size(message.canvas.working_size),
        depth=_depth(output, image),
        profile=pictures.profile(output.color_profile, "output.color_profile"),
    )


def _working_size(policy: edit_pb2.WorkingSizePolicy) -> int | Size | None:
    chosen = policy.WhichOneof("policy")
    if chosen is None:
        return None
    if chosen == "long_side_px":
        return policy.long_side_px
    return Size(policy.size.width, policy.size.height)


def _depth(output: edit_pb2.Output, image: Image) -> str | None:
    """The depth of the results: as asked for, else the nearest to the source's that they hold."""
    depth, kind = _DEPTHS[output.sample_type], MEDIA_TYPES[output.media_type]
    return depth_for(kind, image.depth, depth, "output.media_type") if kind else depth


def _where(
    message: edit_pb2.EditRequest, image: Image, pictures: PictureReader
) -> tuple[Mask | None, Rect | None]:
    """The mask, cut to the selection, or the selection alone."""
    selection = None
    if message.canvas.HasField("selection"):
        selection = rect_of(message.canvas.selection, "canvas.selection")
    if not message.HasField("mask"):
        if selection is not None and not image.bounds.contains(selection):
            allowed = f"a rectangle inside the {image.width}x{image.height} picture"
            raise InvalidField("canvas.selection", selection, allowed, "move or shrink it")
        return None, selection
    mask = pictures.mask(message.mask, image.size, "mask")
    if selection is None:
        return mask, None
    inside = Mask.rectangle(image.size, selection)
    return Mask(np.minimum(mask.strength, inside.strength)), None


def _padding(
    canvas: edit_pb2.Canvas, image: Image, mask: Mask | None, region: Rect | None
) -> int | None:
    chosen = canvas.context.WhichOneof("policy")
    if chosen is None:
        return None
    if chosen == "whole_canvas":
        return _WHOLE if canvas.context.whole_canvas else None
    if chosen == "padding_px":
        return canvas.context.padding_px
    share = canvas.context.padding_fraction
    if not 0 <= share <= _PADDING:
        field = "canvas.context.padding_fraction"
        raise InvalidField(field, share, f"0 to {_PADDING:g}", "choose a number in that range")
    area = region or (mask.bbox() if mask is not None else None) or image.bounds
    return min(round(share * max(area.width, area.height)), _WHOLE)


def _seed(sampling: sampling_pb2.Sampling, count: int) -> int:
    seeds, mode = list(sampling.seeds), sampling.seed_mode
    if mode not in sampling_pb2.SeedMode.values():
        known = ", ".join(sampling_pb2.SeedMode.keys())
        raise InvalidField("sampling.seed_mode", mode, known, "use one of these")
    if mode == sampling_pb2.SEED_MODE_RANDOM:
        if seeds:
            raise InvalidField(
                "sampling.seeds", seeds, "none with SEED_MODE_RANDOM", "leave them out"
            )
        return secrets.randbelow(_DRAWN_SEEDS)
    if mode == sampling_pb2.SEED_MODE_LIST:
        if seeds != list(range(seeds[0] if seeds else 0, (seeds[0] if seeds else 0) + count)):
            allowed = f"{count} seeds, each one more than the last"
            raise InvalidField("sampling.seeds", seeds, allowed, "send one request per seed")
        return seeds[0]
    if len(seeds) > 1:
        raise InvalidField("sampling.seeds", seeds, "at most one", "use SEED_MODE_LIST for more")
    return seeds[0] if seeds else 0


def _check_counts(message: edit_pb2.EditRequest) -> None:
    """Refuse what is too much, before any picture is read."""
    preview = message.output.preview
    for field, given, low, high in (
        ("output.count", message.output.count, 0, MAX_VARIANTS),
        ("operations", len(message.operations), 0, MAX_OPERATIONS),
        ("output.preview.every_steps", preview.every_steps, 0, 1000),
        ("output.preview.max_side_px", preview.max_side_px or 64, 64, 1024),
    ):
        if not low <= given <= high:
            raise InvalidField(field, given, f"{low} to {high}", "choose a number in that range")


def _check_output(output: edit_pb2.Output) -> None:
    """Refuse a form that results cannot have."""
    if output.media_type not in MEDIA_TYPES:
        allowed = ", ".join(name for name in MEDIA_TYPES if name)
        raise InvalidField("output.media_type", output.media_type, allowed, "use one of these")
    if output.sample_type not in _DEPTHS:
        given, allowed = output.sample_type, "UINT8, UINT16, FLOAT32, or unset: as the source"
        raise InvalidField("output.sample_type", given, allowed, "use one of these")
    file = MEDIA_TYPES[output.media_type]
    if output.channel_order not in (_ROWS if not file else _ROWS[:1]):
        allowed = "RGBA or BGRA, of raw rows" if not file else "unset, in a file"
        raise InvalidField("output.channel_order", output.channel_order, allowed, "leave it out")
    patch = output.delivery != edit_pb2.DELIVERY_COMPOSITED
    if file == "JPEG" and patch:
        allowed = "image/png, image/webp, image/tiff: a patch has transparency"
        fix = "choose one of these, or DELIVERY_COMPOSITED"
        raise InvalidField("output.media_type", output.media_type, allowed, fix)


def _known(value: int, known: dict[int, Output], field: str) -> int:
    if value not in known:
        raise InvalidField(field, value, f"0 to {max(known)}", "use one of the named values")
    return value
