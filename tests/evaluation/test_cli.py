import subprocess
import sys

import pytest

from retouch.cli.evaluate import make_options
from retouch.cli.main import run
from retouch.evaluation.yardstick import PARTS

HEAVY = ("torch", "diffusers", "transformers", "onnxruntime", "matplotlib")


def test_help_is_light():
    code = (
        "import sys\nfrom retouch.cli.main import run\nassert run(['eval', '--help']) == 0\n"
        f"assert not [name for name in {HEAVY!r} if name in sys.modules]\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "generation|editing|curves|speed|all" in done.stdout


def options(tmp_path, **given):
    known = {
        "count": 4,
        "without_count": None,
        "curve_count": None,
        "seed": 0,
        "model": "retouch-mini",
        "out": tmp_path,
        "folder": None,
        "rows": (),
        "fresh": False,
        "device": None,
    }
    return known | given


def test_all_runs_every_part_and_a_folder_only_what_needs_no_scenes(tmp_path):
    assert make_options("all", options(tmp_path)).parts == PARTS
    assert make_options("editing", options(tmp_path)).parts == ("editing",)
    assert make_options("all", options(tmp_path, without_count=2)).without_count == 2
    (tmp_path / "a.png").touch()
    (tmp_path / "mapping.csv").write_text("picture,target\na.png,a dog\n")
    found = make_options("all", options(tmp_path, folder=tmp_path))
    assert found.parts == ("editing", "curves")
    assert len(found.source.entries) == 1


BAD = [
    (["editing", "--row", "sdedits"], "--row: got 'sdedits'; allowed: bounds, autoencoder, sdedit"),
    (["--folder", "nowhere"], "--folder: got 'nowhere'"),
    (["--report"], "results: got"),
    (["--docs", "nowhere.json"], "results: got 'nowhere.json'"),
    (["--model", "nothing"], "'nothing' is not installed here"),
]


@pytest.mark.parametrize(("arguments", "message"), BAD, ids=[message for _, message in BAD])
def test_bad_input_is_one_clear_line(arguments, message, tmp_path, capsys, own_home, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert run(["eval", *arguments, "--out", "out"]) == 2
    said = capsys.readouterr().err
    assert message in said
    assert "Fix: " in said
    assert len(said.strip().splitlines()) == 1


def test_a_folder_with_generation_is_refused(tmp_path, capsys):
    assert run(["eval", "generation", "--folder", str(tmp_path), "--out", str(tmp_path)]) == 2
    assert "PART: got 'generation'" in capsys.readouterr().err
