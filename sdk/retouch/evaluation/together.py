"""Run many requests side by side: each on the product's own path, sharing the engine's forwards."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from retouch.edit import Edit
from retouch.engine.engine import Engine, Job
from retouch.engine.run import Progress, run_edit
from retouch.errors import Blocked, CannotCombine, ForwardFailed, RetouchError
from retouch.imaging.image import Floats, from_model_range
from retouch.models.library import Loan
from retouch.models.model import Model
from retouch.plan import Plan
from retouch.request import EditRequest
from retouch.runner import EditResult, Runner, ignore_step, never
from retouch.trajectories import Trajectories, onto_working


@dataclass(frozen=True, eq=False)
class _Running:
    """One request while the engine runs it."""

    plan: Plan
    edit: Edit
    job: Job
    model: Model


def run_together(runner: Runner, requests: Sequence[EditRequest]) -> list[EditResult | Blocked]:
    """Return each request's released result, or why the gate blocked it.

    The same plan, operations, engine and gate as ``Runner.run``; only the engine is shared, so
    that edits of different prompts ride in one forward of at most ``runner.row_cap`` rows.

    Raises:
        CannotCombine: a request asks for several pictures, or for an edit that changes nothing.
        RetouchError: the first error of any request; nothing is released then.
    """
    plans = [runner.plan(request) for request in requests]
    for plan in plans:
        if plan.request.variants * plan.candidates != 1 or plan.region is None or not plan.calls:
            reason = "each must make one picture"
            raise CannotCombine("requests side by side", reason, "give that one to Runner.run")
    engine = Engine(row_cap=max([runner.row_cap, *(plan.rows for plan in plans)]))
    with runner.library.borrow() as loan:
        running = [_submitted(engine, runner, plan, loan) for plan in plans]
        engine.run(until=lambda: any(one.job.error for one in running))
        for one in running:
            _raise_error(one)
        found = [_decoded(one) for one in running]
    return [_released(runner, one, picture) for one, picture in zip(running, found, strict=True)]


def _submitted(engine: Engine, runner: Runner, plan: Plan, loan: Loan) -> _Running:
    model = loan.model(plan.model.name)
    operations = [onto_working(operation, plan) for operation in plan.operations]
    (edit,) = Trajectories(plan, loan, runner.row_cap, ignore_step, never)._edits(model, 1)
    job = engine.submit(Job(run_edit(edit, operations, _ignore), model, exact=plan.request.exact))
    return _Running(plan, edit, job, model)


def _ignore(progress: Progress) -> None:
    """Take no interest in progress."""


def _raise_error(one: _Running) -> None:
    error = one.job.error
    if isinstance(error, RetouchError):
        raise error
    if error is not None:
        raise ForwardFailed(one.model.name, f"{type(error).__name__}: {error}") from error


def _decoded(one: _Running) -> Floats:
    assert one.job.result is not None
    return from_model_range(one.model.decode(one.job.result)[0].numpy())


def _released(runner: Runner, one: _Running, picture: Floats) -> EditResult | Blocked:
    settings = {**one.edit.notes, **one.edit.describe()}
    try:
        return runner._release(one.plan, picture, one.edit.input.seed, settings)
    except Blocked as refusal:
        return refusal
