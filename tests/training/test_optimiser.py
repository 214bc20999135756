"""The optimiser of the trainings, against torch's own and across memory formats and processes."""

import pytest
import torch
from torch import nn
from training.optimiser import RATIO, Optimiser


def network(memory_format=torch.contiguous_format):
    torch.manual_seed(0)
    layers = nn.Sequential(nn.Conv2d(4, 8, 3, padding=1), nn.SiLU(), nn.Conv2d(8, 6, 3, padding=1))
    return layers.to(memory_format=memory_format)


def move(module, optimiser, steps=3):
    x = torch.rand(2, 4, 5, 5, generator=torch.Generator().manual_seed(1))
    for _ in range(steps):
        module(x).square().mean().backward()
        optimiser.step()
    return [p.detach().clone() for p in module.parameters()]


def test_hidden_weights_move_as_torchs_muon_moves_them():
    ours, theirs = network(), network()
    optimiser = Optimiser({"net": ours}, 1e-2, 0.01)
    optimiser.rate(1e-2)
    moved = move(ours, optimiser)
    weights = [nn.Parameter(theirs[i].weight.detach().flatten(1)) for i in (0, 2)]
    muon = torch.optim.Muon(
        weights, lr=1e-2 * RATIO, weight_decay=0.01, adjust_lr_fn="match_rms_adamw"
    )
    adam = torch.optim.AdamW(
        [theirs[0].bias, theirs[2].bias], lr=1e-2, betas=(0.9, 0.98), weight_decay=0.01
    )
    x = torch.rand(2, 4, 5, 5, generator=torch.Generator().manual_seed(1))
    for _ in range(3):
        theirs(x).square().mean().backward()
        for matrix, layer in zip(weights, (theirs[0], theirs[2]), strict=True):
            matrix.grad = layer.weight.grad.flatten(1)
        muon.step()
        adam.step()
        theirs.zero_grad()
    for matrix, found in zip(weights, (moved[0], moved[2]), strict=True):
        assert torch.allclose(found.flatten(1), matrix, atol=1e-6)
    assert torch.allclose(moved[1], theirs[0].bias, atol=1e-6)


def test_channels_last_weights_move_as_contiguous_ones():
    plain, last = network(), network(torch.channels_last)
    expected = move(plain, Optimiser({"net": plain}, 1e-2, 0.0))
    found = move(last, Optimiser({"net": last}, 1e-2, 0.0))
    for one, other in zip(expected, found, strict=True):
        # The columns are in another order, so the bfloat16 products round otherwise.
        assert torch.allclose(one, other, atol=3e-3)


def test_without_muon_it_is_adamw():
    ours, theirs = network(), network()
    moved = move(ours, Optimiser({"net": ours}, 1e-2, 0.01, muon=False))
    adam = torch.optim.AdamW(theirs.parameters(), lr=1e-2, betas=(0.9, 0.98), weight_decay=0.01)
    x = torch.rand(2, 4, 5, 5, generator=torch.Generator().manual_seed(1))
    for _ in range(3):
        theirs(x).square().mean().backward()
        adam.step()
        adam.zero_grad()
    for one, other in zip(moved, theirs.parameters(), strict=True):
        assert torch.allclose(one, other, atol=1e-6)


def test_inputs_outputs_and_frozen_weights_stay_out_of_muon():
    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.conv_in = nn.Conv2d(4, 8, 3)
            self.middle = nn.Linear(8, 8)
            self.frozen = nn.Linear(8, 8).requires_grad_(False)

    optimiser = Optimiser({"net": Net()}, 1e-3, 0.0)
    assert [v.shape for g in optimiser.muon.param_groups for v in g["params"]] == [(8, 8)]


def test_the_rate_is_set_on_both():
    optimiser = Optimiser({"net": network()}, 1e-3, 0.0)
    optimiser.rate(0.5)
    groups = (*optimiser.adam.param_groups, *optimiser.muon.param_groups)
    assert [group["lr"] for group in groups] == pytest.approx([0.5, 0.5 * RATIO])
