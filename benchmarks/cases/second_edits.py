"""First and second edits of one picture, as the engine runs them.

By the models that ship; and by Stable Diffusion 1.5 in its published size, whose autoencoder is a
larger part of an edit.
"""

from __future__ import annotations

import statistics
from dataclasses import dataclass, replace
from typing import Any, Final

import torch

from cases.clock import seconds
from cases.full_size_installed import MODEL
from cases.record import ROOT
from retouch.candidates import Candidate
from retouch.catalog import installed
from retouch.imaging.decode import read_image
from retouch.models.library import Library
from retouch.needed_models import needed_models
from retouch.operation import Operation
from retouch.plan import make_plan
from retouch.request import EditRequest
from retouch.trajectories import Step, Trajectories
from retouch_plugins.ip_adapter import IPAdapter
from retouch_plugins.prompt_to_prompt import PromptToPrompt
from retouch_plugins.sdedit import SDEdit
from retouch_plugins.t2i_adapter import T2IAdapter

PICTURES: Final = ROOT / "sdk" / "retouch" / "demo"
HOUSE: Final = read_image(PICTURES / "house.png")
REFERENCE: Final = read_image(PICTURES / "cat.png")
ROW_CAP: Final = 16


@dataclass(frozen=True)
class Wanted:
    """One edit and the next one of the same picture.

    Attributes:
        operations: of both.
        prompt: of the first.
        second_prompt: of the second.
        model: of both.
        steps: of the schedule.
        sampler: of both.
    """

    operations: tuple[Operation, ...]
    prompt: str = "a red house"
    second_prompt: str = "a red house"
    model: str = "retouch-mini-lcm"
    steps: int = 4
    sampler: str = "lcm"

    def request(self, *, second: bool, seed: int, side: int | None) -> EditRequest:
        """The first or the second."""
        return EditRequest(
            image=HOUSE,
            prompt=self.second_prompt if second else self.prompt,
            operations=self.operations,
            model=self.model,
            steps=self.steps,
            sampler=self.sampler,
            seed=seed,
            working_size=side,
        )


_WORDS = Wanted(
    (PromptToPrompt(source_prompt="a red house"),),
    prompt="a blue house",
    second_prompt="a green house",
    model="retouch-mini",
    steps=20,
    sampler="ddim",
)
_REDRAWN = Wanted((SDEdit(strength=1.0),))
CASES: Final = {
    "lcm sdedit, 4 steps": _REDRAWN,
    "lcm sdedit, 4 steps, another prompt": replace(_REDRAWN, second_prompt="a blue house"),
    "lcm + ip_adapter, 4 steps": replace(
        _REDRAWN, operations=(SDEdit(strength=1.0), IPAdapter(images=(REFERENCE,)))
    ),
    "lcm + t2i_adapter, 4 steps": replace(
        _REDRAWN, operations=(SDEdit(strength=1.0), T2IAdapter(kind="canny"))
    ),
    "prompt_to_prompt on a picture, 20 steps": _WORDS,
    "prompt_to_prompt on a picture, 4 steps": replace(_WORDS, steps=4),
}
_FULL_SIZE = replace(_REDRAWN, model=MODEL, sampler="ddim")
FULL_SIZE_CASES: Final = {
    "SD 1.5, sdedit, 4 steps": _FULL_SIZE,
    "SD 1.5, sdedit + t2i_adapter, 4 steps": replace(
        _FULL_SIZE, operations=(SDEdit(strength=1.0), T2IAdapter(kind="canny"))
    ),
}


class Bench:
    """Runs edits on this processor.

    Args:
        side: longer side of the working picture; the model's own when None.
    """

    def __init__(self, side: int | None) -> None:
        self._library, self._side = Library(device="cpu"), side
        self._catalog = installed()

    def compare(self, wanted: Wanted, repeats: int) -> dict[str, Any]:
        """First and second edits in turns, after one of each to warm up."""
        taken: dict[str, list[tuple[float, float]]] = {"first": [], "second": []}
        calls: dict[str, int] = {}
        hits: dict[str, int] = {}
        for repeat in range(repeats + 1):
            self._library.forget()
            before = dict(self._library.contents.hits)
            for second, name in enumerate(taken):
                request = wanted.request(second=bool(second), seed=second, side=self._side)
                edited, decoded, calls[name] = self._timed(request)
                if repeat:
                    taken[name].append((edited, decoded))
            after = self._library.contents.hits
            hits = {kind: after[kind] - before.get(kind, 0) for kind in after}
        whole = {name: [sum(each) for each in both] for name, both in taken.items()}
        edited = {name: [each[0] for each in both] for name, both in taken.items()}
        return {
            "seconds": {name: _summary(values) for name, values in whole.items()},
            "seconds_without_decoding": {name: _summary(v) for name, v in edited.items()},
            "ratio": _ratio(whole),
            "ratio_without_decoding": _ratio(edited),
            "network_calls": calls,
            "hits": {kind: count for kind, count in hits.items() if count},
        }

    def _timed(self, request: EditRequest) -> tuple[float, float, int]:
        """Seconds from request to latents, seconds of decoding, and network calls."""
        plan, steps = make_plan(request, self._catalog), list[Step]()
        found: list[list[Candidate]] = []
        with self._library.borrow_later(needed_models(plan)) as borrowing, torch.no_grad():
            loan = borrowing.loan()
            decoder = loan.model(plan.model.name).decoder

            def edit() -> None:
                running = Trajectories(plan, loan, ROW_CAP, steps.append, lambda: False)
                running.submit()
                running.engine.run(until=lambda: running.failed)
                found.extend(running.finished())

            edited = seconds(edit)
            decoded = seconds(lambda: found[0][0].picture(decoder))
        return edited, decoded, steps[-1].done


def _summary(values: list[float]) -> dict[str, float]:
    return {"median": statistics.median(values), "least": min(values), "most": max(values)}


def _ratio(taken: dict[str, list[float]]) -> float:
    return statistics.median(taken["second"]) / statistics.median(taken["first"])
