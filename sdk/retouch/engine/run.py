"""The one denoising loop: an edit from its operations to its latents."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

import torch

from retouch.denoiser import evaluate
from retouch.errors import InvalidField, OperationFailed, RetouchError

if TYPE_CHECKING:
    from torch import Tensor

    from retouch.denoiser import Condition, Denoiser, Evaluation, Flow, FlowOf, NoiseLevel
    from retouch.edit import Edit
    from retouch.operation import Operation


@dataclass(frozen=True, slots=True, eq=False)
class Progress:
    """How far an edit is.

    Attributes:
        done: network calls done.
        total: all of them, as far as is known: what an operation has been remembered to have found
            before is not called for again.
        x0: latest estimate of the result's latents ``[1, C, h, w]``; None while operations prepare.
    """

    done: int
    total: int
    x0: Tensor | None = None


def run_edit(
    edit: Edit, operations: Sequence[Operation], on_progress: Callable[[Progress], None]
) -> Flow:
    """Prepare, sample, and return the result lane's latents ``[1, C, h, w]``, scaled.

    Raises:
        OperationFailed: an operation raised something unexpected; names it and the place.
        RetouchError: what operations raise on purpose passes unchanged.
    """
    ordered = sorted(operations, key=lambda operation: operation.stage)
    _ = edit.condition  # encodes the prompts first
    prepared = yield from _prepare_all(ordered, edit, on_progress)
    _check_channels(edit)
    denoiser = compose(ordered, edit)
    x = torch.empty(0)

    def told(done: int, total: int, x0: Tensor) -> None:
        on_progress(Progress(prepared + done, prepared + total, x0))

    # One per lane, all alike, for the whole edit: lanes get the same noise in every step.
    first = edit.noise.generator("step")
    generators = [first] + [edit.noise.fresh("step") for _ in range(edit.lanes - 1)]
    for repeat in range(edit.start.repeats):
        known = x[edit.result_lane][None] if repeat else None
        x = yield from _sample(edit, ordered, denoiser, generators, repeat, known, told)
    return x[edit.result_lane][None]


def compose(operations: Sequence[Operation], edit: Edit) -> Denoiser:
    """Wrap the network in the operations, the first innermost."""
    denoiser: Denoiser = evaluate
    for operation in operations:
        wrapped = operation.denoise(denoiser, edit)
        denoiser = denoiser if wrapped is denoiser else _blaming(operation, wrapped)
    return denoiser


def _blaming(operation: Operation, denoiser: Denoiser) -> Denoiser:
    """The same denoiser; what it raises by accident names the operation, progress and shape."""

    def denoise(x: Tensor, level: NoiseLevel, condition: Condition) -> Flow:
        try:
            return (yield from denoiser(x, level, condition))
        except RetouchError:
            raise
        except Exception as problem:
            where = f"denoise at progress {level.progress:.2f}, x {tuple(x.shape)}"
            raise OperationFailed(operation.name, where, _explain(problem)) from problem

    return denoise


def _prepare_all(
    operations: Sequence[Operation], edit: Edit, on_progress: Callable[[Progress], None]
) -> Generator[list[Evaluation], list[Tensor], int]:
    """Prepare every operation; return how many network calls that took."""
    calls = 0
    for position, operation in enumerate(operations):
        before = calls

        def called(now: int, first: int = position, before: int = before) -> None:
            steps = edit.steps
            expected = max(now, operations[first].extra_calls(steps))
            later = sum(other.extra_calls(steps) for other in operations[first + 1 :])
            sampled = (len(edit.levels) - 1) * edit.start.repeats
            on_progress(Progress(before + now, before + expected + later + sampled))

        calls += yield from _prepare(operation, edit, called)
    return calls


def _prepare(
    operation: Operation, edit: Edit, called: Callable[[int], None]
) -> Generator[list[Evaluation], list[Tensor], int]:
    try:
        flow = operation.prepare(edit)
        if not inspect.isgenerator(flow):
            return 0
        return (yield from _counted(cast("FlowOf", flow), called))
    except RetouchError:
        raise
    except Exception as problem:
        raise OperationFailed(operation.name, "prepare", _explain(problem)) from problem


def _counted(
    flow: FlowOf, called: Callable[[int], None]
) -> Generator[list[Evaluation], list[Tensor], int]:
    """Run a flow, tell of every answered call, and return how many there were."""
    calls = 0
    try:
        asked = next(flow)
        while True:
            answers = yield asked
            calls += 1
            called(calls)
            asked = flow.send(answers)
    except StopIteration:
        return calls
    finally:
        flow.close()


def _sample(
    edit: Edit,
    operations: Sequence[Operation],
    denoiser: Denoiser,
    generators: list[torch.Generator],
    repeat: int,
    known: Tensor | None,
    told: Callable[[int, int, Tensor], None],
) -> Flow:
    sampler = edit.sampler()
    calls = len(sampler.levels) - 1
    if calls == 0:
        source = edit.source if known is None else known
        return source.expand(edit.lanes, -1, -1, -1)

    def project(x: Tensor, level: NoiseLevel) -> Tensor:
        for operation in operations:
            try:
                x = operation.project(x, level, edit)
            except RetouchError:
                raise
            except Exception as problem:
                where = f"project at progress {level.progress:.2f}, x {tuple(x.shape)}"
                raise OperationFailed(operation.name, where, _explain(problem)) from problem
        return x

    def on_step(done: int, x0: Tensor) -> None:
        told(repeat * calls + done, calls * edit.start.repeats, x0[edit.result_lane][None])

    x = first_state(edit, sampler.levels[0], sampler.pure_noise, repeat, known)
    x = yield from sampler.run(
        project(x, sampler.levels[0]),
        denoiser,
        edit.condition,
        project=project,
        generators=generators,
        on_step=on_step,
    )
    return x


def first_state(
    edit: Edit,
    level: NoiseLevel,
    pure_noise: Callable[[Tensor], Tensor],
    repeat: int = 0,
    known: Tensor | None = None,
) -> Tensor:
    """State at the first level, ``[lanes, C, h, w]``: given, the noised picture, or pure noise."""
    noise = edit.start_noise(repeat)
    if edit.start.latents is not None and known is None:
        x = edit.start.latents
    elif edit.start.from_source or known is not None:
        source = edit.source if known is None else known
        x = level.alpha * source + level.sigma * noise
    else:
        x = pure_noise(noise)
    return x.expand(edit.lanes, -1, -1, -1) if x.shape[0] != edit.lanes else x


def _check_channels(edit: Edit) -> None:
    channels = edit.condition.channels
    given = edit.model.latent_channels + (0 if channels is None else channels.shape[1])
    wanted = edit.model.input_channels
    if given != wanted:
        raise InvalidField(
            "model",
            edit.model.name,
            f"a model with {given} input channels; this one takes {wanted}",
            "name a model made for these operations, or leave the model to the planner",
        )


def _explain(problem: Exception) -> str:
    return f"{type(problem).__name__}: {problem}"
