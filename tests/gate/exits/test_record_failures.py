"""Manifests and audit records that cannot be made or kept: what is not on record does not leave."""

import errno
import os
import sys

import pytest

import retouch_safety.provenance.c2pa_library as c2pa_library
from retouch_safety import Job
from retouch_safety.audit import AuditLog
from retouch_safety.provenance import SigningFailed

FULL = OSError(errno.ENOSPC, "No space left on device")


def breaking(error):
    def breaks(*args, **given):
        raise error

    return breaks


# --- the manifest, which all but previews have --------------------------------------------------


@pytest.mark.only(signed=True)
@pytest.mark.parametrize("error", [SigningFailed("refused"), MemoryError("full")], ids=repr)
def test_signing_fails(way, error, refused, monkeypatch):
    monkeypatch.setattr(c2pa_library, "sign", breaking(error))
    refused(way, "manifest")


@pytest.mark.only(signed=True)
def test_what_was_signed_does_not_verify(way, refused, monkeypatch):
    found = c2pa_library.Read({"validation_results": {"activeManifest": {"failure": [{}]}}})
    monkeypatch.setattr(c2pa_library, "read", lambda *args, **given: found)
    refused(way, "manifest")


@pytest.mark.only(signed=True)
def test_the_signing_library_is_missing(way, refused, monkeypatch):
    monkeypatch.setitem(sys.modules, "c2pa", None)
    refused(way, "manifest")


def _full_below(folder, real):
    def call(path, *args, **given):
        if str(folder) in str(path):
            raise FULL
        return real(path, *args, **given)

    return call


@pytest.mark.only(signed=True)
# not "mkdir": a folder that an earlier id with the same first digits made needs none
@pytest.mark.parametrize("call", ["open", "link"])
def test_the_disk_of_the_manifests_is_full(way, call, refused, gate_in, home, monkeypatch):
    below = home / "manifests"
    monkeypatch.setattr(os, call, _full_below(below, getattr(os, call)))
    refused(way, "manifest", gate_in(home))


@pytest.mark.only(signed=True)
def test_the_disk_of_the_manifests_does_not_keep(way, refused, gate_in, home, monkeypatch):
    through = gate_in(home)
    through.installation.prepare()
    monkeypatch.setattr(os, "fsync", breaking(FULL))
    refused(way, "manifest", through, logged=False)


# --- the audit record ----------------------------------------------------------------------------


@pytest.mark.parametrize("call", ["write", "replace"])
def test_the_disk_of_the_log_is_full(way, call, refused, gate, monkeypatch):
    """``os.write`` writes records and nothing else, ``os.replace`` the log's head."""
    monkeypatch.setattr(os, call, breaking(FULL))
    before = gate.installation.audit.head()
    refused(way, "audit", logged=False)
    monkeypatch.undo()
    assert gate.installation.audit.head() == before  # nothing was added, and it goes on


def test_the_log_cannot_be_made_durable(way, refused, gate_in, home, monkeypatch):
    """The first sync of a release without a manifest, or the one after its manifest's."""
    through = gate_in(home)
    through.installation.prepare()
    real_write, real_sync, writing = os.write, os.fsync, []

    def write(*args):
        writing.append(True)
        return real_write(*args)

    def sync(handle):
        if writing:
            raise FULL
        return real_sync(handle)

    monkeypatch.setattr(os, "write", write)
    monkeypatch.setattr(os, "fsync", sync)
    asked = refused(way, "audit", through, logged=False)
    monkeypatch.undo()
    assert asked.gate.installation.audit.verify().intact


def test_a_record_that_is_written_in_part(way, refused, gate_in, home, monkeypatch):
    real, through = os.write, gate_in(home)
    through.installation.prepare()

    def some(handle, data):
        if len(data) > 100:
            return real(handle, data[:100])
        raise FULL

    monkeypatch.setattr(os, "write", lambda handle, data: some(handle, data[:500]))
    refused(way, "audit", through, logged=False)
    monkeypatch.undo()
    log = AuditLog(home / "audit")
    assert log.verify().intact and log.head().number == log.verify().records


def _flip(path, place):
    data = bytearray(path.read_bytes())
    data[place] ^= 1
    path.write_bytes(bytes(data))


def _without_last_line(path):
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join(lines[:-1]))


def _log(home):
    return home / "audit" / "audit-00000001.jsonl"


LOG_DAMAGES = {
    "last record changed": lambda home: _flip(_log(home), -100),
    "last record missing": lambda home: _without_last_line(_log(home)),
    "records missing": lambda home: _log(home).unlink(),
    "head changed": lambda home: _flip(home / "audit" / "head.json", 12),
    "head is not a head": lambda home: (home / "audit" / "head.json").write_text("[]"),
    "head missing": lambda home: (home / "audit" / "head.json").unlink(),
}


@pytest.mark.parametrize("damage", LOG_DAMAGES)
def test_a_damaged_log(way, damage, refused, gate_in, home):
    LOG_DAMAGES[damage](home)
    assert not AuditLog(home / "audit").verify().intact
    refused(way, "installation", gate_in(home), logged=False)  # before the work


def test_a_log_that_is_damaged_while_the_gate_is_open(way, refused, gate_in, home):
    gate = gate_in(home)
    gate.admit(Job())
    LOG_DAMAGES["head changed"](home)
    refused(way, "audit", gate, logged=False)


def test_a_manifest_is_not_kept_of_what_was_never_released(way, refused, gate, monkeypatch):
    folder = gate.installation.folder / "manifests"
    before = sorted(folder.rglob("*.c2pa"))

    def fails(entry):
        raise OSError("no room")

    monkeypatch.setattr(gate.installation.audit, "append", fails)
    refused(way, "audit", logged=False)
    assert sorted(folder.rglob("*.c2pa")) == before


def test_a_refusal_that_cannot_be_logged_is_a_refusal(way, chosen, refused, gate, monkeypatch):
    chosen.answer = {"whole": 0.9}
    monkeypatch.setattr(os, "write", breaking(FULL))
    asked = refused(way, "detector", logged=False)
    refusal = asked.error if not way.file else None
    notes = getattr(getattr(refusal, "__cause__", None) or refusal, "__notes__", [])
    assert refusal is None or any("could not be logged" in note for note in notes)
