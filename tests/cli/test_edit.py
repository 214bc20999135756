import json
import subprocess
import sys
import zlib

import numpy as np
import pytest
from PIL import Image as Pillow

from retouch.cli.main import EXIT_PARTLY_BLOCKED, run


@pytest.fixture
def picture(tmp_path):
    path = tmp_path / "in.png"
    values = np.random.default_rng(0).integers(0, 255, (90, 100, 3), np.uint8)
    Pillow.fromarray(values).save(path)
    return path


@pytest.fixture
def tiny(tiny_installed):
    return ["--model", "tiny", "--steps", "2"]


def edit(*arguments):
    return run(["edit", *map(str, arguments)])


def test_an_edit_writes_a_file_with_a_receipt(tiny, picture, tmp_path, capsys):
    out = tmp_path / "out.png"
    code = edit(picture, "-o", out, "--prompt", "a cat", "--op", "sdedit:strength=0.5", *tiny)
    assert code == 0
    assert Pillow.open(out).size == (100, 90)
    assert str(out) in capsys.readouterr().out


def test_variants_are_numbered_and_json_has_receipts(tiny, picture, tmp_path, capsys):
    out = tmp_path / "out.png"
    assert edit(picture, "-o", out, "--variants", 2, "--seed", 7, "--json", *tiny) == 0
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [line["seed"] for line in lines] == [7, 8]
    assert all(line["receipt"]["detectors"] for line in lines)
    assert (tmp_path / "out-1.png").exists() and (tmp_path / "out-2.png").exists()


class SaysNo:
    """A detector beside the real one that refuses chosen looks, counted from 0 for the document."""

    name, category = "says-no 1", "a test category"

    def __init__(self, *refused):
        self.refused, self.looks = refused, 0

    def score(self, rgb, region):
        self.looks += 1
        return {"whole": 0.9 if self.looks - 1 in self.refused else 0.0}

    def self_test(self):
        pass


@pytest.fixture
def refusing(monkeypatch):
    def install(*refused):
        found = (SaysNo(*refused),)
        monkeypatch.setattr("retouch_safety.gate.installed_detectors", lambda: found)

    return install


def test_a_refused_variant_is_told_and_the_others_are_written(
    tiny, refusing, picture, tmp_path, capsys
):
    refusing(2)
    out = tmp_path / "out.png"
    code = edit(picture, "-o", out, "--variants", 3, "--seed", 7, *tiny)
    shown = capsys.readouterr()
    assert code == EXIT_PARTLY_BLOCKED == 4
    written = sorted(path.name for path in tmp_path.glob("out*"))
    assert written == ["out-1.png", "out-3.png"]
    first, second, third = shown.out.splitlines()
    assert "out-1.png  seed 7  watermark" in first and "out-3.png  seed 9  watermark" in third
    assert "out-2.png  seed 8  not written: blocked by the detector check" in second
    assert "a test category, score 0.900, threshold 0.500" in second
    (error,) = shown.err.strip().splitlines()
    assert error == "error: the gate refused 1 of 3 variants; the other 2 are written"


def test_refused_variants_in_json(tiny, refusing, picture, tmp_path, capsys):
    refusing(1)
    out = tmp_path / "out.png"
    assert edit(picture, "-o", out, "--variants", 2, "--seed", 7, "--json", *tiny) == 4
    refused, released = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert (refused["file"], refused["seed"]) == (None, 7) and "receipt" not in refused
    assert refused["refused"]["stage"] == "detector" and refused["refused"]["score"] == 0.9
    assert refused["refused"]["message"].startswith("blocked by the detector check")
    assert released["receipt"] and released["seed"] == 8 and "refused" not in released


def test_all_variants_refused_is_exit_3_and_no_file(tiny, refusing, picture, tmp_path, capsys):
    refusing(1, 2)
    assert edit(picture, "-o", tmp_path / "out.png", "--variants", 2, *tiny) == 3
    shown = capsys.readouterr()
    assert shown.out == "" and "blocked by the detector check" in shown.err
    assert not list(tmp_path.glob("out*"))


def test_plan_prints_and_writes_nothing(tiny, picture, tmp_path, capsys):
    out = tmp_path / "out.png"
    assert edit(picture, "-o", out, "--plan", "--json", *tiny) == 0
    plan = json.loads(capsys.readouterr().out)
    assert plan["rows per step"] == 2
    assert not out.exists()


def test_a_patch_has_transparency(tiny, picture, tmp_path):
    out = tmp_path / "out.png"
    code = edit(picture, "-o", out, "--region", "20,20,40,40", "--patch", *tiny)
    assert code == 0
    assert Pillow.open(out).mode == "RGBA"


BAD = {
    "operation": (["--op", "nope"], "--op[0]"),
    "parameter": (["--op", "sdedit:power=1"], "sdedit.power"),
    "range": (["--op", "sdedit:strength=2"], "sdedit.strength"),
    "type": (["--op", "sdedit:strength=much"], "sdedit.strength"),
    "syntax": (["--op", "sdedit:strength"], "--op"),
    "twice": (["--op", "sdedit:strength=1,strength=1"], "--op"),
    "repeated": (["--op", "sdedit", "--op", "sdedit"], "sdedit twice"),
    "channels": (["--op", "instruct_pix2pix"], "cannot combine"),
    "sampler": (["--sampler", "best"], "sampling.sampler"),
    "steps": (["--steps", "0"], "sampling.steps"),
    "region": (["--region", "1,2,3"], "--region"),
    "outside": (["--region", "95,0,50,10"], "region"),
    "model": (["--model", "absent"], "model"),
    "model name": (["--model", "../etc"], "model"),
    "mask": (["--mask", "missing.png"], "--mask"),
    "variants": (["--variants", "99"], "variants"),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_input_is_one_line_exit_2_and_no_file(name, tiny, picture, tmp_path, capsys):
    extra, expected = BAD[name]
    before = set(tmp_path.rglob("*"))
    code = edit(picture, "-o", tmp_path / "out.png", "--prompt", "x", *tiny, *extra)
    shown = capsys.readouterr()
    assert code == 2
    assert expected in shown.err
    assert len(shown.err.strip().splitlines()) == 1
    assert "Fix:" in shown.err
    assert set(tmp_path.rglob("*")) == before


def bomb():
    """A PNG that claims 20000 x 20000 pixels in a few bytes."""

    def chunk(kind, data):
        body = kind + data
        return len(data).to_bytes(4, "big") + body + zlib.crc32(body).to_bytes(4, "big")

    size = (20000).to_bytes(4, "big") * 2 + bytes([8, 2, 0, 0, 0])
    data = zlib.compress(bytes(1000))
    header = b"\x89PNG\r\n\x1a\n"
    return header + chunk(b"IHDR", size) + chunk(b"IDAT", data) + chunk(b"IEND", b"")


@pytest.mark.parametrize(
    "content", [b"", b"not a picture", bomb(), b"\x89PNG\r\n\x1a\n" + bytes(40)], ids=len
)
def test_hostile_pictures_are_refused(content, tiny, tmp_path, capsys):
    path = tmp_path / "in.png"
    path.write_bytes(content)
    assert edit(path, "-o", tmp_path / "out.png", *tiny) == 2
    assert "Fix:" in capsys.readouterr().err
    assert not (tmp_path / "out.png").exists()


def test_mask_of_another_size_is_refused(tiny, picture, tmp_path, capsys):
    mask = tmp_path / "mask.png"
    Pillow.new("L", (10, 10), 255).save(mask)
    assert edit(picture, "-o", tmp_path / "out.png", "--mask", mask, *tiny) == 2
    assert "100x90" in capsys.readouterr().err


def test_one_pixel_and_one_line_pictures_work(tiny, tmp_path):
    for size in ((1, 1), (200, 1)):
        path = tmp_path / "in.png"
        Pillow.new("RGB", size, (200, 30, 30)).save(path)
        assert edit(path, "-o", tmp_path / "out.png", *tiny) == 0
        assert Pillow.open(tmp_path / "out.png").size == size


@pytest.mark.parametrize("name", ["out.bmp", "out", "missing/out.png"])
def test_unwritable_outputs_are_refused_before_work(name, tiny, picture, tmp_path, capsys):
    assert edit(picture, "-o", tmp_path / name, *tiny) == 2
    assert "Fix:" in capsys.readouterr().err


def test_operations_lists_parameters_without_torch(capsys):
    code = (
        "import sys; from retouch.cli.main import run; run(['operations', '--json']);"
        "assert 'torch' not in sys.modules"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert found.returncode == 0, found.stderr
    catalogue = {entry["name"]: entry for entry in json.loads(found.stdout)}
    strength = catalogue["sdedit"]["parameters"][0]
    assert (strength["low"], strength["high"], strength["default"]) == (0.0, 1.0, 0.6)
    assert len(catalogue) >= 8


def test_interrupt_cancels_between_steps_and_writes_nothing(tiny, picture, tmp_path):
    import os
    import signal

    from retouch.models.model import Model

    out = tmp_path / "out.png"
    calls = []
    real = Model.forward

    def forward(self, evaluations):
        calls.append(1)
        if len(calls) == 2:
            os.kill(os.getpid(), signal.SIGINT)
        return real(self, evaluations)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Model, "forward", forward)
        code = edit(
            picture, "-o", out, "--op", "sdedit:strength=1", "--model", "tiny", "--steps", "9"
        )
    assert code == 130
    assert len(calls) == 2
    assert not out.exists()
