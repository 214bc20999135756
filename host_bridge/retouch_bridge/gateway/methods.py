"""The methods of ``retouch.v1``, read from their descriptors."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Final

from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass

from retouch.v1 import (
    blob_service_pb2,
    catalog_service_pb2,
    edit_service_pb2,
    trust_service_pb2,
)

_FILES: Final = (
    edit_service_pb2.DESCRIPTOR,
    blob_service_pb2.DESCRIPTOR,
    catalog_service_pb2.DESCRIPTOR,
    trust_service_pb2.DESCRIPTOR,
)


@dataclass(frozen=True, slots=True)
class Method:
    """One method.

    Attributes:
        name: service and method, for example ``EditService/Plan``.
        path: of gRPC and of HTTP, for example ``/retouch.v1.EditService/Plan``.
        request, response: classes of its messages.
        takes_stream, gives_stream: whether there are several of them.
    """

    name: str
    path: str
    request: type[Message]
    response: type[Message]
    takes_stream: bool
    gives_stream: bool


def _described() -> Iterator[Method]:
    for service in (each for file in _FILES for each in file.services_by_name.values()):
        for method in service.methods:
            about: Any = method  # the stubs do not know its streaming
            yield Method(
                f"{service.name}/{method.name}",
                f"/{service.full_name}/{method.name}",
                GetMessageClass(method.input_type),
                GetMessageClass(method.output_type),
                about.client_streaming,
                about.server_streaming,
            )


#: All of them, by name.
METHODS: Final = MappingProxyType({method.name: method for method in _described()})
