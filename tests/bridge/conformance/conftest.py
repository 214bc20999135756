"""Both kits, each in a process of its own, and pictures as hosts hold them."""

import os
import socket
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from cutting_proxy import CuttingProxy
from held_pictures import Held
from kit_process import NODE, KitProcess

needs_node = pytest.mark.skipif(NODE is None, reason="node absent: install node 20 or newer")


@pytest.fixture(params=["python", pytest.param("javascript", marks=needs_node)])
def unconnected(request, tmp_path):
    """A kit that knows no daemon yet."""
    kit = KitProcess(request.param, str(tmp_path))
    yield kit
    kit.stop()


@pytest.fixture
def kit(unconnected, bridged):
    """A kit of the shared daemon."""
    assert unconnected.connect(bridged.gateway, bridged.token)["product"] == "retouch"
    return unconnected


@pytest.fixture
def proxied(unconnected, bridged):
    """A kit whose way to the shared daemon can break, and that way."""
    proxy = CuttingProxy(bridged.gateway)
    unconnected.connect(proxy.address, bridged.token)
    yield unconnected, proxy
    proxy.close()


@pytest.fixture
def held(tmp_path):
    """Pictures in files, as a host would read them."""
    return Held(tmp_path)


@pytest.fixture
def noise(tmp_path):
    """A file that no daemon has."""
    file = tmp_path / "noise"
    file.write_bytes(os.urandom(12_000_001))
    return file


@pytest.fixture
def free_port():
    with socket.create_server(("127.0.0.1", 0)) as taken:
        return taken.getsockname()[1]
