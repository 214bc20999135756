import json
import re
import subprocess
import sys

import numpy as np
import pytest
from PIL import Image as Pillow

from retouch_safety import Installation
from retouch_safety.tilemark import Payload, embed


def secrets_of(installation):
    """Every secret of an installation, in every way that it could be printed."""
    folder = installation.folder
    found = [path.read_text().split()[-1] for path in (folder / "keys").glob("auth-*.key")]
    for path in [folder / "receipts" / "receipt.key", *(folder / "certificates").glob("*.pem")]:
        for block in re.findall(r"PRIVATE KEY-----\n([^-]+)-----END", path.read_text()):
            found += block.split()
    found += [path.read_text().split()[-1] for path in (folder / "audit").glob("audit.key")]
    assert len(found) >= 3
    return found


@pytest.fixture
def user(tmp_path):
    return tmp_path / "home"


@pytest.fixture
def installation(user):
    return Installation(user / "safety")


def test_show_names_everything_and_no_secret(user, installation, call):
    found = call(user, "keys", "show")
    assert found.code == 0
    identity, receipts = installation.identity, installation.receipts
    root = identity.name.replace("local", "local root")
    for said in (
        str(user / "safety"),
        "key 0, pattern",
        "marks and reads",
        receipts.id,
        receipts.public.decode().splitlines()[1],
        f"{identity.name} (made here), until 20",
        root,
    ):
        assert said in found.out
    as_json = call(user, "keys", "show", "--json").out
    summary = json.loads(as_json)
    assert summary["receipt"] == receipts.id and summary["kind"] == "DEVELOPMENT"
    assert summary["certificate"]["serial"] == identity.serial
    assert summary["root"]["name"] == summary["certificate"]["issuer"] == root
    installation.prepare()
    call(user, "keys", "rotate")
    for command in (["show"], ["show", "--json"], ["publish"], ["rotate"], ["rotate", "--json"]):
        shown = call(user, "keys", *command)
        assert shown.code == 0
        assert not [secret for secret in secrets_of(installation) if secret in shown.out]


def test_the_users_own_certificate_is_named(ours, user, call, monkeypatch):
    """Any chain with its key: here the one that another installation made."""
    (pem,) = (ours.installation.folder / "certificates").glob("development-[0-9][0-9].pem")
    monkeypatch.setenv("RETOUCH_CERTIFICATE", str(pem))
    monkeypatch.setenv("RETOUCH_CERTIFICATE_KEY", str(pem))
    found = call(user, "keys", "show")
    assert found.code == 0 and f"{ours.installation.identity.name} (your own)" in found.out
    assert not [s for s in secrets_of(ours.installation) if s in found.out]
    monkeypatch.delenv("RETOUCH_CERTIFICATE_KEY")
    refused = call(user, "keys", "show")
    assert refused.code == 2 and "RETOUCH_CERTIFICATE_KEY" in refused.err


def test_rotation_marks_with_a_new_key_and_reads_with_all(user, installation, call, verified):
    old = installation.keys.current
    picture = np.random.default_rng(0).integers(60, 190, (280, 280, 3)).astype(np.uint8)
    everywhere = np.ones((280, 280), np.bool_)
    marked = embed(picture, everywhere, Payload(old.id, 0xABCD1234), old)
    path = user / "marked.png"
    Pillow.fromarray(marked.pixels).save(path)
    first = call(user, "keys", "publish").out
    assert "key 1 from now on" in call(user, "keys", "rotate").out
    found = call(user, "keys", "rotate", "--new-pattern")
    assert found.code == 0 and "publish again" in found.out and "back up" in found.out
    keys = Installation(user / "safety").keys
    assert keys.current.id == 2 and keys.current.pattern != old.pattern
    assert [k["id"] for k in json.loads(call(user, "keys", "show", "--json").out)["marks"]] == [
        *(0, 1, 2)
    ]
    published = call(user, "keys", "publish").out
    assert published.splitlines()[1] == first.splitlines()[1]  # the old pattern stays published
    assert len(re.findall(r"^\d+ [0-9a-f]{64}$", published, re.MULTILINE)) == 3
    (mark,) = verified(user, path)[1][0]["marks"]
    assert (mark["claim"], mark["record"], mark["key"]) == ("AUTHENTIC", "abcd1234", 0)


def test_seventeen_keys_are_too_many(user, call):
    codes = [call(user, "keys", "rotate").code for _ in range(16)]
    assert codes == [0] * 15 + [2]


def test_publish_writes_a_new_file_only(user, call, tmp_path):
    path = tmp_path / "public.txt"
    assert call(user, "keys", "publish", "-o", path).code == 0
    assert path.read_text() == call(user, "keys", "publish").out
    assert path.stat().st_mode & 0o777 == 0o644
    before = path.read_bytes()
    again = call(user, "keys", "publish", "-o", path)
    assert again.code == 2 and "Fix:" in again.err and path.read_bytes() == before
    missing = call(user, "keys", "publish", "-o", tmp_path / "none" / "public.txt")
    assert missing.code == 2 and len(missing.err.strip().splitlines()) == 1


def test_a_secret_that_others_can_read_is_refused(user, installation, call):
    installation.prepare()
    (path,) = (user / "safety" / "keys").glob("auth-00.key")
    path.chmod(0o644)
    for command in (["keys", "show"], ["keys", "rotate"], ["keys", "publish"]):
        found = call(user, *command)
        assert found.code == 2 and "chmod 600" in found.err
        assert len(found.err.strip().splitlines()) == 1


@pytest.mark.parametrize(
    "arguments",
    [["keys", "show"], ["keys", "publish"], ["audit", "verify"], ["audit", "--help"], ["--help"]],
    ids=" ".join,
)
def test_commands_import_nothing_heavy(ours, arguments):
    code = (
        f"import sys; from retouch.cli.main import run\nassert run({arguments!r}) == 0\n"
        "heavy = {'torch', 'onnxruntime', 'diffusers', 'transformers'} & set(sys.modules)\n"
        "assert not heavy, heavy\n"
        f"assert {arguments!r} != ['--help'] or 'cv2' not in sys.modules"
    )
    environment = {"RETOUCH_HOME": str(ours.home), "PATH": "/usr/bin:/bin"}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, env=environment)
    assert done.returncode == 0, done.stderr.decode()
