"""The cache loads once, keeps what is leased, and evicts the least recently used."""

import threading
import time

import pytest

from retouch.models.cache import ModelCache


def cache_of(limit, sizes=None, log=None):
    def load(name):
        if log is not None:
            log.append(name)
        return name.upper()

    return ModelCache(load, lambda model: (sizes or {}).get(model.lower(), 10), limit)


def use(cache, name):
    with cache.lease(name) as model:
        return model


def test_least_recently_used_is_evicted_first():
    log = []
    cache = cache_of(25, log=log)
    assert [use(cache, name) for name in "abac"] == ["A", "B", "A", "C"]
    assert cache.names() == ("a", "c")
    assert log == ["a", "b", "c"]
    use(cache, "b")
    assert log == ["a", "b", "c", "b"]
    assert cache.bytes == 20


def test_leased_models_stay_even_over_the_limit():
    cache = cache_of(15)
    with cache.lease("a") as one, cache.lease("b") as two, cache.lease("a") as again:
        assert (one, two, again) == ("A", "B", "A")
        assert cache.bytes == 20
        cache.clear()
        assert set(cache.names()) == {"a", "b"}
    assert cache.bytes == 10
    cache.clear()
    assert cache.names() == ()


def test_a_model_larger_than_the_cache_works_and_goes_after_its_lease():
    cache = cache_of(5)
    assert use(cache, "a") == "A"
    assert cache.bytes == 0


def test_concurrent_leases_load_once():
    loads, results = [], []

    def load(name):
        loads.append(name)
        time.sleep(0.05)
        return object()

    cache = ModelCache(load, lambda model: 1, 10)
    gate = threading.Barrier(8)

    def work():
        gate.wait()
        with cache.lease("a") as model:
            results.append(model)

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert loads == ["a"]
    assert len(results) == 8
    assert len(set(map(id, results))) == 1


def test_two_models_load_at_the_same_time():
    meeting = threading.Barrier(2, timeout=10)

    def load(name):
        meeting.wait()  # breaks unless both are loading
        return name

    cache = ModelCache(load, len, 10)
    threads = [threading.Thread(target=use, args=(cache, name)) for name in "ab"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert set(cache.names()) == {"a", "b"}


def test_failed_loading_is_told_to_all_and_tried_again():
    attempts = []

    def load(name):
        attempts.append(name)
        time.sleep(0.05)
        if len(attempts) == 1:
            raise RuntimeError("disk")
        return name

    cache = ModelCache(load, len, 10)
    errors = []

    def work():
        try:
            use(cache, "a")
        except RuntimeError as error:
            errors.append(str(error))

    threads = [threading.Thread(target=work) for _ in range(3)]
    for thread in threads:
        thread.start()
        time.sleep(0.005)
    for thread in threads:
        thread.join()
    assert errors == ["disk"] * 3
    assert cache.names() == ()
    assert use(cache, "a") == "a"


def test_an_error_inside_the_block_ends_the_lease():
    cache = cache_of(5)
    with pytest.raises(ValueError, match="edit"), cache.lease("a"):
        raise ValueError("edit")
    assert cache.bytes == 0
