from types import SimpleNamespace

import numpy as np
import pytest
import torch

from retouch.catalog import read_catalog
from retouch.errors import CannotCombine, InvalidField, ModelMissing
from retouch.imaging.image import Image
from retouch.models import records
from retouch.plan import make_plan
from retouch.request import EditRequest
from retouch_plugins.best_of import BestOf
from retouch_plugins.guidance import Guidance


def judged(similarity, prompt="a red cat"):
    """An edit whose CLIP model answers ``similarity``."""
    asked = []

    def rank(pictures, words):
        asked.append((pictures.shape, words))
        return torch.tensor(similarity)

    adapters = SimpleNamespace(clip=lambda name: SimpleNamespace(similarity=rank))
    given = SimpleNamespace(prompt=prompt)
    return SimpleNamespace(input=given, adapters=adapters, notes={}, asked=asked)


PICTURES = [torch.full((3, 8, 8), value) for value in (0.0, 0.5, 1.0)]


def test_it_asks_for_n_candidates():
    assert BestOf(n=3).candidates() == 3
    assert BestOf().candidates() == 4


def test_it_keeps_the_nearest_to_the_prompt():
    edit = judged([0.1, 0.3, 0.2])
    assert BestOf().choose(PICTURES, edit) == 1
    assert edit.asked == [((3, 3, 8, 8), "a red cat")]
    assert edit.notes["best_of.similarity"] == [0.1, 0.3, 0.2]


def test_the_others_follow_in_order():
    assert BestOf().rank(PICTURES, judged([0.2, 0.3, 0.2])) == [1, 0, 2]
    assert BestOf().rank(PICTURES, judged([float("nan"), -0.9, 0.1])) == [2, 1, 0]


def test_the_first_of_equals_and_never_what_cannot_be_ranked():
    assert BestOf().choose(PICTURES, judged([0.2, 0.2, 0.1])) == 0
    assert BestOf().choose(PICTURES, judged([float("nan"), -0.9, -1.0])) == 1


def test_it_agrees_with_clip(run, clip):
    """transformers' own CLIP ranks the same."""
    from transformers import CLIPModel

    random = torch.Generator().manual_seed(4)
    pictures = [torch.rand(3, 40, 32, generator=random) for _ in range(4)]
    operation = BestOf()
    run([Guidance(), operation], adapters=clip)
    weights = clip.clip(None)
    reference = CLIPModel.from_pretrained(str(weights.source), local_files_only=True).eval()
    ids = weights.tokenizer("a red cat", padding="max_length", return_tensors="pt").input_ids
    with torch.no_grad():
        pixels = weights.pixels(torch.stack(pictures))
        logits = reference(input_ids=ids, pixel_values=pixels).logits_per_image
    assert operation.choose(pictures, run.edit) == int(logits[:, 0].argmax())


def test_it_does_not_change_the_edit(run, clip):
    assert torch.equal(run([Guidance(), BestOf()], adapters=clip), run([Guidance()]))


def request(prompt="a red cat"):
    image = Image(np.zeros((64, 64, 3), np.uint8))
    return EditRequest(image=image, prompt=prompt, model="tiny", operations=(BestOf(),))


def test_without_a_clip_model_it_says_so_before_running(tiny_installed, tmp_path, monkeypatch):
    monkeypatch.setattr(records, "EMBEDDED", tmp_path)
    with pytest.raises(ModelMissing, match="retouch models add"):
        make_plan(request(), read_catalog())


def test_without_a_prompt_there_is_nothing_to_rank_by(tiny_installed):
    with pytest.raises(CannotCombine, match="empty prompt"):
        make_plan(request(prompt=" "), read_catalog())


@pytest.mark.parametrize(("field", "value"), [("n", 1), ("n", 17), ("n", 2.0), ("model", 1)])
def test_a_wrong_parameter_says_what_is_allowed(field, value):
    with pytest.raises(InvalidField) as caught:
        BestOf(**{field: value})
    assert caught.value.field == f"best_of.{field}"
    assert caught.value.value == value
    assert caught.value.allowed
    assert caught.value.fix
