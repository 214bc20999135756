"""The contract between operations, samplers and the engine.

A model is a *denoiser* ``D(x, level, condition) -> x0``, whatever it predicts inside (epsilon, v,
flow velocity). The network is called by neither operations nor samplers: a denoiser is a coroutine
that *yields* the evaluations it needs and is *sent* the answers, so that the engine decides when,
and together with whose, they run. Cancelling is ``close()``; preempting is not resuming.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Literal, Protocol, TypeAlias

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(frozen=True, slots=True)
class NoiseLevel:
    """How noisy a state is: ``x = alpha * x0 + sigma * noise``.

    One description for variance-preserving (DDIM: alpha² + sigma² = 1), variance-exploding
    (Euler: alpha = 1) and flow-matching (alpha = 1 - sigma) states, without a singularity at pure
    noise.

    Attributes:
        alpha: signal coefficient, [0, 1].
        sigma: noise coefficient, >= 0.
        time: what the network is told (training timestep, or flow time).
        progress: fraction of the steps already done, [0, 1); 1 for the finished state. All
            schedules of operations are fractions of this, never step indices.
    """

    alpha: float
    sigma: float
    time: float
    progress: float

    @property
    def signal(self) -> float:
        """Signal coefficient after scaling the state to unit variance."""
        return self.alpha / self.scale

    @property
    def noise(self) -> float:
        """Noise coefficient after scaling the state to unit variance."""
        return self.sigma / self.scale

    @property
    def scale(self) -> float:
        """Standard deviation of a state whose x0 has unit variance."""
        square = self.alpha * self.alpha + self.sigma * self.sigma
        return 1.0 if abs(square - 1.0) < 1e-6 else float(square**0.5)

    def x0_from(self, output: Tensor, x: Tensor, prediction: str) -> Tensor:
        """x0 of what a network predicts: ``epsilon``, ``v_prediction`` or ``sample`` (x0 itself).

        v is Salimans & Ho 2022, appendix D: ``v = alpha * noise - sigma * x0`` at unit variance.
        """
        if prediction == "v_prediction":
            return self.signal * (x / self.scale) - self.noise * output
        if prediction == "epsilon":
            return (x - self.sigma * output) / self.alpha
        return output

    def output_from(self, x0: Tensor, x: Tensor, prediction: str) -> Tensor:
        """The inverse of ``x0_from``: what a network would have predicted."""
        if prediction == "v_prediction":
            return (self.signal * (x / self.scale) - x0) / self.noise
        if prediction == "epsilon":
            return (x - self.alpha * x0) / self.sigma
        return x0


@dataclass(frozen=True, slots=True)
class AttentionPlace:
    """Where in the network an attention layer sits.

    Attributes:
        kind: ``cross`` (keys are the prompt) or ``self`` (keys are the picture).
        part: ``down``, ``mid`` or ``up``.
        index: position among the layers of the same kind, in the order down, up, mid that
            published adapters number them in.
        block: index of the down or up block the layer belongs to; 0 for mid.
        layer: position among the attention layers of that block.
    """

    kind: Literal["cross", "self"]
    part: Literal["down", "mid", "up"]
    index: int
    block: int
    layer: int


class AttentionEdit(Protocol):
    """A change to (or a reading of) explicit attention probabilities of one edit's lanes."""

    def wants(self, place: AttentionPlace, queries: int, level: NoiseLevel) -> bool:
        """Whether the explicit probabilities of this layer are needed at this noise level.

        Layers nobody wants stay on the fused kernel.
        """
        ...

    def __call__(self, probabilities: Tensor, place: AttentionPlace, level: NoiseLevel) -> Tensor:
        """Return the probabilities to use.

        Args:
            probabilities: ``[lanes, heads, queries, keys]``, rows sum to 1. Do not mutate.
            place: which layer.
            level: noise level of this evaluation.
        """
        ...


class KeyValueProjection(Protocol):
    """Turns image-prompt tokens into keys and values for one cross-attention layer."""

    def __call__(self, tokens: Tensor, index: int) -> tuple[Tensor, Tensor]:
        """Project ``[rows, n, width]`` for cross-attention layer ``index`` (see AttentionPlace)."""
        ...


@dataclass(frozen=True, slots=True, eq=False)
class ImagePrompt:
    """Image-prompt tokens attended to beside the text (IP-Adapter's decoupled cross-attention).

    ``h = softmax(q k_text) v_text + scale * softmax(q k_image) v_image`` (Ye et al. 2023, eq. 5).

    Attributes:
        tokens: ``[1 or lanes, n, width]``.
        project: the adapter's key and value projections; they stay beside the network.
        scale: strength per layer; layers at 0 are skipped.
        mask: ``[1, 1, h, w]`` in [0, 1] over the latent, or None for everywhere.
    """

    tokens: Tensor
    project: KeyValueProjection
    scale: Callable[[AttentionPlace, NoiseLevel], float]
    mask: Tensor | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Condition:
    """All that the network sees beside the state and its noise level. Never mutated.

    Every tensor has a leading dimension of ``lanes``, or 1 to serve all lanes alike.

    Attributes:
        text: prompt tokens ``[1|lanes, tokens, width]``.
        vectors: further named inputs a family understands, ``[1|lanes, ...]`` each (SDXL:
            ``text_embeds`` and ``time_ids``).
        channels: extra input channels ``[1|lanes, c, h, w]``, appended to the state.
        image_prompts: image-prompt token groups.
        residuals: lists of features to add inside the network; every list is one adapter's,
            ``[1|lanes, c, h, w]`` per level. Several lists add up.
        attention: edits of attention probabilities, applied in order.
        weights: name of the weight set (LoRA); rows with different sets never share a forward.
    """

    text: Tensor
    vectors: Mapping[str, Tensor] = field(default_factory=dict)
    channels: Tensor | None = None
    image_prompts: tuple[ImagePrompt, ...] = ()
    residuals: tuple[tuple[Tensor, ...], ...] = ()
    attention: tuple[AttentionEdit, ...] = ()
    weights: str = ""


def blanked(condition: Condition) -> Condition:
    """The condition of "no prompt at all" for families that were trained with zeros for it."""
    vectors = {
        name: value.new_zeros(value.shape) if name == "text_embeds" else value
        for name, value in condition.vectors.items()
    }
    return replace(condition, text=condition.text.new_zeros(condition.text.shape), vectors=vectors)


@dataclass(frozen=True, slots=True, eq=False)
class Evaluation:
    """One requested network call for the lanes of one edit; never split across forwards.

    Attributes:
        x: state ``[lanes, C, h, w]``, float32.
        level: its noise level.
        condition: what else the network sees.
    """

    x: Tensor
    level: NoiseLevel
    condition: Condition


#: Yields evaluations, is sent their x0 ``[lanes, C, h, w]`` (float64) in the same order; returns a
#: tensor.
Flow: TypeAlias = "Generator[list[Evaluation], list[Tensor], Tensor]"
#: A flow that returns nothing, or something else than a tensor.
FlowOf: TypeAlias = "Generator[list[Evaluation], list[Tensor], Any]"
#: ``(x, level, condition) -> Flow`` returning x0.
Denoiser: TypeAlias = "Callable[[Tensor, NoiseLevel, Condition], Flow]"


def evaluate(x: Tensor, level: NoiseLevel, condition: Condition) -> Flow:
    """Ask the network itself: the innermost denoiser."""
    (x0,) = yield [Evaluation(x, level, condition)]
    return x0


def gather(*flows: Flow) -> Generator[list[Evaluation], list[Tensor], list[Tensor]]:
    """Run flows side by side, so that all they ask for at the same time shares one forward.

    Returns their results in order. If one raises, or the gathering flow is closed, all are closed.
    """
    results: list[Tensor | None] = [None] * len(flows)
    waiting: dict[int, list[Evaluation]] = {}
    try:
        for index, flow in enumerate(flows):
            _advance(flow, None, index, waiting, results)
        while waiting:
            asked = list(waiting.items())
            answers = yield [evaluation for _, group in asked for evaluation in group]
            waiting, position = {}, 0
            for index, group in asked:
                part = answers[position : position + len(group)]
                position += len(group)
                _advance(flows[index], part, index, waiting, results)
    finally:
        for flow in flows:
            flow.close()
    return [result for result in results if result is not None]


def _advance(
    flow: Flow,
    answers: Sequence[Tensor] | None,
    index: int,
    waiting: dict[int, list[Evaluation]],
    results: list[Tensor | None],
) -> None:
    try:
        waiting[index] = next(flow) if answers is None else flow.send(list(answers))
    except StopIteration as stop:
        results[index] = stop.value
