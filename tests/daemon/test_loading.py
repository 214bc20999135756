"""While a model is being loaded edits of others go on; who needs it is told how far it is."""

import sys
import time
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))
from other_workers import held_loading
from workshop import Front, kinds

from retouch.v1 import errors_pb2
from retouch_daemon.phases import DENOISE, LOAD, load_steps, phases

OTHERS = Path(__file__).parent / "other_workers"
SLOW, BROKEN = "retouch-mini-lcm", "retouch-mini-instruct"


def test_phases_are_told_with_shares_that_add_up():
    found = phases(5 << 20, 12).phases
    assert [(each.name, each.steps) for each in found] == [("load", 5), ("denoise", 12)]
    assert found[LOAD].name == "load" and found[DENOISE].name == "denoise"
    assert sum(each.share for each in found) == 1.0
    assert phases(0, 0).phases[LOAD].steps == 1 and load_steps(1) == 1


@pytest.fixture(scope="module")
def release(tmp_path_factory):
    """``release(model, problem)`` lets a model be loaded, or fail."""
    folder = tmp_path_factory.mktemp("released")

    def release(name, problem=""):
        part = folder / f".{name}"
        part.write_text(problem)
        part.rename(folder / name)

    release.folder = folder
    release("retouch-mini")
    return release


@pytest.fixture(scope="module")
def front(tmp_path_factory, release):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", str(OTHERS), prepend=":")
        patch.setenv(held_loading.FOLDER, str(release.folder))
        folder = tmp_path_factory.mktemp("loading")
        # Silence is no matter here: on a busy machine nobody is to be killed for it.
        with Front(folder, engine_module="held_loading", silence=20.0) as front:
            yield front.ready()


def submit(front, model, **given):
    message = front.message(**given)
    message.model = model
    return front.submit(message)


def progress(events):
    return [event.progress for event in events if event.HasField("progress")]


def test_others_go_on_while_a_model_is_loaded_and_those_that_need_it_wait_together(front, release):
    waiting = [submit(front, SLOW), submit(front, SLOW, seed=1)]
    for job in waiting:
        (first,) = progress(front.events(job, until="progress"))
        assert first.phase == LOAD and 0 <= first.step < first.of_steps
        assert not first.HasField("remaining"), "nobody knows how long a disk takes"
    assert kinds(front.events(submit(front, "retouch-mini")))[-1] == "done"
    leaves = submit(front, SLOW)
    front.events(leaves, until="progress")
    assert front.cancel(leaves) == [leaves]
    release(SLOW)
    for job in waiting:
        events = front.events(job)
        assert kinds(events)[-2:] == ["result", "done"]
        (last,) = progress(events)[-1:]
        assert last.phase == DENOISE and last.step == last.of_steps


def test_a_model_that_cannot_be_loaded_fails_only_its_own_edits(front, release):
    message = front.message()
    message.model = BROKEN
    message.ClearField("operations")
    message.operations.add().instruct_pix2pix.SetInParent()
    job = front.submit(message)
    front.events(job, until="progress")
    release(BROKEN, "the disk is broken")
    failed = front.events(job)[-1].failed
    assert failed.code == errors_pb2.ERROR_CODE_MODEL_INVALID, failed
    assert "the disk is broken" in failed.message and "retouch models verify" in failed.fix
    assert kinds(front.events(submit(front, "retouch-mini")))[-1] == "done"
    assert front.dispatcher.engine.starts == 1


def test_what_networks_were_spared_goes_with_the_signs_of_life(front):
    submit_again = front.message(seed=77)
    assert kinds(front.events(front.submit(submit_again)))[-1] == "done"
    ends = time.monotonic() + 120
    while not (front.dispatcher.numbers.total("cache_hits") >= 2):  # its prompt and its picture
        assert time.monotonic() < ends
        time.sleep(0.05)
    assert front.dispatcher.numbers.now("cache_bytes") > 0
