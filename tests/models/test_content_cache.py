"""What was encoded before is found by its content, equal to the last bit; nobody can spoil it."""

import threading

import numpy as np
import pytest
import torch

from retouch.models.content_cache import ContentCache, content_key, weights_digest

DIFFERENT = [
    None, True, 1, 1.0, "1", b"1", 0, False, "", b"", 0.0, -0.0, (), {}, [[]], [None],
    torch.zeros(2), torch.zeros(2, dtype=torch.int32), torch.zeros(1, 2), torch.zeros(2, 1),
    torch.zeros(2, dtype=torch.bfloat16), torch.zeros(0), torch.tensor(1.0), torch.tensor([1.0]),
    torch.tensor(True), np.zeros(2, np.float32), np.zeros(2, np.uint8), np.zeros((1, 2), np.uint8),
    ("ab", "c"), ("a", "bc"), (("ab",), "c"), {"ab": "c"}, {"a": "bc"}, ["x", ("y", "z")],
    (("x", "y"), "z"), "str 1 1", "\udc80",
]  # fmt: skip


def test_different_content_has_different_keys():
    keys = [content_key(part) for part in DIFFERENT] + [content_key(), content_key(1, 2)]
    assert len(set(keys)) == len(keys)
    assert content_key("a", "b") != content_key(("a", "b"))


def test_equal_content_has_equal_keys_however_it_lies_in_memory():
    tensor = torch.arange(24.0).reshape(2, 3, 4)
    turned = tensor.permute(2, 1, 0).contiguous().permute(2, 1, 0)
    assert turned.stride() != tensor.stride()
    assert content_key(tensor) == content_key(turned)
    array = np.arange(24, dtype=np.uint8).reshape(4, 6)
    assert content_key(array) == content_key(array[::-1][::-1])
    assert content_key({"a": 1, "b": 2}) == content_key({"b": 2, "a": 1})
    assert content_key((1, 2)) == content_key([1, 2])


def test_what_nobody_knows_the_content_of_is_refused():
    with pytest.raises(TypeError, match=r"content_key.*object"):
        content_key(object())


def test_weights_of_unknown_sha256_are_never_taken_for_others():
    assert weights_digest("ab", 1) == weights_digest("ab", 1) != weights_digest("ab", 2)
    assert weights_digest("", 1) != weights_digest("", 1)


def value(fill=1.0, size=256):
    return {"x": torch.full((size,), fill)}


def test_a_value_is_made_once_and_kinds_are_counted_apart():
    cache, made = ContentCache(), []

    def make():
        made.append(1)
        return value(3.0)

    for _ in range(3):
        assert cache.remember("prompt", ("a",), make)["x"].eq(3.0).all()
    cache.remember("latents", ("a",), make)
    counts = cache.counts()
    assert len(made) == 2, "another kind is another value"
    assert (counts.hits, counts.misses) == ({"prompt": 2}, {"prompt": 1, "latents": 1})
    assert counts.entries == 2 and counts.bytes > 2 * 1024


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float64])
def test_copies_are_equal_to_the_last_bit_in_the_same_order(dtype):
    random = torch.randn(1, 4, 6, 5, dtype=torch.float64).to(dtype)
    given = random.to(memory_format=torch.channels_last)
    given[0, 0, 0, 0] = float("nan")
    cache = ContentCache()
    cache.keep("key", {"x": given})
    found = cache.find("", "key")["x"]
    assert found.dtype == dtype and found.stride() == given.stride()
    bits = [each.contiguous().view(torch.uint8) for each in (found, given)]
    assert torch.equal(*bits)


def test_whoever_changes_a_tensor_changes_nobody_elses():
    cache, mine = ContentCache(), value()
    first = cache.remember("prompt", (), lambda: mine)
    first["x"].zero_()
    second = cache.remember("prompt", (), lambda: pytest.fail("it is known"))
    assert second["x"].eq(1.0).all(), "what was made has been changed after it was kept"
    second["x"].zero_()
    assert cache.remember("prompt", (), dict)["x"].eq(1.0).all()


def test_the_least_recently_used_goes_first():
    cache = ContentCache(3 * (1024 + 1024))
    for name in "abc":
        cache.keep(name, value())
    cache.find("", "a")
    cache.keep("d", value())
    assert [name for name in "abcd" if cache.find("", name) is None] == ["b"]
    assert cache.counts().evictions == 1 and cache.counts().bytes <= 3 * 2048


def test_what_is_larger_than_the_cache_evicts_nothing():
    cache = ContentCache(4096)
    cache.keep("a", value())
    cache.keep("b", value(size=10_000))
    assert cache.find("", "a") is not None and cache.find("", "b") is None
    cache.clear()
    assert cache.find("", "a") is None and cache.counts().bytes == 0


def test_of_0_bytes_it_is_off():
    cache, made = ContentCache(0), []
    for _ in range(2):
        cache.remember("prompt", (object(),), lambda: made.append(1) or value())
    assert len(made) == 2 and cache.counts().misses == {}


def test_what_fails_is_not_kept():
    cache = ContentCache()
    with pytest.raises(RuntimeError, match="memory"):
        cache.remember("prompt", (), lambda: (_ for _ in ()).throw(RuntimeError("memory")))
    assert cache.remember("prompt", (), value)["x"].eq(1.0).all()


def test_threads_share_it_and_its_books_stay_right():
    cache, wrong = ContentCache(20 * 2048), []

    def work(seed):
        random = np.random.default_rng(seed)
        for number in random.integers(0, 40, 300):
            number = int(number)
            found = cache.remember("n", (number,), lambda n=number: value(float(n)))
            if not found["x"].eq(float(number)).all():
                wrong.append(number)
            found["x"].zero_()

    threads = [threading.Thread(target=work, args=(seed,)) for seed in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    counts = cache.counts()
    assert not wrong
    assert sum(counts.hits.values()) + sum(counts.misses.values()) == 1200
    assert counts.bytes == counts.entries * 2048 <= 20 * 2048
