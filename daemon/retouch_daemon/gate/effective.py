"""A request with everything filled in that it leaves open, so that it can be run again years later.

What is written are the request's own words where it has some, and the plan's where it has none.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from google.protobuf.message import Message

import retouch
from retouch.catalog import installed
from retouch.errors import ModelError
from retouch.imaging.image import Image, Mask
from retouch.imaging.region import default_padding
from retouch.models.records import find_model
from retouch.models.store import digest_of
from retouch.operation import Operation
from retouch.parameters import Parameter, parameters_of
from retouch.plan import Plan
from retouch.v1 import edit_pb2, image_pb2, operation_pb2, plan_pb2, sampling_pb2

_WINDOW = ("start", "stop")
_SAMPLES = {
    "uint8": image_pb2.SAMPLE_TYPE_UINT8,
    "uint16": image_pb2.SAMPLE_TYPE_UINT16,
    "float32": image_pb2.SAMPLE_TYPE_FLOAT32,
}


def effective_of(
    message: edit_pb2.EditRequest,
    plan: Plan,
    device: str,
    *,
    seed: int | None = None,
) -> plan_pb2.EffectiveParameters:
    """Return everything needed to run an edit, or one variant of it, again.

    Args:
        message: the request.
        plan: of it.
        device: where and how it runs.
        seed: of a variant; the request is then of that one alone. None: of all of it.
    """
    request = edit_pb2.EditRequest()
    request.CopyFrom(message)
    request.model = plan.model.name
    request.priority = message.priority or edit_pb2.PRIORITY_CLASS_INTERACTIVE
    # What chose among several candidates is done: the seed is the chosen one's.
    settled = [op.settled(plan) for op in plan.operations if seed is None or op.candidates() == 1]
    _fill_operations(request, message, settled)
    sampling = request.sampling
    sampling.sampler, sampling.steps = plan.sampler, plan.steps
    sampling.seed_mode = sampling_pb2.SEED_MODE_INCREMENT
    del sampling.seeds[:]
    sampling.seeds.append(plan.request.seed if seed is None else seed)
    _fill_canvas(request, plan)
    _fill_output(request.output, plan, 1 if seed is not None else plan.request.variants)
    return plan_pb2.EffectiveParameters(
        request=request,
        model_sha256=digest_of(plan.model),
        other_models_sha256=_other_models(settled),
        retouch_version=retouch.__version__,
        operation_versions={op.name: provided_by(op.name) for op in settled},
        device=device,
    )


def provided_by(operation: str) -> str:
    """Return the distribution that provides an operation, with its version."""
    return _with_version(installed().packages.get(operation, "unknown"))


@cache  # what is imported stays as it is: its version is read once
def _with_version(package: str) -> str:
    try:
        return f"{package} {version(package)}"
    except PackageNotFoundError:
        return package


def _fill_canvas(request: edit_pb2.EditRequest, plan: Plan) -> None:
    if plan.region is None:
        return
    width, height = plan.region.working
    request.canvas.working_size.size.CopyFrom(image_pb2.Size(width=width, height=height))
    if request.canvas.context.WhichOneof("policy") is None:
        area = plan.mask.bbox() if plan.mask is not None else None
        area = area or plan.request.image.bounds
        request.canvas.context.padding_px = default_padding(area)


def _fill_output(output: edit_pb2.Output, plan: Plan, count: int) -> None:
    output.count = count
    output.delivery = output.delivery or edit_pb2.DELIVERY_PATCH
    output.media_type = output.media_type or "image/png"
    output.sample_type = _SAMPLES[plan.request.image.depth]


def _other_models(operations: list[Operation]) -> dict[str, str]:
    """Digests of the adapters and rankers that operations name."""
    found = {}
    for operation in operations:
        name = getattr(operation, "model", None)
        if isinstance(name, str) and name:
            try:
                found[name] = digest_of(find_model(name))
            except ModelError:  # a parameter of that name that means something else
                continue
    return found


def _fill_operations(
    request: edit_pb2.EditRequest,
    message: edit_pb2.EditRequest,
    settled: list[Operation],
) -> None:
    """Write all operations, implied ones too, with all of their parameters, in acting order."""
    given: dict[str, list[operation_pb2.Operation]] = {}
    for each in message.operations:
        given.setdefault(_name(each), []).append(each)
    del request.operations[:]
    for operation in settled:
        mine = given.get(operation.name)
        filled = request.operations.add()
        if mine:  # the sort by stages keeps the order of those of one name
            filled.CopyFrom(mine.pop(0))
        _fill(filled, operation)


def _name(message: operation_pb2.Operation) -> str:
    technique = message.WhichOneof("technique")
    return _custom(message).name if technique == "custom" else str(technique)


def _custom(message: operation_pb2.Operation) -> operation_pb2.CustomOperation:
    found = operation_pb2.CustomOperation()
    message.custom.Unpack(found)
    return found


def _fill(message: operation_pb2.Operation, operation: Operation) -> None:
    own = operation_pb2.Operation.DESCRIPTOR.fields_by_name.get(operation.name)
    custom = None
    if message.WhichOneof("technique") == "custom" or own is None:
        custom = _custom(message)
        custom.name = operation.name
    else:
        getattr(message, operation.name).SetInParent()
    for known in parameters_of(type(operation)):
        value = getattr(operation, known.name)
        if not _is_plain(value, known):
            continue  # a picture is the message's own, and no value is no value
        if known.name in _WINDOW:
            setattr(message, known.name, value)
        elif custom is not None:
            plain = list(value) if isinstance(value, tuple) else value
            custom.parameters.update(
                {known.name: dict(plain) if isinstance(plain, Mapping) else plain}
            )
        else:
            _set(getattr(message, operation.name), known.name, value)
    if custom is not None:
        message.custom.Pack(custom)


def _is_plain(value: object, known: Parameter) -> bool:
    if value is None or isinstance(value, Image | Mask):
        return False
    return not (isinstance(value, tuple) and any(isinstance(each, Image) for each in value))


def _set(technique: Message, name: str, value: Any) -> None:
    described = technique.DESCRIPTOR.fields_by_name[name]
    if isinstance(value, Mapping):
        getattr(technique, name).update(value)
    elif isinstance(value, tuple):
        del getattr(technique, name)[:]
        getattr(technique, name).extend(value)
    elif described.enum_type is not None:
        prefix = described.enum_type.values[0].name.removesuffix("UNSPECIFIED")
        word = described.enum_type.values_by_name[prefix + value.upper()]
        setattr(technique, name, word.number)
    else:
        setattr(technique, name, value)
