"""Runs requests on this machine: plan, admit, edit, choose, and out through the gate."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, TypeAlias

from retouch.admitted import Admitted, without_frames
from retouch.catalog import Catalog, installed
from retouch.errors import Blocked, RetouchError
from retouch.plan import Plan, make_plan
from retouch.previews import seal_preview
from retouch.request import EditRequest
from retouch.result import EditResult
from retouch.run_together import run_together
from retouch.trajectories import Step, Trajectories
from retouch_safety.gate import Gate

if TYPE_CHECKING:
    from retouch.models.library import Library

#: What came of one request among several: its variants, or why there are none.
Outcome: TypeAlias = "tuple[EditResult, ...] | RetouchError"


def ignore_step(step: Step) -> None:
    """Take no interest in progress."""


def never() -> bool:
    """Never cancel."""
    return False


class Runner:
    """One gate and one library of models on this machine; an engine per request.

    Args:
        library: where models come from.
        gate: what every picture leaves through.
        catalog: operations; those installed by default.
        row_cap: most rows in one forward.
    """

    def __init__(
        self,
        library: Library,
        gate: Gate | None = None,
        *,
        catalog: Catalog | None = None,
        row_cap: int = 16,
    ) -> None:
        self.library = library
        self.gate = gate or Gate()
        self.catalog = catalog or installed()
        self.row_cap = row_cap

    def plan(self, request: EditRequest) -> Plan:
        """What would run; loads nothing. Raises as ``make_plan``."""
        return make_plan(request, self.catalog)

    def admit(self, request: EditRequest, job_id: str = "") -> Admitted:
        """Plan a request and have the gate look at it; ``run`` takes the outcome.

        Args:
            request: what to do.
            job_id: of the request, for receipts and the log; empty for a random one.

        Raises:
            Blocked: the gate refused it.
            RetouchError: it cannot run as written, see ``retouch.errors``.
        """
        return Admitted(self.plan(request), self.gate, job_id)

    def run(
        self,
        request: EditRequest | Admitted,
        *,
        on_step: Callable[[Step], None] = ignore_step,
        cancelled: Callable[[], bool] = never,
    ) -> tuple[EditResult, ...]:
        """Run one request to its variants, in the order of their seeds.

        A variant that the gate refuses says why in ``EditResult.refused`` and has no picture; the
        others are released.

        Args:
            request: what to do, or what :meth:`admit` made of it.
            on_step: told after every network call; ``Admitted.look`` shows a step.
            cancelled: asked between network calls; True ends the edit.

        Raises:
            Blocked: the gate refused the request, or every variant; the error is the first one's.
            RetouchError: see ``retouch.errors``; the caller gets no picture then.
            ValueError: another gate has admitted it.
        """
        admitted = request if isinstance(request, Admitted) else self.admit(request)
        if admitted.gate is not self.gate:
            raise ValueError("run: got a request that another gate admitted; admit it here")
        if admitted.changes_nothing:
            return admitted.unchanged()
        with self.library.borrow() as loan:
            trajectories = Trajectories(
                admitted.plan, loan, self.row_cap, on_step, cancelled, seal=seal_preview
            )
            pictures = trajectories.pictures()
        return admitted.results(pictures)

    def run_all(
        self, requests: Sequence[EditRequest], *, cancelled: Callable[[], bool] = never
    ) -> list[Outcome]:
        """Run requests side by side in one engine, so that they share forwards.

        Each gives what ``run`` gives for it alone (``exact`` ones bit for bit), and each picture
        leaves through the gate. A request that fails or that the gate blocks has its error in its
        place; the others go on. One of which the gate refuses some variants has its results, and
        they say which.

        Args:
            requests: what to do, in any combination of models and operations. All of them are
                begun at once and hold their memory until the last is done: give tens, not
                thousands.
            cancelled: asked between network calls; True ends all that has no picture yet, and
                those requests have ``Cancelled`` in their places.
        """
        running: dict[int, Admitted] = {}
        outcomes: dict[int, Outcome] = {}
        for index, request in enumerate(requests):
            try:
                admitted = self.admit(request)
                if admitted.changes_nothing:
                    outcomes[index] = admitted.unchanged()
                else:
                    running[index] = admitted
            except RetouchError as problem:
                outcomes[index] = problem
        with self.library.borrow() as loan:
            plans = [admitted.plan for admitted in running.values()]
            made = run_together(plans, loan, self.row_cap, cancelled)
        for (index, admitted), found in zip(running.items(), made, strict=True):
            if isinstance(found, RetouchError):
                outcomes[index] = found
                continue
            try:
                outcomes[index] = admitted.results(found)
            except Blocked as refusal:
                outcomes[index] = without_frames(refusal)
            except RetouchError as problem:
                outcomes[index] = problem
        return [outcomes[index] for index in range(len(requests))]
