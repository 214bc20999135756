"""What an Update leaves as it is, what it changes, and what it refuses."""

import pytest

from retouch.errors import InvalidField
from retouch.v1 import edit_pb2
from retouch.v1 import edit_service_pb2 as pb
from retouch_daemon.front.job_messages import described, updated
from retouch_daemon.front.job_updates import service_of
from retouch_daemon.storage.job_records import JobRecord, Service, State

NOW = 1000.0
JOB = JobRecord("j", "c", "1", "g", "d", 1, State.QUEUED, 900.0, 1500.0, paused=True)


def changed(**fields):
    return service_of(pb.UpdateRequest(**fields), JOB, NOW)


def test_what_is_unset_stays():
    assert changed() == Service(1, True, "g", 1500.0)


@pytest.mark.parametrize(
    ("fields", "name", "value"),
    [
        ({"priority": edit_pb2.PRIORITY_CLASS_LIVE}, "priority", 0),
        ({"priority": edit_pb2.PRIORITY_CLASS_BATCH}, "priority", 2),
        ({"paused": False}, "paused", False),
        ({"new_group": ""}, "group", ""),
        ({"new_group": "h"}, "group", "h"),
        ({"no_time_limit": True}, "deadline", None),
    ],
)
def test_what_is_given_changes(fields, name, value):
    found = changed(**fields)
    assert getattr(found, name) == value
    others = {"priority", "paused", "group", "deadline"} - {name}
    assert all(getattr(found, each) == getattr(changed(), each) for each in others)


def test_a_time_limit_counts_from_now():
    request = pb.UpdateRequest()
    request.time_limit.FromMilliseconds(2500)
    assert service_of(request, JOB, NOW).deadline == 1002.5


@pytest.mark.parametrize(
    ("fields", "name"),
    [
        ({"priority": 9}, "priority"),
        ({"new_group": "x" * 129}, "new_group"),
        ({"time_limit": {"seconds": -1}}, "time_limit"),
        ({"no_time_limit": False}, "no_time_limit"),
    ],
)
def test_what_cannot_be_is_refused(fields, name):
    with pytest.raises(InvalidField) as caught:
        changed(**fields)
    assert caught.value.field == name and caught.value.fix


def test_a_job_is_described_as_it_is_served():
    shown, told = described(JOB), updated(JOB).updated
    assert shown.paused and shown.priority == edit_pb2.PRIORITY_CLASS_INTERACTIVE
    assert shown.deadline.ToSeconds() == told.deadline.ToSeconds() == 1500
    assert (told.paused, told.group, told.priority) == (True, "g", shown.priority)
