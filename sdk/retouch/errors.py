"""Every error Retouch raises on purpose.

::

    RetouchError
    ├── InvalidRequest            the request cannot run as written          (INVALID_ARGUMENT)
    │   ├── InvalidField          one field has a bad value: field, value, allowed, fix
    │   │   ├── InvalidImage      a picture cannot be read or is out of limits
    │   │   └── UnknownName       an operation, parameter, sampler or model that does not exist
    │   └── CannotCombine         valid parts that do not go together         (FAILED_PRECONDITION)
    ├── ModelError                                                            (FAILED_PRECONDITION)
    │   ├── ModelMissing          weights that are not installed here          (NOT_FOUND)
    │   ├── ModelInvalid          weights that are corrupt, incomplete, pickled or not finite
    │   └── ModelInUse            an edit keeps it in memory
    ├── Blocked                   the gate refused it, or every variant of it  (PERMISSION_DENIED)
    ├── Cancelled                 the caller cancelled                         (CANCELLED)
    ├── OperationFailed           an operation raised; only its own edit ends  (INTERNAL)
    └── ForwardFailed             the network call itself failed               (INTERNAL)

The command line turns every ``InvalidRequest`` and ``ModelError`` into exit code 2.
"""

from __future__ import annotations


class RetouchError(Exception):
    """Base of every error that Retouch raises on purpose."""


class InvalidRequest(RetouchError):
    """The request cannot run as written."""


class InvalidField(InvalidRequest):
    """One field has a bad value.

    Args:
        field: dotted path of the field, for example ``ops[1].sdedit.strength``.
        value: what was given.
        allowed: the allowed range or set, in words.
        fix: what to do about it, one imperative clause.
    """

    def __init__(self, field: str, value: object, allowed: str, fix: str) -> None:
        self.field, self.value, self.allowed, self.fix = field, value, allowed, fix
        super().__init__(f"{field}: got {_short(value)}; allowed: {allowed}. Fix: {fix}.")


class InvalidImage(InvalidField):
    """A picture or a mask that cannot be read, or is out of limits."""


class UnknownName(InvalidField):
    """An operation, parameter, sampler or model that does not exist."""


class CannotCombine(InvalidRequest):
    """Valid parts that do not go together, said before anything runs."""

    def __init__(self, parts: str, reason: str, fix: str) -> None:
        self.parts, self.reason, self.fix = parts, reason, fix
        super().__init__(f"cannot combine {parts}: {reason}. Fix: {fix}.")


class ModelError(RetouchError):
    """A model that cannot be used."""


class ModelMissing(ModelError):
    """Weights that are not installed on this machine."""

    def __init__(self, name: str, fix: str) -> None:
        self.name, self.fix = name, fix
        super().__init__(f"model: {name!r} is not installed here. Fix: {fix}.")


class ModelInvalid(ModelError):
    """Weights that are corrupt, incomplete, pickled or not finite."""

    def __init__(self, source: str, problem: str, fix: str) -> None:
        self.source, self.problem, self.fix = source, problem, fix
        super().__init__(f"model {source}: {problem}. Fix: {fix}.")


class ModelInUse(ModelError):
    """A model that cannot be unloaded, because an edit uses it."""

    def __init__(self, name: str) -> None:
        self.name = self.value = name
        self.field, self.fix = "model", "wait for the edit, or cancel it"
        super().__init__(f"model {name}: an edit uses it. Fix: {self.fix}.")


class Blocked(RetouchError):
    """The gate refused a request, a variant or a preview; nothing of that was released.

    Raised, it is about the whole request. Where other variants were released, it stands in
    ``EditResult.refused`` instead.

    Args:
        stage: the check that refused: ``prompt``, ``input``, ``detector``, ...
        category: what it found, or ``failed`` when the check itself broke.
        advice: what the user can do, one sentence.
        score: what was compared, None when the check does not measure.
        threshold: the score from which it refuses, None when it does not measure.
        field: the field of the request at fault, empty when it is the result.
        clause: the part of a text at fault, as the filter read it; else empty.
    """

    def __init__(
        self,
        stage: str,
        category: str,
        advice: str,
        *,
        score: float | None = None,
        threshold: float | None = None,
        field: str = "",
        clause: str = "",
    ) -> None:
        self.stage, self.category, self.advice = stage, category, advice
        self.score, self.threshold = score, threshold
        self.field, self.clause = field, clause
        what = f"{field}: {category}" if field else category
        what += f" in {clause!r}" if clause else ""
        if score is not None and threshold is not None:
            what += f", score {score:.3f}, threshold {threshold:.3f}"
        super().__init__(f"blocked by the {stage} check ({what}). {advice}")


class Cancelled(RetouchError):
    """The caller cancelled this edit."""


class OperationFailed(RetouchError):
    """An operation raised while preparing or running; only its own edit ends.

    Args:
        operation: name of the operation.
        where: ``prepare``, or the step it happened in.
        problem: the original message, with shapes where there are any.
    """

    def __init__(self, operation: str, where: str, problem: str) -> None:
        self.operation, self.where, self.problem = operation, where, problem
        super().__init__(f"operation {operation} failed in {where}: {problem}")


class ForwardFailed(RetouchError):
    """The network call itself failed: out of memory, or shapes that do not fit."""

    def __init__(self, model: str, problem: str) -> None:
        self.model, self.problem = model, problem
        super().__init__(
            f"model {model!r} failed: {problem}. Fix: use a smaller region or fewer variants, "
            "or run `retouch models verify`."
        )


def _short(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 80 else text[:77] + "..."
