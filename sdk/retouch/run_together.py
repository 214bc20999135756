"""Several plans in one engine, each with its own outcome."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, TypeVar

from retouch.candidates import Variant
from retouch.errors import ForwardFailed, RetouchError
from retouch.plan import Plan
from retouch.trajectories import Trajectories

if TYPE_CHECKING:
    from retouch.models.borrowing import Loan

_T = TypeVar("_T")


def run_together(
    plans: Sequence[Plan], loan: Loan, row_cap: int, cancelled: Callable[[], bool]
) -> list[list[Variant] | RetouchError]:
    """Run plans in one engine; one that fails has its error in its place, the others go on.

    Args:
        plans: what to run; their regions must not be None.
        loan: where models and their adapters come from.
        row_cap: most rows in one forward.
        cancelled: asked between network calls; True ends all that is not decoded yet.
    """
    from retouch.engine.engine import Engine

    engine = Engine(row_cap=max([row_cap, *(plan.rows for plan in plans)]))
    running = [
        Trajectories(plan, loan, row_cap, lambda step: None, cancelled, engine) for plan in plans
    ]
    started: list[RetouchError | None] = []

    def over() -> bool:
        for one in running:
            if one.failed:
                one.stop()
        return cancelled()

    try:
        for one in running:
            started.append(_kept(one.submit, one.plan))
            if started[-1] is not None:
                one.stop()
        engine.run(until=over)
    finally:
        for one in running:
            one.stop()
    return [
        _kept(one.collect, one.plan) if problem is None else problem
        for one, problem in zip(running, started, strict=True)
    ]


def _kept(do: Callable[[], _T], plan: Plan) -> _T | RetouchError:
    """What ``do`` returns, or its error, so that it ends no other plan."""
    try:
        return do()
    except RetouchError as problem:
        return problem
    except Exception as problem:  # a plugin's or the network's, while it starts or decodes
        failed = ForwardFailed(plan.model.name, f"{type(problem).__name__}: {problem}")
        failed.__cause__ = problem
        return failed
