"""The manifest: lines are added, torn ones forgotten, what is done is known by content."""

import json

import pytest

from retouch.batch.manifest import NAME, Entry, Manifest, digest_of_file
from retouch.errors import InvalidField


def entry(key="a.png", status="done", outputs=(), attempt=0):
    return Entry(
        key=key, input=f"in/{key}", input_sha256="1", recipe_sha256="2", status=status,
        attempt=attempt, outputs=outputs,
    )  # fmt: skip


def test_what_is_added_is_read_again_and_the_last_counts(tmp_path):
    first = Manifest.of(tmp_path / "out")
    first.begin()
    first.add(entry(status="failed"))
    first.add(entry(attempt=1))
    again = Manifest.of(tmp_path / "out")
    assert again.batch == first.batch and again.last("a.png") == entry(attempt=1)
    assert again.last("b.png") is None


def test_a_line_that_was_cut_off_takes_no_other_with_it(tmp_path):
    manifest = Manifest.of(tmp_path)
    manifest.begin()
    manifest.add(entry())
    whole = (tmp_path / NAME).read_text()
    for cut in (1, 20, len(whole.splitlines()[1])):
        (tmp_path / NAME).write_text(whole[:-cut])
        torn = Manifest.of(tmp_path)
        assert torn.batch == manifest.batch and (torn.last("a.png") is None or cut == 1)
        torn.add(entry("b.png"))
        assert Manifest.of(tmp_path).last("b.png") == entry("b.png")


def test_done_means_unchanged_and_as_it_was_written(tmp_path):
    (tmp_path / "a.png").write_bytes(b"picture")
    output = {"file": "a.png", "sha256": digest_of_file(tmp_path / "a.png")}
    manifest = Manifest.of(tmp_path)
    manifest.begin()
    manifest.add(entry(outputs=(output,)))
    assert manifest.is_done("a.png", "1", "2") and manifest.wrote(tmp_path / "a.png")
    assert not manifest.is_done("a.png", "1", "3") and not manifest.is_done("a.png", "0", "2")
    (tmp_path / "a.png").write_bytes(b"changed")
    assert not manifest.is_done("a.png", "1", "2")
    (tmp_path / "a.png").unlink()
    assert not manifest.is_done("a.png", "1", "2")
    manifest.add(entry(status="blocked"))
    assert not manifest.is_done("a.png", "1", "2")
    assert Manifest.of(tmp_path).wrote(tmp_path / "a.png"), "once its own, it stays its own"


@pytest.mark.parametrize("text", ["something else\n", json.dumps({"manifest": 99}) + "\n"])
def test_somebody_elses_file_stays(tmp_path, text):
    (tmp_path / NAME).write_text(text)
    with pytest.raises(InvalidField, match="-o"):
        Manifest.of(tmp_path)
    assert (tmp_path / NAME).read_text() == text
