"""A report in plain sentences."""

from __future__ import annotations

from typing import Final

from retouch_safety.content import Box
from retouch_safety.provenance.report import (
    ManifestReport,
    MarkReport,
    Report,
    SignedBy,
    Status,
    Step,
    TrustedBy,
)
from retouch_safety.provenance.xmp import is_ai

_VERDICTS: Final = {
    Status.TRUSTED: "Intact: nothing has changed since it was signed.",
    Status.UNTRUSTED: "Intact, but its signer is not trusted here.",
    Status.RECOVERED: "The file has no manifest of its own, but its watermark leads to one. "
    "It may have changed since.",
    Status.NONE: "It has no manifest: nothing can be said about where it comes from.",
    Status.TAMPERED: "Not intact: it was changed, cut or damaged after it was signed.",
}
_TRUST: Final = {
    TrustedBy.INSTALLATION: "a development certificate that this installation made for itself; "
    "it proves that the file comes from here, not who made it",
    TrustedBy.ANCHOR: "trusted by a root that you chose",
    TrustedBy.NOBODY: "not trusted here",
    TrustedBy.NOT_JUDGED: "not judged",
}
_ACTIONS: Final = {
    "c2pa.opened": "opened a picture",
    "c2pa.created": "made by a model alone",
    "c2pa.edited": "edited",
    "c2pa.placed": "put a picture in",
    "c2pa.watermarked.bound": "watermarked",
}
_MOST_STEPS: Final = 50


def explain(report: Report) -> str:
    """Return plain sentences, one a line: verdict, signer, steps, marks, metadata, problems."""
    lines = [f"{report.kind}: {_VERDICTS[report.status]}"]
    if report.active is not None:
        lines += _manifest(report.active)
        lines += [line for manifest in report.history for line in _earlier(manifest)]
    lines += [line for mark in report.marks for line in _mark(mark)]
    lines += _metadata(report)
    lines += [f"Problem: {p.explanation or p.code} ({p.code})." for p in report.problems]
    return "\n".join(lines)


def _manifest(manifest: ManifestReport) -> list[str]:
    lines = [f"Signed by {_signer(manifest.signer)}; made with {manifest.generator or 'unknown'}."]
    lines += [f"- {_step(step)}" for step in manifest.steps[:_MOST_STEPS]]
    if len(manifest.steps) > _MOST_STEPS:
        lines.append(f"- and {len(manifest.steps) - _MOST_STEPS} more")
    for used in manifest.ingredients:
        note = f": {used.description}" if used.description else ""
        known = "with a manifest" if used.manifest else "without a manifest"
        codes = [p.code for p in used.problems if not p.code.startswith("signingCredential.")]
        found = f", which even then failed {', '.join(codes)}" if codes else ""
        lines.append(f'Used "{used.title}" ({used.relationship}, {known}{found}){note}.')
    if manifest.records:
        lines.append(f"Record {', '.join(manifest.records)}.")
    return lines


def _earlier(manifest: ManifestReport) -> list[str]:
    steps = "; ".join(_step(step) for step in manifest.steps[:_MOST_STEPS])
    records = f" Record {', '.join(manifest.records)}." if manifest.records else ""
    name = manifest.signer.name or "unknown"
    said = f'"{manifest.title}", signed by {name}: {steps or "no steps"}'
    return [f"An ingredient's manifest: {said}.{records}"]


def _signer(signer: SignedBy) -> str:
    when = f"at {signer.time}, time-stamped" if signer.time else "time not stamped by an authority"
    who = signer.name or "an unnamed certificate"
    organisation = f" ({signer.organisation})" if signer.organisation else ""
    return f"{who}{organisation}, {_TRUST[signer.trusted_by]}; {when}"


def _step(step: Step) -> str:
    what = _ACTIONS.get(step.action, step.action or "an unnamed step")
    by = f" with {', '.join(step.operations)}" if step.operations else ""
    where = f" in {' and '.join(_box(box) for box in step.regions)}" if step.regions else ""
    when = f", {step.when}" if step.when else ""
    ai = " (by a trained model)" if is_ai(step.source_type) else ""
    return f"{what}{by}{ai}{where}{when}"


def _box(box: Box) -> str:
    return f"{box.width}x{box.height} pixels at {box.x},{box.y}"


def _mark(mark: MarkReport) -> list[str]:
    where = f" in {_box(mark.region)}" if mark.region is not None else ""
    known = "named in its manifest" if mark.in_file else "not named in any manifest of the file"
    lines = [f"Watermark {mark.record} found{where}: {known}."]
    for manifest in mark.recovered:
        steps = "; ".join(_step(step) for step in manifest.steps[:_MOST_STEPS])
        kept = f"Kept here under {mark.record}, signed by {manifest.signer.name}: {steps}."
        if kept not in lines:
            lines.append(kept)
    if not mark.recovered and not mark.in_file:
        lines.append(f"Nothing is kept here under {mark.record}.")
    return lines


def _metadata(report: Report) -> list[str]:
    if not report.metadata_source_type:
        return []
    says = (
        "made or edited by a trained model"
        if is_ai(report.metadata_source_type)
        else (report.metadata_source_type)
    )
    signed = report.active is not None and report.status in (Status.TRUSTED, Status.UNTRUSTED)
    weight = "covered by the signature" if signed else "which anyone can write"
    return [f"Its metadata says: {says} ({weight})."]
