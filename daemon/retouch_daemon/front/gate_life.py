"""What is known of the gate that lives now: whether it can check edits, and which one it is at."""

from __future__ import annotations

import logging
from collections.abc import Iterable

from retouch_daemon.front.running import Running
from retouch_daemon.link.frames import Frame

_log = logging.getLogger(__name__)


class GateLife:
    """Takes what the gate says of itself.

    Attributes:
        warm: whether it has loaded what it checks by. Until then edits wait in it.
        at: name of the job that it is at; empty at rest, and over a question of no job.
    """

    def __init__(self) -> None:
        self.warm, self.at = False, ""

    def take(self, frame: Frame) -> bool:
        """Take a frame; return whether it was of the gate itself. Raises BrokenFrame."""
        if frame.kind == "at":
            self.at = frame.text("job_id")
        elif frame.kind == "warm":
            refusal = frame.text("refusal")
            self.warm = not refusal
            if refusal:
                _log.error("the gate refuses everything: %s", refusal)
        else:
            return False
        return True

    def ended(self, jobs: Iterable[Running]) -> tuple[Running | None, list[Running]]:
        """Begin anew; return the job that the gate ended over, and all whose check is repeated.

        None is to blame where it was at none, as over somebody's question or at rest.
        """
        known = [each for each in jobs if each.request]
        blamed = next((each for each in known if each.job_id == self.at), None)
        # Before it was warm it had begun with none of the others.
        there = [each for each in known if each is blamed or (each.at_gate and self.warm)]
        self.warm, self.at = False, ""
        return blamed, there
