"""A real engine process that means harm: no picture of its making reaches anybody.

Front and gate are the real ones; only the engine's process is another, see
``other_workers/rogue_engine.py``. Whatever it says beyond numbers, short texts and latents of what
was admitted is dropped and logged, ends that engine, and fails that edit. The next edit works.
"""

import sys
from pathlib import Path

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).parent))
from other_workers import rogue_engine
from workshop import Front, kept, kinds

OTHERS = Path(__file__).parent / "other_workers"
#: What only harms the edit that does it, with the engine left alive.
HARMLESS = (
    *("honest", "honest in doubles", "with a look", "a look alone", "long words"),
    *("not finite", "infinite"),
)
#: What is no frame of the engine's at all: it is killed, and the edit begins again, three times.
TRIED_AGAIN = ("dies", "hangs", "pixels in progress", "pixels in failed")
REFUSED = [m for m in rogue_engine.MODES if m not in (*HARMLESS, *TRIED_AGAIN)]


@pytest.fixture(scope="module")
def front(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", str(OTHERS), prepend=":")
        folder = tmp_path_factory.mktemp("rogue")
        with Front(folder, engine_module="rogue_engine") as front:
            yield front.ready()


def ask(front, mode, **given):
    message = front.message(**given)
    message.client_job_id = f"{mode}:{message.client_job_id}"
    return front.submit(message)


def stored(front):
    return {path.name for path in (front.folder / "blobs").glob("*/*")}


def test_an_honest_engine_of_that_kind_is_served(front):
    """So what follows is refused for what it is, and not for how this engine is made."""
    for mode in ("honest", "honest in doubles"):
        events = front.events(ask(front, mode))
        assert kinds(events)[-2:] == ["result", "done"], events
        (result,) = [event.result for event in events if event.WhichOneof("event") == "result"]
        assert front.blob(result.composited.sha256)[:4] == b"\x89PNG"


@pytest.mark.parametrize("mode", REFUSED)
def test_what_the_engine_may_not_say_ends_it_and_the_edit(front, mode):
    starts, before = front.ready().dispatcher.engine.starts, stored(front)
    job = ask(front, mode)
    events = front.events(job)
    last = events[-1]
    assert kinds(events)[-1] == "failed" and "the engine did not keep to" in last.failed.message
    assert not {"result", "preview", "done"} & set(kinds(events))
    assert kinds(kept(front, job)) == ["phases", "failed"]
    front.ready()
    assert front.dispatcher.engine.starts > starts
    assert stored(front) - before <= {front.store(b"")} and rogue_engine.DIGEST not in stored(front)


@pytest.mark.parametrize("mode", [m for m in TRIED_AGAIN if m != "hangs"])
def test_an_edit_with_which_every_engine_dies_fails_and_others_do_not(front, mode):
    job = ask(front, mode)
    others = [ask(front, "honest") for _ in range(3)]
    events = front.events(job)
    assert kinds(events).count("warning") == 2
    assert "3 times" in events[-1].failed.message and events[-1].failed.retryable
    for other in others:
        assert kinds(front.events(other))[-1] == "done"


def test_an_engine_that_hangs_is_noticed(front):
    job = ask(front, "hangs")
    events = front.events(job)
    first, second = [event for event in events if event.WhichOneof("event") == "warning"]
    apart = second.time.ToNanoseconds() - first.time.ToNanoseconds()
    assert apart / 1e9 < rogue_engine.HANGS / 2, "it was waited for"
    assert "3 times" in events[-1].failed.message


@pytest.mark.parametrize("mode", ["not finite", "infinite"])
def test_latents_that_are_not_finite_are_a_refusal_like_any_other(front, mode):
    starts = front.ready().dispatcher.engine.starts
    events = front.events(ask(front, mode))
    assert kinds(events)[-2:] == ["blocked", "done"]
    assert "NaN" in events[-2].blocked.advice
    assert front.dispatcher.engine.starts == starts


def test_an_error_is_cut_to_what_people_read(front):
    (*_, last) = front.events(ask(front, "long words"))
    assert last.failed.message == "x" * 2000


def test_a_look_is_shown_through_the_gate(front):
    job = ask(front, "a look alone")
    *_, shown = front.events(job, until="preview")
    rows = np.frombuffer(front.blob(shown.preview.image.sha256), np.uint8)
    assert rows.size == 128 * 128 * 4
    assert front.cancel(job) == [job]
    assert kinds(front.events(job))[-1] == "cancelled"


def test_what_the_gate_refuses_the_engine_never_sees(front):
    """Not even one that would die of it."""
    starts = front.ready().dispatcher.engine.starts
    events = front.events(ask(front, "dies", prompt="a naked child"))
    assert kinds(events) == ["blocked", "done"] and events[0].blocked.field_path
    events = front.events(ask(front, "dies", steps=9999))
    assert kinds(events) == ["failed"] and events[0].failed.field_path == "sampling.steps"
    events = front.events(ask(front, "dies", strength=0.0))
    assert kinds(events) == ["phases", "result", "done"]
    assert front.dispatcher.engine.starts == starts


def test_how_many(record_property):
    record_property("cases", len(rogue_engine.MODES))
