"""Real edits together: the same result as alone, whoever else is in the batch."""

import pytest
import torch

from retouch.engine.engine import Engine
from retouch_plugins.guidance import Guidance
from retouch_plugins.prompt_to_prompt import PromptToPrompt
from retouch_plugins.sdedit import SDEdit
from retouch_plugins.soft_mask import SoftMask

TOLERANCE = 1e-4
# Moderate, so that rounding (a batch of another size) is not multiplied beyond the tolerance.
GUIDED = Guidance(scale=3.0)


def mask():
    ramp = torch.linspace(0, 1, 64).expand(1, 1, 64, 64)
    return ramp.contiguous()


def seven(source):
    """Seven different edits: operations, samplers, prompts, seeds, steps."""
    given = {"latents": source}
    return [
        ([GUIDED], {}),
        ([Guidance(scale=5.0, stop=0.5)], {"sampler": "euler", "seed": 4}),
        ([GUIDED, SDEdit(strength=0.6)], {"sampler": "dpmpp_2m", "steps": 8, **given}),
        ([GUIDED, SoftMask()], {"mask": mask(), "seed": 5, **given}),
        ([GUIDED, PromptToPrompt(source_prompt="a red dog")], {"steps": 6}),
        ([SDEdit(strength=0.8, repeats=2)], {"sampler": "euler_ancestral", "steps": 4, **given}),
        (
            [Guidance(scale=3.0, rescale=0.7)],
            {"sampler": "heun", "prompt": "a blue house", "steps": 3},
        ),
    ]


@pytest.fixture(scope="module")
def source():
    return torch.randn(1, 4, 8, 8, generator=torch.Generator().manual_seed(9))


@pytest.fixture
def expected(job_of, alone, source):
    return [alone(job_of(operations, **given)) for operations, given in seven(source)]


def check(jobs, expected):
    for number, (job, result) in enumerate(zip(jobs, expected, strict=True)):
        assert job.error is None, job.error
        difference = float((job.result - result).abs().max())
        assert difference <= TOLERANCE, f"edit {number}: {difference:.1e}"


def test_seven_edits_joined_mid_run(job_of, source, expected):
    """One more joins at every tick; all end as if alone, with far fewer forwards."""
    engine = Engine(row_cap=32)
    jobs, ticks = [], []
    waiting = [job_of(operations, **given) for operations, given in seven(source)]
    while waiting or engine.active:
        if waiting:
            jobs.append(engine.submit(waiting.pop(0)))
        ticks.append(engine.tick())
    check(jobs, expected)
    assert max(tick.jobs for tick in ticks) >= 5
    calls = sum(tick.jobs for tick in ticks)
    assert len(ticks) < calls / 3


def test_batch_mates_and_their_order_change_nothing(job_of, source, expected):
    for order in ((6, 2, 4, 0, 5, 1, 3), (3, 4), (4, 6, 1)):
        chosen = [seven(source)[i] for i in order]
        engine = Engine(row_cap=32)
        jobs = [engine.submit(job_of(operations, **given)) for operations, given in chosen]
        engine.run()
        check(jobs, [expected[i] for i in order])


@pytest.mark.parametrize("row_cap", [1, 3, 5])
def test_the_row_cap_changes_nothing(job_of, source, expected, row_cap):
    engine = Engine(row_cap=row_cap)
    jobs = [engine.submit(job_of(operations, **given)) for operations, given in seven(source)]
    engine.run()
    check(jobs, expected)


def test_exact_edits_are_equal_to_the_last_bit(job_of, alone, source):
    operations, given = seven(source)[0]
    expected = alone(job_of(operations, **given))
    engine = Engine()
    exact = engine.submit(job_of(operations, settings={"exact": True}, **given))
    for others, more in seven(source)[1:]:
        engine.submit(job_of(others, **more))
    engine.run()
    assert torch.equal(exact.result, expected)


def test_the_order_of_the_operations_changes_nothing(job_of, alone, source):
    listed = [SoftMask(), Guidance(), SDEdit(strength=0.7), PromptToPrompt(source_prompt="a dog")]
    given = {"latents": source, "mask": mask(), "prompt": "a cat"}
    results = [alone(job_of(order, **given)) for order in (listed, listed[::-1])]
    assert torch.equal(*results)


def test_progress_counts_every_call_of_every_repeat(job_of, alone, source):
    seen = []
    operations = [Guidance(), SDEdit(strength=0.6, repeats=2)]
    job = job_of(operations, latents=source, steps=5, on_progress=seen.append)
    alone(job)
    assert [p.done for p in seen] == list(range(1, 7))
    assert {p.total for p in seen} == {6}
    assert all(p.x0.shape == (1, 4, 8, 8) for p in seen)


def test_strength_0_returns_the_source(job_of, alone, source):
    assert torch.equal(alone(job_of([Guidance(), SDEdit(strength=0.0)], latents=source)), source)
