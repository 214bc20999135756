"""What the gate is told of a plan: every text and every picture, found by their types.

An operation declares its parameters with types; whatever holds text or a picture is passed on, so
that no operation, of ours or a third party's, can bring in anything unseen.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib.metadata import PackageNotFoundError, version

from retouch.errors import InvalidField
from retouch.imaging.image import Image, Mask
from retouch.operation import Operation
from retouch.parameters import Parameter, check_declared, check_parameters, parameters_of
from retouch.plan import Plan
from retouch_safety.errors import InvalidInput
from retouch_safety.job import DOCUMENT, InputPicture, Job
from retouch_safety.prompts import PromptFields

#: Parameters that name weights, not what a picture shows.
_NAMES_WEIGHTS = "model"


def job_of(plan: Plan, job_id: str = "") -> Job:
    """Return what the gate is asked to admit.

    Args:
        plan: with every implied operation.
        job_id: of the request; empty for a random one.

    Raises:
        InvalidField: a text that the filter cannot read, a parameter of another type, or a field
            that is no parameter.
    """
    request = plan.request
    found = _Found()
    for index, operation in enumerate(plan.operations):
        # again: a third party's own __post_init__ may have left it out
        check_declared(type(operation), operation.name)
        check_parameters(operation, operation.name)
        for known in parameters_of(type(operation)):
            value = getattr(operation, known.name)
            if value is not None:
                found.add(f"operations[{index}].{operation.name}.{known.name}", known, value)
    try:
        return Job(
            texts=PromptFields(
                prompt=request.prompt,
                negative_prompt=request.negative_prompt,
                operation_texts=found.texts,
                word_weights=found.weights,
                adapters=tuple(found.names),
                guidance_scale=min(_scales(plan.operations), default=None),
            ),
            pictures={DOCUMENT: _picture(request.image), **found.pictures},
            operations=tuple(operation.name for operation in plan.operations),
            model=plan.model.name,
            version=software_version(),
            id=job_id,
        )
    except InvalidInput as problem:
        raise InvalidField(problem.field, problem.value, problem.allowed, problem.fix) from problem


@cache
def software_version() -> str:
    """Return the version of the installed package, empty when it is not installed."""
    try:
        return version("retouch")
    except PackageNotFoundError:
        return ""


@dataclass
class _Found:
    texts: dict[str, str] = field(default_factory=dict)
    names: list[str] = field(default_factory=list)
    weights: dict[str, float] = field(default_factory=dict)
    pictures: dict[str, InputPicture] = field(default_factory=dict)

    def add(self, name: str, known: Parameter, value: object) -> None:
        if known.choices:  # one of our own words
            return
        if isinstance(value, Mapping):
            self._weigh(name, value)
            return
        for entry, one in _each(name, value):
            if isinstance(one, Image):
                self.pictures[entry] = _picture(one)
            elif isinstance(one, str) and known.name == _NAMES_WEIGHTS:
                self.names.append(one)
            elif isinstance(one, str):
                self.texts[entry] = one
            elif not isinstance(one, bool | int | float | Mask):
                # what the gate cannot read, it cannot let through
                allowed = "text, number, picture, mask, and lists or maps of them"
                raise InvalidField(entry, type(one).__name__, allowed, "declare it as one of these")

    def _weigh(self, name: str, weights: Mapping[object, object]) -> None:
        for word, weight in weights.items():
            if not isinstance(word, str) or not isinstance(weight, int | float):
                raise InvalidField(name, type(weight).__name__, "numbers by word", "use numbers")
            other = self.weights.get(word, weight)
            # raised here and lowered there: 0 is read both ways
            self.weights[word] = weight if weight * other > 0 else 0.0


def _each(name: str, value: object) -> Iterator[tuple[str, object]]:
    if isinstance(value, tuple):
        yield from ((f"{name}[{position}]", one) for position, one in enumerate(value))
    else:
        yield name, value


def _picture(image: Image) -> InputPicture:
    return InputPicture(image.pixels, image.alpha, image.icc)


def _scales(operations: tuple[Operation, ...]) -> Iterator[float]:
    for operation in operations:
        for known in parameters_of(type(operation)):
            value = getattr(operation, known.name)
            if known.guides and value is not None:
                yield float(value)
