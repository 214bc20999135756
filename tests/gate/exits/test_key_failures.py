"""Keys and certificates that are damaged, missing, or readable by others: the gate does not start.

Nothing is replaced, either: a new key in place of a damaged one would orphan every older mark.
"""

import errno
import os
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec


def _overwrite(name, data=b"something else\n"):
    return lambda home: (home / name).write_bytes(data)


def _cut(name, left=40):
    return lambda home: (home / name).write_bytes((home / name).read_bytes()[:left])


def _open_to_others(name):
    return lambda home: (home / name).chmod(0o644)


def _file_in_place_of(name):
    def damage(home):
        moved = home / name
        moved.rename(home / f"{name}-moved")
        moved.write_bytes(b"")

    return damage


def _another_kind_of_key(home):
    key = ec.generate_private_key(ec.SECP256R1())
    form = serialization.PrivateFormat.PKCS8
    plain = serialization.NoEncryption()
    data = key.private_bytes(serialization.Encoding.PEM, form, plain)
    (home / "receipts" / "receipt.key").write_bytes(data)


DAMAGES = {
    "watermark key damaged": _overwrite("keys/auth-00.key"),
    "watermark key cut": _cut("keys/auth-00.key"),
    "watermark key read by others": _open_to_others("keys/auth-00.key"),
    "pattern key missing": lambda home: (home / "keys/pattern-00.key").unlink(),
    "keys are a file": _file_in_place_of("keys"),
    "receipt key damaged": _overwrite("receipts/receipt.key"),
    "receipt key read by others": _open_to_others("receipts/receipt.key"),
    "receipt key of another kind": _another_kind_of_key,
    "certificate damaged": _overwrite("certificates/development-01.pem"),
    "certificate cut": _cut("certificates/development-01.pem", 600),
    "certificate read by others": _open_to_others("certificates/development-01.pem"),
    "certificates are a file": _file_in_place_of("certificates"),
}
AUDIT_DAMAGES = {
    "log key damaged": _overwrite("audit/audit.key"),
    "log key read by others": _open_to_others("audit/audit.key"),
    "log key missing": lambda home: (home / "audit/audit.key").unlink(),
    "log is a file": _file_in_place_of("audit"),
}


def _contents(home):
    return {path: path.read_bytes() for path in home.rglob("*.key")}


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_key(way, damage, refused, gate_in, home):
    DAMAGES[damage](home)
    before = _contents(home)
    refused(way, "installation", gate_in(home))
    assert _contents(home) == before


@pytest.mark.parametrize("damage", AUDIT_DAMAGES)
def test_a_damaged_key_of_the_log(way, damage, refused, gate_in, home):
    AUDIT_DAMAGES[damage](home)
    before = _contents(home)
    refused(way, "installation", gate_in(home), logged=False)
    assert _contents(home) == before


def test_an_own_certificate_that_is_not_there(way, refused, gate_in, home):
    missing = {"certificate": home / "none.pem", "certificate_key": home / "none.key"}
    refused(way, "installation", gate_in(home, **missing))


@pytest.mark.parametrize("folder", ["keys", "receipts", "certificates"])
def test_keys_that_may_not_be_read(way, folder, refused, gate_in, home, monkeypatch):
    """As another user would see them; for the tests' own user, who may be root, it is imitated."""

    def forbidden(real):
        def read(path, *args, **given):
            if path.parent == home / folder:
                raise PermissionError(errno.EACCES, "Permission denied", str(path))
            return real(path, *args, **given)

        return read

    for name in ("read_text", "read_bytes"):
        monkeypatch.setattr(Path, name, forbidden(getattr(Path, name)))
    refused(way, "installation", gate_in(home))


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EROFS])
def test_a_first_start_without_room(way, number, refused, gate_in, tmp_path, monkeypatch):
    real = os.open

    def full(path, flags, *args, **given):
        if flags & os.O_CREAT:
            raise OSError(number, os.strerror(number), str(path))
        return real(path, flags, *args, **given)

    monkeypatch.setattr(os, "open", full)
    refused(way, "installation", gate_in(tmp_path / "new"), logged=False)
    assert not [path for path in (tmp_path / "new").rglob("*") if path.is_file()]
