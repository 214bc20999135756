"""Admitted edits: of one plan, through one gate, and nothing but plain words in their settings."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from retouch.admitted import Admitted
from retouch.errors import Blocked
from retouch.imaging.image import Image
from retouch.request import EditRequest
from retouch.result import plain
from retouch.trajectories import Step
from retouch_plugins.sdedit import SDEdit
from retouch_safety import Gate

#: Neutral words that no profile allows.
NEVER = "sexualised picture of a minor"


def request(**fields):
    image = Image(np.random.default_rng(0).integers(0, 255, (96, 80, 3), np.uint8))
    settings = {"image": image, "model": "tiny", "steps": 2, "operations": (SDEdit(strength=1.0),)}
    return EditRequest(**settings | fields)


def test_another_plan_is_another_admission(runner):
    admitted = runner.admit(request(prompt="a cat"), "job-7")
    assert admitted.admission.job.id == "job-7"
    assert admitted.admission.job.texts.prompt == "a cat"
    other = runner.plan(request(prompt=NEVER))
    with pytest.raises(Blocked, match="prompt check") as caught:
        replace(admitted, plan=other)
    assert caught.value.clause and caught.value.field == "prompt"
    with pytest.raises((TypeError, ValueError)):
        replace(admitted, admission=admitted.admission)
    with pytest.raises(TypeError):
        Admitted(other, runner.gate, "", admitted.admission)


def test_what_another_gate_admitted_does_not_run_here(runner):
    with pytest.raises(ValueError, match="another gate"):
        runner.run(Admitted(runner.plan(request()), Gate()))


def test_a_step_of_another_edit_is_not_shown(runner):
    admitted = runner.admit(request())
    with pytest.raises(ValueError, match="another edit"):
        admitted.look(Step(1, 2, plan=runner.plan(request())))
    assert admitted.look(Step(1, 2, plan=admitted.plan)) is None


def test_what_a_model_makes_of_nothing_is_refused_and_logged(runner):
    admitted = runner.admit(request())
    side = admitted.plan.region.working
    broken = np.full((side.height, side.width, 3), np.nan, np.float32)
    with pytest.raises(Blocked, match=r"pixels check.*not finite"):
        admitted.results([[(broken, 0, {})]])
    (last,) = runner.gate.installation.audit.tail(1)
    assert (last.event, last.fields["stage"]) == ("refused", "pixels")


def test_settings_hold_no_pixels():
    pixels = torch.zeros(3, 4)
    notes = {"steps": 3, "note": "fine", "list": [1, pixels], "map": {"a": pixels.numpy()}}
    assert plain(notes | {"raw": pixels, "bytes": b"abc"}) == {
        "steps": 3,
        "note": "fine",
        "list": [1, "<Tensor>"],
        "map": {"a": "<ndarray>"},
        "raw": "<Tensor>",
        "bytes": "<bytes>",
    }
