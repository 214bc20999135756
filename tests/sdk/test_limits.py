"""What a request can make big, or break for others."""

import json
import shutil
import zlib

import numpy as np
import pytest
import torch

from retouch.catalog import read_catalog
from retouch.errors import CannotCombine, InvalidField, InvalidImage, ModelMissing
from retouch.imaging.decode import read_image
from retouch.imaging.image import Image
from retouch.models import records
from retouch.models.clip_pixels import ClipPixels
from retouch.plan import make_plan
from retouch.request import EditRequest
from retouch_plugins.best_of import BestOf
from retouch_plugins.ip_adapter import IPAdapter
from retouch_plugins.prompt_to_prompt import PromptToPrompt
from retouch_plugins.sdedit import SDEdit


def plan(*operations, **fields):
    image = Image(np.zeros((64, 64, 3), np.uint8))
    settings = {"prompt": "a cat", "model": "tiny", "steps": 4} | fields
    return make_plan(EditRequest(image=image, operations=operations, **settings), read_catalog())


def test_the_price_of_a_request_is_limited(tiny_installed):
    with pytest.raises(InvalidField, match="row-steps"):
        plan(SDEdit(strength=1.0, repeats=10), BestOf(n=16), variants=16, steps=250)


@pytest.mark.parametrize(
    ("make", "field"),
    [
        (lambda: PromptToPrompt(source_prompt="x" * 5000), "prompt_to_prompt.source_prompt"),
        (lambda: SDEdit(repeats=10**400), "sdedit.repeats"),
        (lambda: PromptToPrompt(source_prompt="a", blend_words=("w",) * 99), "blend_words"),
    ],
)
def test_texts_numbers_and_lists_are_limited(make, field):
    with pytest.raises(InvalidField) as caught:
        make()
    assert field in caught.value.field


def test_a_prompt_must_be_text():
    with pytest.raises(InvalidField, match="prompt"):
        EditRequest(image=Image(np.zeros((8, 8, 3), np.uint8)), prompt=None)


def test_a_broken_model_does_not_block_the_others(tiny_installed, tiny_folder, tmp_path):
    broken = tmp_path / "broken"
    shutil.copytree(tiny_folder, broken)
    records.write_record(
        records.ModelRecord("broken", "checkpoint", broken, family="sd1", in_channels=8)
    )
    shutil.rmtree(broken / "unet")
    try:
        assert plan(SDEdit()).model.name == "tiny"
        with pytest.raises(CannotCombine):
            from retouch_plugins.instruct_pix2pix import InstructPix2Pix

            plan(InstructPix2Pix())
    finally:
        records.delete_record("broken")


def test_what_cannot_work_is_refused_by_the_plan(tiny_installed, monkeypatch, tmp_path):
    described = PromptToPrompt(source_prompt="a dog")
    with pytest.raises(CannotCombine, match="euler"):
        plan(described, sampler="euler")
    with pytest.raises(CannotCombine, match="repeats"):
        plan(described, SDEdit(repeats=2))
    monkeypatch.setattr(records, "EMBEDDED", tmp_path)
    with pytest.raises(ModelMissing, match="ip_adapter"):
        plan(IPAdapter(images=(Image(np.zeros((8, 8, 3), np.uint8)),)))


def test_a_line_of_pixels_as_reference_takes_no_gigabytes():
    assert ClipPixels(32)(torch.rand(1, 3, 1, 60000)).shape == (1, 3, 32, 32)


def chunk(kind, data):
    body = kind + data
    return len(data).to_bytes(4, "big") + body + zlib.crc32(body).to_bytes(4, "big")


def header(side):
    return chunk(b"IHDR", side.to_bytes(4, "big") * 2 + bytes([8, 2, 0, 0, 0]))


def test_a_second_larger_size_in_one_file_is_refused():
    data = chunk(b"IDAT", zlib.compress(bytes(1000))) + chunk(b"IEND", b"")
    with pytest.raises(InvalidImage):
        read_image(b"\x89PNG\r\n\x1a\n" + header(8) + header(9000) + data)


def test_lanes_share_step_noise_in_every_repeat(tiny_installed):
    from retouch.edit import Edit, EditInput, Start
    from retouch.engine.engine import Engine, Job
    from retouch.engine.run import run_edit
    from retouch.models.model import Model
    from retouch.operation import Operation, Stage
    from retouch.testing.checkpoints import tiny_sd

    class TwoLanes(Operation):
        name, stage, summary, source = "two_lanes", Stage.CONDITION, "", ""

        def prepare(self, edit):
            edit.lanes = 2
            edit.start = Start(strength=1.0, from_source=True, repeats=3)

        def project(self, x, level, edit):
            apart.append(float((x[0] - x[1]).abs().max()))
            return x

    apart = []
    model = Model(tiny_sd(), dtype=torch.float32)
    given = EditInput(
        "a cat", (32, 32), steps=3, sampler="euler_ancestral", latents=torch.zeros(1, 4, 4, 4)
    )
    engine = Engine()
    job = engine.submit(Job(run_edit(Edit(given, model, None), [TwoLanes()], print), model))
    engine.run()
    assert job.error is None
    assert len(apart) > 9
    assert max(apart) < 1e-3


def test_records_are_json(tiny_installed):
    (record,) = records.records_folder().glob("*.json")
    assert json.loads(record.read_text())["name"] == "tiny"
