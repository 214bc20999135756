"""An edit that is over leaves nothing for the garbage collector, which counts objects, not bytes:
tensors in a circle stayed until hundreds of edits later.
"""

import gc
import threading
from contextlib import contextmanager
from pathlib import Path

import pytest
import torch

from retouch.catalog import installed
from retouch.engine.engine import Engine
from retouch.models.library import Library
from retouch.models.model import Model
from retouch.trajectories import Share
from retouch.v1 import edit_pb2, image_pb2, operation_pb2
from retouch_daemon.engine.running_edit import RunningEdit, Told

HOUSE = Path(__file__).resolve().parents[2] / "sdk/retouch/demo/house.png"


class Heard:
    """A link that remembers the newest frame."""

    def send(self, frame):
        self.frame = frame
        return True


@contextmanager
def found_by_the_collector():
    """Give a list that has, after the block, every tensor of which only circles knew."""
    gc.collect()
    gc.disable()
    gc.set_debug(gc.DEBUG_SAVEALL)
    tensors = []
    try:
        yield tensors
        gc.collect()
        tensors += [each for each in gc.garbage if isinstance(each, torch.Tensor)]
    finally:
        gc.set_debug(0)
        gc.garbage.clear()
        gc.enable()


@pytest.fixture
def asked(tiny_installed):
    message = edit_pb2.EditRequest(
        canvas=edit_pb2.Canvas(source=image_pb2.ImageRef(sha256="0" * 64)),
        prompt=edit_pb2.Prompt(text="a red house"),
        operations=[operation_pb2.Operation(sdedit=operation_pb2.SDEdit(strength=0.6))],
    )
    message.model = tiny_installed
    message.sampling.steps = 4
    message.output.preview.every_steps = 1
    return message.SerializeToString()


def run(asked, library, how):
    """Run an edit as the engine's process does; return the kind of the last frame."""
    link, engine, woken = Heard(), Engine(), threading.Event()
    edit = RunningEdit(asked, Told(link, "job", 1, asked))
    assert edit.load(installed(), library, lambda _: HOUSE.read_bytes(), Share(), woken.set)
    while edit.loading:
        assert edit.begin_if_loaded(engine, lambda _: 0)
        if edit.loading:
            woken.wait(1)
            woken.clear()
    while not edit.over:
        engine.tick()
        edit.look()
        if how == "dropped":
            edit.close()
            return link.frame.kind
    edit.finish()
    return link.frame.kind


@pytest.mark.parametrize(
    ("how", "kind"), [("done", "finished"), ("dropped", "look"), ("failed", "failed")]
)
def test_an_edit_that_is_over_leaves_no_tensor_behind(asked, how, kind, monkeypatch):
    library = Library(dtype=torch.float32)
    run(asked, library, "done")  # what is imported and cached at first is not of the edit
    if how == "failed":
        monkeypatch.setattr(Model, "forward", _fails)
    with found_by_the_collector() as tensors:
        assert run(asked, library, how) == kind
    assert tensors == []


def _fails(model, evaluations):
    raise RuntimeError("a forward that fails")
