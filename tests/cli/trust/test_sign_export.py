import json
import os

import numpy as np
import pytest
from PIL import Image as Pillow

from retouch.picture_file import pixels_of
from retouch_safety import Gate, Refused
from retouch_safety.audit import AuditFailed
from retouch_safety.export_signing import signed_export


@pytest.fixture
def export(ours, tmp_path):
    """What a host writes: our edit as a layer on a larger canvas, without any metadata."""
    canvas = np.full((400, 500, 3), 190, np.uint8)
    canvas[60:348, 90:426] = ours.released.pixels
    path = tmp_path / "export.png"
    Pillow.fromarray(canvas).save(path)
    return path


def test_an_export_is_signed_with_its_marks(ours, export, call, verified, tmp_path):
    out = tmp_path / "signed.png"
    before = ours.installation.audit.head().number
    done = call(ours, "sign-export", export, "-o", out, "--title", "Poster")
    assert done.code == 0 and f"watermark {ours.record} at " in done.out
    assert "with its manifest" in done.out and f"audit record {before + 1}" in done.out
    assert (np.asarray(Pillow.open(out)) == np.asarray(Pillow.open(export))).all()
    code, (found,) = verified(ours, out)
    assert code == 0 and found["status"] == "TRUSTED"
    active = found["provenance"]["active"]
    assert active["title"] == "Poster" and active["records"] == [ours.record]
    assert [step["action"] for step in active["steps"]] == ["c2pa.opened", "c2pa.placed"]
    ((x, y, width, height),) = active["steps"][1]["regions"]
    assert x <= 140 and y <= 90 and x + width >= 370 and y + height >= 320
    used = {each["title"]: each for each in active["ingredients"]}
    assert used[f"record {ours.record}"]["manifest"]
    assert [each["records"] for each in found["provenance"]["history"]] == [[ours.record]]
    (logged,) = ours.installation.audit.tail(1)
    assert logged.event == "signed" and logged.fields["record"] == ours.record
    assert len(logged.fields["digest"]) == 64


def test_every_edit_on_a_canvas_is_an_ingredient(ours, release, call, verified, tmp_path):
    second = release(ours, seed=5, operations=("instruct_pix2pix",))
    canvas = np.full((330, 760, 3), 190, np.uint8)
    canvas[20:308, 10:346], canvas[31:319, 410:746] = ours.released.pixels, second.pixels
    path, out = tmp_path / "two.png", tmp_path / "signed.png"
    Pillow.fromarray(canvas).save(path)
    done = call(ours, "sign-export", path, "-o", out)
    assert done.code == 0
    records = {ours.record, second.receipt.record}
    code, (found,) = verified(ours, out)
    assert code == 0 and set(found["provenance"]["active"]["records"]) == records
    placed = {r for each in found["provenance"]["history"] for r in each["records"]}
    assert placed == records
    left = {mark["record"]: mark["region"][0] for mark in found["marks"]}
    assert left[ours.record] < 200 < left[second.receipt.record]
    logged = ours.installation.audit.tail(2)
    assert {each.fields["record"] for each in logged} == records
    assert {each.event for each in logged} == {"signed"}


def test_a_record_that_is_not_kept_here_is_listed_by_its_id(ours, export, call, tmp_path):
    (kept,) = (ours.installation.folder / "manifests").rglob(f"{ours.record}-*.c2pa")
    away = tmp_path / kept.name
    kept.rename(away)
    try:
        done = call(ours, "sign-export", export, "-o", tmp_path / "out.png")
    finally:
        away.rename(kept)
    assert done.code == 0 and "its manifest is not known here" in done.out


def test_a_turned_export_needs_a_search(ours, call, tmp_path):
    path = tmp_path / "turned.png"
    Pillow.fromarray(np.rot90(ours.released.pixels).copy()).save(path)
    refused = call(ours, "sign-export", path, "-o", tmp_path / "out.png")
    assert refused.code == 2 and "--search" in refused.err
    done = call(ours, "sign-export", "--search", path, "-o", tmp_path / "out.png")
    assert done.code == 0 and ours.record in done.out


def test_without_a_mark_nothing_is_signed_written_or_logged(ours, theirs, call, tmp_path):
    before = ours.installation.audit.head()
    plain = tmp_path / "plain.png"
    Pillow.new("RGB", (300, 300), (10, 200, 90)).save(plain)
    for path in (plain, theirs.home / "edit.png"):
        out = tmp_path / "out.png"
        done = call(ours, "sign-export", path, "-o", out)
        assert done.code == 2 and "no mark" in done.err and "Fix:" in done.err
        assert len(done.err.strip().splitlines()) == 1 and not out.exists()
    assert ours.installation.audit.head() == before


@pytest.mark.parametrize(
    ("out", "said"),
    [
        ("out.jpg", "keep the kind"),
        ("out.gif", "rename the output"),
        ("none/out.png", "existing folder"),
    ],
)
def test_wrong_targets_are_said_before_the_work(ours, export, call, tmp_path, out, said):
    before = ours.installation.audit.head()
    done = call(ours, "sign-export", export, "-o", tmp_path / out)
    assert done.code == 2 and said in done.err and not (tmp_path / out).exists()
    assert ours.installation.audit.head() == before


@pytest.mark.parametrize("content", [b"", b"hello", b"\x89PNG\r\n\x1a\n" + bytes(60)], ids=len)
def test_files_that_are_no_pictures(ours, call, tmp_path, content):
    path = tmp_path / "in.png"
    path.write_bytes(content)
    done = call(ours, "sign-export", path, "-o", tmp_path / "out.png")
    assert done.code == 2 and len(done.err.strip().splitlines()) == 1
    assert not (tmp_path / "out.png").exists()


def test_a_bad_title(ours, export, call, tmp_path):
    done = call(ours, "sign-export", export, "-o", tmp_path / "out.png", "--title", "a\nb")
    assert done.code == 2 and "title" in done.err and not (tmp_path / "out.png").exists()


def test_a_log_that_cannot_be_written_refuses(ours, export, call, monkeypatch, tmp_path):
    def full(self, entry):
        raise AuditFailed("write", "No space left on device", "make room")

    monkeypatch.setattr("retouch_safety.audit.AuditLog.append", full)
    done = call(ours, "sign-export", export, "-o", tmp_path / "out.png")
    assert done.code == 1 and "No space left" in done.err
    assert len(done.err.strip().splitlines()) == 1 and not (tmp_path / "out.png").exists()


def test_a_write_that_fails_leaves_the_old_file(ours, export, call, monkeypatch, tmp_path):
    out = tmp_path / "out.png"
    out.write_bytes(b"the old file")
    real = os.replace

    def fail(source, target, *arguments, **options):
        if str(target) == str(out):
            raise OSError(28, "No space left on device")
        real(source, target, *arguments, **options)

    monkeypatch.setattr("retouch_safety.durable_files.os.replace", fail)
    before = ours.installation.audit.head().number
    done = call(ours, "sign-export", export, "-o", out)
    assert done.code == 2 and "make room" in done.err
    assert out.read_bytes() == b"the old file"
    assert sorted(p.name for p in tmp_path.iterdir()) == ["export.png", "out.png"]
    # the log knows of it, although the file never appeared: never the other way round
    assert ours.installation.audit.head().number == before + 1


def test_the_function_that_other_callers_use(ours, export):
    signed = signed_export(export.read_bytes(), pixels_of, ours.gate)
    assert signed.known == (True,) and signed.marks[0].record == int(ours.record, 16)
    assert json.loads(json.dumps(signed.head._asdict()))["number"] == signed.head.number


class SaysNo:
    """A detector added beside the real one."""

    name, category = "says-no", "a test category"

    def score(self, rgb, region):
        return {"whole": 0.9}

    def self_test(self):
        pass


def test_what_a_detector_refuses_is_not_signed(ours, export):
    before = ours.installation.audit.head().number
    strict = Gate([SaysNo()], installation=ours.installation)
    with pytest.raises(Refused, match="export: a test category"):
        signed_export(export.read_bytes(), pixels_of, strict)
    (last,) = ours.installation.audit.tail(1)
    assert (last.number, last.event) == (before + 1, "refused")
