"""The search for the faintest mark: it asks less than a stranger's, and decides the same."""

from dataclasses import replace

import numpy as np
import pytest

from retouch_safety.content import Box
from retouch_safety.tilemark import robustness
from retouch_safety.tilemark.compression import jpeg_loss
from retouch_safety.tilemark.embedding import canvas_of, reads
from retouch_safety.tilemark.layers import COARSE, View, coarse_view
from retouch_safety.tilemark.residual import residual
from retouch_safety.tilemark.search import Search

STRENGTHS = (0.05, 0.2, 0.4, 0.7, 1.0, 1.7, 3.0)


def canvas(rgb, keys, payload, edited=None, seed=5):
    edited = np.ones(rgb.shape[:2], np.float32) if edited is None else edited
    return canvas_of(rgb, edited, payload, keys, None, np.random.default_rng(seed))


def flat(side):
    rgb = np.full((side, side, 3), 150, np.uint8)
    rgb[side // 4 : side // 2, side // 4 :] = (90, 120, 60)
    return rgb


def partly(rgb):
    """The mask of an edit that begins at an odd place."""
    edited = np.zeros(rgb.shape[:2], np.float32)
    edited[13:, 29:] = 1
    return edited


@pytest.mark.parametrize(
    ("kind", "side"),
    [
        ("textured", 130),
        ("textured", 256),
        ("textured", 520),
        ("flat", 520),
        ("partly edited", 300),
    ],
)
def test_what_is_read_at_the_known_place_is_what_is_read_by_looking_everywhere(
    keys, payload, picture, kind, side
):
    rgb = flat(side) if kind == "flat" else picture(side)
    written = canvas(rgb, keys, payload, partly(rgb) if kind == "partly edited" else None)
    found = []
    for strength in STRENGTHS:
        luma = jpeg_loss(written.marked_luma(strength), 40)
        known = reads(luma, payload, keys, 1, written.corners)
        assert known == reads(luma, payload, keys), strength
        found.append(known)
    assert not found[0] and found[-1], "the strengths try both"


@pytest.mark.parametrize("noise", [0, 3])
def test_whether_the_coarse_tile_is_sure_is_decided_as_by_looking_everywhere(keys, payload, noise):
    random, found = np.random.default_rng(1), []
    rgb = flat(1100).astype(np.int16)
    rgb += np.rint(random.normal(0, noise, rgb.shape)).astype(np.int16)
    edited = np.zeros(rgb.shape[:2], np.float32)
    edited[40:620, 30:640] = edited[-200:, -200:] = 1
    written = canvas(rgb.astype(np.uint8), keys, payload, edited)
    for strength in (0.5, 1, 2):
        tried = replace(written, coarse=strength * written.coarse)
        luma = coarse_view(jpeg_loss(tried.marked_luma(0.4), 40))
        corner = View(luma, COARSE).corner(tried.corners[COARSE])
        for least in (5.0, 8.0, 11.5, 18.0, 30.0):
            everywhere = Search(residual(luma), keys.reader()).holds(payload, None, least)
            known = Search(residual(luma), keys.reader()).holds(payload, corner, least)
            assert known == everywhere, (strength, least)
            found.append(known)
    assert True in found and False in found


@pytest.mark.parametrize("begins", [(0, 0), (150, 77), (300, 301)])
def test_nothing_is_read_at_another_place_or_of_another_record(keys, payload, picture, begins):
    rgb = picture(560)
    edited = np.zeros(rgb.shape[:2], np.float32)
    edited[begins[0] :, begins[1] :] = 1
    written = canvas(rgb, keys, payload, edited)
    luma = written.marked_luma(3.0)
    assert reads(luma, payload, keys, 1, written.corners)
    row, column = written.corners[1]
    for away in (5, 20, 64, 90):
        assert not reads(luma, payload, keys, 1, {1: (row + away, column)})
        assert not reads(luma, payload, keys, 1, {1: (row, column - away)})
    assert reads(luma, payload, keys, 1, {1: (row + 3 * 128, column - 128)}), "tiles away"
    assert not reads(luma, replace(payload, record=payload.record ^ 1), keys, 1, written.corners)


def test_the_places_are_those_in_the_box_of_the_edit(keys, payload, picture):
    rgb = picture(300)
    written = canvas(rgb, keys, payload, partly(rgb))
    assert written.box == Box(29, 13, 271, 287)
    row, column = written.corners[1]
    assert ((row + 13) % 2, (column + 29) % 2) == (0, 0), "whole chips of the picture"
    assert COARSE not in written.corners, "none is written into a picture with detail"
    assert COARSE in canvas(flat(520), keys, payload).corners


@pytest.mark.parametrize("count", [1, 2, 5, 17])
def test_the_first_number_is_found_whatever_is_guessed(count):
    for guess in range(count + 2):
        for wanted in range(count + 1):
            asked = []

            def holds(number, asked=asked, wanted=wanted):
                asked.append(number)
                return number >= wanted

            assert robustness._first(count, holds, guess) == wanted
            assert len(set(asked)) == len(asked) and all(0 <= each < count for each in asked)
            if guess == wanted < count:
                assert len(asked) <= 2
