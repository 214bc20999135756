"""The report: words, JSON, exit codes, and strangers' manifests."""

import json

import pytest

from retouch_safety.provenance import EXIT_CODES, Status, TrustedBy, verify
from retouch_safety.provenance.manifest_reading import manifests_of, problems_of, status_of


def test_words_explain_themselves(signed, trust):
    words = verify(signed["PNG"].data, trust).words()
    assert words.splitlines()[0] == "PNG: Intact: nothing has changed since it was signed."
    for part in (
        "Signed by Retouch local",
        "not who made it",
        "time not stamped by an authority",
        "- opened a picture, 2026-05-04T03:02:01Z",
        "- edited with sdedit (by a trained model) in 30x40 pixels at 10,20",
        "- watermarked",
        'Used "cat.png" (parentOf, without a manifest): SHA-256 of the file ',
        "Record 5a3c96e1.",
        "made or edited by a trained model (covered by the signature)",
    ):
        assert part in words


def test_json_says_the_same(signed, trust):
    report = verify(signed["PNG"].data, trust)
    fields = json.loads(report.to_json())
    assert fields["status"] == "TRUSTED" and fields["exit_code"] == 0
    assert fields["records"] == ["5a3c96e1"]
    assert fields["active"]["steps"][1]["regions"] == [[10, 20, 30, 40]]
    assert fields["active"]["signer"]["trusted_by"] == "INSTALLATION"
    assert report.to_json().isascii() and "\n" not in report.to_json()


def test_exit_codes_are_distinct_and_leave_room_for_failures():
    assert EXIT_CODES[Status.TRUSTED] == 0 and set(EXIT_CODES) == set(Status)
    assert len(set(EXIT_CODES.values())) == len(Status) and not {1, 2} & set(EXIT_CODES.values())


def store(state="Trusted", failure=(), active=True, **manifest):
    success = [{"code": "signingCredential.trusted"}] if state == "Trusted" else []
    results = {"success": success, "failure": [{"code": code} for code in failure]}
    checked = {"activeManifest": results, "trustListUri": "user_anchors"}
    return {
        "active_manifest": "m",
        "manifests": {"m": manifest},
        "validation_results": checked if active else {},
        "validation_state": state,
    }


@pytest.mark.parametrize(
    ("report", "status"),
    [
        (store(), Status.TRUSTED),
        (store("Valid", ["signingCredential.untrusted"]), Status.UNTRUSTED),
        (store("Invalid", ["signingCredential.expired"]), Status.UNTRUSTED),
        (store("Invalid", ["claimSignature.outsideValidity"]), Status.UNTRUSTED),
        (store("Invalid", ["assertion.dataHash.mismatch"]), Status.TAMPERED),
        (store("Trusted", ["assertion.dataHash.mismatch"]), Status.TAMPERED),
        (store("Trusted", ["something.new"]), Status.TAMPERED),
        (store("Invalid"), Status.TAMPERED),
        (store("Valid"), Status.UNTRUSTED),
        (store(None), Status.TAMPERED),
        (store("Something"), Status.TAMPERED),
        (store("Trusted", active=False), Status.TAMPERED),
        ({}, Status.TAMPERED),
        ({"validation_state": "Trusted"}, Status.TAMPERED),
        ({"validation_state": "Trusted", "validation_results": []}, Status.TAMPERED),
    ],
)
def test_whatever_is_not_sure_is_a_change(report, status):
    assert status_of(report) is status


def test_a_broken_ingredient_counts():
    report = store()
    deltas = {"validationDeltas": {"failure": [{"code": "assertion.hashedURI.mismatch"}]}}
    report["validation_results"]["ingredientDeltas"] = [deltas]
    assert status_of(report) is Status.TAMPERED
    assert [p.code for p in problems_of(report)] == ["assertion.hashedURI.mismatch"]


@pytest.mark.parametrize("odd", [None, 1, "text", [], {}, [None], [[1]], [{"a": 1}], {"data": 3}])
def test_any_shape_of_manifest_is_read(odd):
    fields = ("assertions", "ingredients", "claim_generator_info", "signature_info", "title")
    for field in fields:
        active, _ = manifests_of(store(**{field: odd}))
        assert active is not None and active.signer.trusted_by is TrustedBy.INSTALLATION
    actions = [{"label": "c2pa.actions.v2", "data": {"actions": odd}}]
    binding = [{"label": "c2pa.soft-binding", "data": {"alg": "org.retouch.tilemark.1"}}]
    binding[0]["data"]["blocks"] = odd
    for assertions in (actions, binding, [{"label": odd, "data": odd}]):
        manifests_of(store(assertions=assertions))
    step = {"action": odd, "when": odd, "parameters": odd, "changes": odd, "softwareAgent": odd}
    data = {"actions": [step]}
    active, _ = manifests_of(store(assertions=[{"label": "c2pa.actions", "data": data}]))
    assert len(active.steps) == 1
    manifests_of({"manifests": odd, "active_manifest": odd})


def test_only_manifests_that_something_signed_refers_to_are_shown():
    report = store(ingredients=[{"active_manifest": "a"}])
    report["manifests"]["a"] = {"title": "parent", "ingredients": [{"active_manifest": "b"}]}
    report["manifests"]["b"] = {"title": "grandparent", "ingredients": [{"active_manifest": "m"}]}
    report["manifests"]["x"] = {"title": "put there by anyone"}
    _, history = manifests_of(report)
    assert [manifest.title for manifest in history] == ["parent", "grandparent"]


def test_text_of_strangers_is_cleaned():
    title = "a\x1b[31mred\u202e" + "x" * 500
    active, _ = manifests_of(store(title=title, signature_info={"common_name": "me\nStatus: ok"}))
    assert active.title.startswith("a\ufffd[31mred\ufffd") and len(active.title) == 200
    assert "\n" not in active.signer.name


def test_regions_of_strangers():
    def region(**shape):
        changes = [{"region": [{"shape": {"unit": "pixel", "origin": {"x": 1, "y": 2}, **shape}}]}]
        data = {"actions": [{"action": "c2pa.edited", "changes": changes}]}
        active, _ = manifests_of(store(assertions=[{"label": "c2pa.actions", "data": data}]))
        return active.steps[0].regions

    assert region(width=3.0, height=4) == ((1, 2, 3, 4),)
    assert region(width=3) == region(width="3", height=4) == region(width=1e30, height=1) == ()
    assert region(width=float("nan"), height=1) == region(unit="percent", width=3, height=4) == ()
