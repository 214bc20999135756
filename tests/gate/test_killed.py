"""Killed between any two steps, as by a power cut or ``kill -9``: nothing unrecorded is there.

A child process ends itself before or after a stage of the gate, or before its n-th call of the
system's file functions. Afterwards a picture is there only if its release is on record; the log
verifies, but for a write that it knows to be unfinished; and the next start works.
"""

import itertools
import os
import signal

import numpy as np
import pytest
from PIL import Image as Pillow

from retouch_safety import InputPicture, Installation, Job, PromptFields, Receipt, Sealed
from retouch_safety.audit import AuditLog
from retouch_safety.receipt_key import is_signed_by
from retouch_safety.save import save

KILLED = 70
FILE_CALLS = ("open", "write", "fsync", "ftruncate", "replace", "link", "unlink", "mkdir", "close")
STAGES = [
    "retouch_safety.gate.Gate._test_once",
    "retouch_safety.installation.Installation.prepare",
    "retouch_safety.prompts.PromptFilter.require",
    "retouch_safety.input_check.InputCheck.passed",
    "retouch_safety.gate.Admission",
    "retouch_safety.gate.own_copy",
    "retouch_safety.gate.Gate._detect",
    "retouch_safety.marking.mark",
    "retouch_safety.gate.immutable",
    "retouch_safety.gate.fingerprint",
    "retouch_safety.gate.digest_of",
    "retouch_safety.receipt_key.ReceiptKey.sign",
    "retouch_safety.gate.credentials_of",
    "retouch_safety.credentials.sign_pixels",
    "retouch_safety.provenance.SidecarStore.put",
    "retouch_safety.audit.AuditLog.append",
    "retouch_safety.gate.Released",
    "retouch_safety.sealed.encode",
    "retouch_safety.credentials.sign_file",
    "retouch_safety.save.replace_whole",
]


def in_child(action):
    """Run something in a process of its own; return its exit status."""
    child = os.fork()
    if child == 0:
        signal.alarm(120)
        try:
            action()
            os._exit(0)
        except BaseException:
            os._exit(1)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def stopping_at(step):
    """Make this process end before its n-th call of the system's file functions."""
    calls = itertools.count()

    def wrapped(real):
        def call(*args, **given):
            if next(calls) == step:
                os._exit(KILLED)
            return real(*args, **given)

        return call

    for name in FILE_CALLS:
        setattr(os, name, wrapped(getattr(os, name)))


def edit(gate, path):
    """One edit from request to file."""
    pixels = np.arange(16 * 16 * 3, dtype=np.uint8).reshape(16, 16, 3)
    job = Job(PromptFields(prompt="a cat in the snow"), {"image": InputPicture(pixels)})
    admission = gate.admit(job)
    save(gate.release(Sealed.composite(pixels[::-1].copy()), admission), path)


def check_afterwards(home, path, gate_in, released_before):
    """What is there is on record; the log verifies; the next start works."""
    log = AuditLog(home / "audit")
    report = log.verify()
    assert report.intact, report.words()
    records = log.tail(20)
    left = {record.fields["record"] for record in records if record.event == "released"}
    assert released_before <= len(left) <= released_before + 1
    for file in path.parent.iterdir():  # also one that is half written
        assert len(left) == released_before + 1, f"{file.name} without a record"
    if path.exists():
        with Pillow.open(path) as opened:
            receipt = Receipt.from_json(opened.info["retouch:receipt"])
        assert is_signed_by(receipt, Installation(home).receipts.public)
        assert receipt.record in left
    again = gate_in(home)
    path.unlink(missing_ok=True)
    edit(again, path)
    assert path.exists()
    report = again.installation.audit.verify()
    assert report.intact and not report.unfinished, report.words()


@pytest.fixture
def target(tmp_path):
    (tmp_path / "pictures").mkdir()
    return tmp_path / "pictures" / "out.png"


@pytest.mark.parametrize(
    ("stage", "when"), [*((stage, "before") for stage in STAGES), (STAGES[-1], "after")]
)
def test_killed_at_a_stage(stage, when, gate_in, home, target, monkeypatch):
    gate = gate_in(home)

    def act():
        owner, _, name = stage.rpartition(".")
        real = pytest.MonkeyPatch()
        found = getattr(_resolved(owner), name)

        def stopping(*args, **given):
            if when == "after":
                found(*args, **given)
            os._exit(KILLED)

        real.setattr(stage, stopping)
        edit(gate, target)

    assert in_child(act) == KILLED
    if when == "before" or stage != STAGES[-1]:
        assert not target.exists()
    check_afterwards(home, target, gate_in, released_before=3)


def _resolved(owner):
    import importlib

    try:
        return importlib.import_module(owner)
    except ModuleNotFoundError:
        module, _, name = owner.rpartition(".")
        return getattr(importlib.import_module(module), name)


def test_killed_between_any_two_file_calls(gate_in, prepared_home, tmp_path, record_property):
    import shutil

    done = 0
    for step in itertools.count():
        home = shutil.copytree(prepared_home, tmp_path / f"{step}" / "safety")
        target = tmp_path / f"{step}" / "pictures" / "out.png"
        target.parent.mkdir()
        gate = gate_in(home)

        def act(step=step, gate=gate, target=target):
            stopping_at(step)
            edit(gate, target)

        status = in_child(act)
        if status == 0:
            break
        assert status == KILLED
        check_afterwards(home, target, gate_in, released_before=3)
        done += 1
    assert done > 20  # at least the manifest, the record, the head, and the file
    record_property("cases", done)


def test_killed_between_any_two_file_calls_of_a_first_start(tmp_path, record_property):
    done = 0
    for step in itertools.count():
        home = tmp_path / f"{step}" / "safety"

        def act(step=step, home=home):
            stopping_at(step)
            Installation(home).prepare()

        status = in_child(act)
        if status == 0:
            break
        assert status == KILLED
        started = Installation(home)
        started.prepare()
        assert started.audit.verify().intact
        again = Installation(home)  # and what the second one made, the third one finds
        assert again.keys.current == started.keys.current
        assert again.receipts.id == started.receipts.id
        assert again.identity.serial == started.identity.serial
        done += 1
    assert done > 20
    record_property("cases", done)
