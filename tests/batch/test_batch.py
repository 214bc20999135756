"""``retouch batch`` with a real daemon, the embedded model and small pictures."""

import json
import os
import signal
import subprocess
import sys
import time

import numpy as np
import OpenEXR
import pytest
from PIL import Image as Pillow
from psd_tools import PSDImage

from retouch.batch.formats.psd_file import parsed
from retouch.client import Client
from retouch.imaging.decode import read_image
from retouch.v1 import edit_service_pb2
from retouch_safety.encode import Picture, encode

COMMAND = "from retouch.cli.main import main; main()"
SIDE, WIDE = 128, 192


@pytest.fixture
def shots(tmp_path, colours):
    """A folder for pictures; ``shots(name, ...)`` writes one and returns its path."""

    def write(name, seed=0, depth="uint8", alpha=False, side=SIDE):
        file, unit = tmp_path / "in" / name, colours(side, side, seed)
        file.parent.mkdir(parents=True, exist_ok=True)
        white = {"uint8": 255, "uint16": 65535, "float32": 1}[depth]
        pixels = (unit * white).round() if white > 1 else unit
        opacity = np.full((side, side), white, depth) if alpha else None
        if alpha:
            opacity[:, : side // 2] = 0
        kind = {"jpg": "JPEG", "webp": "WebP", "tif": "TIFF"}.get(name.rpartition(".")[2], "PNG")
        file.write_bytes(encode(Picture(pixels.astype(depth), opacity, None, "{}"), kind))
        return file

    return write


@pytest.fixture
def mask(tmp_path):
    """A soft mask of the middle, large enough for a mark, with the tests' recipe."""
    y, x = np.mgrid[:WIDE, :WIDE]
    soft = np.clip(100 - np.hypot(x - WIDE // 2, y - WIDE // 2), 0, 30) / 30
    Pillow.fromarray(np.rint(soft * 255).astype(np.uint8)).save(tmp_path / "mask.png")
    return soft


def entries(out):
    """What the manifest says of the ends of pictures, in their order."""
    said = [json.loads(line) for line in (out / "manifest.jsonl").read_text().splitlines()]
    assert said[0]["manifest"] == 1
    return [each for each in said[1:] if each["status"] != "begun"]


def test_formats_are_kept_marked_and_skipped_the_second_time(command, recipe, shots, tmp_path):
    out = tmp_path / "out"
    names = ["a.png", "b.jpg", "c.webp", "d.tif"]
    pictures = [shots(name, seed) for seed, name in enumerate(names)]
    said = recipe("inputs:\n  - {match: '*', seed: per-file}\n")
    arguments = ("batch", said, *pictures, "-o", out)
    sheet = tmp_path / "sheet.png"
    code, said, shown = command(*arguments, "--jobs", 2, "--contact-sheet", sheet)
    assert (code, said.splitlines()[0]) == (0, "4 done"), shown
    assert sorted(path.name for path in out.iterdir()) == [*names, "manifest.jsonl"]
    assert Pillow.open(sheet).size[0] > 224
    first = entries(out)
    done = {each["key"]: each for each in first}
    for name in names:
        (output,) = done[name]["outputs"]
        assert output["receipt"]["mark"] == "EMBEDDED" and output["mark"]
        assert read_image(out / name).size == (SIDE, SIDE)
        assert done[name]["model"] == "retouch-mini" and done[name]["seconds"] > 0
    code, _, _ = command("verify", out)
    assert code == 0

    before = {name: (out / name).stat().st_mtime_ns for name in names}
    assert command(*arguments)[:2] == (0, "4 skipped")
    (out / "b.jpg").unlink()
    shots("a.png", 9)
    code, said, _ = command(*arguments)
    assert (code, said) == (0, "2 done, 2 skipped")
    after = {name: (out / name).stat().st_mtime_ns for name in names}
    assert [name for name in names if before[name] != after[name]] == ["a.png", "b.jpg"]
    assert len(entries(out)) == len(first) + 2


def test_failures_are_counted_and_the_others_go_on(command, recipe, shots, tmp_path):
    out, broken = tmp_path / "out", tmp_path / "in" / "broken.png"
    good, blocked = shots("good.png"), shots("blocked.png")
    broken.write_bytes(b"\x89PNG nothing")
    (tmp_path / "in" / "absent.txt").write_text("no mask")
    said = recipe("inputs:\n  - {match: blocked.png, prompt: a nude child}\n")
    code, counted, _ = command("batch", said, good, blocked, broken, "-o", out, "--json")
    found = {each["key"]: each for each in map(json.loads, counted.splitlines())}
    assert code == 2 and found["good.png"]["status"] == "done"
    assert found["blocked.png"]["status"] == "blocked" and "prompt" in found["blocked.png"]["error"]
    assert found["broken.png"]["status"] == "failed" and "PNG" in found["broken.png"]["error"]
    assert [path.name for path in out.iterdir() if path.suffix == ".png"] == ["good.png"]
    broken.write_bytes(good.read_bytes())
    code, counted, _ = command("batch", said, good, blocked, broken, "-o", out)
    assert (code, counted) == (1, "1 blocked, 1 done, 1 skipped")


def test_nothing_is_begun_where_the_recipe_is_wrong(command, recipe, shots, tmp_path):
    out, picture = tmp_path / "out", shots("a.png")
    code, _, said = command("batch", recipe("feather: -1\n"), picture, "-o", out)
    assert code == 126 and "recipe.yaml:5: feather" in said and not out.exists()
    assert command("batch", recipe(), picture)[0] == 126
    assert command("batch", recipe(), picture, "-o", out, "--jobs", "0")[0] == 126
    assert command("batch", recipe(), "absent.png", "-o", out)[0] == 126
    out.mkdir()
    (out / "a.png").write_bytes(b"somebody else's")
    code, said, _ = command("batch", recipe(), picture, "-o", out, "--json")
    assert code == 1 and "--force" in json.loads(said)["error"]
    assert (out / "a.png").read_bytes() == b"somebody else's"
    assert command("batch", recipe(), picture, "-o", out, "--force")[0] == 0


def test_a_dry_run_says_what_would_be_done_and_writes_nothing(command, recipe, shots, tmp_path):
    out, picture = tmp_path / "out", shots("a.png")
    missing = recipe("inputs:\n  - {match: b.png, mask: absent.png}\n")
    arguments = ("batch", missing, picture, shots("b.png"), "-o", out, "--dry-run")
    code, said, _ = command(*arguments, "--json")
    first, second = map(json.loads, said.splitlines())
    assert code == 1 and first["status"] == "edit" and first["size"] == f"{SIDE}x{SIDE}"
    assert first["plan"]["network calls"] > 0 and "MiB" in first["plan"]["memory"]
    assert second["status"] == "fail" and "allowed: a readable file" in second["error"]
    code, said, _ = command(*arguments)
    assert code == 1 and "1 to edit" in said and not out.exists()


@pytest.mark.parametrize("depth", ["uint16", "float32"])
def test_deep_tiffs_keep_every_bit_outside_the_mask(command, recipe, shots, mask, tmp_path, depth):
    picture, out = shots("a.tif", depth=depth, side=WIDE), tmp_path / "out"
    code, _, shown = command("batch", recipe("mask: mask.png\n"), picture, "-o", out)
    assert code == 0, shown
    before, after = read_image(picture).pixels, read_image(out / "a.tif").pixels
    assert after.dtype == depth and (before[mask == 0] == after[mask == 0]).all()
    assert (before[mask == 1] != after[mask == 1]).mean() > 0.5
    assert len(np.unique(after[mask == 1])) > 1000


def test_transparency_is_a_mask(command, recipe, shots, tmp_path):
    picture, out = shots("a.png", alpha=True), tmp_path / "out"
    assert command("batch", recipe("mask: alpha\n"), picture, "-o", out)[0] == 0
    before, after = read_image(picture), read_image(out / "a.png")
    half = SIDE // 2
    assert (before.pixels[:, :half] == after.pixels[:, :half]).all()
    assert (before.pixels[:, half:] != after.pixels[:, half:]).any()


@pytest.mark.parametrize("depth", [8, 16])
def test_a_psd_gets_one_layer_more_whose_mark_is_found(
    command, recipe, layered, mask, tmp_path, depth
):
    picture, out = tmp_path / "doc.psd", tmp_path / "out"
    picture.write_bytes(layered(WIDE, WIDE, depth=depth))
    said = recipe("layer: ground\nresult_layer: Red\nmask: mask.png\n")
    code, _, shown = command("batch", said, picture, "-o", out)
    assert code == 0, shown
    before, after = (parsed(path.read_bytes()) for path in (picture, out / "doc.psd"))
    assert after.data[: after.section] == before.data[: before.section]
    assert after.data[after.section_end :] == before.data[before.section_end :]
    for old in before.info.layers:
        size = 16
        assert before.data[old.record : old.record + size] in after.data
    psd = PSDImage.open(out / "doc.psd")
    assert [layer.name for layer in psd][:2] == ["ground", "Red"]
    (entry,) = entries(out)
    assert "'Red'" in entry["outputs"][0]["mark"]
    assert entry["outputs"][0]["receipt"]["form"] == "patch"
    code, found, _ = command("verify", "--json", out / "doc.psd")
    (layer,) = map(json.loads, found.splitlines())
    record = entry["outputs"][0]["receipt"]["record"]
    assert layer["status"] == "TRUSTED", "bit for bit what the kept manifest signs"
    assert layer["file"].endswith("doc.psd#Red") and layer["marks"][0]["record"] == record
    assert code == 0 and command("verify", picture)[0] == 5, "and nothing before the edit"


def test_an_exr_keeps_its_bits_and_the_mark_is_in_layer_and_picture(
    command, recipe, colours, mask, tmp_path
):
    picture, out = tmp_path / "shot.exr", tmp_path / "out"
    linear = (colours(WIDE, WIDE) ** 2.2 * 1.5).astype(np.float16)
    planes = dict(zip("RGB", linear.transpose(2, 0, 1).copy(), strict=True))
    OpenEXR.File({"owner": "us"}, planes | {"Z": np.ones((WIDE, WIDE), np.float32)}).write(
        str(picture)
    )
    said = recipe("mask: {file: mask.png}\ncolor_space: ACEScg\nexposure: 0.5\n")
    code, _, shown = command("batch", said, picture, "-o", out)
    assert code == 0, shown
    found = OpenEXR.File(str(out / "shot.exr"), separate_channels=True).channels()
    for number, name in enumerate("RGB"):
        new, old = found[name].pixels, linear[..., number]
        assert new.dtype == np.float16 and (new[mask == 0] == old[mask == 0]).all()
        assert (new[mask == 1] != old[mask == 1]).mean() > 0.5
    assert (found["Z"].pixels == 1).all()
    (entry,) = entries(out)
    record = entry["outputs"][0]["receipt"]["record"]
    _, said, _ = command("verify", "--json", out / "shot.exr")
    layer, shown = map(json.loads, said.splitlines())
    assert layer["status"] == "TRUSTED" and layer["marks"][0]["record"] == record
    assert shown["marks"][0]["record"] == record and shown["status"] == "RECOVERED"


def test_a_run_that_was_killed_goes_on_where_it_was(daemon, command, recipe, shots, tmp_path):
    out = tmp_path / "out"
    pictures = [shots(f"{number}.png", number) for number in range(5)]
    file = recipe("recipe: 1\n" + recipe().read_text().replace("steps: 4", "steps: 12"))
    arguments = ["batch", str(file), *map(str, pictures), "-o", str(out), "--jobs", "2"]
    with Client(daemon.endpoint, name="retouch-batch") as client:
        known = {job.job_id for job in client.jobs()}
    process = subprocess.Popen(
        [sys.executable, "-c", COMMAND, *arguments],
        env=os.environ | daemon.environment,
        stderr=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
    )
    ends = time.monotonic() + 240
    # a picture is written before the manifest says that it is done
    manifest = out / "manifest.jsonl"
    while not (manifest.exists() and '"status":"done"' in manifest.read_text()):
        assert time.monotonic() < ends and process.poll() is None
        time.sleep(0.02)
    process.kill()
    process.wait()
    early = len(entries(out))
    assert 0 < early < 5
    code, counted, _ = command(*arguments)
    assert code == 0 and f"{5 - early} done" in counted
    assert sorted(path.name for path in out.glob("*.png")) == [f"{n}.png" for n in range(5)]
    with Client(daemon.endpoint, name="retouch-batch") as client:
        assert len({job.job_id for job in client.jobs()} - known) == 5, "nothing was made twice"
    assert not list(out.glob(".*"))


def test_ctrl_c_cancels_what_is_at_work(daemon, recipe, shots, tmp_path):
    out = tmp_path / "out"
    text = recipe().read_text().replace("steps: 4", "steps: 250")
    file = recipe("recipe: 1\n" + text)
    process = subprocess.Popen(
        [sys.executable, "-c", COMMAND, "batch", str(file), str(shots("a.png")), "-o", str(out)],
        env=os.environ | daemon.environment,
        stderr=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        text=True,
        # Whoever runs the tests in the background may have them ignore it.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )
    with Client(daemon.endpoint, name="retouch-batch") as client:
        ends = time.monotonic() + 240
        running = edit_service_pb2.JOB_STATE_RUNNING
        while not any(job.state == running for job in client.jobs()):
            assert time.monotonic() < ends and process.poll() is None
            time.sleep(0.02)
        process.send_signal(signal.SIGINT)
        _, said = process.communicate(timeout=120)
        assert process.returncode == 130 and "cancelled" in said
        while any(job.state == running for job in client.jobs()):  # to the end of its step
            assert time.monotonic() < ends
            time.sleep(0.02)
    assert entries(out)[-1]["status"] == "cancelled" and not list(out.glob("*.png"))


def test_options_of_edit_are_kept_as_a_recipe(command, shots, tmp_path):
    picture, file = shots("a.png"), tmp_path / "recipes" / "kept.yaml"
    file.parent.mkdir()
    options = ("--prompt", "a red house", "--op", "sdedit:strength=0.6", "--steps", 4, "--seed", 3)
    edit = ("edit", picture, "-o", tmp_path / "edit.png", *options, "--remote")
    assert command(*edit, "--save-recipe", file)[0] == 0
    assert command("batch", file, picture, "-o", tmp_path / "out")[0] == 0
    one, other = (
        read_image(path).pixels.astype(int)
        for path in (tmp_path / "edit.png", tmp_path / "out/a.png")
    )
    assert np.abs(one - other).mean() < 4  # the marks carry different numbers
