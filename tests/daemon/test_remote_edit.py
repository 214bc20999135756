"""``retouch edit --remote`` is ``retouch edit``: the same flags, files, words and exit codes."""

import json

import cv2
import numpy as np
import pytest
from PIL import Image as Pillow

from retouch.cli.main import run


@pytest.fixture
def edit(served, monkeypatch, capsys):
    """Run the command in the shared daemon; its code, output and errors."""
    monkeypatch.setenv("RETOUCH_DAEMON", served.endpoint.address)
    monkeypatch.setenv("RETOUCH_DAEMON_TOKEN_FILE", str(served.folder / "token"))

    def edit(*arguments, remote="--remote"):
        capsys.readouterr()
        code = run(["edit", *([remote] if remote else []), *map(str, arguments)])
        shown = capsys.readouterr()
        return code, shown.out.strip(), shown.err.strip()

    return edit


SHORT = ("--prompt", "a red house", "--op", "sdedit:strength=0.6", "--steps", "4")


def test_a_picture_is_written_as_it_would_be_here(edit, house, tmp_path):
    there, here = tmp_path / "there.png", tmp_path / "here.png"
    code, out, _ = edit(house, "-o", there, *SHORT, "--seed", 3)
    assert (code, out) == (0, f"{there}  seed 3  watermark embedded")
    code, out, _ = edit(house, "-o", here, *SHORT, "--seed", 3, remote="")
    assert (code, out) == (0, f"{here}  seed 3  watermark embedded")
    first, second = (np.asarray(Pillow.open(p).convert("RGB")).astype(int) for p in (there, here))
    assert np.abs(first - second).mean() < 4  # the marks carry different numbers
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith(".")] == []


def test_json_has_what_it_has_here(edit, house, tmp_path):
    arguments = (house, *SHORT, "--variants", 2, "--json", "--patch", "--region", "0,0,64,64")
    found = []
    for remote in ("--remote", ""):
        code, out, _ = edit("-o", tmp_path / f"out{remote}.tiff", *arguments, remote=remote)
        assert code == 0
        found.append([json.loads(line) for line in out.splitlines()])
    for there, here in zip(*found, strict=True):
        assert there.keys() == here.keys() and there["seed"] == here["seed"]
        assert there["settings"] == here["settings"]
        assert there["receipt"].keys() == here["receipt"].keys()
        assert there["receipt"]["form"] == here["receipt"]["form"] == "patch"
    assert len(list(tmp_path.glob("out*-[12].tiff"))) == 4


def test_a_named_daemon_depth_and_working_size(edit, served, house, tmp_path):
    out = tmp_path / "out.png"
    remote = f"--remote={served.endpoint.address}"
    code, *_ = edit(
        house, "-o", out, *SHORT, "--depth", "16", "--working-size", "96x96", remote=remote
    )
    assert code == 0 and cv2.imread(str(out), cv2.IMREAD_UNCHANGED).dtype == np.uint16


def test_a_plan_has_what_it_has_here(edit, house):
    there, here = (
        json.loads(edit(house, *SHORT, "--plan", "--json", remote=remote)[1])
        for remote in ("--remote", "")
    )
    assert there.keys() == here.keys()
    same = set(there) - {"operations", "memory"}
    assert {name: there[name] for name in same} == {name: here[name] for name in same}
    assert set(there["operations"]) == set(here["operations"])
    assert there["operations"]["sdedit"] == here["operations"]["sdedit"]


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (("--prompt", "a naked child"), 3, "blocked by the prompt check"),
        (("--model", "absent"), 2, "not installed"),
        (("--steps", "9999"), 2, "sampling.steps"),
        (("--policy", "strict"), 2, "--policy"),
        (("--depth", "float"), 2, "TIFF"),
        (("--working-size", "big"), 2, "--working-size"),
        (("--profile", "absent.icc"), 2, "--profile"),
    ],
)
def test_exit_codes_are_the_same(edit, house, tmp_path, arguments, code, words):
    found, _, err = edit(house, "-o", tmp_path / "out.png", *arguments)
    assert found == code and words in err
    assert not list(tmp_path.iterdir())


def test_no_daemon_is_a_failure(edit, house, tmp_path):
    code, _, err = edit(house, "-o", tmp_path / "out.png", remote="--remote=127.0.0.1:9")
    assert code == 1 and "retouch serve" in err
