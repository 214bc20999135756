"""``CatalogService``: what this installation can do, so that hosts build their panels from it."""

from __future__ import annotations

import asyncio
import dataclasses
import typing
from collections.abc import Mapping
from typing import Any, Final

import grpc
from google.protobuf.struct_pb2 import Value

import retouch
from retouch.catalog import Catalog, installed
from retouch.errors import ModelError
from retouch.imaging.control import KINDS as CONTROLS
from retouch.imaging.decode import MAX_BYTES, MAX_PIXELS
from retouch.imaging.image import Image, Mask
from retouch.models.geometry import read_geometry
from retouch.models.records import ModelRecord, list_models
from retouch.operation import Operation
from retouch.parameters import MAX_TEXT, Parameter, optional_base, parameters_of
from retouch.plan import layout_of
from retouch.request import MAX_OPERATIONS, MAX_VARIANTS
from retouch.sampling.schedulers import MOST_STEPS, SAMPLERS
from retouch.v1 import catalog_pb2, image_pb2, operation_pb2
from retouch.v1 import catalog_service_pb2 as pb
from retouch.v1 import catalog_service_pb2_grpc as rpc
from retouch_daemon.front.statuses import answering

_KINDS: Final = {
    "checkpoint": catalog_pb2.MODEL_KIND_BASE,
    "ip_adapter": catalog_pb2.MODEL_KIND_IP_ADAPTER,
    "t2i_adapter": catalog_pb2.MODEL_KIND_T2I_ADAPTER,
    "clip": catalog_pb2.MODEL_KIND_RANKER,
    "preview": catalog_pb2.MODEL_KIND_PREVIEW,
}
_TYPES: Final[dict[object, catalog_pb2.ParameterType.ValueType]] = {
    float: catalog_pb2.PARAMETER_TYPE_NUMBER,
    int: catalog_pb2.PARAMETER_TYPE_INTEGER,
    bool: catalog_pb2.PARAMETER_TYPE_BOOLEAN,
    str: catalog_pb2.PARAMETER_TYPE_TEXT,
    Image: catalog_pb2.PARAMETER_TYPE_IMAGE,
    Mask: catalog_pb2.PARAMETER_TYPE_MASK,
}
#: Parameters that travel on the operation itself.
_ENVELOPE: Final = ("start", "stop", "mask")


class CatalogService(rpc.CatalogServiceServicer):
    """Describes the daemon."""

    async def Describe(
        self, request: pb.DescribeRequest, context: grpc.aio.ServicerContext[Any, Any]
    ) -> pb.DescribeResponse:
        """Describe everything that is installed."""
        async with answering(context):
            return pb.DescribeResponse(catalog=await asyncio.to_thread(describe))


def describe() -> catalog_pb2.Catalog:
    """Return operations, models, samplers, limits and version; broken models are left out."""
    known = installed()
    return catalog_pb2.Catalog(
        operations=[_operation(kind, known) for kind in known.operations.values()],
        models=[_model(record) for record in list_models()],
        samplers=[
            catalog_pb2.SamplerDescription(
                name=name,
                summary=recipe.summary,
                calls_per_step=recipe.order,
                adds_noise=not recipe.deterministic,
            )
            for name, recipe in SAMPLERS.items()
        ],
        limits=catalog_pb2.Limits(
            image_pixels=MAX_PIXELS,
            image_bytes=MAX_BYTES,
            prompt_characters=MAX_TEXT,
            steps=MOST_STEPS,
            variants=MAX_VARIANTS,
            operations=MAX_OPERATIONS,
        ),
        retouch_version=retouch.__version__,
    )


def _operation(kind: type[Operation], catalog: Catalog) -> catalog_pb2.OperationDescription:
    parameters = parameters_of(kind)
    names = {each.name for each in parameters}
    field = operation_pb2.Operation.DESCRIPTOR.fields_by_name.get(kind.name)
    message = field.message_type if field is not None else None
    return catalog_pb2.OperationDescription(
        name=kind.name,
        summary=kind.summary,
        paper=kind.source,
        parameters=[_parameter(each) for each in parameters if each.name not in _ENVELOPE],
        message_type=message.full_name if message is not None else "",
        accepts_region="mask" in names,
        accepts_window={"start", "stop"} <= names,
        provided_by=catalog.packages[kind.name],
    )


def _parameter(known: Parameter) -> catalog_pb2.ParameterDescription:
    base = optional_base(known.type)
    many = typing.get_origin(base) is tuple
    kind = catalog_pb2.PARAMETER_TYPE_WORD_WEIGHTS
    if known.choices:
        kind = catalog_pb2.PARAMETER_TYPE_CHOICE
    elif known.name == "model":
        kind = catalog_pb2.PARAMETER_TYPE_MODEL
    elif not issubclass(typing.get_origin(base) or object, Mapping):
        kind = _TYPES[typing.get_args(base)[0] if many else base]
    return catalog_pb2.ParameterDescription(
        name=known.name,
        type=kind,
        repeated=many,
        required=known.default is dataclasses.MISSING,
        unit=known.unit,
        minimum=known.low,
        maximum=known.high,
        default_value=_value(known.default),
        choices=known.choices,
        help=known.help,
    )


def _value(default: object) -> Value | None:
    if isinstance(default, bool):
        return Value(bool_value=default)
    if isinstance(default, int | float):
        return Value(number_value=default)
    return Value(string_value=default) if isinstance(default, str) else None


def _model(record: ModelRecord) -> catalog_pb2.ModelDescription:
    found = catalog_pb2.ModelDescription(
        name=record.name,
        kind=_KINDS[record.kind],
        family=record.family,
        sha256=record.sha256,
        size_bytes=record.bytes,
    )
    if record.kind == "checkpoint":
        try:
            geometry = read_geometry(record)
        except ModelError:
            return found
        layout, side = layout_of(geometry), geometry.native_size
        found.follows_instructions, found.inpaints = layout == "picture", layout == "inpaint"
        found.native_size.CopyFrom(image_pb2.Size(width=side, height=side))
    variety = record.name.rpartition("-")[2]  # as ``choose_adapter`` reads it
    if record.kind == "t2i_adapter" and variety in CONTROLS:
        found.control_kind = variety
    return found
