"""The engine's part of one request: its trajectories, from working pictures to latents."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import cache
from typing import TYPE_CHECKING

from retouch.aligned_parameters import onto_working
from retouch.candidates import Candidate, Variant
from retouch.errors import Cancelled, ForwardFailed, OperationFailed, RetouchError
from retouch.imaging.image import to_model_range
from retouch.imaging.patch import extract, extract_mask
from retouch.operation import Operation
from retouch.plan import Plan

if TYPE_CHECKING:
    from torch import Tensor

    from retouch.edit import Edit
    from retouch.engine.engine import Engine, Job
    from retouch.models.borrowing import Loan
    from retouch.models.decoder import Decoder
    from retouch.models.model import Model
    from retouch_safety.sealed import Sealed

    #: Seals what latents show, at a longest side; see ``retouch.previews``.
    SealLook = Callable[[Plan, Decoder, Tensor, int | None], Sealed]


@dataclass(frozen=True, slots=True)
class Step:
    """How far a request is: network calls done of all, over all its trajectories.

    Attributes:
        done: calls done.
        total: all of them; fewer than the plan says where an inversion is remembered.
        trajectory: which one has just been answered, of variants times candidates.
        preview: makes a look at what it has come to, sealed: only the gate opens it. Takes the
            longest side in pixels, None for the crop's own. Costs nothing until it is called, and
            may be called later.
        plan: of the request that it is a step of.
    """

    done: int
    total: int
    trajectory: int = 0
    preview: Callable[[int | None], Sealed] | None = field(default=None, compare=False, repr=False)
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
        seal: makes looks of steps; without it they have none, and a process that holds no gate
            needs nothing of one.
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
        seal: SealLook | None = None,
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
        self.seal = seal
        #: x0 of every trajectory after its last step, ``[1, C, h, w]``; none before its first.
        self.latest: dict[int, Tensor] = {}

    def pictures(self) -> list[Variant]:
        """Working pictures of all variants with their seeds and settings, the best tries first."""
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

    @property
    def deep(self) -> bool:
        """Whether the document has more than 8 bits a channel."""
        return self.plan.request.image.deep

    def stop(self) -> None:
        """Close every trajectory that is not done."""
        for job in self.jobs:
            self.engine.cancel(job)

    def collect(self) -> list[Variant]:
        """Decode what the engine has finished.

        Raises:
            RetouchError: the first error of a trajectory.
        """
        model = self.loan.model(self.plan.model.name)
        made: list[Variant] = []
        for candidates in self.finished():
            self._stop_if_cancelled()
            made.append(
                [candidate.tried(model.decoder, deep=self.deep) for candidate in candidates]
            )
        return made

    def finished(self) -> list[list[Candidate]]:
        """What the engine has finished: for every variant its candidates, the best one first.

        Raises:
            RetouchError: the first error of a trajectory.
        """
        model, each = self.loan.model(self.plan.model.name), self.plan.candidates
        latents = [_outcome(job, model) for job in sorted(self.jobs, key=_failed_first)]
        return [
            self._ranked(latents[first : first + each], self.edits[first : first + each], model)
            for first in range(0, len(self.edits), each)
        ]

    def _ranked(
        self, latents: Sequence[Tensor], edits: Sequence[Edit], model: Model
    ) -> list[Candidate]:
        decoded: list[Tensor] = []
        for found in latents if len(latents) > 1 else ():
            self._stop_if_cancelled()
            decoded.append(model.decode(found)[0])
        order = self._order(decoded, edits[0]) if decoded else [0]
        return [
            Candidate(
                latents[i],
                edits[i].input.seed,
                {**edits[0].notes, **edits[i].describe()},
                decoded[i] if decoded else None,
            )
            for i in order
        ]

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
            exact=request.exact,
        )
        seeds = range(request.seed, request.seed + count)
        return [Edit(replace(shared, seed=seed), model, self.loan) for seed in seeds]

    def _stop_if_cancelled(self) -> None:
        if self.cancelled():
            raise Cancelled("cancelled by the caller")

    def _submit(self, model: Model) -> None:
        from retouch.engine.engine import Job, Priority
        from retouch.engine.run import Progress, run_edit

        done = [0] * len(self.edits)
        totals = [self.plan.calls] * len(self.edits)

        def watch(index: int) -> Callable[[Progress], None]:
            def progress(state: Progress) -> None:
                done[index], totals[index] = state.done, state.total
                look = None
                if state.x0 is not None:
                    self.latest[index] = state.x0
                    look = self._look(model, state.x0)
                self.on_step(Step(sum(done), sum(totals), index, look, self.plan))

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

    def _look(self, model: Model, x0: Tensor) -> Callable[[int | None], Sealed] | None:
        seal = self.seal
        if seal is None:
            return None

        def look(max_side: int | None) -> Sealed:  # a partial would show its unsealed arguments
            return seal(self.plan, model.decoder, x0, max_side)

        return look

    def _order(self, pictures: Sequence[Tensor], edit: Edit) -> Sequence[int]:
        for operation in self.operations:
            if operation.candidates() > 1:
                order = list(operation.rank([(p + 1) / 2 for p in pictures], edit))
                if sorted(order) != list(range(len(pictures))):
                    problem = f"it put {len(pictures)} candidates in the order {order}"
                    raise OperationFailed(operation.name, "rank", problem)
                return order
        return range(len(pictures))


def _failed_first(job: Job) -> bool:
    """Real errors before the cancellations they caused; order is otherwise kept."""
    return not (job.error is not None and not isinstance(job.error, Cancelled))


def _outcome(job: Job, model: Model) -> Tensor:
    if job.error is None:
        assert job.result is not None
        return job.result
    # Its traceback knows the job: it is taken out, so that nothing goes round in a circle, which
    # would keep the tensors of both.
    problem, job.error = job.error, None
    try:
        if isinstance(problem, RetouchError):
            raise problem
        words = f"{type(problem).__name__}: {problem}"
        raise ForwardFailed(model.name, words) from problem
    finally:
        del problem
