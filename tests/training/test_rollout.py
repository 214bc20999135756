"""Samples of a network's own: what a network that knows the answer draws must be exactly known."""

import pytest
import torch
from training import rollout
from training.network import STEPS, scheduler

ALPHAS = scheduler().alphas_cumprod
END = 400


def drawn(shape, seed):
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize("steps", [1, rollout.LONGEST])
def test_a_network_that_knows_answer_and_noise_stays_on_the_line_between_them(steps):
    z, noise = drawn((2, 4, 8, 8), 1), drawn((2, 4, 8, 8), 2)
    asked = []

    def predict(x, time):
        asked.append(time)
        return ALPHAS[time].sqrt() * noise - (1 - ALPHAS[time]).sqrt() * z

    start = ALPHAS[STEPS - 1].sqrt() * z + (1 - ALPHAS[STEPS - 1]).sqrt() * noise
    x = rollout.sample(predict, start, ALPHAS, END, steps)
    alpha = ALPHAS[END]
    assert torch.allclose(x, alpha.sqrt() * z + (1 - alpha).sqrt() * noise, atol=1e-5)
    assert asked[0] == STEPS - 1 and len(asked) == steps and min(asked) > END
    velocity = alpha.sqrt() * noise - (1 - alpha).sqrt() * z
    assert torch.allclose(rollout.velocity_to(z, x, alpha), velocity, atol=1e-5)


def test_the_velocity_leads_to_the_answer_from_anywhere():
    z, x = drawn((2, 4, 8, 8), 1), drawn((2, 4, 8, 8), 3)
    alpha = ALPHAS[END]
    velocity = rollout.velocity_to(z, x, alpha)
    assert torch.allclose(alpha.sqrt() * x - (1 - alpha).sqrt() * velocity, z, atol=1e-5)
