"""Models that are loaded ahead of their use, and given back."""

import pytest

from retouch.errors import InvalidField, ModelError, ModelInUse
from retouch.v1 import catalog_service_pb2 as pb
from retouch_plugins.sdedit import SDEdit

NAME = "retouch-mini-instruct"


def loaded(client):
    return {model.name for model in client.describe().models if model.loaded}


def test_a_model_is_loaded_and_given_back(client):
    seen = []
    client.load_model(NAME, on_loading=seen.append)
    assert seen[-1].stage == pb.LOAD_STAGE_READY
    assert seen[-1].loaded_bytes == seen[-1].total_bytes > 0
    counts = [each.loaded_bytes for each in seen]
    assert counts == sorted(counts)
    assert NAME in loaded(client)
    assert client.unload_model(NAME) and NAME not in loaded(client)
    assert not client.unload_model(NAME)


def test_an_adapter_is_loaded_too(client):
    client.load_model("retouch-mini-t2i-canny")
    assert "retouch-mini-t2i-canny" in loaded(client)


def test_a_model_that_an_edit_uses_stays(client, house):
    long = {"prompt": "a house", "operations": [SDEdit(strength=0.9)], "steps": 200}
    job = client.submit(client.message(house, **long))
    for event in client.watch(job):
        if event.WhichOneof("event") == "progress":
            break
    with pytest.raises(ModelInUse, match="retouch-mini"):
        client.unload_model("retouch-mini")
    assert client.cancel(job) == (job,)


@pytest.mark.parametrize(
    ("name", "kind"), [("absent", ModelError), ("../../etc/passwd", InvalidField)]
)
def test_what_is_not_installed_is_said(client, name, kind):
    for ask in (client.load_model, client.unload_model):
        with pytest.raises(kind, match="model"):
            ask(name)


def test_every_model_has_its_digest(client):
    digests = {model.name: model.sha256 for model in client.describe().models}
    assert all(len(digest) == 64 for digest in digests.values())
    assert len(set(digests.values())) == len(digests)
