"""DDIM inversion: against diffusers' own, and back again."""

import itertools

import pytest
import torch
from diffusers import DDIMInverseScheduler

from retouch.denoiser import Condition, NoiseLevel
from retouch.inversion import invert, without_picture
from retouch.models.model import Model
from retouch.sampling.schedulers import make_sampler
from retouch.testing.checkpoints import read_config, tiny_sd

STEPS = 6
SCHEDULE = read_config("sd1", "scheduler")


def tiny_model(**given):
    return Model(tiny_sd(**given), dtype=torch.float32, memory_format=torch.contiguous_format)


def picture(seed=9):
    return torch.randn(1, 4, 8, 8, generator=torch.Generator().manual_seed(seed))


def drive(flow, network):
    """Answer a flow until it returns."""
    answers = None
    while True:
        try:
            asked = next(flow) if answers is None else flow.send(answers)
        except StopIteration as stop:
            return stop.value
        answers = network(asked)


@pytest.mark.parametrize("prediction", ["epsilon", "v_prediction"])
@torch.no_grad()
def test_inversion_is_that_of_diffusers(prediction):
    model = tiny_model(prediction_type=prediction)
    text = model.encode_prompts(["a cat"], (64, 64)).text
    levels = make_sampler("ddim", model.scheduler_config, STEPS).levels
    found = drive(invert(picture(), levels, Condition(text), model.prediction), model.forward)
    # The picture is the noise-free state: its alpha is 1.
    settings = {**model.scheduler_config, "set_alpha_to_one": True, "clip_sample": False}
    scheduler = DDIMInverseScheduler.from_config(settings)
    scheduler.set_timesteps(STEPS)
    network = tiny_sd(prediction_type=prediction).unet
    x = picture()
    assert [float(t) for t in scheduler.timesteps] == [level.time for level in levels[-2::-1]]
    for time, level in zip(scheduler.timesteps, levels[-2::-1], strict=True):
        x = scheduler.step(network(x, time, text).sample, time, x).prev_sample
        assert (found[level] - x).abs().max() < 1e-4
    assert torch.equal(found[levels[-1]], picture())
    assert (x - picture()).abs().max() > 1


def test_sampling_undoes_it_where_the_noise_is_the_same_at_every_level():
    levels = make_sampler("ddim", SCHEDULE, STEPS).levels
    noise = picture(1).double()

    def network(asked):
        # It always sees the same noise.
        return [(e.x.double() - e.level.sigma * noise) / e.level.alpha for e in asked]

    found = drive(invert(picture(), levels, Condition(torch.zeros(1, 77, 8)), "epsilon"), network)
    x = found[levels[0]].double()
    for level, following in itertools.pairwise(levels):
        x = following.alpha * (x - level.sigma * noise) / level.alpha + following.sigma * noise
        assert (x - found[following]).abs().max() < 1e-4
    assert (x - picture()).abs().max() < 1e-4


def test_a_network_of_x0_is_inverted_without_dividing_by_zero():
    levels = make_sampler("ddim", SCHEDULE, STEPS).levels

    def network(asked):
        return [torch.zeros_like(evaluation.x, dtype=torch.float64) for evaluation in asked]

    found = drive(invert(picture(), levels, Condition(torch.zeros(1, 77, 8)), "sample"), network)
    assert all(state.isfinite().all() for state in found.values())


def test_a_finished_picture_alone_needs_no_call():
    finished = (NoiseLevel(1.0, 0.0, 0.0, 1.0),)
    found = drive(invert(picture(), finished, Condition(torch.zeros(1, 77, 8)), "epsilon"), None)
    assert list(found) == list(finished)


def test_only_the_part_that_runs_is_inverted():
    whole, half = (make_sampler("ddim", SCHEDULE, STEPS, share).levels for share in (1.0, 0.5))
    asked = []

    def network(evaluations):
        asked.extend(evaluations)
        return [torch.zeros_like(evaluation.x) for evaluation in evaluations]

    found = drive(invert(picture(), half, Condition(torch.zeros(1, 77, 8)), "epsilon"), network)
    assert len(asked) == STEPS // 2
    assert [e.level.time for e in asked] == [level.time for level in whole[-2 : -2 - 3 : -1]]
    assert len(found) == 4


def test_channels_say_nothing_of_any_picture():
    condition = Condition(torch.zeros(1, 77, 8), channels=torch.ones(1, 4, 8, 8))
    plain, eight, nine = (tiny_model(in_channels=count) for count in (4, 8, 9))
    assert without_picture(condition, plain, picture()).channels is None
    assert not without_picture(condition, eight, picture()).channels.any()
    painted = without_picture(condition, nine, picture()).channels
    assert painted[:, 0].eq(1).all()
    blank = nine.encode_picture(torch.zeros(1, 3, 64, 64))
    assert torch.equal(painted[:, 1:], blank)
