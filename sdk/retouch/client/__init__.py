"""Edits by a daemon: ``with Client() as client: client.edit("in.png", prompt=...)``. No torch."""

from retouch.client.client import Client
from retouch.client.results import RemoteResult

__all__ = ["Client", "RemoteResult"]
