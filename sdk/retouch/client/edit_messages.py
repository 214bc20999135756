"""Edits as messages: what ``retouch.EditRequest`` says, in the daemon's words."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from typing import Final, TypedDict

from retouch.client.operation_messages import NamedOperation, message_of
from retouch.client.uploads import Picture, Uploads
from retouch.errors import InvalidField
from retouch.imaging.image import Mask
from retouch.imaging.region import Rect, Size
from retouch.operation import Operation
from retouch.request import EditRequest
from retouch.v1 import edit_pb2, image_pb2

_DELIVERIES: Final = {
    "patch": edit_pb2.DELIVERY_PATCH,
    "composite": edit_pb2.DELIVERY_COMPOSITED,
    "both": edit_pb2.DELIVERY_BOTH,
}
_SAMPLES: Final = {
    "uint8": image_pb2.SAMPLE_TYPE_UINT8,
    "uint16": image_pb2.SAMPLE_TYPE_UINT16,
    "float32": image_pb2.SAMPLE_TYPE_FLOAT32,
}
PRIORITIES: Final[Mapping[str, edit_pb2.PriorityClass.ValueType]] = {
    "live": edit_pb2.PRIORITY_CLASS_LIVE,
    "interactive": edit_pb2.PRIORITY_CLASS_INTERACTIVE,
    "batch": edit_pb2.PRIORITY_CLASS_BATCH,
}


class EditSettings(TypedDict, total=False):
    """What :func:`edit_message` takes beside the picture; see there."""

    prompt: str
    negative_prompt: str
    operations: Sequence[Operation | NamedOperation]
    mask: Mask | Picture | None
    region: Rect | None
    feather: int
    padding: int | None
    model: str
    steps: int | None
    sampler: str
    seed: int
    variants: int
    output: str
    exact: bool
    working_size: int | Size | None
    depth: str | None
    profile: str | bytes | None
    media_type: str
    preview_steps: int
    preview_side: int
    priority: str
    group: str
    document_id: str
    time_limit: float | None


def known_word(field: str, word: str, known: Mapping[str, int]) -> int:
    """Return what a word stands for. Raises InvalidField."""
    if word not in known:
        raise InvalidField(field, word, ", ".join(known), "use one of these")
    return known[word]


def edit_message(
    uploads: Uploads,
    image: Picture,
    *,
    prompt: str = "",
    negative_prompt: str = "",
    operations: Sequence[Operation | NamedOperation] = (),
    mask: Mask | Picture | None = None,
    region: Rect | None = None,
    feather: int = 0,
    padding: int | None = None,
    model: str = "",
    steps: int | None = None,
    sampler: str = "",
    seed: int = 0,
    variants: int = 1,
    output: str = "composite",
    exact: bool = False,
    working_size: int | Size | None = None,
    depth: str | None = None,
    profile: str | bytes | None = None,
    media_type: str = "",
    preview_steps: int = 0,
    preview_side: int = 0,
    priority: str = "interactive",
    group: str = "",
    document_id: str = "",
    time_limit: float | None = None,
) -> edit_pb2.EditRequest:
    """Return an edit as a message with a new name; ``uploads`` gets what it refers to.

    Args:
        uploads: names pictures and masks.
        image: pixels, the bytes of a file, or its path.
        prompt, negative_prompt, operations, mask, region, feather, padding, model, steps, sampler,
        seed, variants, output, exact, working_size, depth, profile: as of ``retouch.EditRequest``;
            unset ones take the daemon's defaults.
        media_type: of the results; PNG by default.
        preview_steps: a preview every so many steps; 0 for none.
        preview_side: longest side of a preview in pixels; 0 for the daemon's default.
        priority: ``live``, ``interactive`` or ``batch``.
        group: of jobs that can be cancelled or replaced together.
        document_id: the host's name for the document.
        time_limit: seconds after which the result is of no use.

    Raises:
        InvalidField: a word that is not known. OSError: a file that cannot be read.
    """
    delivery = known_word("output", output, _DELIVERIES)
    chosen = known_word("priority", priority, PRIORITIES)
    message = edit_pb2.EditRequest(
        client_job_id=uuid.uuid4().hex,
        group=group,
        document_id=document_id,
        priority=edit_pb2.PriorityClass.ValueType(chosen),
        canvas=edit_pb2.Canvas(source=uploads.image(image)),
        prompt=edit_pb2.Prompt(text=prompt, negative=negative_prompt),
        operations=[message_of(each, uploads) for each in operations],
        model=model,
        output=edit_pb2.Output(
            count=variants,
            delivery=edit_pb2.Delivery.ValueType(delivery),
            media_type=media_type,
            preview=edit_pb2.PreviewPolicy(every_steps=preview_steps, max_side_px=preview_side),
        ),
    )
    if mask is not None:
        message.mask.CopyFrom(uploads.mask(mask))
        message.mask.feather_px = feather
    if region is not None:
        message.canvas.selection.CopyFrom(_rect(region))
    if padding is not None:
        message.canvas.context.padding_px = padding
    if time_limit is not None:
        message.time_limit.FromNanoseconds(round(time_limit * 1e9))
    _set_sampling(message, steps, sampler, seed, exact)
    _set_form(message, uploads, working_size, depth, profile)
    return message


def message_of_request(
    request: EditRequest, uploads: Uploads, *, media_type: str = ""
) -> edit_pb2.EditRequest:
    """Return a request, as ``Runner.run`` takes it, as a message. Raises InvalidField."""
    region, mask = request.region, request.mask
    if region is not None and request.feather:
        # The wire's feather is a mask's.
        mask, region = Mask.rectangle(request.image.size, region), None
    return edit_message(
        uploads,
        request.image,
        prompt=request.prompt,
        negative_prompt=request.negative_prompt,
        operations=request.operations,
        mask=mask,
        region=region,
        feather=request.feather,
        padding=request.padding,
        model=request.model,
        steps=request.steps,
        sampler=request.sampler or "",
        seed=request.seed,
        variants=request.variants,
        output=request.output,
        exact=request.exact,
        working_size=request.working_size,
        depth=request.depth,
        profile=request.profile,
        media_type=media_type,
    )


def _set_sampling(
    message: edit_pb2.EditRequest, steps: int | None, sampler: str, seed: int, exact: bool
) -> None:
    if steps is not None:
        message.sampling.steps = steps
    message.sampling.sampler, message.sampling.exact = sampler, exact
    message.sampling.seeds.append(seed)


def _set_form(
    message: edit_pb2.EditRequest,
    uploads: Uploads,
    working_size: int | Size | None,
    depth: str | None,
    profile: str | bytes | None,
) -> None:
    if isinstance(working_size, int):
        message.canvas.working_size.long_side_px = working_size
    elif working_size is not None:
        width, height = working_size
        message.canvas.working_size.size.CopyFrom(image_pb2.Size(width=width, height=height))
    if depth is not None:
        sample = known_word("depth", depth, _SAMPLES)
        message.output.sample_type = image_pb2.SampleType.ValueType(sample)
    if isinstance(profile, bytes):
        message.output.color_profile.icc_sha256 = uploads.data(profile).sha256
    elif profile is not None:
        message.output.color_profile.name = profile


def _rect(region: Rect) -> image_pb2.Rect:
    return image_pb2.Rect(x=region.x, y=region.y, width=region.width, height=region.height)
