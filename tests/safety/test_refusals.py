"""What the gate says when it refuses, what its policy covers, and what its log holds."""

import numpy as np
import pytest

from retouch.errors import Blocked
from retouch.imaging.image import Image
from retouch.models.library import Library
from retouch.request import EditRequest
from retouch.runner import Runner
from retouch_plugins.sdedit import SDEdit
from retouch_safety import InputPicture, Job, PromptFields, Refused, Sealed
from retouch_safety.prompts import Objection
from retouch_safety.prompts.policy import policy_digest


class Fixed:
    """A detector with a fixed answer."""

    name, category = "fixed 1", "a test category"

    def __init__(self, answer):
        self.answer = answer

    def score(self, rgb, region):
        return {"whole": self.answer}

    def self_test(self):
        pass


class Objecting:
    """A rule that objects to one word."""

    name = "objecting 1"

    def objections(self, field, text, readings):
        if "walrus" in text:
            yield Objection("a test category", "a walrus", 0.75, 0.5, "Choose another animal.")


def picture(side):
    ramp = np.linspace(0, 255, side * side * 3).reshape(side, side, 3)
    return ramp.astype(np.uint8)


# --- the policy, and what a refusal says -------------------------------------------------------


def test_the_policy_names_the_profile_and_everything_that_decides(gate, gate_with, release):
    policies = [
        gate.policy,
        gate_with(profile="strict").policy,
        gate_with(profile="medical-art").policy,
        gate_with([Fixed(0.0)]).policy,
        gate_with((), [Objecting()]).policy,
    ]
    assert len(set(policies)) == 5 and gate_with().policy == gate.policy
    assert [policy.partition(":")[0] for policy in policies[:3]] == [
        "standard",
        "strict",
        "medical-art",
    ]
    assert release(Sealed.composite(picture(8))).receipt.policy == gate.policy
    digests = {policy_digest(name) for name in ("standard", "strict", "medical-art")}
    assert len(digests) == 3
    with pytest.raises(ValueError, match="allowed: strict"):
        policy_digest("off")


def test_the_score_and_the_threshold_are_told(gate_with, release, astronaut):
    sealed = [Sealed.composite(astronaut[:96, 64:160]) for _ in range(2)]
    with pytest.raises(Refused) as caught:
        release(sealed[0], gate_with([Fixed(0.4)], profile="strict"))
    error = caught.value
    assert (error.category, error.score, error.threshold) == ("a test category", 0.4, 0.3)
    assert (error.stage, error.field, error.clause) == ("detector", "", "")
    assert release(sealed[1], gate_with([Fixed(0.4)]))


def run(gate, **fields):
    fields = {"operations": (SDEdit(strength=0.0),), "image": Image(picture(16))} | fields
    return Runner(Library(), gate).run(EditRequest(**fields))


def test_a_refused_prompt_names_field_clause_score_and_threshold(gate_with):
    gate = gate_with((), [Objecting()])
    texts = PromptFields(prompt="a cat", negative_prompt="a walrus")
    with pytest.raises(Refused) as caught:
        gate.admit(Job(texts=texts))
    told = caught.value
    assert (told.stage, told.field, told.clause) == ("prompt", "negative_prompt", "a walrus")
    assert (told.score, told.threshold, told.advice) == (0.75, 0.5, "Choose another animal.")
    for part in ("negative_prompt", "a walrus", "0.750", "0.500", "Choose another animal."):
        assert part in str(told)
    with pytest.raises(Blocked) as blocked:
        run(gate, prompt="a walrus")
    told = blocked.value
    assert (told.stage, told.field, told.clause) == ("prompt", "prompt", "a walrus")
    assert (told.score, told.threshold) == (0.75, 0.5)


def test_a_refused_input_names_its_field(gate_with):
    gate = gate_with([Fixed(0.8)])
    pictures = {"operations[0].ip_adapter.images[1]": InputPicture(picture(16))}
    with pytest.raises(Refused) as caught:
        gate.admit(Job(pictures=pictures))
    told = caught.value
    assert (told.stage, told.field) == ("input", "operations[0].ip_adapter.images[1]")
    assert (told.score, told.threshold, told.category) == (0.8, 0.5, "a test category")
    with pytest.raises(Blocked) as blocked:
        run(gate)
    assert (blocked.value.stage, blocked.value.field) == ("input", "image")
    assert (blocked.value.score, blocked.value.threshold) == (0.8, 0.5)


def test_a_check_that_broke_has_no_score(gate_with):
    gate = gate_with([Fixed("high")])
    with pytest.raises(Blocked) as blocked:
        run(gate)
    told = blocked.value
    assert (told.category, told.score, told.threshold) == ("failed", None, None)
    assert "retouch doctor" in told.advice


# --- what the log holds ------------------------------------------------------------------------


def test_the_log_holds_no_text_of_any_prompt(gate_with, release):
    gate = gate_with((), [Objecting()])
    texts = PromptFields(
        prompt="quokkas juggling tangerines",
        negative_prompt="blurriness",
        region_prompts=("zeppelin",),
        source_prompt="marmoset",
        target_prompt="capybara",
        instruction="lacquer everything",
        operation_texts={"operations[0].words.text": "umbrellas"},
        word_weights={"tangerines": 1.5, "pomegranate": -1.0, "kumquat": 0.0},
        adapters=("rosewood-style",),
        loras=("dragonfly",),
        tokens=("<gooseberry>",),
    )
    admission = gate.admit(Job(texts=texts))
    gate.release(Sealed.composite(picture(8)), admission)
    with pytest.raises(Refused):
        gate.admit(Job(texts=PromptFields(prompt="a walrus", word_weights={"walrus": 2.0})))
    raw = b"".join(
        path.read_bytes().lower()
        for path in (gate.installation.folder / "audit").iterdir()
        if path.name != "audit.key"
    )
    words = (
        "quokkas juggling tangerines blurriness zeppelin marmoset capybara lacquer everything "
        "umbrellas pomegranate kumquat rosewood dragonfly gooseberry walrus"
    )
    for word in words.split():
        assert word.encode() not in raw, word
    last = gate.installation.audit.tail(2)
    assert [record.event for record in last] == ["released", "refused"]
    digest = gate.installation.audit.prompt_digest("zeppelin")
    assert digest in last[0].fields["prompts"].values()  # who knows it can find it
    kinds = {name.split(" ", 1)[1] for name in last[0].fields["prompts"]}
    assert {"prompt", "word_weights", "adapters", "region_prompts"} <= kinds


def test_the_self_test_names_every_part(gate_with):
    class Broken(Fixed):
        name = "broken 1"

        def self_test(self):
            raise RuntimeError("no weights")

    results = {one.name: one for one in gate_with([Fixed(0.0), Broken(0.0)]).self_test()}
    assert not results["detector broken 1"].works
    assert "no weights" in results["detector broken 1"].detail
    others = {name: one for name, one in results.items() if "broken" not in name}
    assert all(one.works for one in others.values()), others
    assert {"detector fixed 1", "watermark TileMark", "prompt filter"} <= set(others)
    assert any("opennsfw" in name for name in others)
