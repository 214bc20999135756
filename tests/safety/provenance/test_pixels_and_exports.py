"""Pixels without a file, the store beside them, and flattened exports."""

import errno
import os
import threading

import numpy as np
import pytest

from retouch_safety.content import Box
from retouch_safety.provenance import (
    InvalidProvenance,
    SeenMark,
    SidecarStore,
    Source,
    Status,
    sign_export,
    sign_file,
    sign_pixels,
    verify,
    verify_pixels,
)
from retouch_safety.provenance.canonical_form import canonical_tiff


@pytest.fixture
def store(tmp_path):
    return SidecarStore(tmp_path / "manifests")


def layer(depth, side=32):
    values = np.arange(side * side * 3).reshape(side, side, 3) % 251
    return values.astype(depth)


@pytest.mark.parametrize("depth", ["uint8", "uint16", "float32"])
@pytest.mark.parametrize("opaque", [True, False])
def test_pixels_are_verified_bit_by_bit(depth, opaque, statement, identity, trust, store):
    pixels = layer(depth)
    alpha = None if opaque else layer(depth)[..., 1].copy()
    signed = sign_pixels(pixels, alpha, statement, identity)
    store.put(statement.record, signed.manifest)
    report = verify_pixels(pixels, alpha, statement.record, store, trust)
    assert report.status is Status.TRUSTED and report.kind == "PIXELS"
    assert report.records == ("5a3c96e1",) and len(signed.manifest) < 8000
    pixels[5, 6, 1] = np.nextafter(pixels[5, 6, 1], np.float32(9)) if depth == "float32" else 9
    changed = verify_pixels(pixels, alpha, statement.record, store, trust)
    assert changed.status is Status.RECOVERED and changed.exit_code == 4
    assert "may have changed since" in changed.words()
    assert verify_pixels(pixels, None, 123, store, trust).status is Status.NONE


def test_an_opaque_picture_is_not_one_with_full_alpha(statement, identity, trust, store):
    pixels = layer("uint8")
    store.put(statement.record, sign_pixels(pixels, None, statement, identity).manifest)
    opaque = np.full((32, 32), 255, np.uint8)
    report = verify_pixels(pixels, opaque, statement.record, store, trust)
    assert report.status is Status.RECOVERED


@pytest.mark.parametrize("alpha", [False, True])
def test_the_canonical_form_is_a_tiff_of_the_same_pixels(alpha, pixels_of):
    pixels = layer("uint8", 31)  # odd
    opacity = pixels[..., 0] if alpha else None
    data = canonical_tiff(pixels, opacity)
    expected = pixels if opacity is None else np.dstack([pixels, opacity])
    assert (pixels_of(data) == expected).all()
    assert data == canonical_tiff(np.asfortranarray(pixels), opacity)
    big = canonical_tiff(layer("uint16").astype(">u2"), None)
    assert big == canonical_tiff(layer("uint16"), None)


@pytest.mark.parametrize(
    ("pixels", "alpha"),
    [
        (np.zeros((4, 4), np.uint8), None),
        (np.zeros((4, 0, 3), np.uint8), None),
        (np.zeros((4, 4, 3), np.float64), None),
        (np.zeros((4, 4, 3), np.uint8), np.zeros((4, 4), np.uint16)),
        (np.zeros((4, 4, 3), np.uint8), np.zeros((4, 5), np.uint8)),
    ],
)
def test_wrong_pixels(pixels, alpha, statement, identity):
    with pytest.raises(InvalidProvenance, match=r"allowed: .*Fix: "):
        sign_pixels(pixels, alpha, statement, identity)


# --- the store ---


def test_one_id_holds_several_manifests_the_newest_first(store):
    first, second = b"manifest one", b"manifest two"
    path = store.put(7, first)
    os.utime(path, (1, 1))
    store.put(7, second)
    assert store.put(7, first) == path and store.get(7) == (second, first)
    assert store.get(8) == () and list(store.records()) == [7]
    assert path.stat().st_mode & 0o777 == 0o600 and path.name.startswith("00000007-")
    assert SidecarStore(path.parents[1]).get(7) == (second, first)
    assert list(SidecarStore(path.parents[2] / "nothing").records()) == []


def test_damaged_and_foreign_files_are_left_out(store):
    path = store.put(7, b"manifest one")
    path.write_bytes(b"manifest ona")
    path.with_name("00000007-notes.c2pa").write_bytes(b"x")
    assert store.get(7) == ()


@pytest.mark.parametrize("call", ["fsync", "link", "open"])
def test_a_write_that_fails_leaves_nothing(store, monkeypatch, call):
    def fail(*arguments, **options):
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(os, call, fail)
        with pytest.raises(InvalidProvenance, match=r"No space left.*make room"):
            store.put(7, b"manifest")
    assert store.get(7) == () and list(store.records()) == []
    store.put(7, b"manifest")
    assert store.get(7) == (b"manifest",)
    assert [p.suffix for p in store.put(7, b"manifest").parent.iterdir()] == [".c2pa"]


@pytest.mark.parametrize(("record", "data"), [(-1, b"x"), (1 << 32, b"x"), (1, b"")])
def test_wrong_ids_and_manifests(store, record, data):
    with pytest.raises(InvalidProvenance, match="allowed: "):
        store.put(record, data)


def test_threads_put_the_same(store):
    threads = [
        threading.Thread(target=lambda i=i: store.put(i % 3, b"m%d" % (i % 5))) for i in range(60)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert list(store.records()) == [0, 1, 2]
    assert sorted(store.get(0)) == [b"m0", b"m1", b"m2", b"m3", b"m4"]


# --- exports ---


def test_an_export_lists_every_mark(
    kind, make, store, identity, trust, statement, restated, pixels_of
):
    known = sign_pixels(layer("uint8"), None, statement, identity)
    store.put(statement.record, known.manifest)
    other = restated(2, title="second")
    store.put(2, sign_pixels(layer("uint16"), None, other, identity).manifest)
    marks = [
        SeenMark(statement.record, Box(1, 2, 30, 40)),
        SeenMark(2),
        SeenMark(3, Box(0, 0, 9, 9)),
    ]
    export = make(kind)
    signed = sign_export(export, marks, store, identity, version="0.1.0")
    assert (pixels_of(signed.data) == pixels_of(export)).all()
    report = verify(signed.data, trust, marks=marks, store=store)
    assert report.status is Status.TRUSTED and report.exit_code == 0
    assert [step.action for step in report.active.steps] == ["c2pa.opened"] + ["c2pa.placed"] * 3
    assert report.active.steps[1].regions == (Box(1, 2, 30, 40),)
    used = {used.title: used for used in report.active.ingredients}
    assert set(used) == {"export", "record 5a3c96e1", "record 00000002", "record 00000003"}
    assert used["record 5a3c96e1"].manifest and used["record 00000002"].manifest
    assert not used["record 00000003"].manifest
    assert "not known here" in used["record 00000003"].description
    assert {m.title for m in report.history} == {"picture", "second"}
    assert report.active.records == ("5a3c96e1", "00000002", "00000003")
    assert report.metadata_records == ("5a3c96e1", "00000002", "00000003")
    assert all(mark.in_file for mark in report.marks)
    assert [len(mark.recovered) for mark in report.marks] == [1, 1, 0]
    assert "An ingredient's manifest" in report.words()


def test_an_export_with_the_hosts_own_manifest(make, store, identity, trust, restated):
    host = sign_file(make("JPEG"), restated(5, title="host file"), identity)
    signed = sign_export(host.data, [SeenMark(9)], store, identity)
    report = verify(signed.data, trust)
    assert report.status is Status.TRUSTED
    assert [m.title for m in report.history] == ["host file"]
    assert set(report.records) == {"00000009", "00000005"}
    parent = next(i for i in report.active.ingredients if i.relationship == "parentOf")
    assert parent.manifest and not [
        p for p in parent.problems if not p.code.startswith("signingCredential")
    ]


def test_the_same_mark_twice(make, store, identity, trust, statement):
    store.put(statement.record, sign_pixels(layer("uint8"), None, statement, identity).manifest)
    marks = [
        SeenMark(statement.record, Box(0, 0, 8, 8)),
        SeenMark(statement.record, Box(9, 9, 8, 8)),
    ]
    report = verify(sign_export(make("PNG"), marks, store, identity).data, trust)
    assert report.status is Status.TRUSTED and len(report.active.steps) == 3
    assert report.active.records == ("5a3c96e1",)


def test_an_export_edited_again_keeps_all(make, store, identity, trust, statement, restated):
    store.put(statement.record, sign_pixels(layer("uint8"), None, statement, identity).manifest)
    export = sign_export(make("PNG"), [SeenMark(statement.record)], store, identity)
    again = restated(11, source=Source(export.data, "export"))
    report = verify(sign_file(make("PNG"), again, identity).data, trust)
    assert report.status is Status.TRUSTED and len(report.history) == 2
    assert report.records[0] == "0000000b" and "5a3c96e1" in report.records


def test_a_tampered_export(make, store, identity, trust):
    data = bytearray(sign_export(make("JPEG"), [SeenMark(1)], store, identity).data)
    data[-30] ^= 1
    assert verify(bytes(data), trust).status is Status.TAMPERED


@pytest.mark.parametrize("count", [0, 257])
def test_an_export_without_marks_is_not_signed(make, store, identity, count):
    with pytest.raises(InvalidProvenance, match=r"marks: got \d+; allowed: 1 to 256"):
        sign_export(make("PNG"), [SeenMark(1)] * count, store, identity)


def test_junk_in_the_store_does_not_stop_an_export(make, store, identity, trust):
    store.put(1, b"not a manifest")
    report = verify(sign_export(make("PNG"), [SeenMark(1)], store, identity).data, trust)
    assert report.status is Status.TRUSTED
    assert any("not known here" in i.description for i in report.active.ingredients)


def test_large_pictures_keep_their_pixels(make, identity, trust, statement, pixels_of):
    big = np.random.default_rng(0).integers(0, 255, (300, 400, 3), np.uint8)
    data = sign_file(make("TIFF", big), statement, identity).data
    assert (pixels_of(data) == big).all() and verify(data, trust).exit_code == 0
