"""Installed models: recorded only when they load, never copied, never half written."""

import dataclasses
import json
import os
import subprocess
import sys

import pytest
from safetensors.torch import load_file, save_file

from retouch.cli.main import run
from retouch.errors import InvalidField, ModelInvalid, ModelMissing
from retouch.models import records, store
from retouch.models.loading import load_checkpoint
from retouch.testing.adapters import (
    tiny_t2i_adapter,
    write_clip,
    write_ip_adapter,
    write_original_t2i_adapter,
    write_t2i_adapter,
)
from retouch.testing.checkpoints import tiny_sd, write_folder
from retouch.testing.comparing import different_weights
from retouch.testing.original_layout import write_single_file


@pytest.fixture(autouse=True)
def _nothing_embedded(tmp_path, monkeypatch):
    monkeypatch.setattr(records, "EMBEDDED", tmp_path / "embedded")


@pytest.fixture(scope="module")
def sd1():
    return tiny_sd("sd1", 8)


@pytest.fixture(scope="module")
def files(sd1, tmp_path_factory):
    root = tmp_path_factory.mktemp("models")
    t2i = tiny_t2i_adapter(sd1)
    return {
        "folder": write_folder(sd1, root / "folder"),
        "single": write_single_file(sd1, root / "single.safetensors"),
        "ip": write_ip_adapter(sd1, root / "ip"),
        "t2i": write_t2i_adapter(t2i, root / "t2i"),
        "t2i-file": write_original_t2i_adapter(t2i, root / "t2i-file.safetensors"),
        "clip": write_clip(root / "clip"),
    }


def test_every_kind_is_added_listed_and_verified(files, sd1):
    for name, path in files.items():
        record = store.add(path, name)
        assert record == records.find_model(name)
        assert len(record.sha256) == 64
        assert record.bytes > 0
    kinds = {record.name: record.kind for record in records.list_models()}
    assert kinds == {
        "clip": "clip",
        "folder": "checkpoint",
        "ip": "ip_adapter",
        "single": "checkpoint",
        "t2i": "t2i_adapter",
        "t2i-file": "t2i_adapter",
    }
    single = records.find_model("single")
    assert (single.family, single.in_channels, single.prediction_type) == ("sd1", 8, "epsilon")
    assert single.config == str(files["single"].with_suffix(""))
    assert single.cross_attention_dim == records.find_model("ip").cross_attention_dim == 32
    assert records.find_model("t2i").in_channels == 3
    for name in files:
        result = store.verify(name)
        assert not result.problem
        assert result.record.sha256 == records.find_model(name).sha256
    assert not different_weights(load_checkpoint("single"), sd1)
    assert load_checkpoint(single).name == "single"


def test_duplicates_and_bad_names_are_refused(files):
    store.add(files["ip"], "ip")
    with pytest.raises(InvalidField, match="not in use"):
        store.add(files["t2i"], "ip")
    with pytest.raises(InvalidField, match="'ip', or remove it first"):
        store.add(files["ip"], "other")
    for name in ("../up", ".hidden", "a/b", "a b", "x" * 81):
        with pytest.raises(InvalidField, match=r"model\.name"):
            store.add(files["t2i"], name)
    assert [record.name for record in records.list_models()] == ["ip"]


def test_nothing_is_recorded_when_loading_fails(tmp_path):
    bad = tmp_path / "bad.safetensors"
    bad.write_bytes(b"no model")
    with pytest.raises(ModelInvalid):
        store.add(bad)
    with pytest.raises(ModelMissing):
        store.add(tmp_path / "absent")
    assert records.list_models() == ()
    assert not records.records_folder().exists()


def test_remove_forgets_the_record_and_keeps_the_files(files):
    store.add(files["t2i"], "t2i")
    assert store.remove("t2i").path == files["t2i"]
    assert records.list_models() == ()
    assert files["t2i"].is_dir()
    with pytest.raises(ModelMissing, match="retouch models add PATH --name t2i"):
        store.remove("t2i")


def test_verify_sees_a_changed_and_a_missing_file(files, tmp_path):
    path = tmp_path / "t2i.safetensors"
    path.write_bytes(files["t2i-file"].read_bytes())
    store.add(path, "t2i")
    weights = load_file(path)
    weights["conv_in.bias"][0] += 1
    save_file(weights, path)
    assert "changed on disk" in store.verify("t2i").problem
    path.unlink()
    assert "no such file" in store.verify("t2i").problem
    assert [record.name for record in records.list_models()] == ["t2i"]


def test_damaged_records_are_left_out_and_can_be_removed(files):
    store.add(files["t2i"], "good")
    (records.records_folder() / "bad.json").write_text("{")
    (records.records_folder() / "odd.json").write_text(json.dumps({"name": "odd"}))
    assert [record.name for record in records.list_models()] == ["good"]
    assert [name for name, _ in records.broken_models()] == ["bad", "odd"]
    with pytest.raises(ModelInvalid, match="record is damaged"):
        records.find_model("odd")
    store.remove("bad")
    store.remove("odd")
    assert len(list(records.records_folder().glob("*"))) == 1


def test_hashes_are_reused_only_while_the_file_is_unchanged(files, tmp_path):
    path = tmp_path / "single.safetensors"
    path.write_bytes(files["single"].read_bytes())
    record = store.add(path, "mine", config=files["folder"])
    assert records.is_unchanged(record)
    marked = dataclasses.replace(record, sha256="f" * 64)
    assert load_checkpoint(marked).sha256 == "f" * 64
    os.utime(path, ns=(1, 1))
    assert not records.is_unchanged(marked)
    assert load_checkpoint(marked).sha256 == record.sha256


def test_a_record_is_written_whole_or_not_at_all(files, monkeypatch):
    record = store.add(files["t2i"], "t2i")
    before = (records.records_folder() / "t2i.json").read_bytes()

    def fail(*_):
        raise OSError("disk full")

    monkeypatch.setattr(os, "replace", fail)
    with pytest.raises(OSError, match="disk full"):
        records.write_record(record)
    assert [file.name for file in records.records_folder().iterdir()] == ["t2i.json"]
    assert (records.records_folder() / "t2i.json").read_bytes() == before


def test_embedded_models_are_listed_and_cannot_be_removed(tmp_path, sd1):
    base = write_folder(tiny_sd("sd1"), records.EMBEDDED / "mini")
    instruct = records.EMBEDDED / "mini-instruct"
    sd1.unet.save_pretrained(str(instruct / "unet"))
    (instruct / "model_index.json").write_text(json.dumps({"_retouch_base": "mini"}))
    write_ip_adapter(sd1, records.EMBEDDED / "mini-ip-adapter")
    found = {record.name: record for record in records.list_models()}
    assert set(found) == {"mini", "mini-instruct", "mini-ip-adapter"}
    assert found["mini"].path == base
    assert all(record.embedded for record in found.values())
    assert found["mini-instruct"].in_channels == 8
    assert found["mini-instruct"].prediction_type == "epsilon"
    assert found["mini-ip-adapter"].cross_attention_dim == 32
    assert load_checkpoint("mini-instruct").in_channels == 8
    assert not store.verify("mini-instruct").problem
    with pytest.raises(InvalidField, match="ships with Retouch"):
        store.remove("mini")


def test_command_line(files, capsys, tmp_path):
    assert run(["models", "list"]) == 0
    assert "no models installed" in capsys.readouterr().out
    assert run(["models", "add", str(files["single"]), "--name", "mine"]) == 0
    assert "added mine: checkpoint, sd1, 8 channels, epsilon" in capsys.readouterr().out
    assert run(["models", "add", str(files["single"]), "--name", "mine"]) == 2
    refused = capsys.readouterr().err
    assert "model.name: got 'mine'" in refused
    assert refused.strip().count("\n") == 0
    assert run(["models", "list"]) == 0
    assert "mine" in capsys.readouterr().out
    assert run(["models", "verify"]) == 0
    assert "mine: ok, sha256" in capsys.readouterr().out
    assert run(["models", "verify", "absent"]) == 2
    assert run(["models", "remove", "mine"]) == 0
    assert run(["models", "remove", "mine"]) == 2
    assert run(["models", "add", str(tmp_path / "absent")]) == 2


def test_verify_command_fails_when_a_model_does(files, tmp_path, capsys):
    path = tmp_path / "t2i.safetensors"
    path.write_bytes(files["t2i-file"].read_bytes())
    store.add(path, "t2i")
    path.unlink()
    assert run(["models", "verify"]) == 2
    assert "t2i: FAILED" in capsys.readouterr().err


def test_listing_needs_no_torch():
    code = (
        "import sys; from retouch.cli.main import run; run(['models', 'list']);"
        "run(['models', 'add', '--help']);"
        "sys.exit(any(m in sys.modules for m in ('torch', 'diffusers', 'transformers')))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, timeout=60)
    assert done.returncode == 0, done.stderr
