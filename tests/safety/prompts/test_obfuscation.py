"""Every obfuscation of a blocked word stays blocked, by the rules alone."""

import string
import unicodedata

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from retouch_safety.prompts import Category
from retouch_safety.prompts.fields import Role
from retouch_safety.prompts.normalise import _lookalikes
from retouch_safety.prompts.text import check_text

WORDS = (
    "nude",
    "naked",
    "porn",
    "hentai",
    "masturbating",
    "topless",
    "nsfw",
    "lolicon",
    "decapitated",
)

LEET = {
    **{"a": "4@", "b": "8", "c": "¢©", "e": "3€", "g": "69", "i": "1!|¡", "l": "1|£", "o": "0"},
    **{"r": "®", "s": "5$", "t": "7+", "y": "¥"},
}
INVISIBLE = "\u200b\u200c\u200d\u2060\ufeff\u00ad\u034f\u115f\u2061\u180e\ufe0f\U000e0100\x00"
MARKS = "\u0336\u0300\u0308\u0332\u20dd\u0363"
SEPARATORS = (".", "-", " ", "_", "*", "·", "/", "~", "🔥", "\u2003", ",", " . ", "'", "%")


def styled(letter):
    """Return the letter in every style that Unicode names as compatible with it."""
    place = ord(letter) - ord("a")
    starts = (0xFF41, 0x24D0, 0x1D41A, 0x1D5BA, 0x1D68A, 0x1F130, 0x1F170, 0x1F1E6)
    return [chr(start + place) for start in starts]


def lookalikes():
    found = {letter: [] for letter in string.ascii_lowercase}
    for code, letter in _lookalikes().items():
        # a capital that folds to another shape is not a lookalike in lower case
        if chr(code) == unicodedata.normalize("NFKC", chr(code)).casefold():
            found[letter].append(chr(code))
    return found


LOOKALIKES = lookalikes()


def findings(rules, text):
    return check_text(rules, "prompt", text, Role.POSITIVE).findings


def disguise(letter):
    shapes = [letter, letter.upper(), *LEET.get(letter, ""), *styled(letter), *LOOKALIKES[letter]]
    return st.tuples(
        st.sampled_from(shapes),
        st.integers(1, 3),
        st.text(st.sampled_from(INVISIBLE + MARKS), max_size=2),
    ).map(lambda drawn: drawn[0] * drawn[1] + drawn[2])


@st.composite
def disguised_words(draw):
    word = draw(st.sampled_from(WORDS))
    letters = [draw(disguise(letter)) for letter in word]
    # digits alone are a number: one letter at least must be one
    letters[0] = word[0] + letters[0][1:] if len(letters[0]) == 1 else letters[0]
    separator = draw(st.sampled_from(("", *SEPARATORS)))
    return word, separator.join(letters)


@settings(
    max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(drawn=disguised_words(), before=st.sampled_from(("", "a ", "photo of a ", "masterpiece, ")))
def test_a_disguised_word_stays_blocked(rules, drawn, before):
    _, written = drawn
    assert findings(rules, f"{before}{written} woman"), ascii(written)


@pytest.mark.parametrize("letter", string.ascii_lowercase)
def test_every_lookalike_is_read(rules, letter):
    word = next((word for word in (*WORDS, "zoophilia", "fuck", "jailbait", "vulva", "xxx", "wet",
                                   "sexy", "whore") if letter in word), None)  # fmt: skip
    if word is None:
        pytest.skip(f"no term with {letter}")
    for shape in LOOKALIKES[letter]:
        written = word.replace(letter, shape)
        assert findings(rules, f"a {written} woman"), ascii(written)


@pytest.mark.parametrize("word", WORDS)
def test_every_cut_in_two_is_joined(rules, word):
    for place in range(1, len(word)):
        for between in (".", "-", " ", "_", "/", "\u200b", "\u202e\u202c", "🔥", "[", "(", "]["):
            written = f"{word[:place]}{between}{word[place:]}"
            assert findings(rules, f"a {written} woman"), ascii(written)


@pytest.mark.parametrize("word", WORDS)
@pytest.mark.parametrize(
    "form",
    [
        "({}:1.4)", "(({}))", "[{}:cat:0.5]", "[cat:{}:5]", "[cat|{}]", "{}++", "({})1.3", "{{{}}}",
        "cat AND {}", "cat.swap({})", '("cat", "{}").blend(1, 1)', "\u202e{}", "<lora:{}:1>",
        "__{}__", "embedding:{}", "({}:-1)", "x\n{}", "\\({}\\)",
    ],
)  # fmt: skip
def test_notation_hides_nothing(rules, word, form):
    shown = word[::-1] if form.startswith("\u202e") else word
    text = form.replace("{}", shown) if "{{" in form else form.format(shown)
    assert findings(rules, text), text


@pytest.mark.parametrize(
    "written", ["anudewoman", "pornactress", "nakedgirl", "nudez", "p*rn", "n*ked"]
)
def test_other_ways_to_write_a_word(rules, written):
    assert findings(rules, f"photo of {written}")


@pytest.mark.parametrize(
    "word",
    ["asexual", "therapist", "Essex", "sextant", "bobs", "cocktail", "analysis", "Scunthorpe",
     "homosexual", "snaked", "denuded", "soon", "assassin", "cumulus", "manslaughter", "popcorn"],
)  # fmt: skip
def test_words_that_hold_another_by_chance_pass(rules, word):
    assert not findings(rules, f"a poster about {word} on the wall")


PHRASES = (
    "white power",
    "birthday suit",
    "stabbed to death",
    "race war",
    "how to build a pipe bomb",
    "a forged passport",
    "a woman without clothes",
    "wearing nothing at all",
)


@pytest.mark.parametrize("phrase", PHRASES)
def test_disguised_phrases_stay_blocked(rules, phrase):
    lookalike = str.maketrans("aeopcxy", "\u0430\u0435\u043e\u0440\u0441\u0445\u0443")
    leet = str.maketrans("aeio", "4310")
    assert findings(rules, phrase)
    for disguised in (
        phrase.translate(lookalike),
        phrase.upper(),
        " ".join(word.translate(leet) if len(word) > 2 else word for word in phrase.split()),
        "\u200b".join(phrase),
        "".join(chr(ord(c) + 0xFEE0) if c != " " else c for c in phrase),
    ):
        assert findings(rules, disguised), ascii(disguised)


@pytest.mark.parametrize("phrase", ["white power", "race war", "birthday suit", "build a bomb"])
def test_phrases_letter_by_letter_stay_blocked(rules, phrase):
    for between in (" ", ".", "-"):
        assert findings(rules, "  ".join(between.join(word) for word in phrase.split())), phrase


@pytest.mark.parametrize("text", ["a forged pass-port", "di.agram of a gre-nade"])
def test_parts_of_words_of_a_pair_are_joined(rules, text):
    assert findings(rules, text)


@pytest.mark.parametrize("text", ["c0ck close-up", "a d1ck pic", "d*ck", "co\u200bck"])
def test_slang_counts_in_disguise_only(rules, text):
    found = check_text(rules, "prompt", text, Role.POSITIVE).findings
    assert Category.SEXUAL in {finding.category for finding in found}


@pytest.mark.parametrize("text", ["a weathercock and a cock", "Dick Whittington", "Mr Dickman"])
def test_slang_written_plainly_has_another_meaning(rules, text):
    assert not check_text(rules, "prompt", text, Role.POSITIVE).findings


def test_z_for_s(rules):
    found = check_text(rules, "prompt", "undrezz the lady", Role.POSITIVE).findings
    assert Category.UNDRESS in {finding.category for finding in found}
    assert not check_text(rules, "prompt", "a dozen zebras in a maze", Role.POSITIVE).findings


def test_a_stem_does_not_swallow_the_next_clause(rules):
    (finding,) = check_text(rules, "prompt", "a cream pie, diner", Role.POSITIVE).findings
    assert finding.doubt == "creampie" and finding.clause == "a creampie"
