"""Recipes and ``retouch.v1.EditRequest``: the same edit in the words of both; see docs/recipes.md.

A recipe names pictures by file, a message by the SHA-256 of their bytes. So a message that hosts
keep as JSON is a recipe where its pictures lie beside it, as ``<sha256>.png`` or another suffix.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.json_format import MessageToDict, ParseDict, ParseError
from google.protobuf.message import Message

from retouch.batch.choices import PER_FILE, Choices
from retouch.batch.located_yaml import Located
from retouch.batch.recipe_fields import read_fields
from retouch.v1 import edit_pb2, image_pb2, mask_pb2, operation_pb2

_WHOLE_CANVAS: Final = 65536
_SAMPLES: Final = {1: "uint8", 2: "uint16", 4: "float32"}
_WINDOW: Final = ("start", "stop")
#: Names that only a message has at its top.
_OWN: Final = frozenset(
    ["canvas", "sampling", "clientJobId", "client_job_id", "documentId", "document_id"]
)

#: Names the file of a picture, by its digest and the field that has it.
FileOf = Callable[[str, str], str]


def is_message(value: Mapping[str, Any]) -> bool:
    """Return whether a file's map is an EditRequest in protobuf's JSON, and no recipe."""
    parts = (value.get("prompt"), value.get("output"))
    return bool(_OWN & set(value)) or any(isinstance(part, dict) for part in parts)


def choices_of_message(said: Located, folder: Path) -> Choices:
    """Return an EditRequest in JSON as choices; its source picture and job's name do not count.

    Args:
        said: the file.
        folder: where its pictures lie.

    Raises:
        InvalidField: not such a message, a picture that is not there, or what no recipe can say.
    """
    message = edit_pb2.EditRequest()
    try:
        ParseDict(said.value, message)
    except ParseError as problem:
        fix = "save it again with protobuf's JSON"
        raise said.wrong("", str(problem), "a retouch.v1.EditRequest", fix) from problem

    def file_of(digest: str, field: str) -> str:
        found = sorted(folder.glob(f"{digest}.*")) if digest.isalnum() else []
        if not found:
            fix = "save that picture beside the recipe under this name"
            raise said.wrong(field, digest, f"a picture in {folder}/{digest}.png", fix)
        return found[0].name

    return Choices(**read_fields(said, recipe_of_message(message, file_of, said), ""))


def recipe_of_message(
    message: edit_pb2.EditRequest, file_of: FileOf, said: Located
) -> dict[str, Any]:
    """Return the fields of a recipe that say what a message says; defaults are left out.

    Args:
        message: of an edit.
        file_of: names the files of its pictures.
        said: where it was read, for errors.

    Raises:
        InvalidField: what no recipe can say.
    """
    canvas, output, sampling = message.canvas, message.output, message.sampling
    found: dict[str, Any] = {
        "prompt": message.prompt.text,
        "negative_prompt": message.prompt.negative,
        "operations": [_operation(each, file_of, said) for each in message.operations],
        "mask": _mask(message.mask, file_of, said) if message.HasField("mask") else None,
        "feather": round(message.mask.feather_px),
        "padding": _padding(canvas.context, said),
        "model": message.model,
        "sampler": sampling.sampler,
        "steps": sampling.steps if sampling.HasField("steps") else None,
        "variants": output.count,
        "exact": sampling.exact,
        "depth": _SAMPLES.get(output.sample_type),
        "working_size": _working_size(canvas.working_size),
        "profile": _profile(output.color_profile, file_of),
    }
    kept = {name: value for name, value in found.items() if value}
    if canvas.HasField("selection"):
        box = canvas.selection
        if "mask" in kept:
            fix = "cut the mask to the selection"
            raise said.wrong("canvas.selection", "beside a mask", "one of them", fix)
        kept["region"] = [box.x, box.y, box.width, box.height]
    composite = output.delivery == edit_pb2.DELIVERY_COMPOSITED
    kept["output"] = "composite" if composite else "patch"
    random = sampling.seed_mode == 3
    kept["seed"] = PER_FILE if random else (sampling.seeds[0] if sampling.seeds else 0)
    return kept


def edit_json(message: edit_pb2.EditRequest) -> dict[str, Any]:
    """Return a message as the JSON that hosts keep: without source picture and job's name."""
    bare = edit_pb2.EditRequest()
    bare.CopyFrom(message)
    bare.ClearField("client_job_id")
    bare.canvas.ClearField("source")
    return MessageToDict(bare)


def _mask(message: mask_pb2.Mask, file_of: FileOf, said: Located) -> dict[str, Any]:
    if message.HasField("bounds") or message.grow_px:
        given = "bounds or grow_px"
        raise said.wrong("mask", given, "a mask of the whole picture", "draw it at full size")
    black = message.polarity == mask_pb2.MASK_POLARITY_EDIT_BLACK
    return {"file": file_of(message.image.sha256, "mask.image.sha256"), "invert": black}


def _padding(context: edit_pb2.ContextPolicy, said: Located) -> int | None:
    chosen = context.WhichOneof("policy")
    if chosen == "padding_fraction":
        path, fix = "canvas.context.paddingFraction", "give paddingPx"
        raise said.wrong(path, context.padding_fraction, "paddingPx or wholeCanvas", fix)
    if chosen == "whole_canvas":
        return _WHOLE_CANVAS if context.whole_canvas else None
    return context.padding_px if chosen else None


def _working_size(policy: edit_pb2.WorkingSizePolicy) -> int | str | None:
    chosen = policy.WhichOneof("policy")
    if chosen == "size":
        return f"{policy.size.width}x{policy.size.height}"
    return policy.long_side_px if chosen else None


def _profile(profile: image_pb2.ColorProfile, file_of: FileOf) -> str | None:
    chosen = profile.WhichOneof("profile")
    if chosen == "icc_sha256":
        return file_of(profile.icc_sha256, "output.colorProfile.iccSha256")
    return profile.name if chosen else None


def _operation(
    message: operation_pb2.Operation, file_of: FileOf, said: Located
) -> dict[str, dict[str, Any]]:
    name: str = message.WhichOneof("technique") or ""
    if name == "custom":
        custom = operation_pb2.CustomOperation()
        message.custom.Unpack(custom)
        name, values = custom.name, _custom(custom, file_of, said)
    else:
        fields = getattr(message, name).ListFields() if name else ()
        values = {known.name: _value(known, value, file_of) for known, value in fields}
    values |= {known: getattr(message, known) for known in _WINDOW if message.HasField(known)}
    if message.HasField("region"):
        if message.region.WhichOneof("shape") != "mask":
            fix = "give a mask"
            raise said.wrong(f"operations.{name}.region", "a rectangle", "a mask", fix)
        values["mask"] = _plain_mask(message.region.mask, file_of, said)
    return {name: values}


def _plain_mask(message: mask_pb2.Mask, file_of: FileOf, said: Located) -> str:
    found = _mask(message, file_of, said)
    if found["invert"] or message.feather_px:
        fix = "save it white where it acts, with its soft edge"
        raise said.wrong("operations.region.mask", "inverted or feathered", "a plain mask", fix)
    return str(found["file"])


def _custom(
    custom: operation_pb2.CustomOperation, file_of: FileOf, said: Located
) -> dict[str, Any]:
    values: dict[str, Any] = dict(MessageToDict(custom.parameters))
    for name, given in custom.images.items():
        files = [file_of(each.sha256, f"operations.{custom.name}.{name}") for each in given.images]
        values[name] = files[0] if len(files) == 1 else files
    for name, mask in custom.masks.items():
        values[name] = _plain_mask(mask, file_of, said)
    return values


def _value(known: FieldDescriptor, value: Any, file_of: FileOf) -> Any:
    if isinstance(value, image_pb2.ImageRef):
        return file_of(value.sha256, known.name)
    if isinstance(value, Mapping):
        return dict(value)
    if known.is_repeated:
        return [
            file_of(v.sha256, known.name) if isinstance(v, image_pb2.ImageRef) else v for v in value
        ]
    if known.enum_type is not None and not isinstance(value, Message):
        names = known.enum_type.values_by_number
        prefix = known.enum_type.values[0].name.removesuffix("UNSPECIFIED")
        return str(names[value].name).removeprefix(prefix).lower()
    return value
