"""The tile and the payload, against pinned vectors: whoever writes a detector starts here."""

import hashlib
import hmac
import json
from pathlib import Path

import numpy as np
import pytest

from retouch_safety.tilemark import InvalidMarkRequest, Payload
from retouch_safety.tilemark.pattern import CHIPS, hadamard, pattern_of
from retouch_safety.tilemark.payload import is_authentic, read_message
from retouch_safety.tilemark.reed_solomon import encode

VECTORS = json.loads((Path(__file__).parent / "vectors.json").read_text("utf-8"))


@pytest.mark.parametrize("vector", VECTORS, ids=lambda vector: vector["pattern_key"][:8])
def test_vectors(vector):
    pattern = pattern_of(bytes.fromhex(vector["pattern_key"]))
    auth = bytes.fromhex(vector["auth_key"])
    message = Payload(vector["key_id"], int(vector["record"], 16)).message(auth)
    word = encode(message)
    chips = pattern.chips(word)
    assert message.hex() == vector["message"]
    assert word.tobytes().hex() == vector["code_word"]
    assert packed(pattern.sync) == vector["sync_sha256"]
    assert packed(pattern.signs) == vector["signs_sha256"]
    assert pattern.permutation[:8].tolist() == vector["permutation_begins"]
    order = pattern.permutation.astype(">u2").tobytes()
    assert hashlib.sha256(order).hexdigest() == vector["permutation_sha256"]
    # four values: plus or minus sqrt(0.2), plus or minus sqrt(0.8)
    assert packed(np.sign(chips)) == vector["chips_sign_sha256"]
    tile = pattern.tile(word)
    assert tile[:2, :4].ravel() == pytest.approx(vector["tile_begins"], abs=2e-4)


def packed(signs):
    return hashlib.sha256(np.packbits(np.ravel(signs) > 0).tobytes()).hexdigest()


def test_the_tile_has_unit_power_and_no_mean(keys, payload):
    tile = pattern_of(keys.pattern).tile(encode(payload.message(keys.auth)))
    assert np.mean(tile**2) == pytest.approx(1, abs=0.15)
    assert np.mean(tile) == pytest.approx(0, abs=1e-4)


def test_symbols_are_orthogonal():
    matrix = hadamard()
    assert (matrix @ matrix == 256 * np.eye(256)).all()


def test_correlations_of_clean_chips_name_the_symbols(keys, payload):
    pattern = pattern_of(keys.pattern)
    word = encode(payload.message(keys.auth))
    found = pattern.correlations(pattern.chips(word))
    assert (found.argmax(axis=1) == word).all()
    assert sorted(pattern.permutation.tolist()) == list(range(CHIPS * CHIPS))


def test_the_tag_is_an_hmac_of_what_it_stands_behind(keys, payload):
    message = payload.message(keys.auth)
    signed = bytes([0x13]) + (0xA5C3963C).to_bytes(4, "big")
    tag = hmac.new(keys.auth, b"tilemark/tag" + signed, hashlib.sha256).digest()[:4]
    assert message == signed + tag
    assert is_authentic(message, keys.auth)
    assert not is_authentic(message, bytes(32))
    assert read_message(message) == payload
    assert read_message(bytes([0x23]) + message[1:]) is None


@pytest.mark.parametrize("key_id, record", [(16, 0), (-1, 0), (0, 1 << 32), (0, -1)])
def test_payloads_out_of_range_are_refused(key_id, record):
    with pytest.raises(InvalidMarkRequest, match=r"allowed: 0 to .* Fix:"):
        Payload(key_id, record)
