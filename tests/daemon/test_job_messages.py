"""Lists of jobs that fit into a message, however many there are."""

from dataclasses import replace

from retouch.v1 import edit_service_pb2 as pb
from retouch_daemon.front.job_messages import LISTED_BYTES, described, listed
from retouch_daemon.storage.job_records import JobRecord, State

CLIENTS_LIMIT = 4 << 20
JOB = JobRecord("f" * 32, "c", "ü" * 128, "ü" * 128, "ü" * 128, 1, State.DONE, 900.0, 1500.0)


def test_few_are_all_listed_in_their_order():
    jobs = [replace(JOB, job_id=str(number)) for number in range(3)]
    assert listed(jobs) == [described(job) for job in jobs]
    assert listed([]) == []


def test_of_many_the_newest_are_listed_and_the_answer_can_be_read():
    """Ten thousand jobs are remembered: a client could not read its own list any more."""
    jobs = [replace(JOB, job_id=f"{number:032}") for number in range(10_000)]
    found = listed(jobs)
    assert 0 < len(found) < len(jobs) and found[-1] == described(jobs[-1])
    assert [job.job_id for job in found] == [job.job_id for job in jobs[-len(found) :]]
    size = pb.ListJobsResponse(jobs=found).ByteSize()
    assert LISTED_BYTES / 2 < size < CLIENTS_LIMIT
