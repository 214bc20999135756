"""The engine's part of one request: its trajectories, from working pictures to working pictures."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cache
from typing import TYPE_CHECKING, TypeAlias, TypeVar

from retouch.aligned_parameters import onto_working
from retouch.errors import Cancelled, ForwardFailed, RetouchError
from retouch.imaging.image import Floats, from_model_range, to_model_range
from retouch.imaging.patch import extract, extract_mask
from retouch.operation import Operation
from retouch.plan import Plan

if TYPE_CHECKING:
    from torch import Tensor

    from retouch.edit import Edit
    from retouch.engine.engine import Engine, Job
    from retouch.models.library import Loan
    from retouch.models.model import Model
    from retouch_safety.sealed import Sealed

_T = TypeVar("_T")
#: A working picture with its seed and its settings.
Made: TypeAlias = tuple[Floats, int, Mapping[str, object]]


@dataclass(frozen=True, slots=True)
class Step:
    """How far a request is: network calls done of all, over all its trajectories.

    Attributes:
        done: calls done.
        total: all of them.
        trajectory: which one has just been answered, of variants times candidates.
        preview: makes a look at what it has come to, sealed: only the gate opens it. Costs
            nothing until it is called, and may be called later.
        plan: of the request that it is a step of.
    """

    done: int
    total: int
    trajectory: int = 0
    preview: Callable[[], Sealed] | None = field(default=None, compare=False, repr=False)
    plan: Plan | None = field(default=None, compare=False, repr=False)

    @property
    def variant(self) -> int:
        """Which result the trajectory is of, from 0; with ``best_of`` it is one of its tries."""
        return self.trajectory // (self.plan.candidates if self.plan else 1)


@dataclass(frozen=True, slots=True)
class Share:
    """Whose a request is among others in the same engine; see ``retouch.engine.engine.Job``.

    Attributes:
        client: clients of a class share rows fairly.
        priority: class: 0 live, 1 interactive, 2 batch.
        deadline: any increasing clock; earlier goes first among equals. None = last.
    """

    client: str = ""
    priority: int = 1
    deadline: float | None = None


class Trajectories:
    """All trajectories of one plan: variants times candidates, sharing forwards.

    Args:
        plan: what to run; its region must not be None.
        loan: where the model and its adapters come from.
        row_cap: most rows in one forward.
        on_step: told after every network call.
        cancelled: asked between network calls.
        engine: shared with other plans; its own when None.
        share: who asks and how urgently; matters where others share the engine.
    """

    def __init__(
        self,
        plan: Plan,
        loan: Loan,
        row_cap: int,
        on_step: Callable[[Step], None],
        cancelled: Callable[[], bool],
        engine: Engine | None = None,
        share: Share | None = None,
    ) -> None:
        from retouch.engine.engine import Engine

        self.plan = plan
        self.loan = loan
        self.on_step = on_step
        self.cancelled = cancelled
        self.operations: list[Operation] = []
        self.edits: list[Edit] = []
        self.jobs: list[Job] = []
        self.engine: Engine = engine or Engine(row_cap=max(row_cap, plan.rows))
        self.share = share or Share()

    def pictures(self) -> list[Made]:
        """Working pictures of all variants with their seeds and settings."""
        try:
            self.submit()
            self.engine.run(until=lambda: self.cancelled() or self.failed)
        finally:
            self.stop()
        return self.collect()

    def submit(self) -> None:
        """Give the engine a job for every trajectory, without running any.

        Raises:
            RetouchError: the model or an operation cannot start; ``stop`` ends those that did.
        """
        model = self.loan.model(self.plan.model.name)
        count = self.plan.request.variants * self.plan.candidates
        self.operations = [onto_working(operation, self.plan) for operation in self.plan.operations]
        self.edits = self._edits(model, count)
        self._submit(model)

    @property
    def failed(self) -> bool:
        """Whether a trajectory has ended with an error: the plan has no result then."""
        return any(job.error for job in self.jobs)

    def stop(self) -> None:
        """Close every trajectory that is not done."""
        for job in self.jobs:
            self.engine.cancel(job)

    def collect(self) -> list[Made]:
        """Decode what the engine has finished, and choose among candidates.

        Raises:
            RetouchError: the first error of a trajectory.
        """
        model = self.loan.model(self.plan.model.name)
        edits, count = self.edits, len(self.edits)
        latents = [_outcome(job, model) for job in sorted(self.jobs, key=_failed_first)]
        decoded = []
        for found in latents:
            self._stop_if_cancelled()
            decoded.append(model.decode(found)[0])
        chosen: list[Made] = []
        for first in range(0, count, self.plan.candidates):
            group = slice(first, first + self.plan.candidates)
            best = first + self._choose(decoded[group], edits[first])
            picture = from_model_range(decoded[best].numpy())
            settings = {**edits[first].notes, **edits[best].describe()}
            chosen.append((picture, edits[best].input.seed, settings))
        return chosen

    def _edits(self, model: Model, count: int) -> list[Edit]:
        """``count`` edits of the same working picture that differ in their seeds."""
        import torch

        from retouch.edit import Edit, EditInput

        plan, request = self.plan, self.plan.request
        assert plan.region is not None
        picture = torch.from_numpy(to_model_range(extract(request.image, plan.region)))[None]
        mask = None
        if plan.mask is not None:
            mask = torch.from_numpy(extract_mask(plan.mask, plan.region))[None, None]
        height, width = picture.shape[-2:]
        shared = EditInput(
            prompt=request.prompt,
            negative_prompt=request.negative_prompt,
            size=(height, width),
            picture=picture,
            mask=mask,
            steps=plan.steps,
            sampler=plan.sampler,
            encode_source=cache(lambda: model.encode_picture(picture)),
        )
        seeds = range(request.seed, request.seed + count)
        return [Edit(replace(shared, seed=seed), model, self.loan) for seed in seeds]

    def _stop_if_cancelled(self) -> None:
        if self.cancelled():
            raise Cancelled("cancelled by the caller")

    def _submit(self, model: Model) -> None:
        from retouch.engine.engine import Job, Priority
        from retouch.engine.run import Progress, run_edit
        from retouch.previews import seal_preview

        done = [0] * len(self.edits)

        def watch(index: int) -> Callable[[Progress], None]:
            def progress(state: Progress) -> None:
                done[index] = state.done

                def look() -> Sealed:  # a partial would show its unsealed arguments
                    return seal_preview(self.plan, model, state.x0)

                total = state.total * len(done)
                self.on_step(Step(sum(done), total, index, look, self.plan))

            return progress

        for index, edit in enumerate(self.edits):
            self._stop_if_cancelled()
            flow = run_edit(edit, self.operations, watch(index))
            job = Job(
                flow,
                model,
                priority=Priority(self.share.priority),
                client=self.share.client,
                deadline=self.share.deadline,
                exact=self.plan.request.exact,
            )
            self.jobs.append(job)
            self.engine.submit(job)

    def _choose(self, pictures: Sequence[Tensor], edit: Edit) -> int:
        if len(pictures) == 1:
            return 0
        for operation in self.operations:
            if operation.candidates() > 1:
                return operation.choose([(p + 1) / 2 for p in pictures], edit)
        return 0


def run_together(
    plans: Sequence[Plan], loan: Loan, row_cap: int, cancelled: Callable[[], bool]
) -> list[list[Made] | RetouchError]:
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


def _failed_first(job: Job) -> bool:
    """Real errors before the cancellations they caused; order is otherwise kept."""
    return not (job.error is not None and not isinstance(job.error, Cancelled))


def _outcome(job: Job, model: Model) -> Tensor:
    if isinstance(job.error, RetouchError):
        raise job.error
    if job.error is not None:
        problem = f"{type(job.error).__name__}: {job.error}"
        raise ForwardFailed(model.name, problem) from job.error
    assert job.result is not None
    return job.result
