import io
import json
import os
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image as Pillow

from retouch.picture_file import pixels_of
from retouch_safety import Gate, Refused
from retouch_safety.audit import AuditFailed
from retouch_safety.errors import InvalidInput
from retouch_safety.export_signing import signed_export
from retouch_safety.one_picture import only_picture


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


# --- what a file holds besides its picture ---

KINDS = {
    "png": {},
    "jpg": {"quality": 95, "subsampling": 0},
    "webp": {"lossless": True},
    "tiff": {},
}


class Watching:
    """A detector beside the real one that keeps what it is shown."""

    name, category = "watching", "a test category"

    def __init__(self):
        self.seen, self.score_of = [], lambda rgb: 0.0

    def score(self, rgb, region):
        self.seen.append(rgb.copy())
        return {"whole": self.score_of(rgb)}

    def self_test(self):
        pass


@pytest.fixture(scope="module")
def watched(ours):
    watching = Watching()
    gate = Gate([watching], installation=ours.installation)
    return SimpleNamespace(gate=gate, detector=watching)


@pytest.fixture
def watching(watched):
    watched.detector.__init__()
    return watched


def unseen():
    """A picture that no detector has looked at, as a file."""
    stream = io.BytesIO()
    Pillow.new("RGB", (64, 64), (200, 30, 30)).save(stream, "JPEG")
    return stream.getvalue()


def flattened(ours, kind, **options):
    canvas = np.full((400, 500, 3), 190, np.uint8)
    canvas[60:348, 90:426] = ours.released.pixels
    stream = io.BytesIO()
    format_ = {"jpg": "JPEG", "tiff": "TIFF"}.get(kind, kind.upper())
    Pillow.fromarray(canvas).save(stream, format_, **KINDS[kind] | options)
    return stream.getvalue()


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_behind_the_picture_is_not_signed(ours, call, verified, tmp_path, kind):
    path, out = tmp_path / f"export.{kind}", tmp_path / f"signed.{kind}"
    path.write_bytes(flattened(ours, kind) + unseen())
    done = call(ours, "sign-export", path, "-o", out)
    assert done.code == 0, done.err
    assert "left out, as no detector can see it: data " in done.out
    assert f"({len(unseen())} bytes)" in done.out or kind == "tiff"
    assert unseen() not in out.read_bytes()
    assert np.array_equal(pixels_of(out.read_bytes()).pixels, pixels_of(path.read_bytes()).pixels)
    code, (found,) = verified(ours, out)
    assert code == 0 and found["status"] == "TRUSTED"


def test_what_the_detectors_saw_is_what_the_signed_file_shows(ours, watching):
    signed = signed_export(flattened(ours, "jpg") + unseen(), pixels_of, watching.gate)
    (seen,) = watching.detector.seen
    assert np.array_equal(seen, pixels_of(signed.data).pixels)
    assert [each.what for each in signed.left_out] == ["data behind the end of the picture"]
    assert only_picture(signed.data).left_out == ()


def test_an_export_of_several_pictures_is_refused(ours, call, tmp_path):
    before = ours.installation.audit.head()
    for kind in ("png", "webp", "tiff"):
        path, out = tmp_path / f"export.{kind}", tmp_path / f"signed.{kind}"
        more = [Pillow.new("RGB", (500, 400), (9, 9, 9))]
        path.write_bytes(flattened(ours, kind, save_all=True, append_images=more))
        done = call(ours, "sign-export", path, "-o", out)
        assert done.code == 2 and not out.exists()
        (line,) = done.err.strip().splitlines()
        assert line.startswith("error: file: got ") and "allowed: one still picture. Fix: " in line
    assert ours.installation.audit.head() == before


def test_a_picture_that_needs_what_is_left_out_is_refused(ours, watching):
    looks = []

    def decode(data):
        looks.append(1)
        found = pixels_of(data)
        return found if len(looks) == 1 else found._replace(pixels=255 - found.pixels)

    with pytest.raises(InvalidInput, match="a picture that stands alone"):
        signed_export(flattened(ours, "png"), decode, watching.gate)


@pytest.fixture
def credentialed(ours):
    """An export with a host's own credentials, which bring a thumbnail along."""
    c2pa = pytest.importorskip("c2pa")
    identity = ours.installation.identity
    info = c2pa.C2paSignerInfo(identity.algorithm, identity.chain, identity.key, None)
    created = {
        "action": "c2pa.created",
        "digitalSourceType": "http://cv.iptc.org/newscodes/digitalsourcetype/digitalCapture",
    }
    actions = {"label": "c2pa.actions.v2", "data": {"actions": [created]}}
    host = {"name": "host"}
    builder = c2pa.Builder(
        {"claim_generator_info": [host], "title": "host", "assertions": [actions]}
    )
    stream, export = io.BytesIO(), io.BytesIO(flattened(ours, "jpg"))
    builder.sign(c2pa.Signer.from_info(info), "image/jpeg", export, stream)
    return stream.getvalue()


def test_the_detectors_see_the_pictures_in_the_hosts_credentials(ours, watching, credentialed):
    signed = signed_export(credentialed, pixels_of, watching.gate)
    assert signed.left_out == ()
    *_, thumbnail = watching.detector.seen  # the export itself may be remembered
    assert len(thumbnail) != 400
    watching.detector.score_of = lambda rgb: 0.0 if len(rgb) == 400 else 0.9
    refusing = Gate([watching.detector], installation=ours.installation)
    with pytest.raises(Refused, match="credentials-1: a test category"):
        signed_export(credentialed, pixels_of, refusing)


def test_credentials_with_what_cannot_be_looked_at_are_left_out(ours, watching, credentialed):
    def decode(data):
        found = pixels_of(data)
        if found.pixels.shape[0] != 400:
            raise InvalidInput("file", "a thumbnail", "a picture", "none")
        return found

    signed = signed_export(credentialed, decode, watching.gate)
    assert [each.what for each in signed.left_out] == ["content credentials with files in them"]
    assert len(signed.data) < len(credentialed)
