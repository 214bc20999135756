"""Which installed models a plan will load, known before anything is."""

from __future__ import annotations

from retouch.models.records import is_installed
from retouch.plan import Plan


def needed_models(plan: Plan) -> tuple[str, ...]:
    """Names of the checkpoint and of the adapters and rankers that the operations would take.

    What an operation of a third party loads in some other way is not among them: that is loaded
    when it asks.

    Raises:
        ModelMissing: an operation's model is not installed any more.
    """
    named = [getattr(operation.settled(plan), "model", None) for operation in plan.operations]
    # A parameter of that name may mean something else.
    found = [name for name in named if isinstance(name, str) and name and is_installed(name)]
    return tuple(dict.fromkeys([plan.model.name, *found]))
