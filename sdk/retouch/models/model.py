"""A model: a loaded checkpoint that answers evaluations."""

from __future__ import annotations

import functools
from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor
from torch.nn import functional as F

from retouch.denoiser import Evaluation
from retouch.models.attention import install_row_attention
from retouch.models.batching import batch_of
from retouch.models.content_cache import ContentCache, config_text, weights_digest
from retouch.models.decoder import Decoder
from retouch.models.family import GUIDANCE, Batch, PromptEmbedding
from retouch.models.filling import bytes_of
from retouch.models.geometry import default_guidance, input_layout
from retouch.models.precision import choose_dtype, choose_memory_format, place_network
from retouch.models.stable_diffusion import family_of

if TYPE_CHECKING:
    from retouch.models.checkpoint import Checkpoint
    from retouch.models.preview import PreviewDecoder
    from retouch.operation import InputLayout


#: Name of the text tokens among the tensors of encoded prompts.
_TEXT = "text"


class Model:
    """A checkpoint on a device, in one number format. Shared by edits; holds no edit's state.

    Args:
        checkpoint: loaded and verified weights. The networks are moved, not copied.
        device: where it runs.
        dtype: number format; measured choice when None.
        memory_format: order of convolution weights; the measured choice for the device when None.
            The orders round differently: comparisons digit for digit use
            ``torch.contiguous_format``.
        preview: decodes previews; without one, the autoencoder does.
        contents: what it has encoded before; without one, nothing is remembered.
    """

    def __init__(
        self,
        checkpoint: Checkpoint,
        *,
        device: torch.device | str = "cpu",
        dtype: torch.dtype | None = None,
        memory_format: torch.memory_format | None = None,
        preview: PreviewDecoder | None = None,
        contents: ContentCache | None = None,
    ) -> None:
        self.device = torch.device(device)
        self.memory_format = memory_format or choose_memory_format(self.device)
        self.contents = ContentCache(0) if contents is None else contents
        self.dtype = dtype or choose_dtype(self.device)
        self.checkpoint = checkpoint
        self.name = checkpoint.name
        self.family = family_of(checkpoint.family)
        self.decoder = Decoder(
            checkpoint.vae,
            device=self.device,
            dtype=self.dtype,
            memory_format=self.memory_format,
            preview=preview,
        )
        for network in (checkpoint.unet, *checkpoint.text_encoders):
            place_network(network, self.device, self.dtype, self.memory_format)
        self.attention_places = install_row_attention(checkpoint.unet, self.device.type)
        self.scheduler_config = checkpoint.scheduler_config
        self.prediction = checkpoint.prediction_type

    @functools.cached_property
    def digest(self) -> str:
        """Equal for models that answer alike to the last bit, in this process.

        The sha256 of weights, configurations, vocabulary, device, number format and order of
        weights; random for weights that were made in memory, of which nobody knows the sha256.
        """
        known = self.checkpoint
        networks: tuple[Any, ...] = (known.unet, known.vae, *known.text_encoders)
        return weights_digest(
            known.sha256,
            known.family,
            [config_text(network.config) for network in networks],
            config_text(known.scheduler_config),
            [tokenizer.backend_tokenizer.to_str() for tokenizer in known.tokenizers],
            [str(each) for each in (self.device, self.dtype, self.decoder.dtype)],
            str(self.memory_format),
        )

    def remember(
        self, kind: str, parts: tuple[Any, ...], make: Callable[[], Mapping[str, Tensor]]
    ) -> Mapping[str, Tensor]:
        """What ``make`` gives of this model, or gave for equal parts before; see ContentCache."""
        if not self.contents.enabled:
            return make()
        return self.contents.remember(kind, (self.digest, *parts), make)

    @property
    def bytes(self) -> int:
        """Size of all its weights in memory."""
        known = self.checkpoint
        return self.decoder.bytes + bytes_of((known.unet, *known.text_encoders))

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
        return default_guidance(self.scheduler_config, told=self.takes_guidance)

    @torch.no_grad()
    def encode_prompts(self, prompts: Sequence[str], size: tuple[int, int]) -> PromptEmbedding:
        """Encode prompts together for pictures of ``size`` (H, W) in pixels.

        For a network that takes the guidance scale, ``vectors`` also holds ``guidance``,
        ``[prompts]``: its default, which the guidance operation replaces.
        """
        known = self.remember("prompt", (list(prompts), size), lambda: self._encoded(prompts, size))
        vectors = {name: value for name, value in known.items() if name != _TEXT}
        found = PromptEmbedding(known[_TEXT], vectors)
        if not self.takes_guidance:
            return found
        scale = self.default_guidance
        told = torch.full((len(prompts),), scale, dtype=self._wide, device=self.device)
        return replace(found, vectors={**found.vectors, GUIDANCE: told})

    def _encoded(self, prompts: Sequence[str], size: tuple[int, int]) -> dict[str, Tensor]:
        found = self.family.encode_prompts(self.checkpoint, prompts, size)
        return {**found.vectors, _TEXT: found.text}

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
        made = self.remember(
            "latents", (picture, scaled), lambda: {"latents": self._latents(picture, scaled)}
        )
        return made["latents"]

    def _latents(self, picture: Tensor, scaled: bool) -> Tensor:
        vae = self.checkpoint.vae
        pixels = picture.to(self.device, self.decoder.dtype).to(memory_format=self.memory_format)
        encoded = vae.encode(pixels)
        known = getattr(encoded, "latent_dist", None)
        latents: Tensor = encoded.latents if known is None else known.mode()
        scale = float(vae.config.scaling_factor) if scaled else 1.0
        return latents.float() * scale

    def decode(self, latents: Tensor) -> Tensor:
        """Pictures ``[n, 3, H, W]`` in [-1, 1], float32 on the CPU, of scaled latents."""
        return self.decoder.decode(latents)

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
        return batch_of(evaluations, lanes, self.device, self.dtype, self.memory_format)

    @property
    def _wide(self) -> torch.dtype:
        return torch.float32 if self.device.type == "mps" else torch.float64

    def _x0(self, evaluation: Evaluation, prediction: Tensor) -> Tensor:
        level, x = evaluation.level, evaluation.x.to(prediction.dtype)
        return level.x0_from(prediction, x, self.prediction)


def area_mask(mask: Tensor, size: tuple[int, int]) -> Tensor:
    """A mask ``[1, 1, H, W]`` at latent resolution ``size``, by area average."""
    return F.interpolate(mask.float(), size, mode="area")
