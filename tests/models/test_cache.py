"""The cache loads once, also in the background, keeps what is leased, and drops what is idle."""

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
        time.sleep(0.5)  # until all of them wait
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


def test_dropping_gives_memory_back_but_not_what_is_leased():
    cache = cache_of(100)
    use(cache, "a")
    with cache.lease("b"):
        assert cache.drop("b") is None
        assert cache.drop("a") is True and cache.drop("a") is False
        assert cache.names() == ("b",)
    assert cache.drop("b") is True and cache.bytes == 0


class Slow:
    """Loading that lasts until it is let go on, or fails."""

    def __init__(self):
        self.begun, self.go, self.names = threading.Event(), threading.Event(), []
        self.fails = False

    def __call__(self, name):
        self.names.append(name)
        self.begun.set()
        assert self.go.wait(20)
        if self.fails:
            raise RuntimeError("disk")
        return name.upper()


def test_a_lease_can_be_had_before_its_model_is_loaded():
    slow, ready = Slow(), threading.Event()
    cache = ModelCache(slow, len, 10)
    lease = cache.begin_lease("a", ready.set)
    again = cache.begin_lease("a", ready.set)
    assert slow.begun.wait(20) and not lease.ready and cache.names() == ()
    assert cache.bytes == 0 and cache.drop("a") is None
    slow.go.set()
    assert ready.wait(20)
    assert lease.ready and again.ready and lease.model() == again.model() == "A"
    assert slow.names == ["a"]
    known = cache.begin_lease("a", lambda: pytest.fail("it was there already"))
    assert known.ready and known.model() == "A"
    assert cache.drop("a") is None
    for each in (lease, again, known, known):
        each.close()
    assert cache.drop("a") is True


def test_a_load_whose_caller_has_gone_is_there_for_the_next():
    slow = Slow()
    cache = ModelCache(slow, len, 10)
    cache.begin_lease("a").close()
    assert slow.begun.wait(20)
    slow.go.set()
    assert use(cache, "a") == "A" and slow.names == ["a"]


def test_who_waits_for_a_load_that_fails_is_told_and_the_next_tries_again():
    slow, ready = Slow(), threading.Event()
    slow.fails = True
    cache = ModelCache(slow, len, 10)
    lease = cache.begin_lease("a", ready.set)
    slow.go.set()
    assert ready.wait(20) and lease.ready
    with pytest.raises(RuntimeError, match="disk"):
        lease.model()
    slow.fails = False
    assert cache.begin_lease("a").model() == "A"
    lease.close()
    assert cache.names() == ("a",)


def test_room_is_made_before_loading():
    seen = []

    def load(name):
        seen.append(cache.names())
        return name

    sizes = {"a": 10, "b": 10, "c": 15}
    cache = ModelCache(load, sizes.get, 25, expected=sizes.get)
    for name in "abc":
        use(cache, name)
    assert seen == [(), ("a",), ("b",)], "a had to go before c came"
    assert cache.names() == ("b", "c") and cache.bytes == 25


def test_idle_models_are_dropped_and_those_in_use_stay():
    now, released = [0.0], []
    cache = ModelCache(
        str.upper, len, 10, idle_seconds=60, clock=lambda: now[0],
        on_released=lambda: released.append(cache.names()),
    )  # fmt: skip
    use(cache, "a")
    with cache.lease("b"):
        now[0] = 30.0
        use(cache, "c")
        now[0] = 61.0
        assert cache.release_idle() == ("a",)
        now[0] = 1000.0
        assert cache.release_idle() == ("c",)
        assert cache.names() == ("b",) and released == [("b", "c"), ("b",)]
    assert cache.release_idle() == ()
    now[0] = 1060.0
    assert cache.release_idle() == ("b",)


def test_a_timer_drops_them_by_itself():
    gone = threading.Event()
    cache = ModelCache(str.upper, len, 10, idle_seconds=0.05, on_released=gone.set)
    use(cache, "a")
    assert gone.wait(20) and cache.names() == ()
