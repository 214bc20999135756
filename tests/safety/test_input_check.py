"""Pictures that a request brings along: each looked at once, and their marks kept."""

import numpy as np
import pytest

import retouch_safety.input_check as input_check
from retouch_safety import Ingredient, InputPicture, Job, Refused, Sealed


class Counting:
    """Counts what it is shown, and answers as it is told."""

    name, category = "counting 1", "a test category"

    def __init__(self):
        self.answer, self.regions = 0.0, []

    def score(self, rgb, region):
        self.regions.append(region)
        return {"whole": self.answer}

    def self_test(self):
        pass


@pytest.fixture
def counting():
    return Counting()


@pytest.fixture
def counted(gate_with, counting):
    return gate_with([counting])


def pixels(seed=0, side=16):
    return np.random.default_rng(seed).integers(0, 256, (side, side + 4, 3), np.uint8)


def job(**pictures):
    return Job(pictures={name: InputPicture(array) for name, array in pictures.items()})


def test_each_picture_is_looked_at_once_and_all_of_it(counted, counting):
    for _ in range(3):
        counted.admit(job(image=pixels()))
    assert counting.regions == [None]  # no region: all of it, as closely as what is new
    counted.admit(job(image=pixels(1), style=pixels()))
    assert len(counting.regions) == 2


def test_one_changed_value_is_another_picture(counted, counting):
    counted.admit(job(image=pixels()))
    changed = pixels()
    changed[5, 5, 1] ^= 1
    counted.admit(job(image=changed))
    counted.admit(job(image=pixels().astype(np.uint16)))
    assert len(counting.regions) == 3


def test_a_refused_picture_is_looked_at_again(counted, counting):
    counting.answer = 0.9
    for _ in range(2):
        with pytest.raises(Refused) as caught:
            counted.admit(job(image=pixels(3), style=pixels(4)))
        assert (caught.value.stage, caught.value.field) == ("input", "image")
        assert "another picture" in caught.value.advice
    assert len(counting.regions) == 2
    counting.answer = 0.0
    counted.admit(job(image=pixels(3)))
    assert len(counting.regions) == 3


def test_a_picture_whose_check_broke_is_looked_at_again(counted, counting):
    counting.answer = None
    with pytest.raises(Refused) as caught:
        counted.admit(job(image=pixels(5)))
    assert (caught.value.stage, caught.value.category) == ("input", "failed")
    counting.answer = 0.0
    counted.admit(job(image=pixels(5)))
    assert len(counting.regions) == 2


def test_only_so_many_are_remembered(counted, counting, monkeypatch):
    monkeypatch.setattr(input_check, "_REMEMBERED", 2)
    for seed in (10, 11, 10, 12):  # 11 is the one that was not used for longest
        counted.admit(job(image=pixels(seed)))
    assert len(counting.regions) == 3
    counted.admit(job(image=pixels(10)))
    assert len(counting.regions) == 3
    counted.admit(job(image=pixels(11)))
    assert len(counting.regions) == 4


def test_a_mark_in_an_input_is_an_ingredient_of_the_receipt(gate, release, astronaut):
    part = astronaut[:256, :256]
    edited = np.zeros((256, 256), np.float32)
    edited[:, :160] = 1
    first = release(Sealed.composite(part, edited), record=0x11223344)
    admission = gate.admit(job(image=first.pixels, style=first.pixels))
    assert [(one.picture, one.mark, one.record) for one in admission.ingredients] == [
        ("image", "tilemark", "11223344"),
        ("style", "tilemark", "11223344"),
    ]
    region = admission.ingredients[0].region
    assert region is None or (region.x <= 64 and region.x + region.width <= 256)
    second = gate.release(Sealed.composite(first.pixels), admission)
    assert second.receipt.ingredients == admission.ingredients
    assert all(type(one) is Ingredient for one in second.receipt.ingredients)


def test_an_edit_of_an_edit_lists_what_it_was_made_from(gate, release, astronaut):
    """Two regions of one document, edited one after the other: the third edit knows both."""
    document = astronaut[:, :512].copy()
    for record, left in ((0x0000000A, 0), (0x0000000B, 256)):
        edited = np.zeros(document.shape[:2], np.float32)
        edited[:256, left : left + 256] = 1
        admission = gate.admit(job(image=document))
        document = gate.release(Sealed.composite(document, edited), admission, record=record).pixels
    found = {one.record: one.region for one in gate.admit(job(image=document)).ingredients}
    assert set(found) == {"0000000a", "0000000b"}
    for record, left in (("0000000a", 0), ("0000000b", 256)):
        middle = found[record].x + found[record].width / 2
        assert abs(middle - (left + 128)) < 96, found


def test_no_picture_no_ingredient(gate):
    assert gate.admit(Job()).ingredients == ()
    assert gate.admit(job(image=pixels(20))).ingredients == ()
