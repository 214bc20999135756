"""Every sampler is the scheduler's own loop, for every prediction, from every strength."""

import itertools

import diffusers
import pytest
import torch

from retouch.denoiser import Condition, evaluate
from retouch.engine.engine import Engine, Job
from retouch.errors import InvalidField, UnknownName
from retouch.sampling.schedulers import SAMPLERS, executed_steps, make_sampler

CONFIG = {
    "beta_start": 0.00085,
    "beta_end": 0.012,
    "beta_schedule": "scaled_linear",
    "num_train_timesteps": 1000,
    "steps_offset": 1,
    "set_alpha_to_one": False,
}
REFERENCES = {
    "ddim": ("DDIMScheduler", {"clip_sample": False}),
    "euler": ("EulerDiscreteScheduler", {}),
    "euler_ancestral": ("EulerAncestralDiscreteScheduler", {}),
    "dpmpp_2m": ("DPMSolverMultistepScheduler", {"use_karras_sigmas": True}),
    "unipc": ("UniPCMultistepScheduler", {}),
    "heun": ("HeunDiscreteScheduler", {}),
    "lcm": ("LCMScheduler", {}),
}
CONDITION = Condition(torch.zeros(1, 1, 1))


def output(x, time):
    """A network: a smooth function of its (unit variance) input and time, channel by channel."""
    return torch.tanh(0.7 * x + 0.3 * x.roll(1, -1) + time / 1000.0)


class Smooth:
    """Answers evaluations with ``output``, as ``Model`` does with a real network."""

    def __init__(self, prediction):
        self.prediction = prediction
        self.times = []

    def bucket(self, evaluation):
        return tuple(evaluation.x.shape[1:])

    def forward(self, evaluations):
        return [self._answer(e) for e in evaluations]

    def _answer(self, e):
        self.times.append(e.level.time)
        said = output(e.x / e.level.scale, e.level.time).double()
        return e.level.x0_from(said, e.x.double(), self.prediction)


def noise(lanes=1, seed=0):
    one = torch.randn(1, 4, 8, 8, generator=torch.Generator().manual_seed(seed))
    return one.expand(lanes, -1, -1, -1)


def ours(name, config, prediction, steps=7, strength=1.0, x=None, lanes=1, project=None):
    sampler = make_sampler(name, config | {"prediction_type": prediction}, steps, strength)
    start = sampler.pure_noise(noise(lanes)) if x is None else x(sampler.levels[0])
    flow = sampler.run(
        start,
        evaluate,
        CONDITION,
        project=project or (lambda x, level: x),
        generators=[torch.Generator().manual_seed(1) for _ in range(lanes)],
        on_step=lambda done, x0: None,
    )
    network = Smooth(prediction)
    engine = Engine()
    job = engine.submit(Job(flow, network))
    engine.run()
    if job.error:
        raise job.error
    return job.result, network.times, sampler


def theirs(name, config, prediction, steps=7, strength=1.0, source=None):
    """diffusers' loop, as in its pipelines; the one for LCM leaves strength to the scheduler."""
    cls, settings = REFERENCES[name]
    given = config | settings | {"prediction_type": prediction}
    scheduler = getattr(diffusers, cls).from_config(given)
    scheduler.set_timesteps(steps, **({"strength": strength} if name == "lcm" else {}))
    kept = steps if name == "lcm" else min(int(steps * strength), steps)
    begin = max(steps - kept, 0) * scheduler.order
    times = scheduler.timesteps[begin:]
    if hasattr(scheduler, "set_begin_index"):
        scheduler.set_begin_index(begin)
    if source is None:
        x = noise() * scheduler.init_noise_sigma
    else:
        x = scheduler.add_noise(source, noise(), times[:1])
    generator = torch.Generator().manual_seed(1)
    extra = {"generator": generator} if name in ("euler_ancestral", "lcm", "ddim") else {}
    for time in times:
        said = output(scheduler.scale_model_input(x, time), float(time))
        x = scheduler.step(said, time, x, return_dict=False, **extra)[0]
    return x, [float(time) for time in times]


def test_all_samplers_are_compared():
    assert set(SAMPLERS) == set(REFERENCES)


ALL = [(n, p) for n in REFERENCES for p in ("epsilon", "v_prediction", "sample")]
UNKNOWN_THERE = ("euler_ancestral", "sample")


@pytest.mark.parametrize(("name", "prediction"), [pair for pair in ALL if pair != UNKNOWN_THERE])
def test_it_is_diffusers_own_loop(name, prediction):
    found, times, _ = ours(name, CONFIG, prediction)
    expected, expected_times = theirs(name, CONFIG, prediction)
    assert times == expected_times
    assert (found - expected).abs().max() <= 1e-4
    assert found.abs().max() > 0.1


def test_a_prediction_that_the_scheduler_does_not_know_is_said_as_epsilon():
    """diffusers' ancestral Euler refuses ``sample``; its own step on epsilon is the same step."""
    found, _, _ = ours("euler_ancestral", CONFIG, "sample")
    assert (found - theirs_with_sample_prediction()).abs().max() <= 1e-4


def theirs_with_sample_prediction():
    scheduler = diffusers.EulerAncestralDiscreteScheduler.from_config(CONFIG)
    scheduler.set_timesteps(7)
    x, generator = noise() * scheduler.init_noise_sigma, torch.Generator().manual_seed(1)
    for time, sigma in zip(scheduler.timesteps, scheduler.sigmas, strict=False):
        x0 = output(scheduler.scale_model_input(x, time), float(time))
        x = scheduler.step((x - x0) / sigma, time, x, generator=generator, return_dict=False)[0]
    return x


@pytest.mark.parametrize("strength", [0.3, 0.6, 1.0])
@pytest.mark.parametrize("name", REFERENCES)
def test_it_begins_where_strength_says(name, strength):
    source = noise(seed=5)

    def start(level):
        return level.alpha * source + level.sigma * noise()

    found, times, _ = ours(name, CONFIG, "epsilon", 7, strength, start)
    expected, expected_times = theirs(name, CONFIG, "epsilon", 7, strength, source)
    assert times == expected_times
    assert (found - expected).abs().max() <= 1e-4


@pytest.mark.parametrize("steps", [1, 2, 25])
@pytest.mark.parametrize("name", REFERENCES)
def test_levels_fall_and_end_finished(name, steps):
    sampler = make_sampler(name, CONFIG, steps)
    levels = sampler.levels
    order = SAMPLERS[name].order
    assert len(levels) == (steps - 1) * order + 1 + 1
    assert levels[-1].alpha == 1.0
    assert levels[-1].sigma == 0.0
    assert levels[0].progress == 0.0
    assert levels[-1].progress == 1.0
    assert all(0.0 <= level.progress < 1.0 for level in levels[:-1])
    for earlier, later in itertools.pairwise(levels):
        assert later.noise < earlier.noise or order == 2
        assert later.progress >= earlier.progress
    if SAMPLERS[name].state == "preserving":
        assert all(level.scale == pytest.approx(1.0, abs=1e-6) for level in levels)


@pytest.mark.parametrize("name", REFERENCES)
def test_answers_that_are_the_source_end_at_the_source(name):
    """A denoiser that always answers one x0 leads there, whatever the start and the sampler."""
    target = noise(seed=5).double()

    def fixed(x, level, condition):
        yield from evaluate(x, level, condition)
        return target

    sampler = make_sampler(name, CONFIG, 12)
    flow = sampler.run(
        sampler.pure_noise(noise()),
        fixed,
        CONDITION,
        project=lambda x, level: x,
        generators=[torch.Generator().manual_seed(1)],
        on_step=lambda done, x0: None,
    )
    engine = Engine()
    job = engine.submit(Job(flow, Smooth("epsilon")))
    engine.run()
    # Schedulers whose last level is not zero (DDIM on these betas) keep a little noise.
    assert (job.result - target).abs().max() < 0.2


@pytest.mark.parametrize("name", REFERENCES)
def test_all_lanes_get_the_same_step_noise(name):
    found, _, sampler = ours(name, CONFIG, "epsilon", lanes=3)
    single, _, _ = ours(name, CONFIG, "epsilon")
    assert torch.equal(found[0], found[1])
    assert torch.equal(found[0], found[2])
    assert (found[:1] - single).abs().max() <= 1e-4
    assert sampler.deterministic == (name not in ("euler_ancestral", "lcm"))


@pytest.mark.parametrize("spacing", ["leading", "trailing", "linspace"])
@pytest.mark.parametrize("name", [n for n in REFERENCES if n not in ("heun", "lcm")])
def test_zero_terminal_snr_is_finite(name, spacing):
    """The first state of such models is pure noise: alpha = 0 (Lin et al. 2023)."""
    config = CONFIG | {"rescale_betas_zero_snr": True, "timestep_spacing": spacing}
    if name == "unipc":
        config |= {"final_sigmas_type": "zero"}
    found, times, sampler = ours(name, config, "v_prediction")
    expected, expected_times = theirs(name, config, "v_prediction")
    assert times == expected_times
    assert torch.isfinite(found).all()
    assert (found - expected).abs().max() <= 1e-4
    if name == "ddim" and spacing == "trailing":
        assert sampler.levels[0].alpha == 0.0


@pytest.mark.parametrize("name", REFERENCES)
def test_project_sees_every_completed_step_and_the_finished_state(name):
    seen = []

    def project(x, level):
        seen.append(level.progress)
        return x

    ours(name, CONFIG, "epsilon", steps=5, project=project)
    assert len(seen) == 5
    assert seen[-1] == 1.0
    assert seen == sorted(set(seen))


def test_samplers_share_nothing():
    """Two edits with the same sampler, interleaved, do not disturb each other."""
    expected = {name: ours(name, CONFIG, "epsilon")[0] for name in REFERENCES}
    engine, jobs = Engine(), {}
    for name in [*REFERENCES, *REFERENCES]:
        sampler = make_sampler(name, CONFIG | {"prediction_type": "epsilon"}, 7)
        flow = sampler.run(
            sampler.pure_noise(noise()),
            evaluate,
            CONDITION,
            project=lambda x, level: x,
            generators=[torch.Generator().manual_seed(1)],
            on_step=lambda done, x0: None,
        )
        jobs[len(jobs), name] = engine.submit(Job(flow, Smooth("epsilon")))
        engine.tick()
    engine.run()
    for (_, name), job in jobs.items():
        assert (job.result - expected[name]).abs().max() <= 1e-4


@pytest.mark.parametrize(("strength", "steps"), [(0.0, 0), (0.1, 0), (0.5, 3), (1.0, 7)])
def test_executed_steps(strength, steps):
    assert executed_steps(7, strength) == steps


@pytest.mark.parametrize(("strength", "steps"), [(0.0, 0), (0.01, 0), (0.05, 2), (0.5, 4), (1, 4)])
def test_lcm_spreads_its_few_steps_over_what_strength_leaves(strength, steps):
    sampler = make_sampler("lcm", CONFIG, 4, strength)
    assert executed_steps(4, strength, "lcm") == steps == len(sampler.levels) - 1
    if steps == 4:
        assert sampler.levels[0].time == 1000 * strength - 1


def test_lcm_takes_the_models_own_grid():
    sampler = make_sampler("lcm", CONFIG | {"original_inference_steps": 100}, 4, 0.03)
    assert [level.time for level in sampler.levels[:-1]] == [29, 19, 9]
    assert executed_steps(4, 0.03, "lcm", 100) == 3


@pytest.mark.parametrize(("name", "steps"), [("ddim", 0), ("ddim", 1001), ("lcm", 51)])
def test_steps_out_of_range(name, steps):
    with pytest.raises(InvalidField, match=r"sampling.steps.*Fix"):
        make_sampler(name, CONFIG, steps)


def test_unknown_sampler():
    with pytest.raises(UnknownName, match=r"sampling.sampler.*heun"):
        make_sampler("plms", CONFIG, 5)
