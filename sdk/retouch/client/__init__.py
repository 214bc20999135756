"""Edits by a daemon: ``with Client() as client: client.edit("in.png", prompt=...)``. No torch."""

from retouch.client.async_client import AsyncClient
from retouch.client.client import Client
from retouch.client.operation_messages import NamedOperation
from retouch.client.results import RemoteResult

__all__ = ["AsyncClient", "Client", "NamedOperation", "RemoteResult"]
