"""Edits of cases on the product's own path: the runner, and through the gate."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from retouch.admitted import blocking
from retouch.errors import Blocked, RetouchError
from retouch.evaluation.autoencoder import round_trips
from retouch.evaluation.cases.case import Case
from retouch.evaluation.cases.pictures import as_image, unit
from retouch.evaluation.editing.settings import Setting
from retouch.evaluation.results.fingerprints import Fingerprints
from retouch.imaging.image import Floats
from retouch.result import EditResult
from retouch.runner import Outcome, Runner
from retouch_safety.job import Job
from retouch_safety.sealed import Released, Sealed


@dataclass(frozen=True, eq=False)
class Attempt:
    """What came of one setting on one case.

    Attributes:
        released: the result, or None where the gate refused it.
        seconds: wall time, the gate included; of edits side by side, each one's share.
        refused: the gate's reason, or empty.
        beside: the picture to compare with besides, where the setting names one.
        notes: effective settings.
    """

    released: Released | None
    seconds: float
    refused: str = ""
    beside: Floats | None = None
    notes: Mapping[str, object] = field(default_factory=dict)

    @property
    def picture(self) -> Floats | None:
        """The result, (H, W, 3) in [0, 1], or None where it was refused."""
        if self.released is None:
            return None
        return unit(self.released)


class Bench:
    """Edits cases with one model.

    Args:
        runner: the product's own.
        model: installed model that settings start from.
    """

    def __init__(self, runner: Runner, model: str) -> None:
        self.runner = runner
        self.model = model
        self.fingerprints = Fingerprints()

    def check(self, setting: Setting, case: Case) -> None:
        """Refuse what cannot run, before anything is loaded.

        Raises:
            RetouchError: a model or an adapter is missing, or parts do not go together.
        """
        if not setting.given:
            self.runner.plan(setting.request(case, self.runner.catalog, self.model))

    def weights(self, setting: Setting, case: Case) -> str:
        """Return the fingerprint of what a setting runs with. Raises RetouchError."""
        if setting.given:
            return self.fingerprints.of([self.model]) if setting.given == "autoencoder" else ""
        request = setting.request(case, self.runner.catalog, self.model)
        return self.fingerprints.of_plan(self.runner.plan(request))

    def attempt(self, setting: Setting, cases: Sequence[Case]) -> list[Attempt]:
        """Edit some cases side by side, sharing forwards.

        Raises:
            RetouchError: see ``retouch.errors``; a refusal of the gate is an answer, not an error.
        """
        start = time.perf_counter()
        if setting.given:
            found = [self._shown(setting, case) for case in cases]
            return [replace(each, seconds=_each(start, cases)) for each in found]
        requests = [setting.request(case, self.runner.catalog, self.model) for case in cases]
        results = [_one(found) for found in self.runner.run_all(requests)]
        seconds = _each(start, cases)
        return [
            self._attempt(setting, case, result, seconds)
            for case, result in zip(cases, results, strict=True)
        ]

    def _attempt(
        self, setting: Setting, case: Case, result: EditResult | Blocked, seconds: float
    ) -> Attempt:
        if isinstance(result, Blocked):
            return Attempt(None, seconds, str(result))
        released = result.composite
        assert released is not None
        beside = None
        if setting.beside == "autoencoder":
            # With the same record the gate puts the same mark into both.
            record = int(released.receipt.record, 16)
            again = self.release(self.autoencoded(case.before), record=record)
            beside = unit(again)
        return Attempt(released, seconds, beside=beside, notes=result.settings)

    def release(self, picture: Floats, *, record: int | None = None) -> Released:
        """Let a picture of our own through the gate, so that it may be shown and saved.

        Raises:
            Blocked: the gate refused it.
        """
        sealed = Sealed.composite(as_image(picture).pixels)
        with blocking():
            admission = self.runner.gate.admit(Job(operations=("evaluation",)))
            return self.runner.gate.release(sealed, admission, record=record)

    def autoencoded(self, picture: Floats) -> Floats:
        """Return the picture after the model's autoencoder, at the picture's own size."""
        return next(round_trips([picture], self.model, self.runner))

    def _shown(self, setting: Setting, case: Case) -> Attempt:
        try:
            return Attempt(self.release(self._given(setting, case)), 0.0)
        except Blocked as refusal:
            return Attempt(None, 0.0, str(refusal))

    def _given(self, setting: Setting, case: Case) -> Floats:
        if setting.given == "target":
            assert case.target is not None
            return case.target
        return self.autoencoded(case.before) if setting.given == "autoencoder" else case.before


def _one(outcome: Outcome) -> EditResult | Blocked:
    """The only variant, or why the gate refused it. Raises any other error."""
    if isinstance(outcome, RetouchError) and not isinstance(outcome, Blocked):
        raise outcome
    return outcome if isinstance(outcome, Blocked) else outcome[0]


def _each(start: float, cases: Sequence[Case]) -> float:
    return (time.perf_counter() - start) / max(1, len(cases))
