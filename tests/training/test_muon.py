"""The stacked Muon against torch's own, matrix by matrix."""

import pytest
import torch
from torch import nn
from training.muon import StackedMuon

SHAPES = ((8, 8), (8, 8), (12, 5), (5, 12), (12, 5), (1, 1))
SETTINGS = {"lr": 1e-2, "weight_decay": 0.1, "adjust_lr_fn": "match_rms_adamw"}


def weights():
    generator = torch.Generator().manual_seed(1)
    return [nn.Parameter(torch.randn(shape, generator=generator)) for shape in SHAPES]


def test_moves_every_matrix_as_torch_does():
    ours, theirs = weights(), weights()
    stacked, single = StackedMuon(ours, **SETTINGS), torch.optim.Muon(theirs, **SETTINGS)
    generator = torch.Generator().manual_seed(2)
    for _ in range(4):
        for mine, other in zip(ours, theirs, strict=True):
            mine.grad = torch.randn(mine.shape, generator=generator)
            other.grad = mine.grad.clone()
        stacked.step()
        single.step()
    for mine, other, begun in zip(ours, theirs, weights(), strict=True):
        # Both round to bfloat16 on the way, in another order.
        assert torch.allclose(mine, other, atol=2e-3)
        assert not torch.allclose(mine, begun, atol=2e-3)


def test_a_matrix_without_a_gradient_stays():
    moved, still = weights()[:2]
    before = still.detach().clone()
    moved.grad = torch.ones_like(moved)
    StackedMuon([moved, still], **SETTINGS).step()
    assert torch.equal(still, before)


def test_a_closure_is_refused():
    with pytest.raises(ValueError, match="closure"):
        StackedMuon(weights(), **SETTINGS).step(lambda: None)
