"""Seeds of a request, and how they are given to its variants."""

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))
from small_requests import read, refused

from retouch.request import MAX_SEED
from retouch.v1 import edit_pb2 as pb
from retouch.v1 import sampling_pb2

INCREMENT, LIST, RANDOM = sampling_pb2.SeedMode.values()[1:]


def seed(seeds=(), mode=0, count=0):
    sampling = sampling_pb2.Sampling(seeds=seeds, seed_mode=mode)
    return {"sampling": sampling, "output": pb.Output(count=count)}


@pytest.mark.parametrize("mode", [0, INCREMENT])
def test_seeds_count_up_from_the_first(mode):
    assert read(**seed(mode=mode, count=3)).seed == 0
    assert read(**seed([9], mode, 3)).seed == 9
    assert read(**seed([MAX_SEED], mode)).seed == MAX_SEED
    refused("sampling.seeds", **seed([1, 2], mode, 2))


@pytest.mark.parametrize("mode", [0, LIST])
def test_a_seed_out_of_range_is_refused(mode):
    refused("sampling.seeds", **seed([MAX_SEED + 1], mode))
    refused("sampling.seeds", **seed([2**64 - 1], mode))


def test_a_list_has_one_seed_per_variant_each_one_more():
    assert read(**seed([5], LIST)).seed == 5
    request = read(**seed([5, 6, 7], LIST, 3))
    assert (request.seed, request.variants) == (5, 3)
    for seeds in ([], [5], [5, 6, 7, 8], [5, 7, 9], [7, 6, 5], [5, 5, 5]):
        refused("sampling.seeds", **seed(seeds, LIST, 3))


def test_random_seeds_differ_and_leave_room_for_the_variants():
    found = {read(**seed(mode=RANDOM, count=16)).seed for _ in range(4)}
    assert len(found) == 4
    assert all(0 <= each <= 2**31 - 16 for each in found)
    refused("sampling.seeds", **seed([0], RANDOM))


@pytest.mark.parametrize("mode", [4, -1, 99])
def test_an_unknown_seed_mode_is_refused(mode):
    assert refused("sampling.seed_mode", **seed(mode=mode)).value == mode


@pytest.mark.parametrize("mode", [0, LIST, RANDOM])
@pytest.mark.parametrize("count", [17, 2**32 - 1])
def test_too_many_variants_are_refused_at_once(mode, count):
    refused("output.count", **seed(mode=mode, count=count))
