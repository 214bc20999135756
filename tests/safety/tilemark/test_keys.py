"""Key files: made once, private, whole or not at all; rotation never loses an old mark."""

import os
import stat

import pytest

from retouch_safety.tilemark import InvalidMarkRequest, KeyRing, Keys, ReadingKeys


def test_first_start_makes_private_keys_and_the_next_finds_them(tmp_path):
    folder = tmp_path / "keys"
    first = KeyRing(folder).current
    assert first.id == 0 and first.pattern != first.auth
    assert KeyRing(folder).current == first
    names = sorted(path.name for path in folder.iterdir())
    assert names == ["auth-00.key", "pattern-00.key"]
    for path in folder.iterdir():
        assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_two_rings_differ(tmp_path):
    assert KeyRing(tmp_path / "a").current != KeyRing(tmp_path / "b").current


def test_rotation_adds_an_id_and_keeps_the_old_ones_readable(tmp_path):
    ring = KeyRing(tmp_path)
    old = ring.current
    new = ring.rotate()
    assert (new.id, new.pattern) == (1, old.pattern) and new.auth != old.auth
    (reader,) = ring.readers()  # one pattern: one search
    assert reader.auth == {0: old.auth, 1: new.auth}
    other = ring.rotate(new_pattern=True)
    assert [r.pattern for r in ring.readers()] == [other.pattern, old.pattern]
    assert KeyRing(tmp_path).current == other


def test_a_full_ring_says_so(tmp_path):
    ring = KeyRing(tmp_path)
    for _ in range(15):
        ring.rotate()
    with pytest.raises(InvalidMarkRequest, match=r"0 to 15.*new key folder"):
        ring.rotate()


def test_what_is_published_holds_no_secret(tmp_path):
    ring = KeyRing(tmp_path)
    ring.rotate()
    text = ring.published()
    for reader in ring.readers():
        assert reader.pattern.hex() in text
        assert all(auth.hex() not in text for auth in reader.auth.values())
    assert ring.current.auth.hex() not in repr(ring.current) + repr(ring.readers())
    assert repr(ring.current.auth) not in repr(ring.current) + repr(ring.readers())


@pytest.mark.skipif(os.name != "posix", reason="modes are POSIX's")
def test_a_secret_that_others_can_read_is_refused(tmp_path):
    KeyRing(tmp_path)
    (tmp_path / "auth-00.key").chmod(0o640)
    with pytest.raises(InvalidMarkRequest, match=r"0o640.*0o600.*chmod 600"):
        KeyRing(tmp_path)


@pytest.mark.parametrize("damage", ["", "retouch-tilemark-auth-1 00ff\n", "something else\n"])
def test_damaged_keys_are_refused_and_never_replaced(tmp_path, damage):
    KeyRing(tmp_path)
    path = tmp_path / "auth-00.key"
    path.write_text(damage)
    with pytest.raises(InvalidMarkRequest, match=r"auth-00.key.*restore it"):
        KeyRing(tmp_path)
    assert path.read_text() == damage


def test_a_missing_half_is_made_up_only_where_it_was_never_used(tmp_path):
    """Stopped after the pattern key: no mark was written yet. Without a pattern key: damage."""
    ring = KeyRing(tmp_path)
    pattern = ring.current.pattern
    (tmp_path / "auth-00.key").unlink()
    assert KeyRing(tmp_path).current.pattern == pattern
    (tmp_path / "pattern-00.key").unlink()
    with pytest.raises(InvalidMarkRequest, match=r"pattern-00.key"):
        KeyRing(tmp_path)


def test_keys_have_32_bytes_and_errors_do_not_show_them():
    with pytest.raises(InvalidMarkRequest, match=r"31 bytes") as caught:
        Keys(0, bytes(32), b"s" * 31)
    assert "sss" not in str(caught.value)
    with pytest.raises(InvalidMarkRequest, match=r"0 to 15"):
        ReadingKeys(bytes(32), {16: bytes(32)})
