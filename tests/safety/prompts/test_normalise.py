"""Normalisation: any string has readings, and what looks or sounds like a word is read as one."""

import unicodedata

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from retouch_safety.prompts.normalise import phonetic, readings, turned, unmarked, visual
from retouch_safety.prompts.syntax import strip_syntax

INVISIBLE = ("Cf", "Cc", "Cs", "Cn", "Co")
ANY_TEXT = st.text(st.characters(exclude_categories=()), max_size=80)


@settings(deadline=None)
@given(ANY_TEXT)
def test_never_raises_on_any_unicode_string(text):
    for reading in readings(text):
        hidden = [c for c in reading if unicodedata.category(c) in INVISIBLE and not c.isspace()]
        assert not hidden
        assert isinstance(visual(reading), str) and isinstance(phonetic(reading), str)
        assert isinstance(turned(reading), str) and isinstance(unmarked(reading), str)
    assert readings(text)


@settings(deadline=None)
@given(ANY_TEXT)
def test_syntax_never_raises_and_loses_no_letter(text):
    stripped = strip_syntax(text)
    read = "".join((*stripped.drawn, *stripped.names))
    # letters survive, in some order; notation and its keywords go
    for letter in set(text) - set(" ANDBREKOLUWMSswaplnrobdyec_embedding:"):
        if letter.isalpha() and "<" not in text and "embedding" not in text.lower():
            assert letter in read


@settings(deadline=None)
@given(ANY_TEXT)
def test_a_reading_reads_as_itself(text):
    for reading in readings(text):
        assert readings(reading)[0] == reading


@settings(deadline=None)
@given(st.text(st.characters(codec="ascii", categories=["Ll", "Nd", "Zs"])))
def test_plain_text_has_one_reading(text):
    assert readings(text) == (text,)


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("Ｎｕｄｅ", "nude"),
        ("𝓃𝓊𝒹ℯ", "nude"),
        ("ⓝⓤⓓⓔ", "nude"),
        ("nu\u200bde", "nude"),
        ("nu\u00adde", "nude"),
        ("n\u0336u\u0336d\u0336e\u0336", "nude"),
        ("\U0001f1f3\U0001f1fa\U0001f1e9\U0001f1ea", "nude"),
        ("\U0001f17d\U0001f184\U0001f173\U0001f174", "nude"),
        ("\U000e006e\U000e0075\U000e0064\U000e0065", "nude"),
        ("n\u0941ude", "nude"),  # a Devanagari vowel sign on a Latin letter
        ("the woman's coat", "the woman coat"),
    ],
)
def test_readings(written, read):
    assert read in readings(written)


def test_overridden_runs_are_turned_round():
    assert readings("a \u202eedun\u202c cat") == ("a edun cat", "a  edun  cat", "a nude cat")


def test_invisible_characters_may_also_part_words():
    assert set(readings("a\u200bnude\u200bcat")) == {"anudecat", "a nude cat"}


def test_devanagari_keeps_its_vowels():
    assert readings("बच्चे") == (unmarked("बच्चे"),)
    assert readings("बच्चे") != readings("बच्चा")


def test_shapes_and_sounds():
    assert visual("пudе") == "nude"
    assert visual("ηude") == "nude"
    assert phonetic("нуде") == "nude"
    assert turned("ǝpnu") == "nude"
    assert turned("nude") == "nude"
