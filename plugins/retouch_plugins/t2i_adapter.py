"""T2I-Adapter: follow the lines, colours or depth of a control picture.

Mou et al. 2023 (arXiv 2302.08453), eq. 2 and 3: a small network turns the control picture into one
feature map per level of the denoising network's encoder, and

    F_enc = F_enc + scale F_control

The features do not depend on the noise: they are computed once per edit. Several adapters add up
(section 3.3). In a region, features are multiplied by its area average at their own resolution.

The published form gives them to every branch of guidance alike. Left out of the branch without the
prompt, they are guided with it (Ho & Salimans 2022, eq. 6, with text and control as the condition):

    x0 = D(nothing) + s (D(text, control) - D(nothing))

so the control holds s times as much, at no cost.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, ClassVar, Literal

from retouch.errors import InvalidField
from retouch.imaging.image import Image, Mask
from retouch.models.adapter_files import recommends_guidance
from retouch.models.choosing import choose_adapter
from retouch.operation import Operation, Stage, in_window
from retouch.parameters import parameter

if TYPE_CHECKING:
    from torch import Tensor

    from retouch.denoiser import Condition, Denoiser, Flow, NoiseLevel
    from retouch.edit import Edit
    from retouch.imaging.image import Floats
    from retouch.models.records import ModelRecord
    from retouch.plan import Plan


@dataclass(frozen=True, kw_only=True)
class T2IAdapter(Operation):
    """Keep the edges, drawing, palette or depth of a picture."""

    name: ClassVar[str] = "t2i_adapter"
    stage: ClassVar[Stage] = Stage.CONDITION
    summary: ClassVar[str] = "Follow the edges, drawing, palette or depth of a picture"
    source: ClassVar[str] = "Mou et al. 2023 (arXiv 2302.08453), eq. 2 and 3"
    repeatable: ClassVar[bool] = True

    kind: Literal["canny", "sketch", "color", "depth"] = parameter(
        "canny", "What of the picture to follow."
    )
    image: Image | None = parameter(  # noqa: RUF009 - a field, not a shared default
        None, "The picture to follow; unset follows the edited picture itself.", aligned=True
    )
    preprocess: bool = parameter(
        True, "Extract the control from the picture; off when it already is a control picture."
    )
    scale: float = parameter(1.0, "How strongly to follow it: 0 off, 1 fully.", low=0.0, high=2.0)
    guided: bool | None = parameter(
        None,
        "Whether guidance strengthens it as it does the prompt: the branch without the prompt then "
        "does not see it. Unset takes what the adapter recommends, else off, the published form.",
    )
    start: float = parameter(
        0.0, "Follow from here on.", low=0.0, high=1.0, unit="fraction of progress"
    )
    stop: float = parameter(
        1.0, "Follow until here.", low=0.0, high=1.0, unit="fraction of progress"
    )
    mask: Mask | None = parameter(  # noqa: RUF009 - a field, not a shared default
        None, "Where it acts; unset means everywhere.", aligned=True
    )
    model: str | None = parameter(None, "Installed adapter; unset takes the model's own.")

    def __post_init__(self) -> None:
        """Check the parameters, and that there is a control picture."""
        super().__post_init__()
        field = "t2i_adapter.image"
        if self.image is None:
            if self.kind == "depth":
                allowed = "a depth map (none can be estimated here)"
                raise InvalidField(field, None, allowed, "render a depth map, near = white")
            if not self.preprocess:
                allowed = f"a {self.kind} control picture when preprocess is off"
                raise InvalidField(field, None, allowed, "give one, or turn preprocess on")

    def check(self, plan: Plan) -> None:
        """The adapter must be installed."""
        self._chosen(plan)

    def settled(self, plan: Plan) -> T2IAdapter:
        """With the adapter that is taken, and what it recommends."""
        chosen = self._chosen(plan)
        guided = recommends_guidance(chosen.path) if self.guided is None else self.guided
        return replace(self, model=chosen.name, guided=guided)

    def _chosen(self, plan: Plan) -> ModelRecord:
        model = plan.model.name
        return choose_adapter("t2i_adapter", self.model, model=model, variety=self.kind)

    def prepare(self, edit: Edit) -> None:
        """Compute the features and add them to what the network sees.

        Raises:
            ModelMissing: no adapter of this kind here.
            CannotCombine: no image was given and the edit has no picture either.
        """
        if self.scale == 0.0 or self.start >= self.stop:
            return
        if self.mask is not None and self.mask.bbox() is None:
            return
        adapter = edit.adapters.t2i_adapter(self.model, self.kind, edit.model)
        control = self.control(edit, adapter.in_channels)
        found = edit.remember(
            "control_features",
            (adapter.digest, control),
            lambda: {str(i): each for i, each in enumerate(adapter.residuals(control))},
        )
        features = Features((self._placed(each) * self.scale for each in found.values()), self)
        known = edit.condition.residuals
        edit.condition = replace(edit.condition, residuals=(*known, features))
        if adapter.guided if self.guided is None else self.guided:
            edit.drop_with("prompt", self._without)

    def _placed(self, feature: Tensor) -> Tensor:
        if self.mask is None:
            return feature
        import torch

        from retouch.models.model import area_mask

        strength = torch.from_numpy(self.mask.strength.copy())[None, None]
        height, width = feature.shape[-2:]
        return feature * area_mask(strength, (height, width)).to(feature)

    def denoise(self, inner: Denoiser, edit: Edit) -> Denoiser:
        """Leave this operation's own features away outside its window."""
        if (self.start, self.stop) == (0.0, 1.0):
            return inner

        def denoise(x: Tensor, level: NoiseLevel, condition: Condition) -> Flow:
            if not in_window(level, self.start, self.stop):
                condition = self._without(condition)
            return inner(x, level, condition)

        return denoise

    def _without(self, condition: Condition) -> Condition:
        rest = tuple(r for r in condition.residuals if not self._made(r))
        return replace(condition, residuals=rest)

    def _made(self, residuals: tuple[Tensor, ...]) -> bool:
        return isinstance(residuals, Features) and residuals.maker is self

    def control(self, edit: Edit, channels: int) -> Tensor:
        """The control picture ``[1, channels, H, W]`` in [0, 1] at working size.

        Args:
            edit: gives the working size, and the picture when no image was given.
            channels: what the adapter reads: 1 is grey, 3 is RGB (grey in all three).
        """
        import torch

        from retouch.imaging.control import extract
        from retouch.imaging.patch import resize
        from retouch.imaging.region import Size

        height, width = edit.input.size
        unit = _own(edit) if self.image is None else self.image.srgb()
        unit = resize(unit, Size(width, height)).clip(0, 1)
        if self.preprocess:
            planes = extract(self.kind, unit, native_size=edit.model.native_size)
        else:
            planes = unit
        control = torch.from_numpy(planes.copy())
        control = control[None] if control.ndim == 2 else control.permute(2, 0, 1)
        if channels == 1 and len(control) == 3:
            luma = control.new_tensor((0.299, 0.587, 0.114))
            control = (control * luma[:, None, None]).sum(0, keepdim=True)
        return control.expand(channels, -1, -1)[None]


class Features(tuple["Tensor", ...]):
    """One adapter's features per level, and whose they are, so that its window moves no other's."""

    maker: Operation

    def __new__(cls, features: Iterable[Tensor], maker: Operation) -> Features:
        """Keep ``features``, coarsest last, as made by ``maker``."""
        made = super().__new__(cls, features)
        made.maker = maker
        return made


def _own(edit: Edit) -> Floats:
    """The edit's own working picture, H x W x 3 in [0, 1]."""
    unit = (edit.picture[0].permute(1, 2, 0) * 0.5 + 0.5).float().cpu().contiguous()
    found: Floats = unit.numpy()
    return found
