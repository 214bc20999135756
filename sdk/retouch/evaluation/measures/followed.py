"""Is the edit there? What the judge's verdict must say after each kind of edit."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from retouch.evaluation.cases.procedural import wanted_thing
from retouch.evaluation.judge.verdict import Verdict, count, position, shows
from retouch.evaluation.scenes.edits import Edit


def followed(edit: Edit, verdict: Verdict) -> bool:
    """Return whether the judge sees what the edit asked for."""
    return _FOLLOWED[edit.kind](edit, verdict)


def target_present(edit: Edit, verdict: Verdict) -> bool | None:
    """Return whether the wanted object is there, whatever else is; None where none is wanted."""
    thing = wanted_thing(edit)
    return None if thing is None else shows(verdict, thing.noun)


def _swapped(edit: Edit, verdict: Verdict) -> bool:
    old, new = edit.before.things[edit.subject], edit.after.things[edit.subject]
    remaining = {thing.noun for thing in edit.after.things}
    gone = old.noun in remaining or not shows(verdict, old.noun)
    return gone and shows(verdict, new.noun)


def _recoloured(edit: Edit, verdict: Verdict) -> bool:
    thing = edit.after.things[edit.subject]
    return shows(verdict, thing.noun, thing.colour)


def _added(edit: Edit, verdict: Verdict) -> bool:
    return all(shows(verdict, thing.noun, thing.colour) for thing in edit.after.things)


def _removed(edit: Edit, verdict: Verdict) -> bool:
    gone = edit.before.things[edit.subject]
    kept = all(shows(verdict, thing.noun) for thing in edit.after.things)
    return kept and not shows(verdict, gone.noun)


def _moved(edit: Edit, verdict: Verdict) -> bool:
    found = verdict.best(edit.after.things[0].noun)
    return found is not None and position(found) == edit.after.position


def _placed(edit: Edit, verdict: Verdict) -> bool:
    return verdict.place == edit.after.place


def _lit(edit: Edit, verdict: Verdict) -> bool:
    return verdict.night == edit.after.night


def _seasoned(edit: Edit, verdict: Verdict) -> bool:
    return verdict.place == edit.after.place and verdict.season == edit.after.season


def _resized(edit: Edit, verdict: Verdict) -> bool:
    old, new = edit.before.things[0], edit.after.things[0]
    found = verdict.best(new.noun)
    return found is not None and abs(found.size - new.size) < abs(found.size - old.size)


def _counted(edit: Edit, verdict: Verdict) -> bool:
    things = edit.after.things
    return count(verdict, things[0].noun) == len(things)


_FOLLOWED: Final[dict[str, Callable[[Edit, Verdict], bool]]] = {
    "swap": _swapped,
    "recolour": _recoloured,
    "add": _added,
    "remove": _removed,
    "move": _moved,
    "background": _placed,
    "light": _lit,
    "season": _seasoned,
    "resize": _resized,
    "count": _counted,
}
