"""What an embedded model is, is read once, and again when its files change."""

import json
import shutil

import pytest

from retouch.errors import ModelMissing
from retouch.models import records

NAMES = ("retouch-mini", "retouch-mini-lcm")


@pytest.fixture
def shipped(tmp_path, monkeypatch):
    """A copy of two shipped models, the second of which borrows from the first; weights of none."""
    folder = tmp_path / "embedded"
    for name in NAMES:
        source = records.EMBEDDED / name
        for file in source.rglob("*"):
            if file.is_file():
                target = folder / file.relative_to(records.EMBEDDED)
                target.parent.mkdir(parents=True, exist_ok=True)
                shutil.copy(file, target)
    monkeypatch.setattr(records, "EMBEDDED", folder)
    monkeypatch.setenv("RETOUCH_HOME", str(tmp_path / "home"))
    return folder


@pytest.fixture
def read(monkeypatch):
    """Folders that were looked into."""
    found, detect = [], records.detect
    monkeypatch.setattr(records, "detect", lambda path: found.append(path.name) or detect(path))
    return found


def test_it_is_read_once(shipped, read):
    first = [records.find_model(name) for name in NAMES]
    assert sorted(read) == sorted(NAMES), "the lender, too"
    assert [records.find_model(name) for name in NAMES] == first
    assert records.list_models() == tuple(first)
    assert sorted(read) == sorted(NAMES)


def test_what_changes_is_read_again(shipped, read):
    before = records.find_model(NAMES[0])
    file = next(shipped.glob(f"{NAMES[0]}/**/*scheduler_config.json"))
    config = json.loads(file.read_text())
    assert before.prediction_type == config["prediction_type"] == "v_prediction"
    file.write_text(json.dumps(config | {"prediction_type": "epsilon", "of": "a test"}))
    assert records.find_model(NAMES[0]).prediction_type == "epsilon"
    (shipped / NAMES[0] / "more.safetensors").write_bytes(b"x" * 100)
    assert records.find_model(NAMES[0]).bytes == before.bytes + 100
    shutil.rmtree(shipped / NAMES[0])
    with pytest.raises(ModelMissing):
        records.find_model(NAMES[0])
