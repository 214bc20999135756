"""Where pictures come from, asked of a real daemon."""

import io
import os
import signal
import struct
import threading
import time
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image as Pillow

from retouch.client.failures import DaemonFailed
from retouch.errors import Blocked, InvalidField, InvalidImage
from retouch.v1 import trust_pb2
from retouch_plugins.sdedit import SDEdit


@pytest.fixture(scope="module")
def edited(served, house):
    """An edit as the daemon gave it."""
    with served.client() as client:
        (result,) = client.edit(
            house, prompt="a red house", operations=[SDEdit(strength=0.6)], steps=4
        )
    return result


def flattened(file):
    """What a host writes that knows nothing of manifests."""
    written = io.BytesIO()
    Pillow.open(io.BytesIO(file)).convert("RGB").save(written, "PNG")
    return written.getvalue()


def repainted(file):
    """The same PNG with all of its metadata, and a white corner."""
    pixels = np.asarray(Pillow.open(io.BytesIO(file))).copy()
    pixels[:24, :24] = 255
    rows = b"".join(b"\0" + row.tobytes() for row in pixels)
    found, start, data = file[:8], 8, zlib.compress(rows)
    while start < len(file):
        (length,) = struct.unpack(">I", file[start : start + 4])
        kind, end = file[start + 4 : start + 8], start + 12 + length
        if kind != b"IDAT":
            found += file[start:end]
        elif data:
            checksum = zlib.crc32(kind + data)
            found += struct.pack(">I", len(data)) + kind + data + struct.pack(">I", checksum)
            data = b""
        start = end
    return found


def inspectors(served):
    """Process ids of the daemon's inspectors."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            words = (folder / "cmdline").read_bytes().split(b"\0")
            parent = (folder / "stat").read_text().rsplit(")", 1)[1].split()[1]
        except OSError:
            continue
        if b"retouch_daemon.inspector" in words and int(parent) == served.process.pid:
            found.append(int(folder.name))
    return found


def test_our_own_picture_is_known(client, edited):
    found = client.verify(edited.composite)
    assert found.status == trust_pb2.TRUST_STATUS_TRUSTED and found.ours and found.intact
    assert found.words.startswith("PNG: Intact")
    assert found.marks[0].claim == trust_pb2.MARK_CLAIM_AUTHENTIC
    receipt = found.receipts[0]
    assert receipt.record == edited.receipt and receipt.same_pixels
    assert receipt.signature == trust_pb2.RECEIPT_SIGNATURE_VALID
    assert "sdedit" in receipt.operations and receipt.json == edited.receipt_json
    assert [step.action for manifest in found.manifests for step in manifest.steps]
    assert found.report["status"] == "TRUSTED"


def test_a_flattened_export_is_known_by_its_mark_and_signed_again(client, edited):
    export = flattened(edited.composite)
    found = client.verify(export)
    assert found.status == trust_pb2.TRUST_STATUS_TRUSTED or found.ours
    assert edited.receipt in {mark.record for mark in found.marks}
    signed, said = client.sign_export(export, title="poster")
    assert [mark.record for mark in said.marks] == [edited.receipt] and said.marks[0].known
    assert said.audit_record > 0
    after = client.verify(signed)
    assert after.intact and after.manifests[0].title == "poster"
    before, now = (np.asarray(Pillow.open(io.BytesIO(data))) for data in (export, signed))
    assert (before == now).all(), "its pixels stay"


def test_a_changed_picture_is_not_intact(client, edited):
    found = client.verify(repainted(edited.composite))
    assert found.status == trust_pb2.TRUST_STATUS_TAMPERED
    assert found.ours and not found.intact and found.problems


def test_a_picture_of_nobody_is_nobodys(client, house):
    found = client.verify(house)
    assert found.status == trust_pb2.TRUST_STATUS_NONE
    assert not (found.ours or found.intact or found.marks)
    with pytest.raises(InvalidField, match="no mark"):
        client.sign_export(house)


def test_a_large_file_is_uploaded_first(client, edited):
    noise = np.random.default_rng(0).integers(0, 256, (900, 900, 3), dtype=np.uint8)
    written = io.BytesIO()
    Pillow.fromarray(noise).save(written, "PNG")
    assert written.tell() > 1_000_000
    assert client.verify(written.getvalue()).status == trust_pb2.TRUST_STATUS_NONE


def test_receipts_are_found_by_their_record(client, edited):
    (receipt,) = client.receipts(edited.receipt)
    assert receipt.form == "composite" and receipt.json == edited.receipt_json
    assert receipt.signature == trust_pb2.RECEIPT_SIGNATURE_VALID
    with pytest.raises(InvalidField, match=r"no receipt|kept here"):
        client.receipts("00000000")
    with pytest.raises(InvalidField, match="record"):
        client.receipts("../../etc")


@pytest.mark.parametrize("data", [b"", b"no picture", b"\x89PNG\r\n\x1a\n" + b"\0" * 40])
def test_what_is_no_picture_is_one_clear_error(client, data):
    with pytest.raises((InvalidField, InvalidImage)) as caught:
        client.verify(data)
    assert caught.value.fix


def test_a_picture_that_ends_the_inspector_ends_nothing_else(served, client, edited):
    client.verify(edited.composite)
    (inspector,) = inspectors(served)
    os.kill(inspector, signal.SIGSTOP)
    problems = []

    def ask():
        with served.client("asking") as asking:
            try:
                asking.verify(edited.composite)
            except DaemonFailed as problem:
                problems.append(problem)

    asking = threading.Thread(target=ask)
    asking.start()
    time.sleep(0.3)
    began = time.monotonic()
    assert client.describe().operations, "the front is not held up"
    assert time.monotonic() - began < 20
    os.kill(inspector, signal.SIGKILL)
    asking.join(60)
    assert problems and problems[0].retryable
    assert client.verify(edited.composite).intact
    assert inspector not in inspectors(served)


def test_a_picture_that_the_gate_refuses_is_not_signed(client):
    """The gate looks at an export as at everything; what it cannot look at, it does not sign."""
    with pytest.raises((InvalidField, Blocked)):
        client.sign_export(b"\xff\xd8\xff\xe0" + b"\0" * 64)
