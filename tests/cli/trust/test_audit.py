import json
import shutil
import stat
from types import SimpleNamespace

import pytest

from retouch_safety.audit import AuditLog, Entry, Event


@pytest.fixture
def user(tmp_path):
    """An installation that has logged a few things."""
    log = AuditLog(tmp_path / "safety" / "audit")
    refusal = Entry(
        Event.REFUSED,
        job="job-2",
        stage="prompt",
        category="weapons",
        score=0.9,
        threshold=0.5,
        prompts={"0 prompt": "a secret fox"},
    )
    heads = [
        log.append(Entry(Event.RELEASED, job="job-1", record=0x5A3C96E1, mark="EMBEDDED")),
        log.append(refusal),
        log.append(Entry(Event.SIGNED, record=7)),
    ]
    return SimpleNamespace(home=tmp_path, folder=tmp_path / "safety" / "audit", heads=heads)


def damage(user, line, before, after):
    (path,) = user.folder.glob("audit-*.jsonl")
    lines = path.read_bytes().splitlines(keepends=True)
    assert before in lines[line]
    lines[line] = lines[line].replace(before, after)
    path.write_bytes(b"".join(lines))
    return path


def anchor(head):
    return f"{head.number}:{head.digest}"


def test_an_intact_log_and_its_head(user, call):
    found = call(user, "audit", "verify")
    assert found.code == 0 and found.out.startswith("Intact.\n3 records are in order")
    assert f"Publish this head: {anchor(user.heads[-1])}\n" in found.out
    for head in user.heads:
        assert call(user, "audit", "verify", "--anchor", anchor(head)).code == 0
    report = json.loads(call(user, "audit", "verify", "--json").out)
    assert report["intact"] and report["records"] == 3 and report["exit_code"] == 0


def test_the_first_bad_record_is_named(user, call):
    path = damage(user, 1, b"weapons", b"flowers")
    found = call(user, "audit", "verify")
    assert found.code == 6
    first = found.out.splitlines()[0]
    assert first.startswith(f"Damaged: the first bad record is 2 ({path.name}, line 2): ")
    assert "does not match its HMAC" in first and "Publish" not in found.out
    report = json.loads(call(user, "audit", "verify", "--json").out)
    assert report["exit_code"] == 6
    assert report["first_bad"]["number"] == 2 and report["first_bad"]["file"] == path.name


def test_a_log_that_was_written_anew_does_not_have_the_anchor(user, call):
    shutil.rmtree(user.folder)
    log = AuditLog(user.folder)
    for _ in range(3):
        log.append(Entry(Event.RELEASED))
    assert call(user, "audit", "verify").code == 0  # alone, it looks intact
    found = call(user, "audit", "verify", "--anchor", anchor(user.heads[-1]))
    assert found.code == 6 and "written anew" in found.out


@pytest.mark.parametrize(
    "text", ["", "3", "3:", "x:" + "0" * 64, "3:" + "0" * 63, "-1:" + "0" * 64]
)
def test_wrong_anchors(user, call, text):
    found = call(user, "audit", "verify", "--anchor", text)
    assert found.code == 2 and "--anchor" in found.err and "Fix:" in found.err


def test_a_log_that_is_gone_is_not_intact(tmp_path, call):
    for command in (["verify"], ["tail"], ["export", tmp_path / "out.jsonl"]):
        found = call(tmp_path, "audit", *command)
        assert found.code == 2 and "audit log" in found.err and "Fix:" in found.err
    assert list(tmp_path.iterdir()) == []  # and none is made by asking
    (tmp_path / "safety" / "audit").mkdir(parents=True)
    assert call(tmp_path, "audit", "verify").code == 2


def test_tail(user, call):
    found = call(user, "audit", "tail", "-n", 2)
    lines = found.out.splitlines()
    assert found.code == 0 and len(lines) == 2
    assert "refused" in lines[0] and "stage prompt, category weapons" in lines[0]
    assert "signed" in lines[1] and "record 00000007" in lines[1]
    records = [json.loads(t) for t in call(user, "audit", "tail", "--json").out.splitlines()]
    assert [record["number"] for record in records] == [1, 2, 3]
    assert "fox" not in found.out and "fox" not in json.dumps(records)
    for count in (0, -1):
        assert call(user, "audit", "tail", "-n", count).code == 2


def test_tail_of_a_damaged_log(user, call):
    damage(user, 2, b"signed", b"sIgned")
    found = call(user, "audit", "tail")
    assert found.code == 6 and len(found.err.strip().splitlines()) == 1
    assert "HMAC" in found.err


def test_export_and_its_verification(user, call, tmp_path):
    path = tmp_path / "copy.jsonl"
    found = call(user, "audit", "export", path)
    assert found.code == 0 and anchor(user.heads[-1]) in found.out
    checked = call(user, "audit", "verify", path, "--anchor", anchor(user.heads[1]))
    assert checked.code == 0 and "chain only" in checked.out
    again = call(user, "audit", "export", path)
    assert again.code == 2 and "does not exist" in again.err
    path.write_bytes(path.read_bytes().replace(b"job-2", b"job-3"))
    assert call(user, "audit", "verify", path).code == 6
    other = tmp_path / "other.jsonl"
    told = json.loads(call(user, "audit", "export", other, "--json").out)
    assert told["head"]["number"] == 3 and told["file"] == str(other)


def test_a_damaged_log_can_still_be_exported(user, call, tmp_path):
    damage(user, 0, b"job-1", b"job-9")
    path = tmp_path / "copy.jsonl"
    assert call(user, "audit", "export", path).code == 0
    assert b"job-9" in path.read_bytes()


def test_files_that_cannot_be_read_are_one_line(user, call, tmp_path):
    found = call(user, "audit", "verify", tmp_path / "missing.jsonl")
    assert found.code == 1 and len(found.err.strip().splitlines()) == 1
    (user.folder / "audit.key").chmod(stat.S_IRUSR | stat.S_IROTH)
    found = call(user, "audit", "verify")
    assert found.code == 1 and "Fix:" in found.err and len(found.err.strip().splitlines()) == 1


def test_what_the_gate_did_is_there(ours, call):
    found = call(ours, "audit", "tail", "-n", 100)
    assert f"released  record {ours.record}, job {ours.released.receipt.job}" in found.out
    assert call(ours, "audit", "verify").code == 0
