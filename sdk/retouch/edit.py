"""An edit while it is being prepared and run: what operations may see and change."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from retouch.denoiser import Condition, blanked
from retouch.errors import CannotCombine
from retouch.noise import NoiseStreams
from retouch.sampling.schedulers import executed_steps, make_sampler

if TYPE_CHECKING:
    from torch import Tensor

    from retouch.adapters import Adapters
    from retouch.denoiser import NoiseLevel
    from retouch.models.model import Model
    from retouch.sampling.sampler import Sampler

#: Turns a condition into the one without what a guidance delta adds.
Drop = Callable[[Condition], Condition]


@dataclass(frozen=True, slots=True)
class Delta:
    """One step of guidance: how much further to go from an answer without to one with something.

    ``x0 = D(c_0) + sum_k scale_k * (D(c_k) - D(c_{k-1}))``, where ``c_0`` is the condition with
    everything dropped and every delta adds its part back, in order (Liu et al. 2022; Brooks et al.
    2023, eq. 3 is the case of two).

    Attributes:
        name: for example ``prompt``.
        scale: 1 means plainly with, 0 without.
        start: progress from which ``scale`` holds; outside the window the scale is 1.
        stop: progress before which it holds.
        drops: how to remove the part from a condition.
    """

    name: str
    scale: float
    start: float = 0.0
    stop: float = 1.0
    drops: tuple[Drop, ...] = ()


@dataclass(frozen=True, slots=True)
class Start:
    """Where sampling starts.

    Attributes:
        strength: share of the schedule to run, [0, 1]; 1 with ``from_source`` False is pure noise.
        from_source: start from the noised picture instead of pure noise.
        repeats: how many times to noise and denoise (SDEdit's K).
        latents: a state at the first level to start from instead, ``[1|lanes, C, h, w]``.
    """

    strength: float = 1.0
    from_source: bool = False
    repeats: int = 1
    latents: Tensor | None = None


@dataclass(frozen=True)
class EditInput:
    """What one trajectory needs, already at working size.

    Attributes:
        prompt: what the result should show.
        negative_prompt: what it should not.
        picture: working picture ``[1, 3, H, W]`` in [-1, 1]; None to generate from nothing.
        mask: per-pixel edit strength ``[1, 1, H, W]`` in [0, 1], 1 = edit fully; None = everywhere.
        size: (H, W) in pixels.
        steps: length of the whole schedule.
        sampler: name of the sampler.
        seed: of all noise of this edit.
        latents: latents of ``picture`` when already known, ``[1, C, h, w]`` scaled.
        encode_source: answers the scaled latents of ``picture``; edits of one picture share it.
        exact: whether it must never depend on what ran beside it, to the last bit.
        noise: replaces the named noise streams (comparisons with other implementations).
    """

    prompt: str
    size: tuple[int, int]
    negative_prompt: str = ""
    picture: Tensor | None = None
    mask: Tensor | None = None
    steps: int = 25
    sampler: str = "ddim"
    seed: int = 0
    latents: Tensor | None = None
    encode_source: Callable[[], Tensor] | None = None
    exact: bool = False
    noise: NoiseStreams | None = None


@dataclass
class Edit:
    """One edit being prepared; operations change ``condition``, ``start``, ``lanes``, ``deltas``.

    Attributes:
        input: what was asked for, at working size.
        model: the network that answers.
        adapters: where further weights come from.
        lanes: number of trajectories that run together (Prompt-to-Prompt has two).
        result_lane: which lane is the result.
        condition: all that the network sees, with everything asked for.
        deltas: guidance, by name, in the order in which parts are added.
        start: where sampling starts.
    """

    input: EditInput
    model: Model
    adapters: Adapters
    lanes: int = 1
    result_lane: int = 0
    deltas: dict[str, Delta] = field(default_factory=dict)
    start: Start = field(default_factory=Start)
    notes: dict[str, object] = field(default_factory=dict)
    _condition: Condition | None = None
    _source: Tensor | None = None
    _sampler: Sampler | None = None
    _latent_mask: Tensor | None = None
    _start_noise: dict[int, Tensor] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.noise = self.input.noise or NoiseStreams(self.input.seed)

    @property
    def condition(self) -> Condition:
        """The full condition; encoding the prompts is the first thing an edit does."""
        if self._condition is None:
            self._encode()
        assert self._condition is not None
        return self._condition

    @condition.setter
    def condition(self, value: Condition) -> None:
        self._condition = value

    def _encode(self) -> None:
        wanted, negative = self.encode_prompts([self.input.prompt, self.input.negative_prompt])
        self._condition = wanted
        if not self.input.negative_prompt and self.model.family.blank_negative:
            negative = blanked(negative)
        text, vectors = negative.text, negative.vectors

        same = self.input.prompt == self.input.negative_prompt

        def without_prompt(condition: Condition) -> Condition:
            if same and not condition.attention:
                return condition  # an equal branch need not be run twice
            return replace(condition, text=text, vectors=vectors, attention=())

        self.drop_with("prompt", without_prompt)

    def encode_prompts(self, prompts: Sequence[str]) -> list[Condition]:
        """Encode prompts together; one condition of a single lane each."""
        found = self.model.encode_prompts(prompts, self.input.size)
        return [
            Condition(
                text=found.text[i : i + 1],
                vectors={name: value[i : i + 1] for name, value in found.vectors.items()},
            )
            for i in range(len(prompts))
        ]

    def remember(
        self, kind: str, parts: tuple[Any, ...], make: Callable[[], Mapping[str, Tensor]]
    ) -> Mapping[str, Tensor]:
        """What ``make`` gives, or gave in an earlier edit for equal parts: equal to the last bit.

        For what ``prepare`` computes of pictures and texts, whatever the seed.

        Args:
            kind: what it is, for counts: ``image_tokens``.
            parts: all that it depends on: the sha256 of weights and their configuration, pictures
                (arrays or tensors), numbers and texts. The device is added.
            make: called where it is not known; gives tensors by name.
        """
        return self.model.contents.remember(kind, (str(self.model.device), *parts), make)

    def guide(self, name: str, scale: float, start: float = 0.0, stop: float = 1.0) -> None:
        """Set the scale and window of a guidance delta, adding it last when it is new."""
        known = self.deltas.get(name, Delta(name, scale))
        self.deltas[name] = replace(known, scale=scale, start=start, stop=stop)

    def drop_with(self, name: str, drop: Drop) -> None:
        """Say how a delta's part is removed from a condition; several ways add up."""
        known = self.deltas.get(name, Delta(name, self.default_guidance))
        self.deltas[name] = replace(known, drops=(*known.drops, drop))

    def add_delta_before(self, other: str, delta: Delta) -> None:
        """Add a delta whose part is added back earlier than ``other``'s."""
        if other not in self.deltas:
            raise KeyError(f"no guidance delta is called {other!r}")
        rest = dict(self.deltas)
        self.deltas.clear()
        for name, known in rest.items():
            if name == other:
                self.deltas[delta.name] = delta
            self.deltas[name] = known

    @property
    def default_guidance(self) -> float:
        """Guidance scale when nobody sets one: the model's own recommendation."""
        return self.model.default_guidance

    @property
    def latent_size(self) -> tuple[int, int]:
        """(h, w) of the latents."""
        height, width = self.input.size
        return height // self.model.factor, width // self.model.factor

    @property
    def source(self) -> Tensor:
        """Scaled latents of the picture, ``[1, C, h, w]``.

        Raises:
            CannotCombine: there is no picture.
        """
        if self._source is None:
            if self.input.latents is not None:
                self._source = self.input.latents
            elif self.input.encode_source is not None:
                self._source = self.input.encode_source()
            else:
                self._source = self.model.encode_picture(self.picture)
        return self._source

    @property
    def picture(self) -> Tensor:
        """The working picture ``[1, 3, H, W]`` in [-1, 1].

        Raises:
            CannotCombine: there is none.
        """
        if self.input.picture is None:
            raise CannotCombine(
                "this operation with an empty canvas", "it needs a picture", "give an input picture"
            )
        return self.input.picture

    @property
    def latent_mask(self) -> Tensor | None:
        """The mask at latent resolution by area average, ``[1, 1, h, w]``; None = everywhere."""
        from retouch.models.model import area_mask

        if self.input.mask is None:
            return None
        if self._latent_mask is None:  # asked at every step, and copied to the device once
            small = area_mask(self.input.mask, self.latent_size)
            self._latent_mask = small.to(self.model.device)
        return self._latent_mask

    def start_noise(self, repeat: int = 0) -> Tensor:
        """The noise the edit starts from, ``[1, C, h, w]``; all lanes share it."""
        if repeat not in self._start_noise:
            name = "start" if repeat == 0 else f"start/{repeat}"
            shape = (1, self.model.latent_channels, *self.latent_size)
            self._start_noise[repeat] = self.noise.normal(name, shape).to(self.model.device)
        return self._start_noise[repeat]

    def begin(self, strength: float, *, repeats: int = 1) -> None:
        """Start from the noised picture instead of pure noise."""
        self.start = replace(self.start, strength=strength, from_source=True, repeats=repeats)
        self._sampler = None

    def sampler(self) -> Sampler:
        """A fresh sampler over the steps that the start leaves."""
        return make_sampler(
            self.input.sampler,
            self.model.scheduler_config,
            self.input.steps,
            self.start.strength,
        )

    @property
    def steps(self) -> int:
        """Steps that will run, per repeat."""
        grid = int(self.model.scheduler_config.get("original_inference_steps", 0))
        return executed_steps(self.input.steps, self.start.strength, self.input.sampler, grid)

    @property
    def levels(self) -> tuple[NoiseLevel, ...]:
        """Noise levels of the run, the finished one last. Settled after stage START."""
        if self._sampler is None:
            self._sampler = self.sampler()
        return self._sampler.levels

    def describe(self) -> Mapping[str, object]:
        """Effective settings, for receipts and replays."""
        return {
            "sampler": self.input.sampler,
            "steps": self.input.steps,
            "seed": self.input.seed,
            "strength": self.start.strength,
            "guidance": {d.name: d.scale for d in self.deltas.values()},
            "lanes": self.lanes,
            **self.notes,
        }
