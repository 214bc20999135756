"""Latents from the engine to the gate: what was admitted arrives bit for bit, nothing else does."""

import json

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.torch import save

from retouch.candidates import Candidate
from retouch.catalog import installed
from retouch.imaging.image import Image
from retouch.operation import Operation
from retouch.plan import make_plan
from retouch.request import EditRequest
from retouch_daemon.handover import (
    NotAsAdmitted,
    digest_of,
    packed,
    packed_look,
    unpacked,
    unpacked_look,
)
from retouch_plugins.best_of import BestOf
from retouch_plugins.sdedit import SDEdit

SEED = 40


@pytest.fixture(scope="module")
def plan():
    """Two variants of three candidates."""
    operations = (SDEdit(), BestOf(n=3))
    image = Image(np.zeros((96, 128, 3), np.uint8))
    given = {"prompt": "a house", "operations": operations, "variants": 2, "seed": SEED}
    return make_plan(EditRequest(image=image, **given), installed())


@pytest.fixture(scope="module")
def shape(plan):
    width, height = plan.region.working
    return 1, 4, height // plan.geometry.factor, width // plan.geometry.factor


def made(shape, dtype=torch.float64, seeds=((42, 40, 41), (43, 45, 44))):
    random = torch.Generator().manual_seed(1)
    return [
        [
            Candidate(torch.randn(shape, generator=random, dtype=dtype), seed, {"seed": seed})
            for seed in some
        ]
        for some in seeds
    ]


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_what_was_admitted_arrives_to_the_last_bit(plan, shape, dtype):
    sent = made(shape, dtype)
    found = unpacked(*packed(sent, "mini"), plan)
    for ours, theirs in zip(sent, found, strict=True):
        for one, other in zip(ours, theirs, strict=True):
            assert (other.seed, other.settings) == (one.seed, one.settings)
            assert other.latents.dtype == dtype and torch.equal(other.latents, one.latents)


def test_a_look_arrives_to_the_last_bit(plan, shape):
    latents = torch.randn(shape, dtype=torch.float64)
    assert torch.equal(unpacked_look(packed_look(latents), plan), latents)


def test_settings_are_plain_and_short(plan, shape):
    sent = made(shape)
    noisy = {"pixels": torch.zeros(9), "long": "x" * 9000, "depth": [[[1]]]}
    sent[0][0] = Candidate(sent[0][0].latents, 42, noisy)
    sent[0][1] = Candidate(sent[0][1].latents, 40, {"pixels": torch.zeros(9)})
    found = unpacked(*packed(sent, "mini"), plan)
    assert found[0][0].settings == {}  # too many words
    assert found[0][1].settings == {"pixels": "<Tensor>"}


WRONG = {
    "other seeds": lambda shape: packed(made(shape, seeds=((42, 40, 39), (43, 45, 44))), ""),
    "a seed twice": lambda shape: packed(made(shape, seeds=((42, 42, 41), (43, 45, 44))), ""),
    "another variant's": lambda shape: packed(made(shape, seeds=((43, 45, 44), (42, 40, 41))), ""),
    "one candidate less": lambda shape: packed(made(shape, seeds=((42, 40), (43, 45, 44))), ""),
    "one variant more": lambda shape: packed(made(shape, seeds=((42, 40, 41),) * 3), ""),
    "another shape": lambda shape: packed(made((1, 4, shape[2], shape[3] + 1)), ""),
    "two pictures": lambda shape: packed(made((2, *shape[1:])), ""),
    "another format": lambda shape: packed(made(shape, torch.float16), ""),
    "no order": lambda shape: ("[]", packed(made(shape), "")[1]),
    "no words": lambda shape: ("", packed(made(shape), "")[1]),
    "deep words": lambda shape: ("[" * 100_000, packed(made(shape), "")[1]),
    "a true seed": lambda shape: (
        packed(made(shape), "")[0].replace("42", "true"),
        packed(made(shape), "")[1],
    ),
    "other names": lambda shape: (packed(made(shape), "")[0], save({"0.0": torch.zeros(shape)})),
}


@pytest.mark.parametrize("wrong", WRONG)
def test_anything_else_was_not_admitted(plan, shape, wrong):
    with pytest.raises(NotAsAdmitted):
        unpacked(*WRONG[wrong](shape), plan)


@settings(max_examples=150, deadline=None)
@given(
    at=st.integers(0, 2000),
    change=st.binary(min_size=1, max_size=12),
    cut=st.integers(0, 400),
)
def test_damaged_bytes_are_said_or_harmless(plan, shape, at, change, cut):
    """Whatever comes of them has the plan's number, shapes and formats."""
    order, payload = packed(made(shape), "mini")
    damaged = payload[:at] + change + payload[at + len(change) :]
    try:
        found = unpacked(order, damaged[: len(damaged) - cut], plan)
    except NotAsAdmitted:
        return
    assert [tuple(c.latents.shape) for some in found for c in some] == [shape] * 6


@settings(max_examples=150, deadline=None)
@given(st.recursive(st.none() | st.integers() | st.text(max_size=5), st.lists, max_leaves=9))
def test_any_words_are_said_or_right(plan, shape, words):
    with pytest.raises(NotAsAdmitted):
        unpacked(json.dumps(words), packed(made(shape), "mini")[1], plan)


def test_a_digest_names_the_very_bytes():
    assert digest_of(b"a") == digest_of(b"a") != digest_of(b"b")


def test_an_operation_that_only_chooses_is_asked_again_of_what_is_left():
    class Longest(Operation):
        name = "longest"

        def choose(self, pictures, edit):
            return pictures.index(max(pictures))

    assert Longest.rank(object.__new__(Longest), [3, 9, 1, 5], None) == [1, 3, 0, 2]
