"""Words, tokens and the way from one prompt's attention keys to another's."""

import runpy
from pathlib import Path

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from retouch.alignment import align_positions, align_tokens, align_words, key_of, read_prompt
from retouch.models.tokenizing import clip_tokenizer

REFERENCE = runpy.run_path(str(Path(__file__).parents[1] / "reference/prompt_to_prompt.py"))
WINDOW = 77
CLIP = clip_tokenizer()


def clip(text):
    return CLIP(text, add_special_tokens=False, verbose=False).input_ids


def letters(text):
    """Another tokenizer: one token per letter, spaces are none."""
    return [ord(letter) for letter in text if letter != " "]


def read(prompt, tokenize=clip, window=WINDOW):
    return read_prompt(prompt, tokenize, window)


def matrix(aligned):
    """[source keys, target keys]."""
    found = torch.zeros(len(aligned), len(aligned))
    for key, olds in enumerate(aligned):
        for old, share in olds.items():
            found[old, key] = share
    return found


def test_a_word_may_have_several_tokens():
    found = read("a chinchilla, Sitting on an armchair.")
    assert [word.text for word in found.words][1] == "chinchilla,"
    assert len(found.words[1].keys) > 2
    every = [key for word in found.words for key in word.keys]
    assert every == list(range(1, len(found.tokens) + 1))
    assert tuple(CLIP(" ".join(w.text for w in found.words)).input_ids[1:-1]) == found.tokens


def test_words_are_found_whatever_their_case_and_punctuation():
    found = read("A cat, a dog and a (red) Cat")
    assert [word.text for word in found.find("cat")] == ["cat,", "Cat"]
    assert [word.text for word in found.find("red")] == ["(red)"]
    assert found.find("bird") == ()


def test_spaces_do_not_matter():
    assert read("  a   red\ncat ") == read("a red cat")


def test_an_empty_prompt_has_one_window_and_no_words():
    found = read("")
    assert (found.words, found.windows, found.end(0)) == ((), 1, 1)


def test_long_prompts_skip_the_start_and_end_tokens_of_every_window():
    found = read("cat " * 160)
    assert found.windows == 3
    assert found.words[74].keys == (75,)
    assert found.words[75].keys == (78,)
    assert found.words[150].keys == (2 * 77 + 1,)
    assert [found.end(window) for window in range(3)] == [76, 76, 11]


def test_words_may_lie_across_windows():
    found = read("abc defg hi", letters, window=6)
    assert [word.keys for word in found.words] == [(1, 2, 3), (4, 7, 8, 9), (10, 13)]


SWAPS = [
    ("a red cat on a hill", "a red dog on a hill"),
    ("a red cat on a hill", "a blue cat in a lake"),
    ("a cat", "a cat"),
]


@pytest.mark.parametrize(("source", "target"), SWAPS)
def test_swaps_are_those_of_the_reference(source, target):
    wanted = REFERENCE["replacement"](source, target, CLIP)
    assert torch.equal(matrix(align_words(read(source), read(target), 1)), wanted)


ADDITIONS = [
    ("a cat on a hill", "a fluffy red cat on a sunny hill"),
    ("a cat", "a cat and a cat and a cat"),
    ("a cat and a dog", "a dog and a cat and a dog"),
    ("a squirrel", "a photo of a chinchilla at night"),
]


@pytest.mark.parametrize(("source", "target"), ADDITIONS)
def test_additions_are_those_of_the_reference(source, target):
    partner, shared = REFERENCE["refinement"](source, target, CLIP)
    wanted = torch.zeros(WINDOW, WINDOW)
    wanted[partner, torch.arange(WINDOW)] = shared
    assert torch.equal(matrix(align_tokens(read(source), read(target), 1)), wanted)


def test_words_behind_a_swap_of_other_length_keep_their_own_map():
    source, target = read("a cat on a hill"), read("a chinchilla on a hill")
    aligned = align_words(source, target, 1)
    new, old = target.words[1].keys, source.words[1].keys
    assert len(new) > len(old) == 1
    assert all(aligned[key] == {old[0]: pytest.approx(1 / len(new))} for key in new)
    for before, after in zip(source.words[2:], target.words[2:], strict=True):
        assert aligned[after.keys[0]] == {before.keys[0]: 1.0}
    assert aligned[1 + len(target.tokens)] == {1 + len(source.tokens): 1.0}


def test_padding_never_takes_a_word():
    source, target = read("a chinchilla on a sunny hill"), read("a cat on a sunny hill")
    for aligned in (align_words(source, target, 1), align_tokens(source, target, 1)):
        for key in range(2 + len(target.tokens), WINDOW):
            assert min(aligned[key]) > 1 + len(source.tokens)


def test_prompts_of_different_word_counts_cannot_be_swapped():
    with pytest.raises(ValueError, match="numbers of words"):
        align_words(read("a cat"), read("a red cat"), 1)


def test_long_prompts_align_across_windows():
    source, target = read("cat " * 100), read("dog " + "cat " * 100)
    aligned = align_tokens(source, target, 2)
    assert aligned[1] == {}
    for token in range(100):
        assert aligned[key_of(token + 1, WINDOW)] == {key_of(token, WINDOW): 1.0}
    assert aligned[77] == {77: 1.0}  # start of the second window
    assert aligned[77 + 27] == {77 + 26: 1.0}  # its end


def test_the_same_prompt_is_aligned_with_itself():
    for prompt in ("a cat", "cat " * 90):
        known = read(prompt)
        itself = align_positions(WINDOW, known.windows)
        assert align_words(known, known, known.windows) == itself
        assert align_tokens(known, known, known.windows) == itself


words = st.lists(st.sampled_from(["a", "bb", "ccc", "dddd", "é", "x,y"]), min_size=1, max_size=9)


@given(words, words)
def test_no_key_takes_more_than_there_is(source, target):
    old, new = (read(" ".join(text), letters, window=8) for text in (source, target))
    windows = max(old.windows, new.windows)
    aligned = align_tokens(old, new, windows)
    assert len(aligned) == 8 * windows
    assert all(sum(olds.values()) in (0.0, 1.0) for olds in aligned)
    partners = [olds for word in new.words for key in word.keys for olds in aligned[key]]
    assert partners == sorted(set(partners))  # in order, none twice


@given(words, st.randoms(use_true_random=False))
def test_a_swapped_word_hands_over_all_its_attention(source, random):
    target = [random.choice(["z", "zz", "zzz", word]) for word in source]
    old, new = (read(" ".join(text), letters, window=40) for text in (source, target))
    shares = matrix(align_words(old, new, 1))
    for before, after in zip(old.words, new.words, strict=True):
        kept = shares[list(before.keys)][:, list(after.keys)].sum(1)
        assert torch.allclose(kept, torch.ones(len(before.keys)))
