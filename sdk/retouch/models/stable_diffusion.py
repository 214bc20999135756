"""Stable Diffusion families: sd1, sd2 (one text encoder) and sdxl (two, pooled text, sizes)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from retouch.models.family import GUIDANCE, Batch, Family, PromptEmbedding

if TYPE_CHECKING:
    from retouch.models.checkpoint import Checkpoint


class StableDiffusion:
    """SD 1.x and 2.x: the last hidden state of one CLIP text encoder."""

    def __init__(self, name: str, native_size: int) -> None:
        self.name = name
        self.native_size = native_size
        self.blank_negative = False

    def encode_prompts(
        self, checkpoint: Checkpoint, prompts: Sequence[str], size: tuple[int, int]
    ) -> PromptEmbedding:
        """See ``Family``. Longer prompts are read in several windows, see ``_windows``."""
        encoder = checkpoint.text_encoders[0]
        windows = _windows(checkpoint.tokenizers[0], encoder, prompts)
        return PromptEmbedding(_join([encoder(ids)[0] for ids in windows]), {})

    def predict(self, checkpoint: Checkpoint, batch: Batch) -> Tensor:
        """See ``Family``."""
        return _unet(checkpoint.unet, batch, None)


class StableDiffusionXL:
    """SDXL base: penultimate states of two encoders, pooled text, size and crop ids."""

    name = "sdxl"
    native_size = 1024
    blank_negative = True  # the published pipelines' force_zeros_for_empty_prompt

    def encode_prompts(
        self, checkpoint: Checkpoint, prompts: Sequence[str], size: tuple[int, int]
    ) -> PromptEmbedding:
        """See ``Family``. ``time_ids`` are original size, crop (0, 0) and target size."""
        states, pooled = [], torch.empty(0)
        for tokenizer, encoder in zip(checkpoint.tokenizers, checkpoint.text_encoders, strict=True):
            windows = _windows(tokenizer, encoder, prompts)
            outputs = [encoder(ids, output_hidden_states=True) for ids in windows]
            states.append(_join([output.hidden_states[-2] for output in outputs]))
            # Only the second encoder projects; its output comes last and stays. Of a prompt in
            # several windows the first is pooled.
            pooled = outputs[0][0]
        text = torch.cat(states, dim=-1)
        height, width = size
        ids = torch.tensor([[height, width, 0, 0, height, width]], dtype=text.dtype)
        vectors = {
            "text_embeds": pooled,
            "time_ids": ids.expand(len(prompts), -1).to(text.device),
        }
        return PromptEmbedding(text, vectors)

    def predict(self, checkpoint: Checkpoint, batch: Batch) -> Tensor:
        """See ``Family``."""
        vectors = {name: value for name, value in batch.vectors.items() if name != GUIDANCE}
        return _unet(checkpoint.unet, batch, vectors)


def family_of(name: str) -> Family:
    """The family called ``name``: ``sd1``, ``sd2`` or ``sdxl``."""
    families: dict[str, Family] = {
        "sd1": StableDiffusion("sd1", 512),
        "sd2": StableDiffusion("sd2", 768),
        "sdxl": StableDiffusionXL(),
    }
    return families[name]


def _windows(tokenizer: Any, encoder: Any, prompts: Sequence[str]) -> list[Tensor]:
    """Token ids of prompts in windows of the encoder's length, ``[prompts, length]`` each.

    Every window has its own start and end tokens, as users of long prompts expect; all prompts
    get as many windows as the longest needs, so that they can share a forward.
    """
    length = int(encoder.config.max_position_embeddings)
    inner = length - 2
    plain = [tokenizer(p, add_special_tokens=False, verbose=False).input_ids for p in prompts]
    count = max(1, *(-(-len(ids) // inner) for ids in plain))
    pad = tokenizer.pad_token_id if tokenizer.pad_token_id is not None else tokenizer.eos_token_id
    windows = []
    for index in range(count):
        rows = []
        for ids in plain:
            part = ids[index * inner : (index + 1) * inner]
            row = [tokenizer.bos_token_id, *part, tokenizer.eos_token_id]
            rows.append(row + [pad] * (length - len(row)))
        windows.append(torch.tensor(rows, device=encoder.device))
    return windows


def _join(states: list[Tensor]) -> Tensor:
    return states[0] if len(states) == 1 else torch.cat(states, dim=1)


def _unet(unet: Any, batch: Batch, vectors: dict[str, Tensor] | None) -> Tensor:
    # The UNet pops from the list of residuals it is given: it gets its own copy.
    residuals = None if batch.residuals is None else list(batch.residuals)
    told = batch.vectors.get(GUIDANCE)
    if told is not None:
        told = guidance_embedding(told, int(unet.config.time_cond_proj_dim)).to(batch.inputs)
    prediction: Tensor = unet(
        batch.inputs,
        batch.times,
        timestep_cond=told,
        encoder_hidden_states=batch.text,
        added_cond_kwargs=vectors,
        down_intrablock_additional_residuals=residuals,
        cross_attention_kwargs={"rows": batch.attention},
        return_dict=False,
    )[0]
    return prediction


def guidance_embedding(scale: Tensor, width: int) -> Tensor:
    """Sinusoidal embedding of guidance scales ``[rows]``, float64: ``[rows, width]``, float32.

    As latent consistency models are distilled with (Luo et al. 2023, arXiv 2310.04378, section
    4.2): of ``w = scale - 1``, times 1000, at frequencies 10000^(-i / (width / 2 - 1)).
    """
    half = width // 2
    # In the reference's order of operations: w is up to 10^4 periods long, and a last digit shows.
    step = torch.log(torch.tensor(10000.0)) / (half - 1)
    frequencies = torch.exp(torch.arange(half, dtype=torch.float32) * -step).to(scale.device)
    angles = ((scale - 1.0).float() * 1000.0)[:, None] * frequencies[None]
    embedding = torch.cat([torch.sin(angles), torch.cos(angles)], dim=1)
    return torch.nn.functional.pad(embedding, (0, width % 2))
