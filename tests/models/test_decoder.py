"""Documents of more than 8 bits are decoded in float32, whatever format the network has."""

import copy

import pytest
import torch

from retouch.models.decoder import Decoder
from retouch.testing.checkpoints import tiny_sd


@pytest.fixture(scope="module")
def vae():
    """With weights that bfloat16 holds, so that only the reckoning differs."""
    return tiny_sd().vae.to(torch.bfloat16)


@pytest.fixture(scope="module")
def latents():
    return torch.randn(1, 4, 16, 16, generator=torch.Generator().manual_seed(0))


def test_deep_is_what_float32_gives(vae, latents):
    single = Decoder(copy.deepcopy(vae), dtype=torch.float32).decode(latents)
    decoder = Decoder(vae, dtype=torch.bfloat16)
    rough, deep = decoder.decode(latents), decoder.decode(latents, deep=True)
    assert torch.equal(deep, single) and not torch.equal(rough, single)
    assert len(deep.unique()) > 10 * len(rough.unique())


def test_the_network_itself_stays_as_it_was(vae, latents):
    decoder = Decoder(vae, dtype=torch.bfloat16)
    before = decoder.decode(latents)
    decoder.decode(latents, deep=True)
    assert next(decoder.vae.parameters()).dtype is torch.bfloat16
    assert torch.equal(decoder.decode(latents), before)


def test_float32_needs_no_copy(vae, latents, monkeypatch):
    decoder = Decoder(copy.deepcopy(vae), dtype=torch.float32)
    monkeypatch.setattr(copy, "deepcopy", None)
    assert torch.equal(decoder.decode(latents, deep=True), decoder.decode(latents))
