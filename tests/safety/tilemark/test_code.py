"""Arithmetic, the code and its decoder: against definitions written down a second time."""

import itertools

import numpy as np
import pytest

from retouch_safety.tilemark.galois import multiply
from retouch_safety.tilemark.reed_solomon import DIMENSION, LENGTH, encode, extend, interpolation
from retouch_safety.tilemark.soft_decoder import candidate_count, decode


def slow_product(a, b):
    """Russian peasants' multiplication modulo 0x11d."""
    result = 0
    while b:
        if b & 1:
            result ^= a
        a = a << 1 ^ (0x11D if a & 0x80 else 0)
        b >>= 1
    return result


def test_products_are_those_of_the_field():
    a, b = (grid.astype(np.uint8).ravel() for grid in np.mgrid[:256, :256])
    expected = [slow_product(int(x), int(y)) for x, y in zip(a[::37], b[::37], strict=True)]
    assert multiply(a, b)[::37].tolist() == expected


def test_any_nine_symbols_give_the_others():
    random = np.random.default_rng(0)
    word = encode(random.bytes(DIMENSION))
    for _ in range(50):
        order = random.permutation(LENGTH)
        known, wanted = order[:DIMENSION], order[DIMENSION:]
        assert (extend(interpolation(known, wanted), word[known]) == word[wanted]).all()


def test_different_messages_differ_in_at_least_eight_symbols():
    random = np.random.default_rng(1)
    words = [encode(random.bytes(DIMENSION)) for _ in range(40)]
    words += [encode(bytes([0] * 8 + [value])) for value in range(40)]
    distances = [int((a != b).sum()) for a, b in itertools.combinations(words, 2)]
    assert min(distances) >= LENGTH - DIMENSION + 1


def test_a_message_has_nine_bytes():
    with pytest.raises(ValueError, match="9"):
        encode(b"short")


def noisy_scores(word, strength, random):
    scores = random.normal(size=(LENGTH, 256))
    scores[np.arange(LENGTH), word] += strength
    return scores


def hard_decision_errors(scores, word):
    return int((scores.argmax(axis=1) != word).sum())


def test_soft_decoding_corrects_more_than_the_code_does_alone():
    """Three errors are the code's limit; among 16 symbols at 3.4 deviations more are wrong."""
    random = np.random.default_rng(2)
    beyond, decoded = 0, 0
    for _ in range(60):
        word = encode(bytes([0x13]) + random.bytes(DIMENSION - 1))
        scores = noisy_scores(word, 3.4, random)
        if hard_decision_errors(scores, word) > (LENGTH - DIMENSION) // 2:
            beyond += 1
            found = decode(scores, [0x13], 16)
            decoded += any((candidate.symbols == word).all() for candidate in found)
    assert beyond >= 20
    assert decoded >= 0.6 * beyond


def test_candidates_are_code_words_in_order_and_keep_to_the_allowed_first_symbols():
    random = np.random.default_rng(3)
    found = decode(random.normal(size=(LENGTH, 256)), [0x10, 0x11], 50)
    assert [word.score for word in found] == sorted((w.score for w in found), reverse=True)
    for word in found:
        assert word.symbols[0] in (0x10, 0x11)
        assert (encode(word.symbols[:DIMENSION].tobytes()) == word.symbols).all()


def test_evidence_of_noise_is_standard_normal_for_each_candidate():
    """The bound on false accepts rests on this: the best of n has at most n times the tail."""
    random = np.random.default_rng(4)
    seen = []
    for _ in range(60):
        found = decode(random.normal(size=(LENGTH, 256)), range(0x10, 0x20), candidate_count())
        seen += [word.evidence for word in found]
    assert abs(np.mean(seen)) < 0.15
    assert 0.85 < np.std(seen) < 1.15


def test_a_damaged_message_is_no_evidence_however_strong_its_symbols_are():
    """Sixteen strong symbols that are no code word: some candidate fits one or two more of them."""
    random = np.random.default_rng(5)
    highest = 0.0
    for _ in range(100):
        symbols = random.integers(0, 256, LENGTH)
        symbols[0] = 0x13
        found = decode(noisy_scores(symbols, 40, random), [0x13], candidate_count())
        highest = max(highest, *(word.evidence for word in found))
    whole = decode(noisy_scores(encode(bytes([0x13] * DIMENSION)), 4, random), [0x13], 1)
    assert highest < 6 < whole[0].evidence
