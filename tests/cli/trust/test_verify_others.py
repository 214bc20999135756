"""Pictures and keys of other installations, and forgeries."""

import numpy as np
import pytest
from PIL import Image as Pillow

from retouch_safety import InvalidInput
from retouch_safety.inspection import PublishedKeys
from retouch_safety.tilemark import Keys, Payload, embed


@pytest.fixture
def published(theirs, tmp_path, call):
    path = tmp_path / "theirs.keys"
    assert call(theirs, "keys", "publish", "-o", path).code == 0
    return path


def test_another_installations_picture_is_not_ours(ours, theirs, verified, call):
    code, (found,) = verified(ours, theirs.home / "edit.png")
    assert code == 3 and found["status"] == "UNTRUSTED" and found["marks"] == []
    assert found["receipt"]["signature"] == "UNKNOWN_KEY"
    assert "not known here: it proves nothing" in call(ours, "verify", theirs.home / "edit.png").out


def test_its_published_keys_read_it(ours, theirs, published, verified, call, resaved):
    code, (found,) = verified(ours, "--public", published, theirs.home / "edit.png")
    assert code == 0 and found["public"]
    assert [(m["claim"], m["record"]) for m in found["marks"]] == [("READ", theirs.record)]
    assert found["receipt"]["signature"] == "VALID"
    words = call(ours, "verify", "--public", published, theirs.home / "edit.png").out
    assert "trusted by a root that you chose" in words
    assert "was read with a published key" in words
    bare = resaved(theirs.home / "edit.png", "bare.png")
    code, (found,) = verified(ours, "--public", published, bare)
    assert code == 5 and found["marks"][0]["record"] == theirs.record  # its store is not here
    assert "comes from its watermark" in call(ours, "verify", "--public", published, bare).out
    assert verified(ours, "--public", published, ours.home / "edit.png")[0] == 3


def test_a_mark_forged_with_the_published_pattern_is_not_believed(ours, verified, call, tmp_path):
    keys = ours.installation.keys.current
    forger = Keys(keys.id, keys.pattern, bytes(32))
    picture = np.asarray(Pillow.open(ours.home / "edit.png").convert("RGB")).copy()
    picture = np.ascontiguousarray(np.rot90(picture, 2))  # the real mark is upside down
    payload = Payload(keys.id, int(ours.record, 16))
    marked = embed(picture, np.ones(picture.shape[:2], np.bool_), payload, forger)
    path = tmp_path / "forged.png"
    Pillow.fromarray(marked.pixels).save(path)
    code, (found,) = verified(ours, path)
    assert found["marks"][0]["claim"] == "READ" and found["marks"][0]["record"] == ours.record
    assert code == 5 and found["kept"] == []
    assert "do not rely on it" in call(ours, "verify", path).out


@pytest.mark.parametrize(
    "content",
    [b"", b"hello", b"0 " + b"ab" * 32 + b"\n1 zz\n", b"17 " + b"ab" * 32, b"\xff" * 100],
    ids=range(5),
)
def test_wrong_key_files_are_one_line(ours, call, tmp_path, content):
    path = tmp_path / "keys"
    path.write_bytes(content)
    found = call(ours, "verify", "--public", path, ours.home / "edit.png")
    assert found.code == 2 and len(found.err.strip().splitlines()) == 1 and "Fix:" in found.err


def test_a_secret_key_passed_by_mistake_is_not_shown(theirs):
    secret = (theirs.installation.folder / "keys" / "auth-00.key").read_text()
    private = (theirs.installation.folder / "receipts" / "receipt.key").read_text()
    for text in (secret, private):
        with pytest.raises(InvalidInput) as caught:
            PublishedKeys.from_text(text)
        digits = text.split()[-1] if text == secret else text.splitlines()[1]
        assert digits not in str(caught.value)


def test_pattern_keys_alone_are_enough(theirs):
    text = theirs.installation.keys.published()
    keys = PublishedKeys.from_text(text)
    assert [reader.auth for reader in keys.readers()] == [{}] and keys.receipts == ()
    whole = PublishedKeys.of(theirs.installation)
    assert PublishedKeys.from_text(whole.to_text()) == whole


@pytest.mark.parametrize("content", [None, b"not a certificate"])
def test_trust_anchors_that_cannot_be_read_stop_everything(
    ours, call, monkeypatch, tmp_path, content
):
    path = tmp_path / "anchors.pem"
    if content is not None:
        path.write_bytes(content)
    monkeypatch.setenv("RETOUCH_TRUST_ANCHORS", str(path))
    found = call(ours, "verify", ours.home / "edit.png")
    assert found.code == 2 and "RETOUCH_TRUST_ANCHORS" in found.err and "Fix:" in found.err


def test_a_stranger_may_choose_to_trust_a_root(ours, theirs, call, monkeypatch):
    (root,) = (theirs.installation.folder / "certificates").glob("*-root.pem")
    monkeypatch.setenv("RETOUCH_TRUST_ANCHORS", str(root))
    found = call(ours, "verify", theirs.home / "edit.png")
    assert found.code == 0 and "trusted by a root that you chose" in found.out
