"""What an owner has not allowed is not there: operations by name, models by folder."""

import os

import pytest

from retouch.catalog import ALLOWED_VARIABLE, read_catalog
from retouch.errors import ModelInvalid, UnknownName
from retouch.models.records import (
    ROOTS_VARIABLE,
    ModelRecord,
    broken_models,
    find_model,
    list_models,
    write_record,
)


def test_only_allowed_operations_are_loaded(monkeypatch):
    monkeypatch.setenv(ALLOWED_VARIABLE, "sdedit, soft_mask")
    catalog = read_catalog()
    assert set(catalog.operations) == {"sdedit", "soft_mask"}
    with pytest.raises(UnknownName, match="sdedit, soft_mask"):
        catalog.operation("best_of")


@pytest.mark.parametrize("value", [None, "", " ,"])
def test_where_nothing_is_said_all_are(monkeypatch, value):
    monkeypatch.delenv(ALLOWED_VARIABLE, raising=False)
    if value is not None:
        monkeypatch.setenv(ALLOWED_VARIABLE, value)
    assert {"sdedit", "best_of"} <= set(read_catalog().operations)


@pytest.fixture
def added(monkeypatch, tmp_path):
    """Adds the record of a model that lies at a path."""
    monkeypatch.setenv("RETOUCH_HOME", str(tmp_path / "home"))

    def add(name, path, **fields):
        path.parent.mkdir(parents=True, exist_ok=True)
        write_record(ModelRecord(name, "checkpoint", path, **fields))

    return add


def test_models_outside_of_the_roots_are_not_there(monkeypatch, tmp_path, added):
    inside, outside = tmp_path / "a", tmp_path / "b"
    added("in", inside / "deep" / "model.safetensors")
    added("out", outside / "model.safetensors")
    added("up", inside / ".." / "b" / "model.safetensors")
    added("config", inside / "model.safetensors", config=str(outside))
    inside.joinpath("link.safetensors").symlink_to(outside / "model.safetensors")
    added("link", inside / "link.safetensors")
    assert find_model("out").name == "out"
    monkeypatch.setenv(ROOTS_VARIABLE, os.pathsep.join((str(inside), str(tmp_path / "none"))))
    own = {record.name for record in list_models() if not record.embedded}
    assert own == {"in"}
    assert {name for name, _ in broken_models()} == {"out", "up", "config", "link"}
    with pytest.raises(ModelInvalid, match="retouch serve --models"):
        find_model("out")
    assert any(record.embedded for record in list_models()), "what ships is always there"
