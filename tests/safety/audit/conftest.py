import pytest

from retouch_safety.audit import AuditLog, Entry, Event


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "audit"


@pytest.fixture
def log(folder):
    return AuditLog(folder)


@pytest.fixture
def entry():
    return Entry(
        Event.RELEASED,
        job="job-1",
        record=0x5A3C96E1,
        policy="standard",
        model="sha256:ab12",
        scores={"opennsfw whole": 0.031, "opennsfw tile 0,768": float("nan")},
        prompts={"prompt": "a cat in the snow"},
        digest="0" * 64,
        mark="EMBEDDED",
    )
