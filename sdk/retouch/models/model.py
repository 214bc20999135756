"""A model: a loaded checkpoint that answers evaluations."""

from __future__ import annotations

import functools
from collections.abc import Hashable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import torch
from torch import Tensor
from torch.nn import functional as F

from retouch.denoiser import Evaluation
from retouch.models.attention import RowAttention, RowGroup, install_row_attention
from retouch.models.family import GUIDANCE, Batch, PromptEmbedding
from retouch.models.filling import bytes_of
from retouch.models.geometry import input_layout
from retouch.models.precision import choose_dtype, place_network
from retouch.models.stable_diffusion import family_of

if TYPE_CHECKING:
    from retouch.models.checkpoint import Checkpoint
    from retouch.models.preview import PreviewDecoder
    from retouch.operation import InputLayout


class Model:
    """A checkpoint on a device, in one number format. Shared by edits; holds no edit's state.

    Args:
        checkpoint: loaded and verified weights. The networks are moved, not copied.
        device: where it runs.
        dtype: number format; measured choice when None.
        memory_format: order of convolution weights. Channels-last is faster in bfloat16 and
            rounds differently: comparisons digit for digit use ``torch.contiguous_format``.
        preview: decodes previews; without one, the autoencoder does.
    """

    def __init__(
        self,
        checkpoint: Checkpoint,
        *,
        device: torch.device | str = "cpu",
        dtype: torch.dtype | None = None,
        memory_format: torch.memory_format = torch.channels_last,
        preview: PreviewDecoder | None = None,
    ) -> None:
        if preview is not None and preview.latent_channels != checkpoint.latent_channels:
            preview = None  # of another family, whatever its name says
        self.memory_format = memory_format
        self.device = torch.device(device)
        self.dtype = dtype or choose_dtype(self.device)
        self.checkpoint = checkpoint
        self.name = checkpoint.name
        self.family = family_of(checkpoint.family)
        # SDXL's autoencoder overflows in float16 and says so.
        keeps = self.dtype is torch.float16 and checkpoint.vae.config.get("force_upcast", False)
        self.vae_dtype = torch.float32 if keeps else self.dtype
        place_network(checkpoint.vae, self.device, self.vae_dtype, memory_format)
        for network in (checkpoint.unet, *checkpoint.text_encoders):
            place_network(network, self.device, self.dtype, memory_format)
        self.preview = preview
        self.attention_places = install_row_attention(checkpoint.unet, self.device.type)
        self.scheduler_config = checkpoint.scheduler_config
        self.prediction = checkpoint.prediction_type

    @property
    def bytes(self) -> int:
        """Size of all its weights in memory."""
        known = self.checkpoint
        beside = 0 if self.preview is None else self.preview.bytes
        return beside + bytes_of((known.unet, known.vae, *known.text_encoders))

    @property
    def latent_channels(self) -> int:
        """Channels of the autoencoder's latents: C."""
        return self.checkpoint.latent_channels

    @property
    def input_channels(self) -> int:
        """Channels the network takes: C, 2C (with a picture) or 2C+1 (inpainting)."""
        return self.checkpoint.in_channels

    @property
    def layout(self) -> InputLayout:
        """What the input channels mean."""
        return input_layout(self.input_channels, self.latent_channels)

    @property
    def factor(self) -> int:
        """Pixels per latent, along one side."""
        return self.checkpoint.vae_factor

    @property
    def multiple(self) -> int:
        """Working sizes must be a multiple of this many pixels."""
        return self.factor * int(2 ** (len(self.checkpoint.unet.config.block_out_channels) - 1))

    @property
    def native_size(self) -> int:
        """Side length in pixels the network was trained at."""
        sample = getattr(self.checkpoint.unet.config, "sample_size", None)
        return int(sample) * self.factor if isinstance(sample, int) else self.family.native_size

    @property
    def takes_guidance(self) -> bool:
        """Whether the network is told the guidance scale instead of being asked twice (LCM)."""
        return self.checkpoint.takes_guidance

    @property
    def default_guidance(self) -> float:
        """Guidance scale when nobody sets one: its configuration's, else the field's custom."""
        few = self.scheduler_config.get("_class_name") == "LCMScheduler"
        custom = 8.5 if self.takes_guidance else 1.0 if few else 7.5
        return float(self.scheduler_config.get("retouch_guidance", custom))

    @torch.no_grad()
    def encode_prompts(self, prompts: Sequence[str], size: tuple[int, int]) -> PromptEmbedding:
        """Encode prompts together for pictures of ``size`` (H, W) in pixels.

        For a network that takes the guidance scale, ``vectors`` also holds ``guidance``,
        ``[prompts]``: its default, which the guidance operation replaces.
        """
        found = self.family.encode_prompts(self.checkpoint, prompts, size)
        if not self.takes_guidance:
            return found
        scale = self.default_guidance
        told = torch.full((len(prompts),), scale, dtype=self._wide, device=self.device)
        return replace(found, vectors={**found.vectors, GUIDANCE: told})

    @torch.no_grad()
    def encode_picture(self, picture: Tensor, *, scaled: bool = True) -> Tensor:
        """Latents of a picture: the mode of the posterior, so equal pictures give equal latents.

        Args:
            picture: ``[n, 3, H, W]`` in [-1, 1].
            scaled: multiply by the autoencoder's scaling factor (what the network denoises);
                picture channels of InstructPix2Pix are unscaled.

        Returns:
            ``[n, C, H/factor, W/factor]``, float32.
        """
        vae = self.checkpoint.vae
        pixels = picture.to(self.device, self.vae_dtype).to(memory_format=self.memory_format)
        encoded = vae.encode(pixels)
        known = getattr(encoded, "latent_dist", None)
        latents: Tensor = encoded.latents if known is None else known.mode()
        scale = float(vae.config.scaling_factor) if scaled else 1.0
        return latents.float() * scale

    @torch.no_grad()
    def decode(self, latents: Tensor) -> Tensor:
        """Pictures ``[n, 3, H, W]`` in [-1, 1], float32 on the CPU, of scaled latents."""
        vae = self.checkpoint.vae
        unscaled = (latents / float(vae.config.scaling_factor)).to(self.device, self.vae_dtype)
        picture: Tensor = vae.decode(unscaled.to(memory_format=self.memory_format)).sample
        return picture.float().clamp(-1, 1).cpu()

    def decode_preview(self, latents: Tensor) -> Tensor:
        """What ``decode`` shows, roughly and fast: by the preview decoder if there is one.

        Engine-internal like ``decode``; to show it to anyone, use ``retouch.previews``.
        """
        return self.decode(latents) if self.preview is None else self.preview.decode(latents)

    def bucket(self, evaluation: Evaluation) -> Hashable:
        """Evaluations with equal buckets may share a forward."""
        condition = evaluation.condition
        channels = 0 if condition.channels is None else condition.channels.shape[1]
        return (
            id(self.checkpoint),
            tuple(evaluation.x.shape[1:]),
            channels,
            condition.text.shape[1],
            condition.weights,
        )

    @torch.no_grad()
    def forward(self, evaluations: Sequence[Evaluation]) -> list[Tensor]:
        """One forward for evaluations of one bucket.

        Returns:
            x0 of each, ``[lanes, C, h, w]``, float64 where the device has it: dividing by a small
            alpha and multiplying it back would cost digits that references keep by never leaving
            their own prediction. The network sees none of this.
        """
        lanes = [evaluation.x.shape[0] for evaluation in evaluations]
        batch = self._batch(evaluations, lanes)
        prediction = self.family.predict(self.checkpoint, batch).to(self._wide)
        parts = torch.split(prediction, lanes)
        return [self._x0(e, part) for e, part in zip(evaluations, parts, strict=True)]

    def _batch(self, evaluations: Sequence[Evaluation], lanes: list[int]) -> Batch:
        first = evaluations[0].condition
        texts = [_spread(e.condition.text, n) for e, n in zip(evaluations, lanes, strict=True)]
        vectors = {
            name: torch.cat(
                [
                    _spread(e.condition.vectors[name], n)
                    for e, n in zip(evaluations, lanes, strict=True)
                ]
            )
            for name in first.vectors
        }
        times = torch.tensor([e.level.time for e in evaluations], device=self.device)
        repeats = torch.tensor(lanes, device=self.device)
        inputs = torch.cat([_inputs(e) for e in evaluations]).to(self.dtype)
        return Batch(
            inputs=inputs.to(memory_format=self.memory_format),
            times=times.repeat_interleave(repeats),
            text=torch.cat(texts).to(self.dtype),
            vectors=vectors,
            residuals=self._residuals(evaluations, lanes),
            attention=_row_attention(evaluations, lanes),
        )

    def _residuals(
        self, evaluations: Sequence[Evaluation], lanes: list[int]
    ) -> list[Tensor] | None:
        """Residuals of all rows per level; rows without any get zeros, which changes nothing."""
        sums = [_sum_residuals(e.condition.residuals) for e in evaluations]
        known = next((levels for levels in sums if levels), None)
        if known is None:
            return None
        stacked = []
        for level, like in enumerate(known):
            rows = [
                _spread(levels[level] if levels else torch.zeros_like(like[:1]), n)
                for levels, n in zip(sums, lanes, strict=True)
            ]
            stacked.append(torch.cat(rows).to(self.dtype))
        return stacked

    @property
    def _wide(self) -> torch.dtype:
        return torch.float32 if self.device.type == "mps" else torch.float64

    def _x0(self, evaluation: Evaluation, prediction: Tensor) -> Tensor:
        level, x = evaluation.level, evaluation.x.to(prediction.dtype)
        return level.x0_from(prediction, x, self.prediction)


def area_mask(mask: Tensor, size: tuple[int, int]) -> Tensor:
    """A mask ``[1, 1, H, W]`` at latent resolution ``size``, by area average."""
    return F.interpolate(mask.float(), size, mode="area")


def _inputs(evaluation: Evaluation) -> Tensor:
    x, scale = evaluation.x, evaluation.level.scale
    state = x if scale == 1.0 else x / scale
    channels = evaluation.condition.channels
    if channels is None:
        return state
    return torch.cat([state, _spread(channels, x.shape[0]).to(state.dtype)], dim=1)


def _spread(tensor: Tensor, lanes: int) -> Tensor:
    return tensor if tensor.shape[0] == lanes else tensor.expand(lanes, *tensor.shape[1:])


def _sum_residuals(adapters: tuple[tuple[Tensor, ...], ...]) -> list[Tensor]:
    """Sum over adapters per level; empty without adapters."""
    return [functools.reduce(torch.add, level) for level in zip(*adapters, strict=True)]


def _row_attention(evaluations: Sequence[Evaluation], lanes: list[int]) -> RowAttention | None:
    """None when no row needs anything, so that the plain path stays the fused one."""
    if not any(e.condition.attention or e.condition.image_prompts for e in evaluations):
        return None
    groups, begin = [], 0
    for evaluation, count in zip(evaluations, lanes, strict=True):
        rows = slice(begin, begin + count)
        groups.append(RowGroup(rows, evaluation.condition, evaluation.level))
        begin += count
    height, width = evaluations[0].x.shape[-2:]
    return RowAttention(tuple(groups), (height, width))
