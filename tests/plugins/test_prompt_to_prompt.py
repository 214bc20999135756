"""Prompt-to-Prompt: against the published algorithm, and what must hold for any network."""

import runpy
from dataclasses import replace
from functools import cache
from pathlib import Path

import pytest
import torch

from retouch.denoiser import AttentionPlace, NoiseLevel
from retouch.edit import Edit, EditInput
from retouch.engine.engine import Engine, Job
from retouch.engine.run import run_edit
from retouch.errors import CannotCombine, InvalidField
from retouch.models import attention
from retouch.models.model import Model
from retouch.testing.checkpoints import tiny_sd
from retouch_plugins import prompt_to_prompt
from retouch_plugins.guidance import Guidance
from retouch_plugins.instruct_pix2pix import InstructPix2Pix
from retouch_plugins.prompt_to_prompt import PromptToPrompt
from retouch_plugins.sdedit import SDEdit
from retouch_plugins.soft_mask import SoftMask

REFERENCE = runpy.run_path(str(Path(__file__).parents[1] / "reference/prompt_to_prompt.py"))
SOURCE = "a red cat on a green hill"
SWAPPED = "a red dog on a green hill"
REFINED = "a red fluffy cat on a green sunny hill"
#: Random networks amplify rounding: at scale 7.5 a plain edit beside another differs from itself
#: alone by up to 1.6e-3.
GUIDED = Guidance(scale=2.0)
LONG = "a red cat on a green hill " * 13


@cache
def model(**given):
    made = tiny_sd(**given)
    return Model(made, dtype=torch.float32, memory_format=torch.contiguous_format)


@cache
def published(**given):
    """The weights of ``model(**given)``, for the reference's own processors."""
    return tiny_sd(**given)


def start(operations, network=None, *, size=64, steps=4, **given):
    network = network or model()
    wanted = EditInput(
        **{"prompt": SOURCE, "size": (size, size), "steps": steps, "seed": 3} | given
    )
    return Job(run_edit(Edit(wanted, network, None), operations, lambda progress: None), network)


def finish(*jobs):
    """Run jobs together; their latents."""
    engine = Engine()
    for job in jobs:
        engine.submit(job)
    engine.run()
    for job in jobs:
        if job.error is not None:
            raise job.error
    return [job.result for job in jobs]


def run(operations, network=None, **given):
    return finish(start(operations, network, **given))[0]


def apart(one, other):
    return float((one - other).abs().max())


def picture_latents():
    return torch.randn(1, 4, 8, 8, generator=torch.Generator().manual_seed(9))


# --- the published algorithm ----------------------------------------------------------------------

PUBLISHED = {
    "replace": (SWAPPED, {}),
    "refine": (REFINED, {}),
    "reweight": (SOURCE, {"weights": {"red": 3.0, "hill": -1.0}}),
    "replace and reweight": (SWAPPED, {"weights": {"dog": 3.0}}),
    "refine and reweight": (REFINED, {"weights": {"fluffy": 3.0, "cat": 0.5}}),
    "later windows": (SWAPPED, {"cross": (0.25, 0.75), "own": (0.125, 0.5)}),
}


@pytest.mark.parametrize("name", PUBLISHED)
def test_latents_are_the_published_ones(name):
    target, settings = PUBLISHED[name]
    mode = name.split()[0] if name.startswith(("replace", "refine", "reweight")) else "replace"
    cross, own = settings.get("cross", (0.0, 0.8)), settings.get("own", (0.0, 0.5))
    operation = PromptToPrompt(
        source_prompt=SOURCE,
        mode=mode,
        words=settings.get("weights"),
        cross_start=cross[0],
        cross_stop=cross[1],
        self_start=own[0],
        self_stop=own[1],
    )
    network = model(deep=True)
    ours = run([Guidance(scale=7.5), operation], network, prompt=target, steps=8)
    noise = torch.randn(1, 4, 8, 8, generator=torch.Generator().manual_seed(3))
    reference = REFERENCE["prompt_to_prompt"](
        published(deep=True),
        [SOURCE, target],
        noise,
        mode=mode,
        steps=8,
        **{"own": (0.0, 0.5)} | settings,
    )
    plain = run([Guidance(scale=7.5)], network, prompt=target, steps=8)
    assert apart(ours, reference[1:]) < 1e-4
    assert apart(ours, plain) > 1


@pytest.mark.parametrize(
    ("mode", "target", "words", "blend"),
    [
        ("replace", SWAPPED, "dog", (["cat"], ["dog"])),
        ("refine", REFINED, "cat, hill", (["cat", "hill"], ["cat", "hill"])),
    ],
)
def test_local_blend_is_the_published_one(mode, target, words, blend):
    # 32x32 latents have the 16x16 maps that the published code reads.
    size, steps, threshold = 256, 4, 0.5
    operation = PromptToPrompt(
        source_prompt=SOURCE,
        mode=mode,
        cross_stop=0.5,
        self_stop=0.25,
        blend_words=words,
        blend_threshold=threshold,
        blend_start=0.0,
    )
    both = [Guidance(scale=7.5), operation]
    ours = run(both, prompt=target, size=size, steps=steps)
    reference = REFERENCE["prompt_to_prompt"](
        published(),
        [SOURCE, target],
        torch.randn(1, 4, 32, 32, generator=torch.Generator().manual_seed(3)),
        mode=mode,
        steps=steps,
        cross=(0.0, 0.5),
        own=(0.0, 0.25),
        blend=blend,
        threshold=threshold,
    )
    unblended = [Guidance(scale=7.5), replace(operation, blend_words=())]
    assert apart(ours, reference[1:]) < 1e-4
    assert apart(ours, run(unblended, prompt=target, size=size, steps=steps)) > 0.5
    changed = (ours - reference[:1]).abs().amax(1) > 1e-3
    assert 0.02 < changed.float().mean() < 0.98  # the rest is the source's


# --- properties -----------------------------------------------------------------------------------


def test_weights_of_one_are_no_weights():
    plain = PromptToPrompt(source_prompt=SOURCE)
    ones = PromptToPrompt(source_prompt=SOURCE, words=dict.fromkeys(SWAPPED.split(), 1.0))
    assert torch.equal(run([plain], prompt=SWAPPED), run([ones], prompt=SWAPPED))


@pytest.mark.parametrize("mode", ["auto", "replace", "refine"])
def test_equal_prompts_give_the_plain_edit(mode):
    both = [GUIDED, PromptToPrompt(source_prompt=SOURCE, mode=mode)]
    assert apart(run(both), run([GUIDED])) < 1e-4


def test_empty_windows_are_no_edit():
    off = PromptToPrompt(source_prompt=SOURCE, cross_stop=0.0, self_stop=0.0)
    assert apart(run([off], prompt=SWAPPED), run([], prompt=SWAPPED)) < 1e-4
    on = PromptToPrompt(source_prompt=SOURCE)
    assert apart(run([on], prompt=SWAPPED), run([], prompt=SWAPPED)) > 0.1


def test_auto_swaps_or_adds():
    for target, mode in ((SWAPPED, "replace"), (REFINED, "refine")):
        auto = PromptToPrompt(source_prompt=SOURCE)
        given = PromptToPrompt(source_prompt=SOURCE, mode=mode)
        assert torch.equal(run([auto], prompt=target), run([given], prompt=target))


def test_weights_as_text_and_as_numbers():
    text = PromptToPrompt(source_prompt=SOURCE, words="red:2;dog:0.5")
    numbers = PromptToPrompt(source_prompt=SOURCE, words={"red": 2.0, "dog": 0.5})
    assert text == numbers
    assert (
        apart(
            run([text], prompt=SWAPPED), run([PromptToPrompt(source_prompt=SOURCE)], prompt=SWAPPED)
        )
        > 0.1
    )


def test_batch_mates_change_nothing():
    def edits():
        operation = PromptToPrompt(source_prompt=SOURCE, blend_words=("dog",))
        yield start([GUIDED, operation], prompt=SWAPPED)
        yield start([GUIDED], prompt="a blue fish", seed=5)
        other = PromptToPrompt(source_prompt="a blue fish", words="bird:2")
        yield start([other], prompt="a blue bird", seed=6)

    alone = [finish(job)[0] for job in edits()]
    together = finish(*edits())
    assert max(map(apart, alone, together)) < 1e-4


def test_only_wanted_rows_and_layers_are_explicit(monkeypatch):
    """Counts rows that leave the fused kernel, by kind, size and number of calls."""
    seen = []
    original = prompt_to_prompt._Lanes.__call__

    def spy(self, probabilities, place, level):
        seen.append((place.kind, probabilities.shape[2], level.progress))
        assert probabilities.shape[0] == 2
        return original(self, probabilities, place, level)

    monkeypatch.setattr(prompt_to_prompt._Lanes, "__call__", spy)
    fused = []
    kernel = attention.choose_fused_attention("cpu")
    network = Model(tiny_sd(), dtype=torch.float32)
    for processor in network.checkpoint.unet.attn_processors.values():
        processor._fused = lambda q, k, v: fused.append(q.shape[0]) or kernel(q, k, v)
    operation = PromptToPrompt(source_prompt=SOURCE, cross_stop=0.5, self_stop=0.25)
    job = start([GUIDED, operation], network, prompt=SWAPPED, size=256)
    mate = start([], network, prompt=SWAPPED, size=256)
    finish(job, mate)
    places = network.attention_places
    cross = [entry for entry in seen if entry[0] == "cross"]
    own = [entry for entry in seen if entry[0] == "self"]
    assert len(cross) == sum(place.kind == "cross" for place in places) * 2
    assert {progress for _, _, progress in cross} == {0.0, 0.25}
    assert {progress for _, _, progress in own} == {0.0}
    assert {queries for _, queries, _ in own} == {16, 64, 256}  # never 32x32
    # Every layer of every step still sends all other rows to the fused kernel: 5 rows a forward.
    assert sum(fused) == 5 * 4 * len(places) - 2 * len(seen)


def test_large_pictures_keep_their_layout_at_the_same_depth():
    level = NoiseLevel(0.5, 0.8, 500.0, 0.0)
    place = AttentionPlace("self", "down", 0, 1, 0)
    for size, wanted in ((256, 256), (512, 256), (1024, 1024)):
        edit = Edit(EditInput(prompt=SWAPPED, size=(size, size)), model(), None)
        assert PromptToPrompt(source_prompt=SOURCE).prepare(edit) is None
        (coupling,) = edit.condition.attention
        assert coupling.wants(place, wanted, level)
        assert not coupling.wants(place, wanted * 4, level)


def test_prompts_of_several_windows():
    operation = PromptToPrompt(source_prompt=LONG + "at night")
    both = [GUIDED, operation]
    found = run(both, prompt=LONG + "at noon", negative_prompt="dog")
    assert found.isfinite().all()
    assert apart(found, run([GUIDED], prompt=LONG + "at noon")) > 0.1
    same = [GUIDED, PromptToPrompt(source_prompt=LONG)]
    assert apart(run(same, prompt=LONG), run([GUIDED], prompt=LONG)) < 1e-4


def test_a_long_negative_prompt_gives_both_lanes_its_windows():
    same = [GUIDED, PromptToPrompt(source_prompt=SOURCE)]
    plain = run([GUIDED], negative_prompt=LONG)
    assert apart(run(same, negative_prompt=LONG), plain) < 1e-4


def test_a_long_source_prompt_keeps_all_branches_in_one_forward():
    edit = Edit(EditInput(prompt="a cat", size=(64, 64)), model(), None)
    PromptToPrompt(source_prompt=LONG, mode="refine").prepare(edit)
    condition = edit.condition
    for drop in edit.deltas["prompt"].drops:
        condition = drop(condition)
    assert condition.text.shape[1] == edit.condition.text.shape[1] == 2 * 77
    assert condition.attention == ()


@pytest.mark.parametrize("family", ["sd2", "sdxl"])
def test_other_families(family):
    prediction = "v_prediction" if family == "sd2" else "epsilon"
    network = model(family=family, prediction_type=prediction)
    operation = PromptToPrompt(source_prompt=SOURCE, words="dog:2", blend_words="dog")
    swapped = run([GUIDED, operation], network, prompt=SWAPPED)
    plain = run([GUIDED], network, prompt=SWAPPED)
    assert apart(swapped, plain) > 0.01
    same = [GUIDED, PromptToPrompt(source_prompt=SWAPPED)]
    assert apart(run(same, network, prompt=SWAPPED), plain) < 1e-4


def test_with_instruct_pix2pix_six_rows_share_a_forward(monkeypatch):
    network = model(in_channels=8)
    rows = []
    forward = network.forward
    monkeypatch.setattr(
        network, "forward", lambda es: rows.append(sum(e.x.shape[0] for e in es)) or forward(es)
    )
    picture = torch.rand(1, 3, 64, 64, generator=torch.Generator().manual_seed(1)) * 2 - 1
    operation = PromptToPrompt(source_prompt=SOURCE, invert=False)
    instruct = [Guidance(), InstructPix2Pix()]
    found = run([*instruct, operation], network, prompt=SWAPPED, picture=picture)
    assert rows == [6] * 4
    assert apart(found, run(instruct, network, prompt=SWAPPED, picture=picture)) > 0.01
    # The order of the list changes nothing, inversion included.
    on_picture = replace(operation, invert=True)
    one = run([on_picture, *instruct], network, prompt=SWAPPED, picture=picture)
    other = run([*instruct, on_picture], network, prompt=SWAPPED, picture=picture)
    assert torch.equal(one, other)
    assert apart(one, found) > 0.01


def test_blend_words_in_one_prompt_only():
    added = PromptToPrompt(source_prompt=SOURCE, blend_words=("fluffy",), blend_start=0.0)
    found = run([added], prompt=REFINED)
    assert found.isfinite().all()
    assert apart(found, run([replace(added, blend_words=())], prompt=REFINED)) > 0.01


def test_blending_starts_late():
    never = PromptToPrompt(source_prompt=SOURCE, blend_words=("dog",), blend_start=1.0)
    without = PromptToPrompt(source_prompt=SOURCE)
    assert apart(run([never], prompt=SWAPPED), run([without], prompt=SWAPPED)) < 1e-4


def test_repeats_forget_the_maps_of_the_run_before():
    operation = PromptToPrompt(source_prompt=SOURCE, blend_words=("dog",), invert=False)
    given = {"prompt": SWAPPED, "latents": picture_latents()}
    once = run([SDEdit(strength=0.5), operation], **given)
    again = run([SDEdit(strength=0.5, repeats=2), operation], **given)
    assert again.isfinite().all()
    assert apart(once, again) > 0.01


# --- a real picture -------------------------------------------------------------------------------


@pytest.mark.parametrize("strength", [1.0, 0.5])
@pytest.mark.parametrize("prediction", ["epsilon", "v_prediction"])
def test_equal_prompts_return_the_picture(strength, prediction):
    source = picture_latents()
    operations = [
        Guidance(scale=7.5),
        SDEdit(strength=strength),
        PromptToPrompt(source_prompt=SOURCE),
    ]
    network = model(prediction_type=prediction)
    assert apart(run(operations, network, latents=source), source) < 1e-4
    changed = run(operations, network, latents=source, prompt=SWAPPED)
    assert apart(changed, source) > 0.05


def test_the_source_lane_is_pinned(monkeypatch):
    lanes = []
    original = PromptToPrompt.project

    def spy(self, x, level, edit):
        found = original(self, x, level, edit)
        (coupling,) = edit.condition.attention
        lanes.append(apart(found[0], coupling.trajectory[level][0]))
        return found

    monkeypatch.setattr(PromptToPrompt, "project", spy)
    both = [GUIDED, PromptToPrompt(source_prompt=SOURCE)]
    run(both, latents=picture_latents(), prompt="a blue fish in the sea")
    assert len(lanes) == 5
    assert max(lanes) < 1e-5


def test_strength_0_returns_the_picture():
    operations = [SDEdit(strength=0.0), PromptToPrompt(source_prompt=SOURCE)]
    found = run(operations, prompt=SWAPPED, latents=picture_latents())
    assert torch.equal(found, picture_latents())


def test_the_mask_still_holds():
    mask = torch.zeros(1, 1, 64, 64)
    mask[..., :32] = 1
    picture = torch.rand(1, 3, 64, 64, generator=torch.Generator().manual_seed(1)) * 2 - 1
    operations = [PromptToPrompt(source_prompt=SOURCE), SoftMask()]
    found = run(operations, prompt=SWAPPED, picture=picture, latents=picture_latents(), mask=mask)
    assert torch.equal(found[..., 4:], picture_latents()[..., 4:])
    assert apart(found[..., :4], picture_latents()[..., :4]) > 0.05
    same = run(operations, picture=picture, latents=picture_latents(), mask=mask)
    assert apart(same, picture_latents()) < 1e-4


def test_inversion_is_off_without_a_picture_or_when_told():
    generated = run([PromptToPrompt(source_prompt=SOURCE)], prompt=SWAPPED)
    told = PromptToPrompt(source_prompt=SOURCE, invert=False)
    assert torch.equal(run([told], prompt=SWAPPED, latents=picture_latents()), generated)


# --- what is refused ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("given", "field", "fix"),
    [
        ({}, "source_prompt", "describe it"),
        ({"source_prompt": "  "}, "source_prompt", "describe it"),
        ({"source_prompt": SOURCE, "mode": "swap"}, "mode", "replace"),
        ({"source_prompt": SOURCE, "mode": "reweight"}, "words", "give words"),
        ({"source_prompt": SOURCE, "words": "red"}, "words", "red:2"),
        ({"source_prompt": SOURCE, "words": "red:big"}, "words", "red:2"),
        ({"source_prompt": SOURCE, "words": {"red": 11.0}}, "words[red]", "[-10, 10]"),
        ({"source_prompt": SOURCE, "cross_stop": 1.5}, "cross_stop", "[0, 1]"),
        ({"source_prompt": SOURCE, "blend_words": ("cat", 1)}, "blend_words", "tuple of str"),
    ],
)
def test_bad_parameters(given, field, fix):
    with pytest.raises(InvalidField) as refused:
        PromptToPrompt(**given)
    assert refused.value.field == f"prompt_to_prompt.{field}"
    assert fix in str(refused.value)


@pytest.mark.parametrize(
    ("settings", "target", "field", "said"),
    [
        ({"mode": "replace"}, REFINED, "source_prompt", "mode=refine"),
        ({"words": "bird:2"}, SWAPPED, "words", "a, red, dog, on, green, hill"),
        ({"blend_words": "dog,cat"}, SWAPPED, "blend_words", "'cat'"),
    ],
)
def test_words_that_do_not_fit_the_prompts(settings, target, field, said):
    with pytest.raises(InvalidField) as refused:
        run([PromptToPrompt(source_prompt=SOURCE, **settings)], prompt=target)
    assert refused.value.field == f"prompt_to_prompt.{field}"
    assert said in str(refused.value)


@pytest.mark.parametrize(
    ("others", "given", "fix"),
    [
        ([], {"sampler": "euler"}, "ddim"),
        ([SDEdit(strength=0.5, repeats=2)], {}, "repeats to 1"),
        ([], {"latents": None}, "picture"),
    ],
)
def test_what_inversion_does_not_go_with(others, given, fix):
    operation = PromptToPrompt(source_prompt=SOURCE, invert=True)
    with pytest.raises(CannotCombine, match=fix):
        run([*others, operation], **{"latents": picture_latents()} | given)


def test_the_plan_knows_its_price():
    operation = PromptToPrompt(source_prompt=SOURCE)
    assert (operation.lanes(), operation.extra_calls(20)) == (2, 20)
    assert replace(operation, invert=False).extra_calls(20) == 0
