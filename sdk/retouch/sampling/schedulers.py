"""Any diffusers scheduler as a sampler, with a private copy per edit.

Schedulers keep one step index per object, so a copy is never shared (engine.md: awkward point 2).
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Literal

from retouch.denoiser import NoiseLevel
from retouch.errors import InvalidField, UnknownName

if TYPE_CHECKING:
    import torch
    from torch import Tensor

    from retouch.denoiser import Condition, Denoiser, Flow


#: Above a quarter of the usual 1000 training steps the spacing of some schedulers leaves out the
#: noisiest levels, and above them all they fail; nobody gains from more either.
MOST_STEPS = 250


@dataclass(frozen=True)
class Recipe:
    """How to make a sampler of one of diffusers' schedulers.

    Attributes:
        scheduler: class name in diffusers.
        summary: one line for catalogues.
        state: whether its states keep unit variance (``preserving``) or grow (``exploding``).
        order: network calls per step.
        deterministic: no noise is added between steps.
        most_steps: greatest number of steps it accepts.
        predictions: what it can be told the network predicts; others are told as epsilon.
        settings: configuration it needs on top of the model's own.
        grid: 0: a strength cuts off the first steps. Above: it does not, the scheduler spreads all
            of them over that share of the ``grid`` steps its networks were distilled on, unless
            the model's ``original_inference_steps`` says another number.
    """

    scheduler: str
    summary: str
    state: Literal["preserving", "exploding"]
    order: int = 1
    deterministic: bool = True
    most_steps: int = MOST_STEPS
    predictions: tuple[str, ...] = ("epsilon", "v_prediction", "sample")
    settings: Mapping[str, Any] = field(default_factory=dict)
    grid: int = 0

    def executed(self, steps: int, strength: float, grid: int = 0) -> int:
        """Steps that run of ``steps`` at ``strength``; ``grid`` replaces the recipe's own."""
        if self.grid:
            return min(steps, int((grid or self.grid) * strength))
        return min(int(steps * strength), steps)


SAMPLERS: Mapping[str, Recipe] = MappingProxyType(
    {
        "ddim": Recipe("DDIMScheduler", "DDIM (Song et al. 2020)", "preserving"),
        "euler": Recipe("EulerDiscreteScheduler", "Euler (Karras 2022)", "exploding"),
        "euler_ancestral": Recipe(
            "EulerAncestralDiscreteScheduler",
            "Euler with fresh noise in every step",
            "exploding",
            deterministic=False,
            predictions=("epsilon", "v_prediction"),
        ),
        "dpmpp_2m": Recipe(
            "DPMSolverMultistepScheduler",
            "DPM-Solver++ 2M on Karras noise levels (Lu et al. 2022)",
            "preserving",
            settings={
                "algorithm_type": "dpmsolver++",
                "solver_order": 2,
                "use_karras_sigmas": True,
            },
        ),
        "unipc": Recipe("UniPCMultistepScheduler", "UniPC (Zhao et al. 2023)", "preserving"),
        "heun": Recipe(
            "HeunDiscreteScheduler",
            "Heun, two network calls per step (Karras et al. 2022)",
            "exploding",
            order=2,
        ),
        "lcm": Recipe(
            "LCMScheduler",
            "Latent consistency, 1 to 8 steps with LCM weights (Luo et al. 2023)",
            "preserving",
            deterministic=False,
            most_steps=50,
            grid=50,
        ),
    }
)


def make_sampler(
    name: str, scheduler_config: Mapping[str, Any], steps: int, strength: float = 1.0
) -> SchedulerSampler:
    """Make a sampler for one edit.

    Args:
        name: one of ``SAMPLERS``.
        scheduler_config: the model's own scheduler configuration (betas, spacing).
        steps: number of steps of the whole schedule, >= 1.
        strength: share of the schedule to run, (0, 1]; the earlier part is cut off, as in
            diffusers: ``min(int(steps * strength), steps)`` steps remain. ``lcm`` runs all of its
            few steps on what remains, as diffusers' pipeline for it does.

    Raises:
        UnknownName: no such sampler.
        InvalidField: steps out of range for it.
    """
    if name not in SAMPLERS:
        raise UnknownName("sampling.sampler", name, ", ".join(SAMPLERS), "use one of these")
    recipe = SAMPLERS[name]
    if not 1 <= steps <= recipe.most_steps:
        allowed = f"int in [1, {recipe.most_steps}] for {name}"
        raise InvalidField("sampling.steps", steps, allowed, "choose a number in that range")
    return SchedulerSampler(name, recipe, scheduler_config, steps, strength)


def executed_steps(steps: int, strength: float, sampler: str = "ddim", grid: int = 0) -> int:
    """Steps that run of ``steps`` at ``strength`` (SDEdit's t0 as a share of the schedule).

    ``grid`` is the model's ``original_inference_steps``, 0 where it says none.
    """
    return SAMPLERS[sampler].executed(steps, strength, grid)


class SchedulerSampler:
    """A private copy of a diffusers scheduler, driven as a flow."""

    def __init__(
        self,
        name: str,
        recipe: Recipe,
        scheduler_config: Mapping[str, Any],
        steps: int,
        strength: float,
    ) -> None:
        import diffusers

        kept = {k: v for k, v in scheduler_config.items() if not k.startswith(("_", "retouch_"))}
        plain = {"clip_sample": False, "thresholding": False}
        settings = kept | plain | dict(recipe.settings)
        if settings.get("prediction_type", "epsilon") not in recipe.predictions:
            settings["prediction_type"] = "epsilon"
        scheduler: Any = getattr(diffusers, recipe.scheduler).from_config(settings)
        grid = int(getattr(scheduler.config, "original_inference_steps", 0))
        executed = recipe.executed(steps, strength, grid)
        self._begin = (steps - executed) * recipe.order
        if recipe.grid and executed:
            scheduler.set_timesteps(executed, strength=strength)
            self._begin = 0
        else:
            scheduler.set_timesteps(steps)
        # Inputs are scaled by the model (NoiseLevel.scale): spare the log the reminder.
        scheduler.is_scale_input_called = True
        self.name = name
        self.deterministic = recipe.deterministic
        self._recipe = recipe
        self._prediction = str(scheduler.config.prediction_type)
        self._scheduler = scheduler
        if hasattr(scheduler, "set_begin_index"):
            scheduler.set_begin_index(self._begin)
        self._takes_generator = "generator" in inspect.signature(scheduler.step).parameters
        self.levels = self._levels()

    def _levels(self) -> tuple[NoiseLevel, ...]:
        """Level of every call: order 2 evaluates the inner levels twice."""
        times = [float(time) for time in self._scheduler.timesteps]
        calls = range(self._begin, len(times))
        order = self._recipe.order
        steps = (len(calls) + order - 1) // order
        levels = []
        for call in calls:
            alpha, sigma = self._coefficients(call)
            done = (call - self._begin + order - 1) // order
            levels.append(NoiseLevel(alpha, sigma, times[call], done / steps))
        return (*levels, NoiseLevel(1.0, 0.0, 0.0, 1.0))

    def _coefficients(self, call: int) -> tuple[float, float]:
        if self._recipe.state == "exploding":
            return 1.0, float(self._scheduler.sigmas[call])
        if hasattr(self._scheduler, "sigmas"):
            sigma = float(self._scheduler.sigmas[call])
            alpha = 1.0 / (1.0 + sigma * sigma) ** 0.5
            return alpha, sigma * alpha
        remaining = float(self._scheduler.alphas_cumprod[int(self._scheduler.timesteps[call])])
        return remaining**0.5, (1.0 - remaining) ** 0.5

    def pure_noise(self, noise: Tensor) -> Tensor:
        """Noise at the scale the first step expects."""
        return noise * float(self._scheduler.init_noise_sigma)

    def run(
        self,
        x: Tensor,
        denoiser: Denoiser,
        condition: Condition,
        *,
        project: Callable[[Tensor, NoiseLevel], Tensor],
        generators: list[torch.Generator],
        on_step: Callable[[int, Tensor], None],
    ) -> Flow:
        """See ``Sampler.run``."""
        extra = {"generator": generators} if self._takes_generator else {}
        order = self._recipe.order
        for done, time in enumerate(self._scheduler.timesteps[self._begin :]):
            level = self.levels[done]
            x0 = yield from denoiser(x, level, condition)
            # The scheduler gets what the network would have said, in the scheduler's own words:
            # its step is then the reference's, digit for digit.
            output = level.output_from(x0, x.to(x0.dtype), self._prediction).to(x.dtype)
            x = self._scheduler.step(output, time, x, return_dict=False, **extra)[0]
            following = self.levels[done + 1]
            if order == 1 or done % order == order - 1 or following.progress == 1.0:
                x = project(x, following)
            on_step(done + 1, x0)
        return x
