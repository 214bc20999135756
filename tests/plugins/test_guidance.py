from typing import ClassVar

import pytest
import torch

from retouch.denoiser import Condition, NoiseLevel
from retouch.edit import Delta
from retouch.errors import InvalidField
from retouch_plugins.guidance import Guidance, weigh


def test_it_is_diffusers_classifier_free_guidance(run, deep, same, parts, ask):
    from diffusers import StableDiffusionPipeline

    pipeline = StableDiffusionPipeline(**parts(same))
    expected = ask(pipeline, height=64, width=64)
    found = run([Guidance(scale=7.5)], deep)
    effect = (run([Guidance(scale=1.0)], deep) - found).abs().max()
    print(f"difference {(found - expected).abs().max():.1e}, effect {effect:.2f}")
    assert torch.allclose(found, expected, atol=1e-4, rtol=0)
    assert effect > 0.1


def test_unset_takes_the_models_default(run):
    assert torch.equal(run([Guidance()]), run([Guidance(scale=7.5)]))


def test_scale_1_runs_one_branch_and_ignores_the_negative_prompt(run):
    one = run([Guidance(scale=1.0)])
    assert set(run.rows) == {1}
    assert run.edit.notes["guidance.negative_prompt"] == "not used: the guidance scale is 1"
    run([Guidance(scale=1.0)], negative_prompt="")
    assert "guidance.negative_prompt" not in run.edit.notes
    assert torch.equal(one, run([Guidance(scale=1.0)], negative_prompt="a green fish"))
    assert torch.equal(one, run([]))


def test_scale_0_runs_only_the_negative_branch(run):
    none = run([Guidance(scale=0.0)])
    assert set(run.rows) == {1}
    assert torch.equal(none, run([Guidance(scale=1.0)], prompt="dog"))


def test_outside_its_window_the_scale_is_1(run):
    late = run([Guidance(start=0.5)])
    assert run.rows == [1] * 4 + [2] * 4
    early = run([Guidance(stop=0.25)])
    assert run.rows == [2] * 2 + [1] * 6
    assert not torch.equal(late, early)
    assert torch.equal(run([Guidance(start=0.5, stop=0.5)]), run([Guidance(scale=1.0)]))


def answer_with(answers):
    """A denoiser that answers by condition, without a network."""

    def denoise(x, level, condition):
        return answers[condition.weights]
        yield

    return denoise


def finish(flow):
    with pytest.raises(StopIteration) as stop:
        next(flow)
    return stop.value.value


LEVEL = NoiseLevel(alpha=0.6, sigma=0.8, time=500.0, progress=0.5)


def named(name):
    return Condition(torch.zeros(1, 1, 1), weights=name)


def test_n_deltas_are_the_published_sum():
    """x0 = D(c0) + s1 (D(c1) - D(c0)) + s2 (D(c2) - D(c1)) + s3 (D(c3) - D(c2))."""
    deltas = [Delta(f"{k}", s, drops=(lambda c, k=k: named(f"c{k - 1}"),)) for k, s in SCALES]
    branches = weigh(deltas, named("c3"), LEVEL)
    assert [condition.weights for _, condition in branches] == ["c0", "c1", "c2", "c3"]
    answers = [5.0, -1.0, 2.0, 3.0]
    found = sum(w * a for (w, _), a in zip(branches, answers, strict=True))
    assert found == pytest.approx(5.0 + 2.0 * -6.0 + 0.5 * 3.0 + 7.0 * 1.0)


SCALES = ((1, 2.0), (2, 0.5), (3, 7.0))


@pytest.mark.parametrize("share", [0.0, 0.4, 1.0])
def test_rescale_pulls_the_deviation_back(share):
    """Lin et al. 2023, eq. 15 and 16."""

    class Asked:
        deltas: ClassVar = {"prompt": Delta("prompt", 7.5, drops=(lambda c: named("without"),))}

    noise = torch.Generator().manual_seed(0)
    answers = {name: torch.randn(1, 4, 8, 8, generator=noise) for name in ("with", "without")}
    guided = answers["without"] + 7.5 * (answers["with"] - answers["without"])
    outer = Guidance(rescale=share).denoise(answer_with(answers), Asked())
    found = finish(outer(torch.zeros(1, 4, 8, 8), LEVEL, named("with")))
    back = guided * answers["with"].std() / guided.std()
    assert torch.allclose(found, share * back + (1 - share) * guided, atol=1e-5)


@pytest.mark.parametrize(
    ("field", "value"),
    [("scale", -1.0), ("scale", 51.0), ("start", 1.5), ("stop", float("nan")), ("rescale", "1")],
)
def test_a_wrong_parameter_says_what_is_allowed(field, value):
    with pytest.raises(InvalidField) as caught:
        Guidance(**{field: value})
    assert caught.value.field == f"guidance.{field}"
    assert caught.value.allowed.startswith("float in [0,")
    assert caught.value.fix
