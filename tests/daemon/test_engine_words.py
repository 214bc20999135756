"""What the engine says of itself goes to the gate: nothing that no engine is."""

import pytest

from retouch_daemon.front.engine_words import NotTheEnginesWord, of_itself
from retouch_daemon.link.frames import BrokenFrame, Frame


def test_an_engine_says_where_and_how_it_works():
    known = {"device": "cuda:0", "dtype": "bfloat16"}
    assert of_itself(Frame("ready", {**known, "more": "words"})) == known


@pytest.mark.parametrize(
    "values",
    [
        {"device": "cpu", "dtype": "int8"},  # it ended every gate, as often as one was started
        {"device": "cpu", "dtype": "x" * 10**6},
        {"device": "x" * 101, "dtype": "float32"},
    ],
)
def test_what_no_engine_is_ends_it(values):
    with pytest.raises(NotTheEnginesWord) as caught:
        of_itself(Frame("ready", values))
    assert len(str(caught.value)) < 300


@pytest.mark.parametrize("values", [{}, {"device": "cpu"}, {"device": 5, "dtype": "float32"}])
def test_what_is_no_text_is_no_frame(values):
    with pytest.raises(BrokenFrame):
        of_itself(Frame("ready", values))
