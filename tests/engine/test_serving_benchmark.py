"""The benchmark of serving: its trace, its figures, and both engines on real weights."""

import importlib
import json
import socket
import threading
import time
from pathlib import Path

import numpy as np
import pytest
import torch

from retouch.catalog import installed
from retouch.client.uploads import Uploads
from retouch.plan import make_plan
from retouch_daemon.handover import unpacked
from retouch_daemon.link.blocking import CLOSED, BlockingLink
from retouch_daemon.link.frames import Frame
from retouch_daemon.reading.requests import read_request

BENCHMARKS = Path(__file__).resolve().parents[2] / "benchmarks"


@pytest.fixture(autouse=True)
def importable(monkeypatch):
    monkeypatch.syspath_prepend(str(BENCHMARKS))


def module(name):
    return importlib.import_module(f"serving_cases.{name}")


# --- the load


def test_the_file_is_what_its_seed_gives():
    trace = module("trace")
    assert trace.read() == trace.made()


def test_every_block_has_the_mix_and_no_picture_comes_twice():
    trace = module("trace")
    known = trace.read()
    for start in range(0, len(known), trace.BLOCK):
        kinds = [arrival.kind for arrival in known[start : start + trace.BLOCK]]
        assert [kinds.count(name) for name in ("live", "edit", "instruct")] == [10, 7, 3]
    assert len({arrival.picture for arrival in known}) == len(known)
    assert {arrival.client for arrival in known} == set(trace.CLIENTS)


def test_arrivals_are_poisson_in_a_window_of_exact_length():
    trace = module("trace")
    known = trace.read()
    at = np.array(trace.scheduled(known, rate=2.0))
    assert (np.diff(at) > 0).all() and at[0] > 0 and at[-1] < len(known) / 2.0
    gaps = np.diff(at)
    assert gaps.mean() == pytest.approx(0.5, rel=0.02)
    # Of exponential gaps the deviation is the mean, and 1 - 1/e of them are shorter.
    assert gaps.std() / gaps.mean() == pytest.approx(1.0, abs=0.15)
    assert (gaps < gaps.mean()).mean() == pytest.approx(1 - np.exp(-1), abs=0.06)


def test_the_kinds_are_planned_as_they_say(tmp_path):
    for kind in module("trace").KINDS:
        plan, _ = planned(kind, tmp_path)
        assert (plan.calls, plan.rows) == (kind.calls, kind.rows)
        assert plan.model.name == kind.model


def test_pictures_are_different_and_the_same_every_time():
    load = module("load")
    assert load.picture(1) == load.picture(1) != load.picture(2)


# --- the figures


def served(kind, seconds, at=0.0, **more):
    return module("load").Served(kind, at, at, seconds, **more)


def test_percentiles_and_those_in_time():
    figures = module("figures")
    some = [served("live", second) for second in (1.0, 2.0, 3.0, 10.0)]
    some += [served("edit", 1.0, refused="Blocked: no")]
    found = figures.of_run(some, 2.0, {"live": 1.0, "edit": 1.0}, [])
    assert found["live"]["p50"] == 2.5 and found["live"]["mean"] == 4.0
    assert found["in_time_share"] == 3 / 5  # a refusal is never in time
    assert found["goodput_per_second"] == pytest.approx(3 / 2.5)
    assert found["refused"] == ["Blocked: no"]
    assert found["share_within_1_s"] == 1 / 5


def test_the_way_of_a_request_adds_up_to_its_time(monkeypatch):
    from retouch.v1 import job_pb2

    load = module("load")
    clock = iter([1.0, 2.0, 4.0, 7.0])
    monkeypatch.setattr(load.time, "monotonic", lambda: next(clock))
    way = load.Way()
    for kind in ("phases", "progress", "progress", "result"):
        event = job_pb2.JobEvent()
        getattr(event, kind).SetInParent()
        way.note(event)
    assert way.parts(0.5, 8.0) == {
        "admission": 0.5, "engine": 3.0, "release": 3.0, "fetching": 1.0
    }  # fmt: skip


def test_rows_of_a_cancelled_edit_count_from_when_it_was_asked():
    rows = module("single")._rows_started
    lines = [
        {"what": "forward", "begin": begin, "at": begin + 1, "of": of}
        for begin, of in ((1.0, {"a": 3, "b": 3}), (2.0, {"a": 3}), (3.0, {"b": 3}))
    ]
    assert rows(lines, "a", asked=0.5) == 6
    assert rows(lines, "a", asked=1.5) == 3
    assert rows(lines, "a", asked=2.5) == 0


def test_goals_are_judged_and_what_is_missing_is_left_out():
    report = module("report")
    found = {
        "loads": {},
        "cancels": {"p99_cancel_to_free_steps": 0.9, "rows_started_after_cancel": 3},
    }
    lines = {name: verdict for name, _, _, verdict in report.verdicts(found)}
    assert lines == {"p99_cancel_to_free_steps": "met", "rows_started_after_cancel": "missed"}


# --- the engines


def planned(kind, folder, **more):
    """The plan of an edit of a class, and its request as the gate hands it over."""
    from serving_cases.load import picture

    from retouch.client.edit_messages import edit_message

    uploads = Uploads()
    given = {"prompt": "a red house", "seed": 4, **kind.settings(), **more}
    message = edit_message(uploads, picture(1), **given)
    for digest, data in uploads.pending.items():
        place = folder / digest[:2] / digest
        place.parent.mkdir(exist_ok=True)
        place.write_bytes(data)
    catalog = installed()
    read = read_request(message, catalog, uploads.pending.__getitem__)
    return make_plan(read, catalog), message


class Worker:
    """An engine's loop in a thread, and the front's end of its link."""

    def __init__(self, make):
        ours, theirs = socket.socketpair()
        self._connection, self.link = ours, BlockingLink(ours)
        self._thread = threading.Thread(target=make(BlockingLink(theirs)).run, args=(60.0,))
        self._thread.start()
        assert self.link.receive().kind == "ready"

    def start(self, job_id, message):
        values = {"job_id": job_id, "attempt": 1, "client": "c", "priority": 1}
        self.link.send(Frame("start", values, message.SerializeToString()))

    def until(self, *kinds):
        frames = []
        while not frames or frames[-1].kind not in kinds:
            frame = self.link.receive()
            assert frame is not CLOSED
            frames.append(frame)
        return frames

    def close(self):
        self._connection.shutdown(socket.SHUT_RDWR)
        self._thread.join(60)
        assert not self._thread.is_alive()
        self._connection.close()


@pytest.fixture(params=["diffusers", "retouch"])
def worker(request, tmp_path, monkeypatch):
    monkeypatch.setenv(module("diary").VARIABLE, str(tmp_path / "diary"))
    for loop in ("serving_cases.diffusers_engine", "retouch_daemon.engine.loop"):
        # what ends the process of a worker whose front is gone
        monkeypatch.setattr(importlib.import_module(loop), "leave_soon", lambda: None)
    if request.param == "diffusers":
        found = Worker(lambda link: module("diffusers_engine").QueueLoop(link, tmp_path))
    else:
        from retouch.models.library import Library

        timed, library = module("timed_engine").TimedLoop, Library(device="cpu")
        found = Worker(lambda link: timed(link, library, tmp_path, 16))
    yield found
    found.close()


def pages(folder):
    return [json.loads(line) for line in (folder / "diary").read_text().splitlines()]


@pytest.mark.parametrize(("name", "steps"), [("live", 4), ("instruct", 5)])
def test_an_edit_gives_latents_that_the_gate_takes(worker, tmp_path, name, steps):
    kind = module("trace").KIND_OF[name]
    plan, message = planned(kind, tmp_path, steps=steps)
    worker.start("one", message)
    *before, last = worker.until("finished", "failed")
    assert last.kind == "finished"
    done = [frame.values["done"] for frame in before]
    assert done[-steps:] == list(range(1, steps + 1))
    ((candidate,),) = unpacked(last.text("order"), last.payload, plan)
    assert candidate.seed == 4 and candidate.latents.isfinite().all()
    forwards = [line for line in pages(tmp_path) if line["what"] == "forward"]
    assert [line["rows"] for line in forwards] == [kind.rows] * steps


def test_a_cancelled_edit_is_dropped_and_the_next_one_runs(worker, tmp_path):
    kinds = module("trace").KIND_OF
    _, long = planned(kinds["instruct"], tmp_path)
    _, short = planned(kinds["live"], tmp_path)
    worker.start("long", long)
    worker.until("progress")
    worker.link.send(Frame("drop", {"job_id": "long"}))
    worker.start("short", short)
    frames = worker.until("finished", "failed")
    assert frames[-1].kind == "finished" and frames[-1].values["job_id"] == "short"
    lines = pages(tmp_path)
    for _ in range(1200):  # the diary is written after the gate was told
        if any(line["what"] == "finished" for line in lines):
            break
        time.sleep(0.05)
        lines = pages(tmp_path)
    assert [line["job"] for line in lines if line["what"] == "drop"] == ["long"]
    after = [line for line in lines if line["what"] == "finished"]
    assert [line["job"] for line in after] == ["short"]


def test_both_engines_make_nearly_the_same_picture(tmp_path, monkeypatch):
    """With the pipeline's own noise: same weights, schedule, strength and guidance."""
    from cases.setting import ReplayedNoise

    from retouch.edit import Edit, EditInput
    from retouch.engine.engine import Engine, Job
    from retouch.engine.run import run_edit
    from retouch.imaging.image import to_model_range
    from retouch.imaging.patch import extract
    from retouch.models.library import Library

    kind = module("trace").KIND_OF["edit"]
    plan, _ = planned(kind, tmp_path)
    theirs = module("diffusers_engine").Pipelines(torch.float32).run(plan)
    pixels = torch.from_numpy(to_model_range(extract(plan.request.image, plan.region)))[None]
    shape = tuple(theirs.shape)
    with Library(device="cpu", dtype=torch.float32).borrow() as loan:
        model = loan.model(plan.model.name)
        given = EditInput(
            prompt=plan.request.prompt, size=tuple(pixels.shape[-2:]), picture=pixels,
            steps=plan.steps, sampler=plan.sampler, seed=4,
            noise=ReplayedNoise(4, shape),
        )  # fmt: skip
        engine = Engine()
        job = engine.submit(
            Job(run_edit(Edit(given, model, loan), plan.operations, _ignore), model)
        )
        engine.run()
        assert job.error is None
        alone = job.result
    assert (alone - theirs).abs().max() < 0.01


def _ignore(progress):
    pass
