"""From the library's report to ours. Files come from anywhere: nothing in them is taken on trust.

The report is JSON that a stranger may have shaped. Whatever has not the expected type reads as
absent, and text loses its control characters before anyone shows it on a terminal.
"""

from __future__ import annotations

from typing import Any, Final

from retouch_safety.content import Box
from retouch_safety.provenance import vocabulary as names
from retouch_safety.provenance.report import (
    ManifestReport,
    Problem,
    SignedBy,
    Status,
    Step,
    TrustedBy,
    UsedPicture,
)

# what is wrong with a certificate, not with what it signed
_CREDENTIAL: Final = ("signingCredential.", "timeStamp.", "claimSignature.outsideValidity")
_LONGEST: Final = 200
_MOST: Final = 1000


def manifests_of(store: dict[str, Any]) -> tuple[ManifestReport | None, list[ManifestReport]]:
    """Return the active manifest of a report, and those of its ingredients and of theirs.

    Others may lie in the same store, unchecked: nothing that is signed refers to them, and anyone
    can put them there. They are left out.
    """
    trusted_by = trust_of(store)
    manifests = _mapping(store.get("manifests"))
    active = _text(store.get("active_manifest"))
    read = {
        label: _manifest(label, _mapping(manifest), trusted_by if label == active else None)
        for label, manifest in list(manifests.items())[:_MOST]
    }
    reached: dict[str, ManifestReport] = {}
    waiting = [active]
    while waiting:
        label = waiting.pop(0)
        if label in read and label not in reached:
            reached[label] = read[label]
            waiting += [used.manifest for used in read[label].ingredients]
    return reached.pop(active, None), list(reached.values())


def problems_of(store: dict[str, Any]) -> tuple[Problem, ...]:
    """Return what failed in the active manifest, and in ingredients since they were used."""
    results = _mapping(store.get("validation_results"))
    found = _problems(_mapping(results.get("activeManifest")))
    for delta in _sequence(results.get("ingredientDeltas")):
        found += _problems(_mapping(_mapping(delta).get("validationDeltas")))
    return tuple(found)


def status_of(store: dict[str, Any]) -> Status:
    """Return the verdict on a file that has a manifest; whatever is not sure is a change."""
    state = store.get("validation_state")
    broken = [p for p in problems_of(store) if not p.code.startswith(_CREDENTIAL)]
    if broken or not _mapping(store.get("validation_results")).get("activeManifest"):
        return Status.TAMPERED
    if state == "Trusted":
        return Status.TRUSTED if trust_of(store) is not TrustedBy.NOBODY else Status.UNTRUSTED
    if state == "Valid" or any(p.code.startswith(_CREDENTIAL) for p in problems_of(store)):
        return Status.UNTRUSTED
    return Status.TAMPERED


def trust_of(store: dict[str, Any]) -> TrustedBy:
    """Return why the active manifest's signer counts."""
    results = _mapping(store.get("validation_results"))
    success = _sequence(_mapping(results.get("activeManifest")).get("success"))
    if not any(_mapping(s).get("code") == "signingCredential.trusted" for s in success):
        return TrustedBy.NOBODY
    ours = results.get("trustListUri") == "user_anchors"  # the list that c2pa_library fills
    return TrustedBy.INSTALLATION if ours else TrustedBy.ANCHOR


def _manifest(label: str, manifest: dict[str, Any], trusted: TrustedBy | None) -> ManifestReport:
    assertions = [_mapping(a) for a in _sequence(manifest.get("assertions"))]
    steps = [
        _step(_mapping(action))
        for assertion in assertions
        if _text(assertion.get("label")).startswith("c2pa.actions")
        for action in _sequence(_mapping(assertion.get("data")).get("actions"))
    ]
    generators = _sequence(manifest.get("claim_generator_info"))
    return ManifestReport(
        label=_text(label),
        title=_text(manifest.get("title")),
        generator=_software(generators[0] if generators else manifest.get("claim_generator")),
        signer=_signer(_mapping(manifest.get("signature_info")), trusted),
        steps=tuple(steps),
        records=_records(assertions),
        ingredients=tuple(_ingredient(_mapping(i)) for i in _sequence(manifest.get("ingredients"))),
    )


def _signer(info: dict[str, Any], trusted: TrustedBy | None) -> SignedBy:
    return SignedBy(
        name=_text(info.get("common_name")),
        organisation=_text(info.get("issuer")),
        serial=_text(info.get("cert_serial_number")),
        algorithm=_text(info.get("alg")),
        trusted_by=trusted or TrustedBy.NOT_JUDGED,
        time=_text(info.get("time")),
    )


def _step(action: dict[str, Any]) -> Step:
    parameters = _mapping(action.get("parameters"))
    regions = [
        box
        for change in _sequence(action.get("changes"))
        for region in _sequence(_mapping(change).get("region"))
        if (box := _box(_mapping(_mapping(region).get("shape")))) is not None
    ]
    return Step(
        action=_text(action.get("action")),
        operations=tuple(_text(o) for o in _sequence(parameters.get(names.OPERATIONS))),
        when=_text(action.get("when")),
        software=_software(action.get("softwareAgent")),
        source_type=_text(action.get("digitalSourceType")),
        regions=tuple(regions),
    )


def _box(shape: dict[str, Any]) -> Box | None:
    origin = _mapping(shape.get("origin"))
    values = (origin.get("x"), origin.get("y"), shape.get("width"), shape.get("height"))
    numbers = [v for v in values if isinstance(v, int | float) and abs(v) < 2**31]
    if shape.get("unit") != "pixel" or len(numbers) != len(values):
        return None
    return Box(*(round(number) for number in numbers))


def _records(assertions: list[dict[str, Any]]) -> tuple[str, ...]:
    found = []
    for assertion in assertions:
        label, data = _text(assertion.get("label")), _mapping(assertion.get("data"))
        if label.startswith(names.SOFT_BINDING) and data.get("alg") == names.TILEMARK:
            found += [_mapping(block).get("value") for block in _sequence(data.get("blocks"))]
        if label.startswith(names.MARKS):
            found += [_mapping(mark).get("record") for mark in _sequence(data.get("marks"))]
        if label.startswith(names.RECEIPT):
            found.append(data.get("record"))
    known = [text for text in found if isinstance(text, str) and names.record_of(text) is not None]
    return tuple(dict.fromkeys(known))


def _ingredient(ingredient: dict[str, Any]) -> UsedPicture:
    results = _mapping(_mapping(ingredient.get("validation_results")).get("activeManifest"))
    return UsedPicture(
        title=_text(ingredient.get("title")),
        relationship=_text(ingredient.get("relationship")),
        manifest=_text(ingredient.get("active_manifest")),
        description=_text(ingredient.get("description")),
        problems=tuple(_problems(results)),
    )


def _problems(results: dict[str, Any]) -> list[Problem]:
    failures = (_mapping(failure) for failure in _sequence(results.get("failure")))
    return [Problem(_text(f.get("code")), _text(f.get("explanation"))) for f in failures]


def _software(agent: object) -> str:
    if isinstance(agent, str):
        return _text(agent)
    fields = _mapping(agent)
    return f"{_text(fields.get('name'))} {_text(fields.get('version'))}".strip()


def _text(value: object) -> str:
    if not isinstance(value, str):
        return ""
    return "".join(c if c.isprintable() else "�" for c in value[:_LONGEST])


def _mapping(value: object) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _sequence(value: object) -> list[Any]:
    return value[:_MOST] if isinstance(value, list) else []
