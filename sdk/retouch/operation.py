"""An operation: one editing technique, as a function around the denoiser."""

from __future__ import annotations

import enum
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Literal

from retouch.parameters import check_parameters

if TYPE_CHECKING:
    from torch import Tensor

    from retouch.denoiser import Denoiser, FlowOf, NoiseLevel
    from retouch.edit import Edit
    from retouch.plan import Plan
    from retouch.request import EditRequest

#: Input layouts of a network with C latent channels: C; 2C (state + picture); 2C+1 (state + mask +
#: masked picture).
InputLayout = Literal["plain", "picture", "inpaint"]


class Stage(enum.IntEnum):
    """Where an operation stands among others; the client's order only breaks ties."""

    START = 0  #: chooses where sampling starts
    CONDITION = 1  #: adds to what the network sees
    GUIDANCE = 2  #: combines several answers of the network
    PROJECTION = 3  #: constrains states or answers; outermost


@dataclass(frozen=True, kw_only=True)
class Operation:
    """One editing technique. Override any of the verbs; the fields are the parameters.

    Rules: an operation never touches the network, the sampler's state or another edit; a
    ``Condition`` is never mutated (use ``dataclasses.replace``); schedules are fractions of
    progress; noise comes from ``edit.noise``; the class must be importable without torch.

    Class attributes:
        name: what requests call it.
        stage: where it stands among others.
        summary: one line for catalogues.
        source: the paper and equation it implements.
        layouts: the input layouts it can work with.
        provides: the input layouts it fills the extra channels of.
        repeatable: whether a request may hold several of it.
        needs_mask: whether it is refused in a request that has neither mask nor region.
    """

    name: ClassVar[str]
    stage: ClassVar[Stage]
    summary: ClassVar[str]
    source: ClassVar[str]
    layouts: ClassVar[tuple[InputLayout, ...]] = ("plain", "picture", "inpaint")
    provides: ClassVar[tuple[InputLayout, ...]] = ()
    repeatable: ClassVar[bool] = False
    needs_mask: ClassVar[bool] = False

    def __post_init__(self) -> None:
        """Check the parameters.

        Raises:
            InvalidField: naming the parameter, its value, what is allowed and the fix.
        """
        check_parameters(self, self.name)

    def prefers(
        self, request: EditRequest, operations: Sequence[Operation]
    ) -> tuple[InputLayout, ...]:
        """Input layouts to look for among the model's siblings before the model itself is taken.

        Args:
            request: what was asked for.
            operations: all that will act, implied ones and itself included.
        """
        return ()

    def check(self, plan: Plan) -> None:
        """Before anything is loaded: refuse what cannot work with the rest of the request.

        Raises:
            CannotCombine, InvalidField, ModelMissing: and nothing has run.
        """

    def settled(self, plan: Plan) -> Operation:
        """The operation with what it leaves open filled in, for a replay years later.

        What depends on what is installed belongs here, as the adapter that would be taken today.

        Args:
            plan: of the request; :meth:`check` has passed.
        """
        return self

    def prepare(self, edit: Edit) -> FlowOf | None:
        """Once, before the first step: encode, add conditions, choose the start.

        May itself be a flow (a generator) when it needs the network, as inversion does.
        """
        return None

    def denoise(self, inner: Denoiser, edit: Edit) -> Denoiser:
        """Wrap the denoiser: ask ``inner`` as often as needed, answer x0."""
        return inner

    def project(self, x: Tensor, level: NoiseLevel, edit: Edit) -> Tensor:
        """After each step: return the state ``[lanes, C, h, w]`` to go on from, at ``level``.

        For what published methods do to x_t between steps (re-noising masks, LocalBlend, pinned
        inversion). ``level.progress`` is 1 for the finished state.
        """
        return x

    def lanes(self) -> int:
        """Trajectories that run together because of it; known before anything runs."""
        return 1

    def branches(self) -> int:
        """Guidance branches it adds to every step."""
        return 0

    def extra_calls(self, steps: int) -> int:
        """Network calls it makes beside the ``steps`` of the sampler."""
        return 0

    def schedule(self) -> tuple[float, int] | None:
        """Share of the schedule that runs and how often, when it is what decides that."""
        return None

    def candidates(self) -> int:
        """How many differently seeded results to make for every result wanted."""
        return 1

    def choose(self, pictures: Sequence[Tensor], edit: Edit) -> int:
        """Index of the picture to keep among candidates, ``[3, H, W]`` in [0, 1] each."""
        return 0

    def rank(self, pictures: Sequence[Tensor], edit: Edit) -> Sequence[int]:
        """Indices of all candidates, the one to keep first: where the gate refuses it, the next is.

        By default what ``choose`` says, again and again of what is left. Override it where one look
        at the pictures gives the whole order.
        """
        left, order = list(range(len(pictures))), []
        while left:
            order.append(left.pop(self.choose([pictures[i] for i in left], edit)))
        return order


def in_window(level: NoiseLevel, start: float, stop: float) -> bool:
    """Whether ``level`` lies in the window [start, stop) of progress."""
    return start <= level.progress < stop
