"""The chain: what a record holds, and that every change of any byte is seen and named."""

import json
import shutil
import unicodedata
from contextlib import suppress

import pytest

from retouch_safety.audit import (
    GENESIS,
    AuditFailed,
    AuditLog,
    ChainHead,
    Entry,
    Event,
    InvalidAudit,
    verify_export,
)
from retouch_safety.audit.key_file import read_key


def lines_in(folder):
    return [line for path in sorted(folder.glob("audit-*.jsonl")) for line in path.open("rb")]


def test_records_are_chained_and_come_back(log, folder, entry):
    heads = [log.append(entry) for _ in range(5)]
    assert [head.number for head in heads] == [1, 2, 3, 4, 5]
    assert AuditLog(folder).head() == heads[-1] == log.verify().head
    records = log.tail(3)
    assert [record.number for record in records] == [3, 4, 5]
    assert [record.previous for record in records] == [head.digest for head in heads[1:4]]
    assert records[0].fields["scores"] == {"opennsfw whole": 0.031, "opennsfw tile 0,768": "nan"}
    assert records[0].fields["record"] == "5a3c96e1" and records[0].event == "released"
    report = log.verify()
    assert report.intact and report.records == 5 and report.exit_code == 0
    assert report.words().startswith("Intact.\n5 records are in order")


def test_an_empty_log_is_intact(log):
    assert log.head() == GENESIS == log.verify().head
    assert log.tail(10) == () and log.verify().intact


def test_files_are_private(log, folder, entry):
    log.append(entry)
    modes = {path.name: path.stat().st_mode & 0o777 for path in folder.iterdir()}
    assert set(modes) == {"audit-00000001.jsonl", "audit.key", "head.json", "lock"}
    assert set(modes.values()) == {0o600} and folder.stat().st_mode & 0o777 == 0o700


def test_prompts_are_not_in_clear(log, folder):
    prompt = "a très secret fox"
    log.append(Entry(Event.REFUSED, stage="prompt", category="weapons", prompts={"prompt": prompt}))
    written = b"".join(path.read_bytes() for path in folder.iterdir())
    assert b"fox" not in written and b"secret" not in written
    (record,) = log.tail(1)
    digest = record.fields["prompts"]["prompt"]
    assert digest == log.prompt_digest(unicodedata.normalize("NFD", prompt)) and len(digest) == 64
    other = AuditLog(folder.parent / "other")
    assert other.prompt_digest(prompt) != digest != log.prompt_digest(prompt + ".")
    assert "fox" not in repr(Entry(Event.REFUSED, prompts={"prompt": prompt}))


@pytest.mark.parametrize("field", ["job", "stage", "category", "policy", "model", "error"])
def test_there_is_no_room_for_sentences(field):
    sentence = "a woman, holding a \N{SNOWMAN} and more" if field == "category" else "a red fox"
    with pytest.raises(InvalidAudit, match=rf"entry\.{field}.*allowed:.*Fix: ") as caught:
        Entry(Event.RELEASED, **{field: sentence})
    assert "fox" not in str(caught.value) and "woman" not in str(caught.value)


@pytest.mark.parametrize(
    "fields",
    [
        {"record": 1 << 32},
        {"record": -1},
        {"scores": {"": 1.0}},
        {"scores": {str(i): 0.5 for i in range(201)}},
        {"prompts": {"a\nb": "x"}},
        {"scores": {"whole": "0.5"}},
        {"score": "high"},
        {"record": "5a3c96e1"},
    ],
)
def test_wrong_values_are_refused(fields):
    with pytest.raises(InvalidAudit, match="allowed: "):
        Entry(Event.RELEASED, **fields)


def test_every_changed_byte_is_seen(log, folder, entry):
    """Flip each byte of two records: number, names, values, links, HMACs, marks, line ends."""
    for _ in range(2):
        log.append(entry)
    path = folder / "audit-00000001.jsonl"
    whole = path.read_bytes()
    ends = [i for i, byte in enumerate(whole) if byte == 0x0A]
    assert len(ends) == 2
    for position in range(len(whole)):
        changed = bytearray(whole)
        changed[position] ^= 0x01
        path.write_bytes(changed)
        report = log.verify()
        expected = sum(end < position for end in ends) + 1
        assert not report.intact and report.exit_code == 6, position
        assert report.first_bad.number == expected and report.first_bad.why, position
        assert report.records == expected - 1, position
    path.write_bytes(whole)
    assert log.verify().intact


def test_a_damaged_log_records_nothing(log, folder, entry):
    for _ in range(3):
        log.append(entry)
    path = folder / "audit-00000001.jsonl"
    whole = path.read_bytes()
    path.write_bytes(whole[:-20] + b"x" + whole[-19:])  # in the last record, acknowledged
    for attempt in (lambda: log.append(entry), log.head, lambda: log.tail(1)):
        with pytest.raises(AuditFailed, match="damaged"):
            attempt()
    assert path.read_bytes() == whole[:-20] + b"x" + whole[-19:]  # evidence is left alone
    assert not list(folder.glob("torn-*"))


@pytest.mark.parametrize(
    ("rearranged", "bad", "why"),
    [
        (lambda a, b, c, d: [b, c, d], 1, "missing"),
        (lambda a, b, c, d: [a, c, d], 2, "missing"),
        (lambda a, b, c, d: [a, c, b, d], 2, "missing"),
        (lambda a, b, c, d: [a, b, b, c, d], 3, "after record 2"),
        (lambda a, b, c, d: [a, b, c], 4, "missing at the end"),
        (lambda a, b, c, d: [a, b], 3, "records 3 to 4"),
        (lambda a, b, c, d: [], 1, "records 1 to 4"),
        (lambda a, b, c, d: [a, b, c, d[:-1]], 4, "cut"),
        (lambda a, b, c, d: [a, b, c, d[:-9]], 4, "cut"),
        (lambda a, b, c, d: [a, b"\n", b, c, d], 2, "0 bytes"),
        (lambda a, b, c, d: [a, b"{}\n", b, c, d], 2, "2 bytes"),
        (lambda a, b, c, d: [a, b"x" * 70_000 + b"\n", b, c, d], 2, "cut"),
    ],
)
def test_missing_moved_and_added_records_are_named(log, folder, entry, rearranged, bad, why):
    for _ in range(4):
        log.append(entry)
    lines = lines_in(folder)
    (folder / "audit-00000001.jsonl").write_bytes(b"".join(rearranged(*lines)))
    report = log.verify()
    assert report.first_bad.number == bad and why in report.first_bad.why
    assert "Damaged: the first bad record is" in report.words()
    assert json.loads(report.to_json())["exit_code"] == 6
    # an append looks at the end alone: it does not make good what was damaged before
    with suppress(AuditFailed):
        AuditLog(folder).append(entry)
    assert log.verify().first_bad.number == bad


@pytest.mark.parametrize("cut", [1, 2])
def test_a_log_that_lost_its_end_records_nothing(log, folder, entry, cut):
    for _ in range(4):
        log.append(entry)
    kept = b"".join(lines_in(folder)[:-cut])
    (folder / "audit-00000001.jsonl").write_bytes(kept)
    with pytest.raises(AuditFailed, match=r"ends at record ., the head file at 4"):
        log.append(entry)
    assert b"".join(lines_in(folder)) == kept


def test_a_record_of_another_log_does_not_fit(log, folder, entry, tmp_path):
    other = AuditLog(tmp_path / "other")
    for each in (log, other):
        each.append(entry)
        each.append(entry)
    foreign = lines_in(tmp_path / "other")[1]
    path = folder / "audit-00000001.jsonl"
    path.write_bytes(lines_in(folder)[0] + foreign)
    report = log.verify()
    assert report.first_bad.number == 2 and "HMAC" in report.first_bad.why


def test_a_log_written_anew_with_the_key_fails_its_anchor(log, folder, entry):
    for _ in range(3):
        log.append(entry)
    anchor = log.head()
    log.append(entry)
    assert log.verify(anchor=anchor).intact
    for path in [*folder.glob("audit-*.jsonl"), folder / "head.json"]:
        path.unlink()
    again = AuditLog(folder)
    for _ in range(2):
        again.append(entry)
    assert again.verify().intact  # alone it looks well
    assert "ends at record 2" in again.verify(anchor=anchor).first_bad.why
    again.append(entry)
    report = again.verify(anchor=anchor)
    assert report.first_bad.number == 3 and "written anew" in report.first_bad.why


@pytest.mark.parametrize("what", ["missing", "older", "changed", "not json"])
def test_the_head_file_is_guarded(log, folder, entry, what):
    path = folder / "head.json"
    log.append(entry)
    older = path.read_bytes()
    log.append(entry)
    log.append(entry)
    if what == "missing":
        path.unlink()
    elif what == "older":
        path.write_bytes(older)
    elif what == "changed":
        path.write_bytes(path.read_bytes().replace(b'"number": 3', b'"number": 2'))
    else:
        path.write_bytes(b"")
    assert not log.verify().intact
    with pytest.raises(AuditFailed, match="damaged"):
        log.append(entry)


def test_a_log_without_its_key_is_not_given_a_new_one(log, folder, entry):
    log.append(entry)
    (folder / "audit.key").unlink()
    with pytest.raises(AuditFailed, match=r"audit\.key.*Fix: restore it"):
        AuditLog(folder)
    assert not (folder / "audit.key").exists()


def test_keys_that_others_can_read_are_refused(log, folder):
    (folder / "audit.key").chmod(0o640)
    with pytest.raises(AuditFailed, match=r"0o640, not 0o600.*chmod 600"):
        AuditLog(folder)
    (folder / "audit.key").chmod(0o600)
    (folder / "audit.key").write_text("retouch-audit-1 abcd\n")
    with pytest.raises(AuditFailed, match="does not hold a key") as caught:
        AuditLog(folder)
    assert "abcd" not in str(caught.value)


def test_export_can_be_verified_alone(log, folder, entry, tmp_path):
    for _ in range(4):
        log.append(entry)
    out = tmp_path / "audit.jsonl"
    head = log.export(out)
    assert head == log.head() and out.read_bytes() == b"".join(lines_in(folder))
    key = read_key(folder / "audit.key")
    assert verify_export(out, key, head).intact
    chain_only = verify_export(out)
    assert chain_only.intact and not chain_only.authenticated and "chain only" in chain_only.words()
    assert not verify_export(out, anchor=ChainHead(4, "0" * 64)).intact
    with pytest.raises(InvalidAudit, match="does not exist"):
        log.export(out)
    changed = out.read_bytes().replace(b"standard", b"Standard", 1)
    out.write_bytes(changed)
    assert verify_export(out, key).first_bad.number == 1
    assert verify_export(out).first_bad.number == 2  # without the key: the next one does not fit


def test_a_damaged_log_can_be_exported_as_evidence(log, folder, entry, tmp_path):
    for _ in range(3):
        log.append(entry)
    path = folder / "audit-00000001.jsonl"
    path.write_bytes(path.read_bytes().replace(b"job-1", b"job-2", 1))
    log.export(tmp_path / "out.jsonl")
    assert (tmp_path / "out.jsonl").read_bytes() == path.read_bytes()


def test_rotation_keeps_the_chain(folder, entry):
    log = AuditLog(folder, rotate_at=2048)
    heads = [log.append(entry) for _ in range(20)]
    files = sorted(folder.glob("audit-*.jsonl"))
    assert len(files) > 3 and [f.name for f in files][:2] == [
        "audit-00000001.jsonl",
        "audit-00000002.jsonl",
    ]
    assert log.verify().intact and [record.number for record in log.tail(100)] == [*range(1, 21)]
    assert [record.number for record in log.tail(7)] == [*range(14, 21)]
    assert AuditLog(folder).append(entry).number == 21  # another limit, the same chain
    # older files moved to an archive: the chain is checked from a head that was kept
    first_kept = json.loads(files[1].open("rb").readline())["number"]
    shutil.move(files[0], folder.parent / files[0].name)
    assert log.verify().first_bad.number == 1
    assert log.verify(since=heads[first_kept - 2]).intact
    # a file from the middle missing
    files[2].unlink()
    assert not log.verify(since=heads[first_kept - 2]).intact


@pytest.mark.parametrize("arguments", [{"rotate_at": 10}, {"patience": 0}])
def test_settings_out_of_range(folder, arguments):
    with pytest.raises(InvalidAudit, match="allowed: "):
        AuditLog(folder, **arguments)


@pytest.mark.parametrize("count", [0, -1, 100_001])
def test_tail_out_of_range(log, count):
    with pytest.raises(InvalidAudit, match="1 to 100000"):
        log.tail(count)
