"""Who is let in, what a probe is told, and what each process of a real daemon has in it."""

import stat
from pathlib import Path

import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha.proto_reflection_descriptor_database import (
    ProtoReflectionDescriptorDatabase,
)

from retouch.client.client import Client
from retouch.client.failures import DaemonFailed
from retouch.client.finding import Endpoint
from retouch.v1 import catalog_service_pb2, catalog_service_pb2_grpc
from retouch_plugins.sdedit import SDEdit


def test_without_the_token_nobody_is_served(served, tmp_path):
    (tmp_path / "token").write_text("wrong")
    stranger = Client(Endpoint(served.endpoint.address, tmp_path / "token"))
    with stranger, pytest.raises(DaemonFailed, match="UNAUTHENTICATED"):
        stranger.describe()
    channel = grpc.insecure_channel(served.endpoint.address)
    stub = catalog_service_pb2_grpc.CatalogServiceStub(channel)
    with pytest.raises(grpc.RpcError) as caught:
        stub.Describe(catalog_service_pb2.DescribeRequest())
    assert caught.value.code() is grpc.StatusCode.UNAUTHENTICATED
    channel.close()


def test_the_socket_is_this_users_alone(served):
    assert stat.S_IMODE(served.socket.stat().st_mode) == 0o600
    endpoint = Endpoint(f"unix:{served.socket}", served.folder / "token")
    with Client(endpoint) as client:
        assert client.describe().operations


def test_the_standard_probes_work_without_a_token(served):
    channel = grpc.insecure_channel(served.endpoint.address)
    probe = health_pb2_grpc.HealthStub(channel)
    asked = health_pb2.HealthCheckRequest(service="retouch.v1.EditService")
    serving = health_pb2.HealthCheckResponse.SERVING
    # its workers may be starting still
    assert any(answer.status == serving for answer in probe.Watch(asked, timeout=120))
    assert probe.Check(asked).status == serving
    channel.close()


def test_reflection_lists_the_services(served):
    token = (served.folder / "token").read_text().strip()
    interceptor = _WithToken(token)
    channel = grpc.intercept_channel(grpc.insecure_channel(served.endpoint.address), interceptor)
    services = set(ProtoReflectionDescriptorDatabase(channel).get_services())
    wanted = {f"retouch.v1.{name}Service" for name in ("Edit", "Blob", "Catalog")}
    assert wanted <= services


class _WithToken(grpc.StreamStreamClientInterceptor):
    """Adds the token to the reflection's only kind of call."""

    def __init__(self, token):
        self._metadata = (("authorization", f"Bearer {token}"),)

    def intercept_stream_stream(self, continuation, details, requests):
        return continuation(details._replace(metadata=self._metadata), requests)


def test_the_catalogue_describes_every_operation_as_it_is(client):
    found = client.describe()
    assert {"sdedit", "prompt_to_prompt", "t2i_adapter"} <= {o.name for o in found.operations}
    (sdedit,) = (each for each in found.operations if each.name == "sdedit")
    (strength,) = (each for each in sdedit.parameters if each.name == "strength")
    assert (strength.minimum, strength.maximum) == (0.0, 1.0)
    assert strength.default_value.number_value == pytest.approx(SDEdit().strength)
    assert "retouch-mini" in {model.name for model in found.models}


def test_each_process_has_what_it_needs_alone(served, client, house):
    client.edit(house, prompt="a red house", steps=2)
    front, engine, gate = (
        Path(f"/proc/{pid}/maps").read_text()
        for pid in (served.process.pid, *served.workers("engine"), *served.workers("gate"))
    )
    assert "libtorch" not in front and "libtorch" in engine and "libtorch" in gate
    assert "onnxruntime" in gate  # the detector's
    assert "onnxruntime" not in front and "onnxruntime" not in engine
