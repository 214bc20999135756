"""The JavaScript kit answers as the Python one: recipes, forms, errors, progress."""

import copy

from asking_node import RECIPE, agree, ask, needs_node, said
from google.protobuf.json_format import MessageToDict

from retouch.errors import Blocked, InvalidField
from retouch.v1 import job_pb2
from retouch_bridge.gateway.refusals import Refused, packed, refusal
from retouch_bridge.plugin_kit import edit_events, failures, panel_form
from retouch_bridge.plugin_kit.choices import Choices, choices_of
from retouch_daemon.failures import blocked_of, failed_of


@needs_node
def test_recipes_and_replays_agree():
    wrong = (
        *({"recipe": 2}, {"steps": 999}, {"steps": "4"}, {"variants": 1.5}, {"feather": 0.5}),
        *({"working_size": [64, 0.5]}, {"working_size": ["64", 64]}, {"operations": {}}),
    )
    pairs = [
        (("recipe", [each]), said(lambda e=each: Choices.of_recipe(e).to_recipe()))
        for each in (RECIPE, {}, {"steps": None, "working_size": [64, 96]}, *wrong)
    ]
    effective = {
        "request": {
            "prompt": {"text": "a dog"},
            "operations": [
                {"ipAdapter": {"layers": "IP_ADAPTER_LAYERS_STYLE", "scale": 0.5}, "stop": 0.5},
                {"promptToPrompt": {"sourcePrompt": "a cat", "words": {"dog": 2}}},
                {
                    "custom": {
                        "name": "acme",
                        "parameters": {"a": 1},
                        "images": {"b": {"images": [{"sha256": "1"}]}},
                    }
                },
            ],
            "sampling": {"seeds": ["12"], "steps": 4},
            "canvas": {"workingSize": {"size": {"width": 64, "height": 128}}},
            "mask": {"featherPx": 3},
        }
    }
    pairs.append((("replay", [effective]), choices_of(effective).to_recipe()))
    agree(pairs)


@needs_node
def test_forms_agree(catalog):
    modes = panel_form.modes(catalog)
    shown = [
        {**mode._asdict(), "fields": [field._asdict() for field in mode.fields]} for mode in modes
    ]
    poorer = copy.deepcopy(catalog)
    poorer["models"] = poorer["models"][:1]
    pairs = [(("modes", [catalog]), shown)]
    missing = [mode["missing"] for mode in ask([("modes", [poorer])])[0]]
    assert missing == [mode.missing for mode in panel_form.modes(poorer)]
    for name, values, more in (
        ("fill", {"prompt": " a tree ", "feather": "3"}, {}),
        ("restyle", {"sdedit.strength": 0.5, "guidance.scale": 3, "seed": 12}, {"selected": True}),
        ("swap", {"prompt_to_prompt.source_prompt": "a", "prompt_to_prompt.words": "b: 1.5"}, {}),
        ("expand", {"expand.left": 9, "expand.overlap": 24}, {}),
        ("combine", {"sdedit.strength": 1, "ip_adapter.scale": 1}, {"operations": ["sdedit"]}),
        ("swap", {}, {}),
        ("combine", {}, {}),
        ("restyle", {"sdedit.strength": 1.5}, {}),
        ("control", {"t2i_adapter.kind": "smell"}, {}),
    ):
        mode = next(each for each in modes if each.name == name)
        pairs.append(
            (
                ("filled", [catalog, name, values, more]),
                said(lambda m=mode, v=values, o=more: _filled(m, v, o)),
            )
        )
    for words in ("operations[0].custom.parameters.blend_words: got 2", "prompt.text: got\n3", "x"):
        pairs.append((("sentence", [words]), panel_form.sentence(RuntimeError(words))))
    agree(pairs)


def _filled(mode, values, more):
    made = panel_form.choices(mode, values, **more)
    shown = {"recipe": made.to_recipe(), "mode": panel_form.mode_of(made)}
    return {**shown, "values": panel_form.values_of(made)}


@needs_node
def test_errors_agree_word_for_word():
    failed = failed_of(InvalidField("prompt.text", "x", "0 to 2000 characters", "shorten it"))
    blocked = blocked_of(Blocked("prompt", "explicit", "Say it otherwise.", clause="xyz"))
    problems = [
        Refused("invalid_argument", "said", (packed(failed),)),
        Refused("permission_denied", "said", (packed(blocked),)),
        Refused("resource_exhausted", "too much"),
        refusal("unauthenticated", "missing", "send it", field="authorization"),
    ]
    pairs = []
    for problem in problems:
        ours = failures.error_of_answer(problem.described(), problem.status)
        pairs.append((("errorOfAnswer", [problem.described(), problem.status]), _shown(ours)))
    for event in (
        job_pb2.JobEvent(failed=failed),
        job_pb2.JobEvent(blocked=blocked),
        job_pb2.JobEvent(cancelled=job_pb2.Cancelled(reason="replaced")),
    ):
        sent = MessageToDict(event)
        pairs.append((("errorOfEvent", [sent]), _shown(failures.error_of_event(sent))))
    agree(pairs)


def _shown(error):
    found = {"name": type(error).__name__, "message": str(error)}
    for theirs, ours in (
        *(("code", "code"), ("fieldPath", "field_path"), ("fix", "fix"), ("status", "status")),
        *(("retryable", "retryable"), ("retrySeconds", "retry_seconds"), ("reason", "reason")),
    ):
        if hasattr(error, ours):
            found[theirs] = getattr(error, ours)
    return found


@needs_node
def test_progress_agrees_and_never_falls():
    phases = [{"name": "encode", "steps": 1, "share": 0.1}, {"name": "denoise", "share": 0.9}]
    sent = [
        {"queued": {"position": 2}},
        {"queued": {}},
        {"phases": {"phases": phases}},
        {"progress": {"step": 1, "ofSteps": 1}},
        {"progress": {"phase": 1, "step": 3, "ofSteps": 4, "remaining": "1.5s"}},
        {"progress": {"phase": 1, "step": 1, "ofSteps": 4}},
        {"updated": {"paused": True}},
        {"warning": {}},
    ]
    bar = edit_events.ProgressBar()
    ours = [bar.take(event) for event in sent]
    shares = [each.share for each in ours if each is not None and each.share is not None]
    assert shares == sorted(shares) and shares[-1] < 1
    agree([(("progress", [sent]), [each._asdict() if each else None for each in ours])])
