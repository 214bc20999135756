"""Real forward passes and weights of two checkpoints, compared."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from retouch.models.checkpoint import Checkpoint


@torch.no_grad()
def outputs(checkpoint: Checkpoint, prompt: str = "a photo of a cat") -> list[Tensor]:
    """Return the tokens, prediction, latents and decoded pixels for fixed small inputs."""
    hidden, pooled = _encode(checkpoint, prompt)
    added = None
    if checkpoint.family == "sdxl":
        size = torch.tensor([[128.0, 128, 0, 0, 128, 128]])
        added = {"text_embeds": pooled, "time_ids": size}
    noise = torch.Generator().manual_seed(0)
    state = torch.randn(1, checkpoint.in_channels, 16, 16, generator=noise)
    pixels = torch.rand(1, 3, 32, 32, generator=noise) * 2 - 1
    time = torch.tensor([500])
    predicted = checkpoint.unet(state, time, hidden, added_cond_kwargs=added).sample
    latents = checkpoint.vae.encode(pixels).latent_dist.mode()
    return [hidden, predicted, latents, checkpoint.vae.decode(latents).sample]


def _encode(checkpoint: Checkpoint, prompt: str) -> tuple[Tensor, Tensor | None]:
    encoded = []
    for tokenizer, encoder in zip(checkpoint.tokenizers, checkpoint.text_encoders, strict=True):
        ids = tokenizer(
            prompt, padding="max_length", truncation=True, max_length=77, return_tensors="pt"
        ).input_ids
        encoded.append(encoder(ids, output_hidden_states=True))
    if checkpoint.family == "sdxl":
        return torch.cat([e.hidden_states[-2] for e in encoded], -1), encoded[1].text_embeds
    return encoded[0].last_hidden_state, None


def networks(checkpoint: Checkpoint) -> tuple[nn.Module, ...]:
    """Return the UNet, the autoencoder and the text encoders."""
    return (checkpoint.unet, checkpoint.vae, *checkpoint.text_encoders)


def different_weights(one: Checkpoint, other: Checkpoint) -> list[str]:
    """Return the names of weights that are not equal bit for bit; empty when all are."""
    different = []
    for first, second in zip(networks(one), networks(other), strict=True):
        ours, theirs = first.state_dict(), second.state_dict()
        names = sorted(set(ours) | set(theirs))
        same = {n for n in set(ours) & set(theirs) if torch.equal(ours[n], theirs[n])}
        different += [name for name in names if name not in same]
    return different
