"""``CatalogService``: what this installation can do, so that hosts build their panels from it."""

from __future__ import annotations

import asyncio
import dataclasses
import typing
from collections.abc import AsyncIterator, Mapping, Sequence
from importlib.metadata import PackageNotFoundError, version
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
from retouch.models.records import ModelRecord, find_model, list_models
from retouch.models.store import digest_of
from retouch.operation import Operation
from retouch.parameters import MAX_TEXT, Parameter, optional_base, parameters_of
from retouch.plan import layout_of
from retouch.request import MAX_OPERATIONS, MAX_VARIANTS
from retouch.sampling.schedulers import MOST_STEPS, SAMPLERS
from retouch.v1 import catalog_pb2, image_pb2, operation_pb2
from retouch.v1 import catalog_service_pb2 as pb
from retouch.v1 import catalog_service_pb2_grpc as rpc
from retouch_daemon.front.asking import asked
from retouch_daemon.front.model_loading import ModelLoading, ModelLoadings
from retouch_daemon.front.statuses import refuse_unless_answered
from retouch_daemon.front.worker_process import WorkerGone, WorkerProcess
from retouch_daemon.storage.errors import QuotaExceeded

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
#: Seconds that the engine has to say which models are in memory.
_SOON: Final = 1.0
#: Parameters that travel on the operation itself.
_ENVELOPE: Final = ("start", "stop", "mask")

_Context = grpc.aio.ServicerContext[Any, Any]


class CatalogService(rpc.CatalogServiceServicer):
    """Describes the daemon, and has models loaded.

    Args:
        engine: where models are. gate: where their decoders are.
    """

    def __init__(self, engine: WorkerProcess, gate: WorkerProcess) -> None:
        self._engine, self._loadings = engine, ModelLoadings(engine, gate)
        self._describing: asyncio.Task[catalog_pb2.Catalog] | None = None

    async def Describe(self, request: pb.DescribeRequest, context: _Context) -> pb.DescribeResponse:
        """Describe everything that is installed."""
        # Those who ask at the same time get the same answer: a client that asks all the time
        # takes one thread, and leaves the others to everybody else.
        if self._describing is None or self._describing.done():
            self._describing = asyncio.create_task(self._described())
        return pb.DescribeResponse(catalog=await asyncio.shield(self._describing))

    async def LoadModel(
        self, request: pb.LoadModelRequest, context: _Context
    ) -> AsyncIterator[pb.LoadModelResponse]:
        """Load a model, and tell how far that is."""
        record = await asyncio.to_thread(find_model, request.model)
        async for progress in ModelLoading(self._loadings, record).run():
            yield progress

    async def UnloadModel(
        self, request: pb.UnloadModelRequest, context: _Context
    ) -> pb.UnloadModelResponse:
        """Give a model's memory back."""
        record = await asyncio.to_thread(find_model, request.model)
        answer = await asked(self._engine, "unload_model", record.name.encode())
        refuse_unless_answered(answer, "unload_model")
        return pb.UnloadModelResponse(was_loaded=answer.values.get("was_loaded") is True)

    async def _described(self) -> catalog_pb2.Catalog:
        catalog = await asyncio.to_thread(describe)
        loaded = await self._loaded()
        for model in catalog.models:
            model.loaded = model.name in loaded
        return catalog

    async def _loaded(self) -> Sequence[str]:
        """Models in memory; none where the engine does not say so soon."""
        try:
            async with asyncio.timeout(_SOON):
                return (await self._engine.call("models", b"")).texts("loaded")
        except (TimeoutError, WorkerGone, QuotaExceeded):
            return ()


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
        needs_mask=kind.needs_mask,
        accepts_region="mask" in names,
        accepts_window={"start", "stop"} <= names,
        provided_by=_with_version(catalog.packages[kind.name]),
    )


def _with_version(package: str) -> str:
    try:
        return f"{package} {version(package)}"
    except PackageNotFoundError:
        return package


def _digest(record: ModelRecord) -> str:
    try:
        return digest_of(record)
    except ModelError:  # its weights are gone; what is known of it still holds
        return ""


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
        sha256=_digest(record),
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
