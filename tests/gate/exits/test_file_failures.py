"""Files that cannot be encoded, signed or written: none is there, and an older one stays."""

import errno
import os

import pytest

import retouch_safety.credentials as credentials
from retouch_safety import CannotSave, InputPicture, Job, Sealed
from retouch_safety.provenance import SigningFailed
from retouch_safety.save import save

FULL = OSError(errno.ENOSPC, "No space left on device")
SUFFIXES = [".png", ".jpg", ".webp", ".tiff"]


def breaking(error):
    def breaks(*args, **given):
        raise error

    return breaks


@pytest.fixture
def released(gate):
    import numpy as np

    pixels = np.arange(16 * 16 * 3, dtype=np.uint8).reshape(16, 16, 3)
    admission = gate.admit(Job(pictures={"image": InputPicture(pixels)}))
    return gate.release(Sealed.composite(pixels), admission)


FAILURES = {
    "encoder": ("retouch_safety.sealed.encode", ValueError("a bug")),
    "encoder out of memory": ("retouch_safety.sealed.encode", MemoryError("full")),
    "signature": ("retouch_safety.credentials.sign_file", SigningFailed("refused")),
    "metadata": ("retouch_safety.provenance.signing.with_source_metadata", ValueError("a bug")),
    "disk at the sync": ("os.fsync", FULL),
    "disk at the rename": ("os.replace", FULL),
    "interrupted at the sync": ("os.fsync", KeyboardInterrupt()),
    "interrupted at the rename": ("os.replace", KeyboardInterrupt()),
}


@pytest.mark.parametrize("suffix", SUFFIXES)
@pytest.mark.parametrize("failure", FAILURES)
def test_a_file_is_whole_or_not_there(released, suffix, failure, tmp_path, monkeypatch):
    target = tmp_path / f"out{suffix}"
    target.write_bytes(b"the old file")
    name, error = FAILURES[failure]
    monkeypatch.setattr(name, breaking(error))
    with pytest.raises((type(error), CannotSave)):
        save(released, target)
    assert [path.name for path in tmp_path.iterdir()] == [target.name]
    assert target.read_bytes() == b"the old file"


@pytest.mark.only(file=True)
@pytest.mark.parametrize("error", [SigningFailed("refused"), MemoryError("full")], ids=repr)
def test_an_edit_whose_file_cannot_be_signed_writes_none(way, error, attempt, monkeypatch):
    monkeypatch.setattr(credentials, "sign_file", breaking(error))
    asked = attempt(way)
    assert asked.error is not None and asked.files == []


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_pixels_that_were_altered_after_the_gate_are_not_written(released, suffix, tmp_path):
    """Released arrays cannot be made writeable; this takes the content's own place instead."""
    from dataclasses import replace

    other = replace(released._content, pixels=released.pixels ^ 1)
    object.__setattr__(released, "_content", other)
    with pytest.raises(CannotSave, match="altered pixels"):
        save(released, tmp_path / f"out{suffix}")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_a_preview_is_never_a_file(gate, suffix, tmp_path):
    import numpy as np

    sealed = Sealed.preview(np.zeros((8, 8, 3), np.uint8), np.ones((8, 8), np.float32), x=0, y=0)
    preview = gate.release(sealed, gate.admit(Job()))
    with pytest.raises(CannotSave, match="a preview"):
        save(preview, tmp_path / f"out{suffix}")
    assert list(tmp_path.iterdir()) == []


def test_nothing_but_released_is_written(tmp_path):
    import numpy as np

    sealed = Sealed.composite(np.zeros((8, 8, 3), np.uint8))
    for other in (sealed, np.zeros((8, 8, 3), np.uint8), b"bytes", None, object()):
        with pytest.raises(TypeError, match="released by the gate"):
            save(other, tmp_path / "out.png")
    assert os.listdir(tmp_path) == []
