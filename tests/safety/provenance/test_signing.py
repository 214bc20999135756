"""Signing files and pixels: what the manifest says, and that the picture stays as it was."""

import hashlib
import io
import json
import subprocess
import sys
from dataclasses import replace
from datetime import UTC, datetime

import numpy as np
import pytest
from PIL import Image as Pillow

from retouch_safety import MarkStatus
from retouch_safety.content import Box
from retouch_safety.encode import Picture, encode
from retouch_safety.provenance import (
    Edit,
    InvalidProvenance,
    ProvenanceUnavailable,
    SigningFailed,
    Source,
    SourceType,
    Statement,
    Status,
    Trust,
    TrustedBy,
    development_identity,
    sign_file,
    sign_pixels,
    verify,
)
from retouch_safety.provenance import c2pa_library as library
from retouch_safety.provenance.canonical_form import canonical_tiff
from retouch_safety.receipt import DetectorScores, Receipt


def assertions(data, kind, trust=None):
    """The active manifest's assertions by label, straight from the library."""
    media = f"image/{kind.lower()}"
    store = library.read(data, media, trust or Trust()).store
    active = store["manifests"][store["active_manifest"]]
    return {a["label"]: a["data"] for a in active["assertions"]}, active


def test_what_a_signed_file_says(signed, kind, trust, make):
    report = verify(signed[kind].data, trust)
    assert report.status is Status.TRUSTED and report.exit_code == 0 and not report.problems
    assert report.kind == kind and report.records == ("5a3c96e1",)
    steps = report.active.steps
    assert [step.action for step in steps] == [
        "c2pa.opened",
        "c2pa.edited",
        "c2pa.edited",
        "c2pa.watermarked.bound",
    ]
    assert [step.operations for step in steps] == [(), ("sdedit",), ("guidance",), ()]
    assert steps[1].regions == (Box(10, 20, 30, 40),) and steps[2].regions == ()
    assert {step.source_type for step in steps[1:3]} == {str(SourceType.EDITED)}
    assert {step.when for step in steps} == {"2026-05-04T03:02:01Z"}
    assert steps[1].software == "Retouch 0.1.0"
    (source,) = report.active.ingredients
    assert (source.title, source.relationship, source.manifest) == ("cat.png", "parentOf", "")
    signer = report.active.signer
    assert signer.trusted_by is TrustedBy.INSTALLATION and signer.algorithm == "Es256"
    assert report.metadata_source_type == str(SourceType.EDITED)
    assert report.metadata_records == ("5a3c96e1",)
    # no thumbnails: with them it would be over 100 KB
    assert len(signed[kind].data) - len(make(kind)) < 8000


def test_the_manifest_holds_receipt_and_soft_binding(signed, kind, identity):
    found, active = assertions(signed[kind].data, kind)
    assert found["org.retouch.receipt"] == {"record": "5a3c96e1", "score": 0.125}
    binding = found["c2pa.soft-binding"]
    assert binding["alg"] == "org.retouch.tilemark.1"
    (block,) = binding["blocks"]
    assert block["value"] == "5a3c96e1"
    shape = block["scope"]["region"]["region"][0]["shape"]
    assert (shape["width"], shape["height"], shape["unit"]) == (30, 40, "pixel")
    assert "thumbnail" not in json.dumps(active)
    assert found["c2pa.actions.v2"]["actions"][1]["parameters"]["org.retouch.model"]
    assert active["signature_info"]["cert_serial_number"] == identity.serial


def test_pixels_are_untouched(signed, kind, make, pixels_of):
    assert (pixels_of(signed[kind].data) == pixels_of(make(kind))).all()


@pytest.mark.parametrize("depth", ["uint8", "uint16", "float32"])
@pytest.mark.parametrize("file", ["PNG", "TIFF", "WebP", "JPEG"])
def test_files_of_the_gates_encoder(file, depth, statement, identity, trust):
    pixels = np.zeros((40, 48, 3), depth)
    pixels[10:20] = 1
    profile = b"profile " * 20
    data = encode(Picture(pixels, pixels[..., 0], profile, '{"a": 1}'), file)
    report = verify(sign_file(data, statement, identity).data, trust)
    assert report.status is Status.TRUSTED and report.metadata_records == ("5a3c96e1",)


@pytest.mark.parametrize("mode", ["L", "LA", "P", "RGBA", "I;16", "1", "CMYK"])
def test_other_kinds_of_pixels(mode, make, statement, identity, trust):
    file = "JPEG" if mode == "CMYK" else "PNG"
    source = Pillow.fromarray(np.full((32, 32), 7, np.uint16)) if mode == "I;16" else None
    stream = io.BytesIO()
    (source or Pillow.open(io.BytesIO(make("PNG"))).convert(mode)).save(stream, file)
    assert verify(sign_file(stream.getvalue(), statement, identity).data, trust).exit_code == 0


def test_a_picture_made_by_a_model_alone(make, identity, trust, statement):
    alone = replace(statement, source=None)
    report = verify(sign_file(make("PNG"), alone, identity).data, trust)
    made, marked = report.active.steps
    assert (made.action, made.source_type) == ("c2pa.created", str(SourceType.GENERATED))
    assert made.operations == ("sdedit", "guidance") and marked.action == "c2pa.watermarked.bound"
    assert report.active.ingredients == ()
    assert report.metadata_source_type == str(SourceType.GENERATED)
    assert "made by a model alone" in report.words()


def test_metadata_only_claims_no_watermark(make, identity, trust, statement):
    unmarked = replace(statement, mark=MarkStatus.METADATA_ONLY, mark_area=None)
    data = sign_file(make("PNG"), unmarked, identity).data
    found, _ = assertions(data, "PNG")
    assert "c2pa.soft-binding" not in found
    report = verify(data, trust)
    assert "watermarked" not in " ".join(step.action for step in report.active.steps)
    assert report.records == ("5a3c96e1",)  # from the receipt


def test_edits_of_edits_keep_their_history(signed, make, identity, trust, restated):
    for kind in ("PNG", "TIFF"):
        source = Source(signed[kind].data, "first")
        second = sign_file(make("PNG"), restated(7, source=source), identity)
        third = restated(8, source=Source(second.data, "second"))
        report = verify(sign_file(make("JPEG"), third, identity).data, trust)
        assert report.status is Status.TRUSTED and len(report.history) == 2
        assert set(report.records) == {"00000008", "00000007", "5a3c96e1"}
        assert report.records[0] == "00000008"


def test_a_tampered_source_is_reported_but_does_not_spoil_the_edit(
    signed, make, identity, trust, statement
):
    data = bytearray(signed["PNG"].data)
    data[-40] ^= 1
    edited = replace(statement, source=Source(bytes(data), "changed.png"))
    report = verify(sign_file(make("PNG"), edited, identity).data, trust)
    assert report.status is Status.TRUSTED
    codes = [problem.code for problem in report.active.ingredients[0].problems]
    assert "assertion.dataHash.mismatch" in codes
    assert "which even then failed assertion.dataHash.mismatch" in report.words()


@pytest.mark.parametrize("source", [b"8BPS a Photoshop file", b"\x89PNG\r\n\x1a\n cut", b""])
def test_a_source_that_cannot_be_read_is_named_by_its_digest(
    source, make, identity, trust, statement
):
    edited = replace(statement, source=Source(source, "odd"))
    report = verify(sign_file(make("PNG"), edited, identity).data, trust)
    assert report.status is Status.TRUSTED
    assert "SHA-256 of the file" in report.active.ingredients[0].description


def test_a_source_without_a_file(make, identity, trust, statement):
    pixels = np.zeros((8, 8, 3), np.float32)
    source = Source.of_pixels(pixels, pixels[..., 0], "layer 3")
    report = verify(sign_file(make("PNG"), replace(statement, source=source), identity).data, trust)
    (used,) = report.active.ingredients
    digest = hashlib.sha256(canonical_tiff(pixels, pixels[..., 0])).hexdigest()
    assert report.exit_code == 0 and used.title == "layer 3"
    assert used.description == f"SHA-256 of the canonical form {digest}"


def test_signing_again_replaces_the_manifest(signed, kind, identity, trust, restated):
    again = sign_file(signed[kind].data, restated(9), identity)
    report = verify(again.data, trust)
    assert report.status is Status.TRUSTED and report.records == ("00000009",)
    assert report.metadata_records == ("00000009",) and report.history == ()


@pytest.mark.parametrize("data", [b"", b"hello", b"GIF89a" + bytes(50), bytes(100)])
def test_other_files_are_refused(data, statement, identity):
    with pytest.raises(InvalidProvenance, match=r"file: got .* a PNG, JPEG, WebP or TIFF .* Fix: "):
        sign_file(data, statement, identity)


def test_cut_files_are_refused(make, kind, statement, identity):
    whole = make(kind)
    cuts = [13, 20] if kind == "TIFF" else [13, 20, len(whole) // 2, len(whole) - 1]
    for length in cuts:
        with pytest.raises((InvalidProvenance, SigningFailed)):
            sign_file(whole[:length], statement, identity)


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"record": -1, "receipt": ""}, "statement.record"),
        ({"record": 1 << 32}, "statement.record"),
        ({"created": datetime(2026, 1, 1)}, "statement.created"),
        ({"edits": ()}, "statement.edits"),
        ({"edits": (Edit("x"),) * 65}, "statement.edits"),
        ({"title": ""}, "statement.title"),
        ({"title": "a\nb"}, "statement.title"),
        ({"receipt": "[1]"}, "statement.receipt"),
        ({"receipt": "{"}, "statement.receipt"),
        ({"receipt": '{"record": "00000001"}'}, "statement.receipt"),
    ],
)
def test_wrong_statements(statement, changes, field):
    with pytest.raises(InvalidProvenance, match=r"allowed: .* Fix: ") as caught:
        replace(statement, **changes)
    assert caught.value.field == field


def test_a_statement_from_a_receipt():
    receipt = Receipt(
        record="0000002a",
        job="job-1",
        created=datetime(2026, 1, 1, tzinfo=UTC).isoformat(),
        form="composite",
        operations=("sdedit",),
        model="tiny",
        policy="standard",
        ingredients=(),
        detectors=(DetectorScores("opennsfw", 0.5, {"whole": 0.1}),),
        mark=MarkStatus.METADATA_ONLY,
        mark_area=None,
        mark_key=0,
        mark_note="small",
        compatibility_mark="",
        fingerprint="0" * 16,
        digest="0" * 64,
    )
    made = Statement.of_receipt(receipt, [Edit("sdedit")], None, version="1")
    assert made.record == 42 and made.mark is MarkStatus.METADATA_ONLY
    assert made.receipt_fields()["detectors"][0]["scores"] == {"whole": 0.1}


def test_a_manifest_that_does_not_verify_is_not_handed_out(make, statement, identity, monkeypatch):
    real = library.read

    def broken(data, *rest):
        read = real(data, *rest)
        if read.store:
            failure = {"code": "assertion.dataHash.mismatch"}
            read.store["validation_results"]["activeManifest"]["failure"].append(failure)
        return read

    monkeypatch.setattr(library, "read", broken)
    with pytest.raises(SigningFailed, match=r"after signing: assertion\.dataHash"):
        sign_file(make("PNG"), statement, identity)
    monkeypatch.setattr(library, "read", lambda *a: library.Read(None))
    with pytest.raises(SigningFailed, match="it is not there"):
        sign_file(make("PNG"), statement, identity)


def test_a_key_of_another_certificate_signs_nothing(make, statement, identity, tmp_path):
    wrong = replace(identity, key=development_identity(tmp_path).key)
    with pytest.raises(SigningFailed):
        sign_file(make("PNG"), statement, wrong)


def test_missing_library(make, statement, identity, trust, monkeypatch):
    monkeypatch.setitem(sys.modules, "c2pa", None)
    for attempt in (
        lambda: sign_file(make("PNG"), statement, identity),
        lambda: verify(make("PNG"), trust),
        lambda: sign_pixels(np.zeros((2, 2, 3), np.uint8), None, statement, identity),
    ):
        with pytest.raises(ProvenanceUnavailable, match="Fix: pip install c2pa-python"):
            attempt()


def test_library_that_does_not_load(trust, make, monkeypatch):
    def fail(name):
        raise OSError("GLIBC_2.99 not found")

    monkeypatch.setattr(library.importlib, "import_module", fail)
    with pytest.raises(ProvenanceUnavailable, match=r"does not load \(GLIBC_2.99.*Fix: "):
        verify(make("PNG"), trust)


def test_the_library_is_loaded_when_first_needed():
    code = "import sys, retouch_safety.provenance\nassert 'c2pa' not in sys.modules"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
