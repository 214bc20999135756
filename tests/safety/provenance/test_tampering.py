"""Changed, cut, stripped and lengthened files: nothing passes as intact that is not."""

import io
import threading
import zlib
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from retouch_safety.provenance import (
    InvalidProvenance,
    SeenMark,
    SidecarStore,
    Source,
    Status,
    Trust,
    sign_file,
    verify,
)
from retouch_safety.provenance import c2pa_library as library
from retouch_safety.provenance.png_metadata import png_chunks

INTACT = (Status.TRUSTED, Status.UNTRUSTED)


def verdict(data, trust):
    """The report, or None when the file is refused as unreadable."""
    try:
        return verify(data, trust)
    except InvalidProvenance:
        return None


def flipped(data, position):
    changed = bytearray(data)
    changed[position] ^= 0x01
    return bytes(changed)


def places_in(data, kind):
    """One or more positions of each class of bytes in a signed file."""
    manifest = data.index(b"jumb")
    named = {
        "claim": data.index(b"instanceID"),
        "action": data.index(b"c2pa.edited"),
        "operation": data.index(b"sdedit"),
        "source type": data.rindex(b"compositeWithTrained", manifest),
        "soft binding": data.index(b"5a3c96e1", manifest),
        "receipt": data.index(b"score"),
        "ingredient": data.index(b"parentOf"),
        "hash of the file": data.index(b"jumbf manifest") + 40,
        "certificate": data.index(b"Retouch, not verified"),
        "metadata": data.index(b"Iptc4xmpExt:DigitalSourceType") + 40,
        "metadata record": data.index(b'retouch:record="') + 18,
    }
    pixels = {
        "PNG": lambda: data.index(b"IDAT") + 30,
        "JPEG": lambda: len(data) - 40,
        "WEBP": lambda: data.index(b"VP8L") + 60,
        "TIFF": lambda: 2000,
    }
    headers = {
        "PNG": lambda: data.index(b"IHDR") + 7,
        "JPEG": lambda: data.index(b"JFIF") + 8,
        "WEBP": lambda: data.index(b"VP8X") + 12,
        "TIFF": lambda: 60,
    }
    return {**named, "pixels": pixels[kind](), "header": headers[kind]()}


def test_each_class_of_bytes(signed, kind, trust):
    data = signed[kind].data
    for name, position in places_in(data, kind).items():
        report = verdict(flipped(data, position), trust)
        assert report is None or report.status not in INTACT, f"{kind}: {name} at {position}"
        if name in ("pixels", "metadata", "metadata record"):
            assert report is not None and report.status is Status.TAMPERED and report.exit_code == 6
            assert "Not intact" in report.words() and report.problems


def test_bytes_all_over_the_file(signed, kind, trust):
    """What passes must say the same: only padding and box names outside of every hash may."""
    data = signed[kind].data
    original = verify(data, trust)
    passed = 0
    for position in range(0, len(data), max(1, len(data) // 120)):
        report = verdict(flipped(data, position), trust)
        if report is not None and report.status in INTACT:
            passed += 1
            assert (report.active, report.history) == (original.active, original.history), position
            assert report.metadata_records == original.metadata_records
    assert passed < 40  # of about 120; the signature's padding alone is 1000 bytes


def test_every_byte_of_the_pixels_counts(signed, trust):
    data = signed["PNG"].data
    start, end = next((a, b) for name, a, b in png_chunks(data) if name == b"IDAT")
    for position in range(start, end, 29):
        assert verify(flipped(data, position), trust).status is Status.TAMPERED


def test_cut_and_lengthened(signed, kind, trust):
    data = signed[kind].data
    for length in [
        0,
        4,
        11,
        12,
        100,
        len(data) // 4,
        len(data) // 2,
        len(data) - 30,
        len(data) - 1,
    ]:
        report = verdict(data[:length], trust)
        assert report is None or report.status not in INTACT, length
    for tail in (b"\0", b"more", data):
        report = verdict(data + tail, trust)
        assert report is None or report.status not in INTACT, len(tail)


def test_a_manifest_on_another_picture(signed, make, trust, pixels_of):
    """Move the manifest of one file into another: its hash does not fit there."""
    data = signed["PNG"].data
    manifest = next(data[a - 8 : b + 4] for name, a, b in png_chunks(data) if name == b"caBX")
    other = make("PNG", 255 - pixels_of(make("PNG")))
    report = verify(other[:33] + manifest + other[33:], trust)
    assert report.status is Status.TAMPERED
    assert [p.code for p in report.problems] == ["assertion.dataHash.mismatch"]


def test_a_manifest_that_somebody_puts_into_the_store(signed, make, identity, trust, restated):
    """The hash of the file does not cover the store, and nothing signed counts its manifests."""
    data = signed["PNG"].data
    start, end = next((a, b) for name, a, b in png_chunks(data) if name == b"caBX")
    other = sign_file(make("PNG"), restated(0xBAD), identity).manifest
    label = 8 + int.from_bytes(other[8:12], "big")  # the store's own description box
    store, inner = data[start:end], other[label:]
    for place in (label, len(store)):
        longer = store[:place] + inner + store[place:]
        longer = len(longer).to_bytes(4, "big") + longer[4:]
        report = verdict(data[: start - 8] + chunk(longer) + data[end + 4 :], trust)
        if report is not None and report.status in INTACT:
            assert report.records == ("5a3c96e1",) and report.history == ()


def chunk(body):
    checksum = zlib.crc32(b"caBX" + body).to_bytes(4, "big")
    return len(body).to_bytes(4, "big") + b"caBX" + body + checksum


def test_a_stripped_file_says_nothing_until_its_mark_is_found(
    signed, make, trust, statement, tmp_path
):
    stripped = make("PNG")
    report = verify(stripped, trust)
    assert report.status is Status.NONE and report.exit_code == 5
    assert "nothing can be said" in report.words()
    store = SidecarStore(tmp_path)
    mark = [SeenMark(statement.record)]
    unknown = verify(stripped, trust, marks=mark, store=store)
    assert unknown.status is Status.NONE and "Nothing is kept here" in unknown.words()
    store.put(statement.record, signed["PNG"].manifest)
    found = verify(stripped, trust, marks=mark, store=store)
    assert found.status is Status.RECOVERED and found.exit_code == 4
    (recovered,) = found.marks[0].recovered
    assert [step.operations for step in recovered.steps][1] == ("sdedit",)
    assert "Kept here under 5a3c96e1, signed by Retouch local" in found.words()


def test_a_forged_manifest_in_the_store_is_not_shown(signed, make, trust, statement, tmp_path):
    store = SidecarStore(tmp_path)
    forged = signed["PNG"].manifest.replace(b"sdedit", b"seddit")
    store.put(statement.record, forged)
    report = verify(make("PNG"), trust, marks=[SeenMark(statement.record)], store=store)
    assert report.status is Status.NONE and report.marks[0].recovered == ()


def test_another_installation_does_not_trust_it(signed, kind):
    report = verify(signed[kind].data, Trust())
    assert report.status is Status.UNTRUSTED and report.exit_code == 3
    assert "not trusted here" in report.words()


def test_roots_given_by_the_user_count(signed, trust):
    report = verify(signed["PNG"].data, Trust(anchors=trust.installation))
    assert report.status is Status.TRUSTED
    assert report.active.signer.trusted_by.value == "ANCHOR"
    assert "trusted by a root that you chose" in report.words()


def test_nothing_is_fetched(make, identity, trust, statement):
    """A file that says its manifest is on a server: the server is never asked."""
    asked = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            asked.append(self.path)
            self.send_response(404)
            self.end_headers()

        def log_message(self, *arguments):
            pass

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        address = f"http://127.0.0.1:{server.server_port}/m.c2pa"
        data = remote(make("PNG"), address, identity)
        report = verify(data, trust)
        assert report.status is Status.NONE and asked == []
        assert [p.code for p in report.problems] == ["manifest.elsewhere"]
        assert address in report.words()
        # as a source it is named by its digest, and nobody asks for its manifest either
        edited = replace(statement, source=Source(data, "elsewhere"))
        used = verify(sign_file(make("PNG"), edited, identity).data, trust)
        assert used.status is Status.TRUSTED and asked == []
        # the library alone would have asked: the test can fail
        c2pa = library.library()
        with pytest.raises(c2pa.C2paError):
            c2pa.Reader("image/png", io.BytesIO(data))
        assert asked == ["/m.c2pa"]
        server.shutdown()


def remote(data, address, identity):
    c2pa = library.library()
    created = {
        "action": "c2pa.created",
        "digitalSourceType": "http://cv.iptc.org/newscodes/digitalsourcetype/digitalCreation",
    }
    definition = {
        "claim_generator_info": [{"name": "test"}],
        "assertions": [{"label": "c2pa.actions.v2", "data": {"actions": [created]}}],
    }
    settings = c2pa.Context.from_dict({"builder": {"thumbnail": {"enabled": False}}})
    builder, out = c2pa.Builder(definition, context=settings), io.BytesIO()
    builder.set_no_embed()
    builder.set_remote_url(address)
    info = c2pa.C2paSignerInfo(identity.algorithm, identity.chain, identity.key, None)
    builder.sign(c2pa.Signer.from_info(info), "image/png", io.BytesIO(data), out)
    return out.getvalue()


@pytest.mark.parametrize("name", ["missing.png", "."])
def test_paths_that_cannot_be_read(name, trust, tmp_path):
    with pytest.raises(InvalidProvenance, match=r"file: got .* a readable file. Fix: "):
        verify(tmp_path / name, trust)


def test_a_path_and_its_content_give_the_same(signed, trust, tmp_path):
    path = tmp_path / "a.png"
    path.write_bytes(signed["PNG"].data)
    assert verify(path, trust) == verify(str(path), trust) == verify(signed["PNG"].data, trust)
