"""Rows of a forward: as many as are worth it, measured on a clock that the tests hold."""

import pytest

from retouch.engine.row_caps import RowCaps

BUCKET = "a network and a shape"


class Device:
    """A device on which a forward of n rows takes ``fixed + each * n`` seconds."""

    def __init__(self, fixed, each, most=16):
        self.fixed, self.each, self.time = fixed, each, 0.0
        self.caps = RowCaps(most, now=lambda: self.time)
        self.waits = 0

    def forward(self, wanted, least=1, sizes=None, bucket=BUCKET):
        """Run one for rows that wait; return how many it took."""
        cap = self.caps.cap(bucket, least, wanted)
        rows = min(wanted, cap) if sizes is None else max(s for s in sizes if s <= max(cap, least))
        with self.caps.timed(bucket, rows):
            self.time += self.fixed + self.each * rows
        return rows

    def settled(self, wanted=16, forwards=60, **given):
        """What most forwards take once sizes have been tried."""
        for _ in range(40):
            self.forward(wanted, **given)
        seen = [self.forward(wanted, **given) for _ in range(forwards)]
        return max(set(seen), key=seen.count)


@pytest.mark.parametrize(
    ("fixed", "each", "knee"), [(0.0, 1.0, 1), (0.2, 1.0, 2), (1.0, 1.0, 8), (20.0, 1.0, 16)]
)
def test_the_smallest_is_taken_that_is_nearly_as_good_as_the_best(fixed, each, knee):
    assert Device(fixed, each).settled() == knee


def test_what_fits_is_taken_where_little_waits():
    device = Device(20.0, 1.0)
    assert device.settled() == 16
    assert device.forward(3) == 3


def test_shapes_and_networks_are_apart():
    device = Device(0.0, 1.0)
    assert device.settled() == 1
    device.fixed = 20.0
    assert device.settled(bucket="another") == 16


def test_a_machine_that_was_busy_is_tried_again():
    device = Device(0.0, 1.0)
    assert device.settled() == 1
    device.fixed = 20.0
    assert device.settled(forwards=2000) == 16


def test_sizes_that_cannot_come_together_are_not_waited_for():
    """Evaluations of three rows: one, four and five of them cannot be made of any."""
    device = Device(1.0, 1.0)
    found = device.settled(wanted=15, least=3, sizes=(3, 6, 9, 12, 15))
    assert found in (6, 12)


@pytest.mark.parametrize("most", [1, 2, 3, 16, 24, 1000])
def test_never_more_than_is_allowed(most):
    device = Device(1.0, 0.0, most)
    taken = [device.forward(2000) for _ in range(300)]
    assert max(taken) == most
    assert device.caps.cap(BUCKET, most + 5, 2000) == most + 5, "that alone runs in any case"


def test_a_forward_that_fails_is_no_timing():
    device = Device(0.0, 1.0)
    with pytest.raises(RuntimeError), device.caps.timed(BUCKET, 1):
        raise RuntimeError
    device.caps.cap(BUCKET, 1, 16)
    assert device.settled() == 1


def test_a_gpu_is_waited_for_now_and_then_alone():
    waits = []
    caps = RowCaps(16, wait=lambda: waits.append(1))
    for _ in range(1000):
        with caps.timed(BUCKET, 4):
            pass
    assert 200 < len(waits) < 300


def test_few_shapes_are_remembered():
    caps = RowCaps(16)
    for number in range(1000):
        caps.cap(number, 1, 1)
    assert len(caps._buckets) == 64
