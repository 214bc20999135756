"""Scores of results: everything that can be measured of one setting on some cases."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import torch
from numpy.typing import NDArray

from retouch.evaluation.cases.case import Case
from retouch.evaluation.cases.pictures import MARGIN
from retouch.evaluation.cases.procedural import wanted_thing
from retouch.evaluation.editing.bench import Attempt
from retouch.evaluation.judge.judge import Judge
from retouch.evaluation.judge.verdict import Verdict
from retouch.evaluation.measures.clip import Resemblance
from retouch.evaluation.measures.distances import (
    edge_iou,
    edges,
    mask_iou,
    outside,
    perceptual,
    psnr,
    ssim,
    structure,
)
from retouch.evaluation.measures.followed import followed, target_present
from retouch.evaluation.results.journal import Line, Scores
from retouch.imaging.control import color
from retouch.imaging.image import Floats

#: Least share of the picture outside of the mask that is worth measuring.
_LEAST_OUTSIDE: Final = 0.02
_CELLS: Final = 8
#: What a refusal scores: not there.
_YES_OR_NO: Final = ("followed", "present", "present_inside")


@dataclass(frozen=True, eq=False)
class Scorer:
    """Measures results.

    Attributes:
        judge: what sees objects and compares pictures.
        resemblance: CLIP, or None where no CLIP model is installed.
    """

    judge: Judge
    resemblance: Resemblance | None = None

    def score(self, cases: Sequence[Case], attempts: Sequence[Attempt]) -> list[Line]:
        """Return one line per case; a case that the gate refused counts as not followed."""
        pairs = list(zip(cases, attempts, strict=True))
        shown = [(c, a.picture, a) for c, a in pairs if a.picture is not None]
        done = [(case, picture, attempt) for case, picture, attempt in shown if picture is not None]
        lines: dict[str, Line] = {}
        if done:
            results = [picture for _, picture, _ in done]
            shared = self._shared([case for case, _, _ in done], results)
            for (case, picture, attempt), scores, features in zip(done, *shared, strict=True):
                scores |= self._own(case, picture, attempt)
                lines[case.name] = Line(case.name, case.kind, scores, features)
        refused = (Line(c.name, c.kind, _refused(c, a)) for c, a in pairs if a.picture is None)
        lines |= {line.case: line for line in refused}
        return [lines[case.name] for case in cases]

    def _shared(
        self, cases: Sequence[Case], results: Sequence[Floats]
    ) -> tuple[list[Scores], list[tuple[float, ...]]]:
        """What the judge says, for all cases of one size at once."""
        scores: list[Scores] = [{} for _ in cases]
        features: list[tuple[float, ...]] = [() for _ in cases]
        for size in dict.fromkeys(result.shape for result in results):
            chosen = [i for i, result in enumerate(results) if result.shape == size]
            after = np.stack([results[i] for i in chosen])
            for i, verdict in zip(chosen, self.judge.look(after), strict=True):
                scores[i] |= _seen(cases[i], verdict)
            deep = self.judge.features(after)[-1].mean((2, 3)).tolist()
            for i, row in zip(chosen, deep, strict=True):
                features[i] = tuple(row)
            before = np.stack([cases[i].before for i in chosen])
            for i, value in zip(chosen, structure(self.judge, before, after), strict=True):
                scores[i]["structure"] = value * 1000
            self._background(cases, results, chosen, scores)
            self._target(cases, results, chosen, scores)
        return scores, features

    def _background(
        self,
        cases: Sequence[Case],
        results: Sequence[Floats],
        chosen: Sequence[int],
        scores: list[Scores],
    ) -> None:
        kept = {i: mask for i in chosen if (mask := background(cases[i])) is not None}
        if not kept:
            return
        before = np.stack([cases[i].before for i in kept])
        after = np.stack([results[i] for i in kept])
        distances = perceptual(self.judge, before, after, np.stack(list(kept.values())))
        for (i, mask), distance in zip(kept.items(), distances, strict=True):
            scores[i]["background_psnr"] = psnr(cases[i].before, results[i], mask)
            scores[i]["background_distance"] = distance
            if mask[8:-8, 8:-8].any():
                scores[i]["background_ssim"] = ssim(cases[i].before, results[i], mask)

    def _target(
        self,
        cases: Sequence[Case],
        results: Sequence[Floats],
        chosen: Sequence[int],
        scores: list[Scores],
    ) -> None:
        exact = {i: target for i in chosen if (target := cases[i].target) is not None}
        if not exact:
            return
        after = np.stack([results[i] for i in exact])
        distances = perceptual(self.judge, np.stack(list(exact.values())), after)
        for (i, target), distance in zip(exact.items(), distances, strict=True):
            scores[i]["target_distance"] = distance
            scores[i]["target_psnr"] = psnr(target, results[i])

    def _own(self, case: Case, picture: Floats, attempt: Attempt) -> Scores:
        """What is measured without the judge."""
        scores: Scores = {"seconds": attempt.seconds, "refused": 0.0}
        scores["edge_iou"] = edge_iou(edges(case.before), edges(picture))
        scores["palette_distance"] = float(np.abs(_cells(case.before) - _cells(picture)).mean())
        if case.hole is not None:
            scores |= _masked(case.hole, case.before, picture)
        if attempt.beside is not None:
            scores["autoencoder_psnr"] = psnr(attempt.beside, picture)
        if self.resemblance is not None:
            scores |= _alike(self.resemblance, case, picture)
        return scores


def background(case: Case) -> Floats | None:
    """Return (H, W), 1 where nothing should change; None where that is next to nothing."""
    if case.mask is None:
        return None
    height, width = case.mask.shape
    kept = outside(case.mask, max(1, round(MARGIN * max(height, width))))
    return kept if float(kept.mean()) >= _LEAST_OUTSIDE else None


def _seen(case: Case, verdict: Verdict) -> Scores:
    scores: Scores = {}
    if case.layout is not None:
        scores["layout_iou"] = mask_iou(_at(verdict.mask, case.layout.shape), case.layout)
    if case.edit is None:
        return scores
    scores["followed"] = float(followed(case.edit, verdict))
    present = target_present(case.edit, verdict)
    if present is not None:
        scores["present"] = float(present)
        if case.hole is not None:
            scores["present_inside"] = float(_inside(case, verdict, case.hole))
    return scores


def _inside(case: Case, verdict: Verdict, hole: Floats) -> bool:
    assert case.edit is not None
    thing = wanted_thing(case.edit)
    assert thing is not None
    height, width = hole.shape
    for found in verdict.all(thing.noun):
        row = min(height - 1, max(0, int(found.y * height)))
        column = min(width - 1, max(0, int(found.x * width)))
        if hole[row, column] > 0:
            return True
    return False


def _masked(hole: Floats, before: Floats, after: Floats) -> Scores:
    inside = hole > 0
    scores: Scores = {}
    if inside.any():
        scores["inside_change"] = float(np.abs(before - after)[inside].mean())
    if not inside.all():
        kept = np.rint(before[~inside] * 255) == np.rint(after[~inside] * 255)
        scores["outside_identical"] = float(bool(kept.all()))
    return scores


def _alike(resemblance: Resemblance, case: Case, picture: Floats) -> Scores:
    shown = [picture, case.before, *([] if case.reference is None else [case.reference])]
    after, before, *reference = torch.split(resemblance.pictures(shown), 1)
    scores: Scores = {"picture_similarity": float((after * before).sum())}
    if reference:
        scores["reference_similarity"] = float((after * reference[0]).sum())
    if case.target_prompt:
        words = resemblance.text(case.target_prompt)
        scores["text_similarity"] = float((after * words).sum())
    if case.target_prompt and case.source_prompt:
        scores["direction_similarity"] = resemblance.direction(
            before, after, case.source_prompt, case.target_prompt
        )
    return scores


def _refused(case: Case, attempt: Attempt) -> Scores:
    scores: Scores = {"seconds": attempt.seconds, "refused": 1.0}
    if case.edit is not None:
        wanted = wanted_thing(case.edit) is not None
        scores |= {name: 0.0 for name in _YES_OR_NO if wanted or name == "followed"}
    return scores


def _cells(picture: Floats) -> Floats:
    height, width = picture.shape[:2]
    cell = max(1, max(height, width) // _CELLS)
    return color(picture, cell=cell)


def _at(mask: NDArray[np.float32], shape: tuple[int, ...]) -> Floats:
    import cv2

    if mask.shape == shape:
        return mask
    size = (shape[1], shape[0])
    return np.asarray(cv2.resize(mask, size, interpolation=cv2.INTER_LINEAR), np.float32)
