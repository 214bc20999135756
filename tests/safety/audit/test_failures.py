"""Torn writes, kills between any two steps, full disks, broken disks, many processes."""

import errno
import itertools
import json
import os
import resource
import signal
import subprocess
import threading

import pytest

from retouch_safety.audit import AuditFailed, AuditLog
from retouch_safety.audit import audit_log as audit_log_module

KILLED = 70  # exit status of a child that was stopped on purpose
STEPS = ("open", "write", "fsync", "ftruncate", "replace", "link", "close")


def in_child(action):
    """Run something in a process of its own; return its exit status."""
    child = os.fork()
    if child == 0:
        try:
            action()
            os._exit(0)
        except AuditFailed:
            os._exit(3)
        except BaseException:
            os._exit(1)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def stopping_before(step):
    """Make the process end before its n-th call of the system's file functions."""
    calls = itertools.count()

    def wrapped(real):
        def call(*arguments, **options):
            if next(calls) == step:
                os._exit(KILLED)
            return real(*arguments, **options)

        return call

    for name in STEPS:
        setattr(os, name, wrapped(getattr(os, name)))


def check_after_crash(folder, entry, acknowledged, attempts=1):
    """Whatever happened: what was acknowledged is there, and the log goes on."""
    log = AuditLog(folder)
    report = log.verify()
    assert report.intact, report.words()
    assert acknowledged <= report.records <= acknowledged + attempts
    before = log.head().number  # also finishes what was left
    assert log.append(entry).number == before + 1
    report = log.verify()
    assert report.intact and not report.unfinished, report.words()
    assert not list(folder.glob("*.pending")) and not list(folder.glob(".*.part"))
    return report


@pytest.mark.parametrize("rotating", [False, True], ids=["same file", "new file"])
def test_killed_between_any_two_steps_of_an_append(tmp_path, entry, rotating):
    done = 0
    for step in itertools.count():
        folder = tmp_path / str(step)
        AuditLog(folder, rotate_at=1024).append(entry)
        if rotating:
            while (folder / "audit-00000001.jsonl").stat().st_size < 1024:
                AuditLog(folder, rotate_at=1024).append(entry)
        log = AuditLog(folder, rotate_at=1024)
        acknowledged = log.head().number

        def act(step=step, log=log):
            stopping_before(step)
            log.append(entry)

        # twice in a row: the second finds what the first has left
        statuses = [in_child(act), in_child(act)]
        assert set(statuses) <= {0, KILLED}
        returned = statuses.count(0)
        check_after_crash(folder, entry, acknowledged + returned, attempts=2 - returned)
        done += 1
        if statuses == [0, 0]:
            break
    assert done > 8  # there are that many steps; fewer means that they were not intercepted


def test_killed_between_any_two_steps_of_the_first_start(tmp_path, entry):
    for step in itertools.count():
        folder = tmp_path / str(step)

        def act(step=step, folder=folder):
            stopping_before(step)
            AuditLog(folder).append(entry)

        status = in_child(act)
        assert status in (0, KILLED)
        check_after_crash(folder, entry, acknowledged=int(status == 0))
        if status == 0:
            break
    assert step > 12


def test_killed_between_any_two_steps_of_a_recovery(tmp_path, entry):
    """A torn write is set aside in four steps; stop before each call, then twice in a row."""
    for step in itertools.count():
        folder = tmp_path / str(step)
        log = AuditLog(folder)
        for _ in range(2):
            log.append(entry)
        with (folder / "audit-00000001.jsonl").open("ab") as stream:
            stream.write(b'{"number":3,"time":"2026')

        def act(step=step, log=log):
            stopping_before(step)
            log.append(entry)

        status = in_child(act)
        in_child(lambda log=log, step=step: (stopping_before(step // 2), log.append(entry)))
        assert status in (0, KILLED)
        after = AuditLog(folder)
        after.append(entry)
        report = after.verify()
        assert report.intact and report.torn == 1 and not list(folder.glob("*.pending")), step
        kept = list(folder.glob("torn-*.bin"))
        assert [path.read_bytes() for path in kept] == [b'{"number":3,"time":"2026'], step
        if status == 0:
            break
    assert step > 20


def test_cut_at_every_byte_of_an_unacknowledged_record(log, folder, entry):
    """As after a power cut: the head file knows two records, the third is there in part."""
    log.append(entry)
    log.append(entry)
    path, head_path = folder / "audit-00000001.jsonl", folder / "head.json"
    two, head = path.read_bytes(), head_path.read_bytes()
    log.append(entry)
    third = path.read_bytes()[len(two) :]
    for length in [*range(1, len(third), 29), len(third) - 1, len(third)]:
        path.write_bytes(two + third[:length])
        head_path.write_bytes(head)
        for leftover in folder.glob("torn-*"):
            leftover.unlink()
        before = log.verify()
        torn = length < len(third)
        assert before.intact and before.unfinished == (length if torn else 0)
        assert ("never acknowledged" in before.words().replace("\n", " ")) == torn
        log.append(entry)
        after = log.verify()
        # whole: one more record. Torn: a record that tells of it, and the new one
        assert after.intact and after.records == 4 and after.torn == torn
        assert len(list(folder.glob("torn-*.bin"))) == torn


@pytest.mark.parametrize("garbage", [b"\0" * 4096, b"\n\n\n", b"{}\n{}\n", os.urandom(9000)])
def test_garbage_after_the_last_record_is_set_aside(log, folder, entry, garbage):
    log.append(entry)
    with (folder / "audit-00000001.jsonl").open("ab") as stream:
        stream.write(garbage)
    assert log.verify().intact and log.verify().unfinished == len(garbage)
    log.append(entry)
    record = log.tail(2)[0]
    assert record.event == "torn" and record.fields["bytes"] == len(garbage)
    assert (folder / record.fields["file"]).read_bytes() == garbage
    assert log.verify().intact


def test_what_was_set_aside_must_stay(log, folder, entry):
    log.append(entry)
    with (folder / "audit-00000001.jsonl").open("ab") as stream:
        stream.write(b"half a li")
    log.append(entry)
    (torn,) = folder.glob("torn-*.bin")
    torn.write_bytes(b"something else")
    assert "was changed" in log.verify().first_bad.why
    torn.unlink()
    assert "is missing" in log.verify().first_bad.why


def test_file_size_limit_like_a_full_disk(folder, entry):
    """RLIMIT_FSIZE: the system writes a part of the line, then refuses."""
    log = AuditLog(folder)
    log.append(entry)
    size = (folder / "audit-00000001.jsonl").stat().st_size

    def act():
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (size + 50, size + 50))
        log.append(entry)

    assert in_child(act) == 3
    assert (folder / "audit-00000001.jsonl").stat().st_size == size  # taken back
    report = check_after_crash(folder, entry, acknowledged=1)
    assert report.records == 2


def test_full_disk(tmp_path, entry):
    """A file system of 64 KB, filled to the last block."""
    place = tmp_path / "small"
    place.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", str(place)]
    try:
        done = subprocess.run(mount, capture_output=True)
    except FileNotFoundError:
        pytest.skip("no mount here")
    if done.returncode != 0:
        pytest.skip("not allowed to mount")
    try:
        log = AuditLog(place / "audit")
        written = 0
        with pytest.raises(AuditFailed, match=r"No space left.*Fix: make room"):
            for written in range(1000):  # noqa: B007
                log.append(entry)
        assert written > 10
        assert log.verify().intact and log.verify().records == written
        with pytest.raises(AuditFailed):
            log.append(entry)
        assert log.verify().records == written
    finally:
        subprocess.run(["umount", str(place)], check=True)


@pytest.mark.parametrize("call", ["write", "fsync", "replace", "open"])
@pytest.mark.parametrize("number", [errno.EIO, errno.ENOSPC, errno.EDQUOT])
def test_every_error_of_the_disk_is_one_error(log, folder, entry, monkeypatch, call, number):
    log.append(entry)
    real, calls = getattr(os, call), itertools.count()

    def failing(*arguments, **options):
        if next(calls) == 1:  # the second call: also the head file's own
            raise OSError(number, os.strerror(number))
        return real(*arguments, **options)

    with monkeypatch.context() as patched:
        patched.setattr(os, call, failing)
        try:
            head = log.append(entry)
        except AuditFailed as error:
            assert error.stage in ("write", "lock") and error.fix
            head = None
    expected = 1 if head is None else 2
    assert log.verify().intact and log.verify().records == expected
    assert log.append(entry).number == expected + 1


def test_interrupted_by_the_user(log, entry, monkeypatch):
    log.append(entry)

    def interrupt(descriptor):
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr("retouch_safety.audit.chain_writer.write_head", lambda *a: interrupt(0))
        with pytest.raises(KeyboardInterrupt):
            log.append(entry)
    assert log.verify().intact and log.append(entry).number == 2


def test_processes_append_to_one_chain(folder, entry):
    """Five processes, and two threads in each; the files rotate meanwhile."""
    AuditLog(folder)

    def work():
        log = AuditLog(folder, rotate_at=4096, patience=120)
        failures = []

        def append():
            try:
                for _ in range(4):
                    log.append(entry)
            except BaseException as error:
                failures.append(error)

        threads = [threading.Thread(target=append) for _ in range(2)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert not failures

    children = []
    for _ in range(5):
        child = os.fork()
        if child == 0:
            try:
                work()
                os._exit(0)
            except BaseException:
                os._exit(1)
        children.append(child)
    assert [os.waitstatus_to_exitcode(os.waitpid(c, 0)[1]) for c in children] == [0] * 5
    log = AuditLog(folder)
    report = log.verify()
    assert report.intact and report.records == 40
    assert len(list(folder.glob("audit-*.jsonl"))) > 1


def test_processes_that_start_at_once_agree_on_the_key(folder, entry):
    children = []
    for _ in range(4):
        child = os.fork()
        if child == 0:
            try:
                AuditLog(folder, patience=120).append(entry)
                os._exit(0)
            except BaseException:
                os._exit(1)
        children.append(child)
    assert [os.waitstatus_to_exitcode(os.waitpid(c, 0)[1]) for c in children] == [0] * 4
    assert AuditLog(folder).verify().records == 4


def test_a_lock_that_stays_taken_is_an_error_not_a_wait(folder, entry):
    log = AuditLog(folder, patience=0.05)
    with (
        audit_log_module.locked(folder / "lock", 1),
        pytest.raises(AuditFailed, match=r"is taken for over 0\.05 s"),
    ):
        log.append(entry)
    assert log.append(entry).number == 1


def test_a_killed_holder_lets_go_of_the_lock(folder, entry):
    log = AuditLog(folder, patience=5)

    def hold():
        with audit_log_module.locked(folder / "lock", 1):
            os.kill(os.getpid(), signal.SIGKILL)

    assert in_child(hold) == -signal.SIGKILL
    assert log.append(entry).number == 1


def test_the_folder_cannot_be_made(tmp_path):
    (tmp_path / "file").write_text("x")
    with pytest.raises(AuditFailed, match="Fix: "):
        AuditLog(tmp_path / "file" / "audit")


def test_json_is_strict(log, folder, entry):
    log.append(entry)
    (line,) = (folder / "audit-00000001.jsonl").read_text("ascii").splitlines()

    def refuse(constant):
        raise AssertionError(f"not JSON: {constant}")

    fields = json.loads(line, parse_constant=refuse)
    assert list(fields)[:3] == ["number", "time", "event"] and list(fields)[-2:] == [
        "previous",
        "mac",
    ]
