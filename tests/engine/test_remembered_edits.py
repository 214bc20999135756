"""A second edit of the same picture asks its networks less and gives the same bits."""

import copy
import dataclasses

import numpy as np
import pytest
import torch

from retouch.edit import Edit, EditInput
from retouch.engine.engine import Engine, Job
from retouch.engine.run import run_edit
from retouch.imaging.image import Image
from retouch.models.adapters import load_ip_adapter, load_t2i_adapter
from retouch.models.content_cache import ContentCache
from retouch.models.model import Model
from retouch.testing.adapters import tiny_t2i_adapter, write_ip_adapter, write_t2i_adapter
from retouch.testing.checkpoints import tiny_sd
from retouch_plugins.guidance import Guidance
from retouch_plugins.instruct_pix2pix import InstructPix2Pix
from retouch_plugins.ip_adapter import IPAdapter
from retouch_plugins.prompt_to_prompt import PromptToPrompt
from retouch_plugins.sdedit import SDEdit
from retouch_plugins.t2i_adapter import T2IAdapter

STEPS = 3
REFERENCE = Image(np.random.default_rng(5).integers(0, 256, (32, 32, 3), np.uint8))
WORDS = PromptToPrompt(source_prompt="a blue dog")
#: name -> operations, kinds that are remembered of it
CASES = {
    "sdedit": ([SDEdit(strength=1.0)], {"prompt", "latents"}),
    "instruct": ([InstructPix2Pix()], {"prompt", "latents"}),
    "references": ([IPAdapter(images=(REFERENCE,))], {"prompt", "image_tokens"}),
    "control": ([T2IAdapter(kind="canny")], {"prompt", "control_features"}),
    "words": ([WORDS], {"prompt", "latents", "inversion"}),
}


@pytest.fixture(scope="module")
def checkpoints():
    """Weights as if they had been read from files."""
    return {n: dataclasses.replace(tiny_sd(in_channels=n), sha256=f"{n}" * 64) for n in (4, 8)}


@pytest.fixture(scope="module")
def adapters(checkpoints, tmp_path_factory):
    folder, plain = tmp_path_factory.mktemp("adapters"), checkpoints[4]
    shown = load_ip_adapter(write_ip_adapter(plain, folder / "base", "base"))
    drawn = load_t2i_adapter(write_t2i_adapter(tiny_t2i_adapter(plain, 1), folder / "canny"))

    class Beside:
        def ip_adapter(self, name, model):
            return shown

        def t2i_adapter(self, name, kind, model):
            return drawn

    return Beside()


@pytest.fixture
def edit(checkpoints, adapters):
    """``edit(operations, contents, ...)``: latents, rows of every forward, progress."""

    def edit(operations, contents, picture_seed=7, channels=4, model=None, **given):
        model = model or Model(checkpoints[channels], dtype=torch.float32, contents=contents)
        picture = torch.rand(1, 3, 64, 64, generator=torch.Generator().manual_seed(picture_seed))
        wanted = {"prompt": "a red cat", "size": (64, 64), "steps": STEPS, "seed": 3}
        asked = EditInput(**(wanted | {"picture": picture * 2 - 1} | given))
        engine, seen, rows = Engine(), [], []
        flow = run_edit(Edit(asked, model, adapters), [*operations, Guidance()], seen.append)
        job = engine.submit(Job(flow, model))
        while engine.active:
            rows.append(engine.tick().rows)
        if job.error:
            raise job.error
        return job.result, rows, seen

    return edit


@pytest.mark.parametrize("name", CASES)
def test_what_is_remembered_is_what_would_be_made(edit, name):
    operations, kinds = CASES[name]
    channels = 8 if name == "instruct" else 4
    plain, asked, _ = edit(operations, ContentCache(0), channels=channels)
    contents = ContentCache()
    first, _, _ = edit(operations, contents, channels=channels)
    assert contents.counts().hits == {} and set(contents.counts().misses) == kinds
    second, again, _ = edit(operations, contents, channels=channels)
    assert set(contents.counts().hits) == kinds
    assert contents.counts().misses.keys() == kinds
    assert torch.equal(plain, first) and torch.equal(plain, second)
    assert asked[-STEPS:] == again, "only the calls of the sampler are left"
    other, _, _ = edit(operations, contents, channels=channels, seed=4)
    assert torch.equal(other, edit(operations, ContentCache(0), channels=channels, seed=4)[0])
    assert torch.equal(other, plain) == (name == "words"), "an inverted picture has its own noise"


def test_a_second_change_of_words_needs_no_second_inversion_and_counts_honestly(edit):
    contents = ContentCache()
    _, rows, seen = edit([WORDS], contents)
    assert len(rows) == 2 * STEPS
    assert [(p.done, p.total) for p in seen] == [(n + 1, 2 * STEPS) for n in range(2 * STEPS)]
    assert [p.x0 is None for p in seen] == [True] * STEPS + [False] * STEPS
    _, rows, seen = edit([WORDS], contents, prompt="a blue cat")
    assert len(rows) == STEPS and contents.counts().hits["inversion"] == 1
    assert [(p.done, p.total) for p in seen] == [(n + 1, STEPS) for n in range(STEPS)]


@pytest.mark.parametrize(
    "other",
    [
        {"picture_seed": 8},
        {"steps": STEPS + 1},
        {"exact": True},
        {"operations": [PromptToPrompt(source_prompt="a blue cow")]},
        {"operations": [SDEdit(strength=0.7), WORDS]},
    ],
    ids=lambda other: next(iter(other)),
)
def test_another_inversion_is_not_taken_for_this_one(edit, other):
    contents = ContentCache()
    edit([WORDS], contents)
    given = {"operations": [WORDS]} | other
    made, _, _ = edit(contents=contents, **given)
    assert "inversion" not in contents.counts().hits
    assert torch.equal(made, edit(contents=ContentCache(0), **given)[0])


def test_exact_edits_share_inversions_among_themselves(edit):
    contents = ContentCache()
    first = edit([WORDS], contents, exact=True)[0]
    assert torch.equal(edit([WORDS], contents, exact=True)[0], first)
    assert contents.counts().hits["inversion"] == 1


def test_models_that_differ_share_nothing(edit, checkpoints):
    contents = ContentCache()
    edit([SDEdit()], contents)
    known, plain = checkpoints[4], {"dtype": torch.float32}
    others = [
        (known, plain | {"memory_format": torch.contiguous_format}),
        (dataclasses.replace(known, sha256="other"), plain),
        (dataclasses.replace(known, sha256=""), plain),
        (dataclasses.replace(known, sha256=""), plain),
        (copy.deepcopy(known), {"dtype": torch.bfloat16}),
    ]
    for checkpoint, given in others:
        edit([SDEdit()], contents, model=Model(checkpoint, contents=contents, **given))
    assert contents.counts().hits == {}


def test_a_cancelled_inversion_is_not_kept(edit, checkpoints):
    contents = ContentCache()
    model = Model(checkpoints[4], dtype=torch.float32, contents=contents)
    given = EditInput(
        prompt="a red cat", size=(64, 64), steps=STEPS, picture=torch.zeros(1, 3, 64, 64)
    )
    engine = Engine()
    flow = run_edit(Edit(given, model, None), [WORDS, Guidance()], lambda state: None)
    job = engine.submit(Job(flow, model))
    engine.tick()
    engine.cancel(job)
    edit([WORDS], contents, model=model, picture=given.picture)
    assert "inversion" not in contents.counts().hits
