"""Pickles become safetensors without any of their code being run."""

import os
import pickle

import pytest
import torch
from safetensors.torch import load_file

from retouch.cli.main import run
from retouch.errors import InvalidField, ModelInvalid, ModelMissing
from retouch.models.convert import convert
from retouch.models.loading import load_checkpoint
from retouch.testing.checkpoints import tiny_sd
from retouch.testing.comparing import different_weights
from retouch.testing.original_layout import original_weights, write_configs


class Malicious:
    def __init__(self, target):
        self.target = str(target)

    def __reduce__(self):
        return (os.mkdir, (self.target,))


def test_a_converted_checkpoint_loads(tmp_path, capsys):
    made = tiny_sd("sd1")
    path = tmp_path / "old.ckpt"
    torch.save({"state_dict": original_weights(made), "global_step": 7, "notes": ["x"]}, path)
    assert run(["models", "convert", str(path)]) == 0
    assert "old.safetensors" in capsys.readouterr().out
    write_configs(made, tmp_path / "old")
    assert not different_weights(load_checkpoint(tmp_path / "old.safetensors"), made)
    assert run(["models", "convert", str(path)]) == 2
    assert "a new file that ends in .safetensors" in capsys.readouterr().err


def test_nested_weights_get_dotted_names(tmp_path):
    shared = torch.arange(6.0)
    torch.save({"image_proj": {"a": shared}, "ip_adapter": {"1.b": shared[:3]}}, tmp_path / "x.bin")
    weights = load_file(convert(tmp_path / "x.bin"))
    assert sorted(weights) == ["image_proj.a", "ip_adapter.1.b"]
    assert torch.equal(weights["ip_adapter.1.b"], torch.arange(3.0))


@pytest.mark.parametrize("old_format", [True, False])
def test_a_malicious_pickle_is_refused_and_not_run(tmp_path, old_format):
    target, path = tmp_path / "executed", tmp_path / "evil.ckpt"
    torch.save(
        {"state_dict": {"w": torch.ones(1)}, "x": Malicious(target)},
        path,
        _use_new_zipfile_serialization=not old_format,
    )
    with pytest.raises(ModelInvalid, match="nothing in it was run"):
        convert(path)
    with pytest.raises(ModelInvalid, match="retouch models convert"):
        load_checkpoint(path)
    path.write_bytes(pickle.dumps(Malicious(target)))
    with pytest.raises(ModelInvalid):
        convert(path)
    assert not target.exists()
    assert [file.name for file in tmp_path.iterdir()] == ["evil.ckpt"]


def test_what_cannot_be_converted(tmp_path):
    with pytest.raises(ModelMissing):
        convert(tmp_path / "absent.ckpt")
    for content in (b"", b"garbage", b"PK\x03\x04broken"):
        (tmp_path / "x.ckpt").write_bytes(content)
        with pytest.raises(ModelInvalid):
            convert(tmp_path / "x.ckpt")
    torch.save({"epoch": 3}, tmp_path / "x.ckpt")
    with pytest.raises(ModelInvalid, match="no named tensors"):
        convert(tmp_path / "x.ckpt")
    torch.save({"w": torch.ones(1)}, tmp_path / "x.ckpt")
    with pytest.raises(InvalidField):
        convert(tmp_path / "x.ckpt", tmp_path / "x.bin")
    assert [file.name for file in tmp_path.iterdir()] == ["x.ckpt"]
