"""IP-Adapter: reference pictures as a prompt, attended to beside the words.

Ye et al. 2023 (arXiv 2308.06721), eq. 5, in every cross-attention layer of a group:

    h = softmax(q k_text) v_text + scale softmax(q k_image) v_image

k_image and v_image are the adapter's own projections of a few tokens of the reference: four of
CLIP's image embedding (base), or sixteen of its last but one hidden states (plus). Several
references are one longer list of tokens, so that every place attends to whichever suits it best;
their weights multiply their values (weights w for all are the same as ``scale`` times w), and a
reference of weight 0 is left out. The branch without the prompt gets the tokens the adapter was
trained to read as "no picture".

Layer groups are those of InstantStyle (Wang et al. 2024, arXiv 2404.02733, section 3.3): of SDXL,
``up_blocks.0.attentions.1`` carries style and ``down_blocks.2.attentions.1`` composition. Other
networks take the same places: the deepest up and the deepest down block that attend to the prompt
(of SD 1.5 ``up_blocks.1``, as in InstantStyle's own script for it, and ``down_blocks.2``).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, ClassVar, Literal

from retouch.denoiser import ImagePrompt
from retouch.errors import InvalidField
from retouch.imaging.image import Image, Mask
from retouch.models.choosing import choose_adapter
from retouch.operation import Operation, Stage, in_window
from retouch.parameters import parameter

if TYPE_CHECKING:
    import torch
    from torch import Tensor

    from retouch.denoiser import AttentionPlace, Condition, NoiseLevel
    from retouch.edit import Edit
    from retouch.models.adapters import IPAdapterWeights
    from retouch.models.records import ModelRecord
    from retouch.plan import Plan

LayerGroup = Literal["full", "style", "composition"]

MAX_IMAGES = 16
# Blocks with more layers than this are two or three deep stacks (SDXL: ten layers each), of which
# the second one counts; with fewer, the block counts as a whole.
_SHALLOW = 5


@dataclass(frozen=True, kw_only=True)
class IPAdapter(Operation):
    """Take subject, style or composition from reference pictures."""

    name: ClassVar[str] = "ip_adapter"
    stage: ClassVar[Stage] = Stage.CONDITION
    summary: ClassVar[str] = "Follow reference pictures: their subject, style or composition"
    source: ClassVar[str] = "Ye et al. 2023 (arXiv 2308.06721), eq. 5"
    repeatable: ClassVar[bool] = True

    images: tuple[Image, ...] = parameter((), "The reference pictures, 1 to 16.")
    weights: tuple[float, ...] | None = parameter(
        None, "Weight of each reference; unset weighs all alike.", low=0.0, high=10.0
    )
    scale: float = parameter(
        0.6, "How strongly to follow the references: 0 off, 1 fully.", low=0.0, high=2.0
    )
    layers: Literal["full", "style", "composition"] = parameter(
        "full", "What to take: everything, style, or composition."
    )
    start: float = parameter(
        0.0, "Follow from here on.", low=0.0, high=1.0, unit="fraction of progress"
    )
    stop: float = parameter(
        1.0, "Follow until here.", low=0.0, high=1.0, unit="fraction of progress"
    )
    mask: Mask | None = parameter(  # noqa: RUF009 - a field, not a shared default
        None, "Where these references act; unset means everywhere.", aligned=True
    )
    model: str | None = parameter(None, "Installed adapter; unset takes the model's own.")

    def __post_init__(self) -> None:
        """Check the parameters, and that they fit each other."""
        super().__post_init__()
        count = len(self.images)
        if not 1 <= count <= MAX_IMAGES:
            allowed = f"1 to {MAX_IMAGES} pictures"
            raise InvalidField(
                "ip_adapter.images", f"{count} pictures", allowed, "add or drop some"
            )
        if self.weights is not None and len(self.weights) != count:
            allowed = f"{count} numbers, one per picture"
            raise InvalidField("ip_adapter.weights", self.weights, allowed, "give one per picture")

    def check(self, plan: Plan) -> None:
        """The adapter must be installed."""
        self._chosen(plan)

    def settled(self, plan: Plan) -> IPAdapter:
        """With the adapter that is taken."""
        return replace(self, model=self._chosen(plan).name)

    def _chosen(self, plan: Plan) -> ModelRecord:
        width = plan.model.cross_attention_dim
        return choose_adapter("ip_adapter", self.model, model=plan.model.name, width=width)

    def prepare(self, edit: Edit) -> None:
        """Encode the references and add their tokens.

        Raises:
            ModelMissing: no such adapter here.
        """
        given = self.weights or (1.0,) * len(self.images)
        shown = [(image, w) for image, w in zip(self.images, given, strict=True) if w > 0.0]
        if not shown or self.scale == 0.0 or self.start >= self.stop:
            return
        mask = self._latent_mask(edit)
        if mask is not None and not bool(mask.any()):
            return
        adapter = edit.adapters.ip_adapter(self.model, edit.model)
        prompt, blank = _encode(adapter, shown, edit)
        prompt = replace(prompt, scale=self._scale_at(edit.model.attention_places), mask=mask)

        def without(condition: Condition) -> Condition:
            rest = (replace(p, tokens=blank) if p is prompt else p for p in condition.image_prompts)
            return replace(condition, image_prompts=tuple(rest))

        known = edit.condition.image_prompts
        edit.condition = replace(edit.condition, image_prompts=(*known, prompt))
        edit.drop_with("prompt", without)

    def _scale_at(self, places: Sequence[AttentionPlace]) -> Scale:
        return Scale(layers_of(self.layers, places), self.scale, self.start, self.stop)

    def _latent_mask(self, edit: Edit) -> Tensor | None:
        if self.mask is None:
            return None
        import torch

        from retouch.models.model import area_mask

        strength = torch.from_numpy(self.mask.strength.copy())[None, None]
        return area_mask(strength, edit.latent_size).to(edit.model.device)


@dataclass(frozen=True, slots=True)
class Scale:
    """Strength by layer and progress: ``value`` in its layers and its window, else 0."""

    layers: frozenset[int]
    value: float
    start: float
    stop: float

    def __call__(self, place: AttentionPlace, level: NoiseLevel) -> float:
        """The strength at a place and a level."""
        acts = place.index in self.layers and in_window(level, self.start, self.stop)
        return self.value if acts else 0.0


@dataclass(frozen=True, slots=True, eq=False)
class Projection:
    """The adapter's keys and values, the values weighted by reference.

    Attributes:
        to_k: ``[hidden, width]`` per cross-attention layer.
        to_v: like ``to_k``.
        weights: ``[tokens, 1]``, or None where all are 1.
        dtype: of the network's queries; the adapter may be more precise.
    """

    to_k: Sequence[Tensor]
    to_v: Sequence[Tensor]
    weights: Tensor | None
    dtype: torch.dtype

    def __call__(self, tokens: Tensor, index: int) -> tuple[Tensor, Tensor]:
        """Project ``[rows, n, width]`` for cross-attention layer ``index``."""
        keys, values = self.to_k[index], self.to_v[index]
        key, value = tokens.to(keys.dtype) @ keys.mT, tokens.to(values.dtype) @ values.mT
        if self.weights is not None:
            value = value * self.weights
        return key.to(self.dtype), value.to(self.dtype)


def layers_of(group: LayerGroup, places: Sequence[AttentionPlace]) -> frozenset[int]:
    """Indices of the cross-attention layers of a group."""
    cross = [place for place in places if place.kind == "cross"]
    if group == "full":
        return frozenset(place.index for place in cross)
    part = "up" if group == "style" else "down"
    side = [place for place in cross if place.part == part]
    blocks = [place.block for place in side]
    # Up blocks are numbered from the deepest, down blocks towards it.
    deepest = (min if part == "up" else max)(blocks, default=0)
    inside = [place.index for place in side if place.block == deepest]
    if len(inside) > _SHALLOW:
        stack = len(inside) // (3 if part == "up" else 2)
        inside = inside[stack : 2 * stack]
    return frozenset(inside)


def _encode(
    adapter: IPAdapterWeights, shown: Sequence[tuple[Image, float]], edit: Edit
) -> tuple[ImagePrompt, Tensor]:
    """The references as one image prompt, and the tokens of "no picture" in the same number."""
    import torch

    tokens = [_tokens(adapter, image, edit) for image, _ in shown]
    nothing = _remembered(adapter, (), edit, adapter.embed_nothing)
    weights = torch.tensor([w for _, w in shown], device=edit.model.device)
    per_token = weights.repeat_interleave(nothing.shape[1])[:, None]
    alike = bool((weights == 1.0).all())
    project = Projection(adapter.to_k, adapter.to_v, None if alike else per_token, edit.model.dtype)
    prompt = ImagePrompt(torch.cat(tokens, dim=1), project, scale=lambda place, level: 0.0)
    return prompt, nothing.repeat(1, len(shown), 1)


def _tokens(adapter: IPAdapterWeights, image: Image, edit: Edit) -> Tensor:
    seen = _tensor(image)  # not the pixels: under another profile the same ones look different

    def embed() -> Tensor:
        return adapter.embed(seen.to(edit.model.device))

    return _remembered(adapter, (seen,), edit, embed)


def _remembered(
    adapter: IPAdapterWeights, seen: tuple[object, ...], edit: Edit, embed: Callable[[], Tensor]
) -> Tensor:
    """What an adapter makes of what it sees; the same reference is encoded once."""
    parts = (adapter.digest, *seen)
    return edit.remember("image_tokens", parts, lambda: {"tokens": embed()})["tokens"]


def _tensor(image: Image) -> Tensor:
    """A reference as ``[1, 3, H, W]`` in [0, 1]."""
    import torch

    return torch.from_numpy(image.srgb()).permute(2, 0, 1)[None]
