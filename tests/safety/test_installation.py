"""Where the gate keeps its keys: environment, modes, certificate pair, first starts."""

import hashlib
import os
import stat
from pathlib import Path

import pytest

from retouch_safety import Installation, InvalidInput
from retouch_safety.installation import CERTIFICATE, CERTIFICATE_KEY, HOME, TRUST_ANCHORS

POSIX = pytest.mark.skipif(os.name != "posix", reason="modes are POSIX")


@pytest.fixture
def environment(monkeypatch):
    for name in (HOME, CERTIFICATE, CERTIFICATE_KEY, TRUST_ANCHORS):
        monkeypatch.delenv(name, raising=False)
    return monkeypatch


def test_the_default_is_this_users(environment):
    import platformdirs

    found = Installation.default()
    expected = Path(platformdirs.user_data_dir("retouch", appauthor=False)) / "safety"
    assert found == Installation(expected)
    assert (found.certificate, found.certificate_key, found.anchors) == (None, None, None)


def test_the_environment_moves_it(environment, tmp_path):
    given = {CERTIFICATE: "c.pem", CERTIFICATE_KEY: "k.pem", TRUST_ANCHORS: "roots.pem"}
    environment.setenv(HOME, str(tmp_path))
    for name, file in given.items():
        environment.setenv(name, f"~/{file}")
    home = Path("~").expanduser()
    assert Installation.default() == Installation(
        tmp_path / "safety", home / "c.pem", home / "k.pem", home / "roots.pem"
    )
    environment.setenv(HOME, "")
    assert Installation.default().folder != tmp_path / "safety"


@pytest.mark.parametrize("given", [CERTIFICATE, CERTIFICATE_KEY])
def test_a_certificate_needs_its_key(environment, tmp_path, given):
    environment.setenv(HOME, str(tmp_path))
    environment.setenv(given, "c.pem")
    with pytest.raises(InvalidInput) as caught:
        Installation.default()
    assert caught.value.value == f"only {given}"
    assert CERTIFICATE in caught.value.fix and CERTIFICATE_KEY in caught.value.fix


def test_making_one_writes_nothing(tmp_path):
    Installation(tmp_path / "safety")
    assert list(tmp_path.iterdir()) == []


@POSIX
def test_a_first_start_makes_all_parts_for_their_owner_alone(tmp_path):
    before = os.umask(0)
    try:
        Installation(tmp_path / "safety").prepare()
    finally:
        os.umask(before)
    public = {"receipt.pub", "development-01-root.pem"}
    for path in (tmp_path / "safety", *(tmp_path / "safety").rglob("*")):
        mode = stat.S_IMODE(path.stat().st_mode)
        if path.is_dir():
            assert mode == 0o700, path
        elif path.name in public:
            assert mode == 0o644, path
        elif path.name != "lock":
            assert mode == 0o600, path
    names = {path.name for path in (tmp_path / "safety").rglob("*") if path.is_file()}
    assert names >= {"auth-00.key", "receipt.key", "audit.key", "development-01.pem"} | public


def contents(folder):
    return {p: p.read_bytes() for p in folder.rglob("*") if p.is_file() and p.name != "lock"}


def test_the_next_start_finds_them_and_changes_nothing(tmp_path):
    first = Installation(tmp_path / "safety")
    first.prepare()
    before = contents(tmp_path)
    again = Installation(tmp_path / "safety")
    again.prepare()
    again.prepare()
    assert contents(tmp_path) == before
    assert again.receipts.id == first.receipts.id
    assert again.keys.current == first.keys.current
    assert again.identity.serial == first.identity.serial


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_processes_that_start_at_once_agree(tmp_path):
    folder = tmp_path / "safety"
    children = []
    for number in range(4):
        child = os.fork()
        if child == 0:
            code = 1
            try:
                here = Installation(folder)
                here.prepare()
                secret = hashlib.sha256(here.keys.current.auth).hexdigest()
                said = f"{here.receipts.id} {secret} {here.identity.serial}"
                (tmp_path / f"said-{number}").write_text(said)
                code = 0
            finally:
                os._exit(code)
        children.append(child)
    assert [os.waitstatus_to_exitcode(os.waitpid(c, 0)[1]) for c in children] == [0] * 4
    said = {(tmp_path / f"said-{number}").read_text() for number in range(4)}
    assert len(said) == 1
    assert Installation(folder).receipts.id in said.pop()
    assert not list(folder.rglob("*.part"))


def test_anchors_count_beside_our_own_root(tmp_path):
    roots = tmp_path / "roots.pem"
    roots.write_bytes(b"roots")
    found = Installation(tmp_path / "safety", anchors=roots)
    found.prepare()
    assert found.trust.anchors == b"roots" and b"BEGIN CERTIFICATE" in found.trust.installation
    assert Installation(tmp_path / "safety").trust.anchors == b""
    roots.unlink()
    with pytest.raises(FileNotFoundError):
        _ = found.trust
