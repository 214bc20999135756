import json

import numpy as np
import pytest
from PIL import Image as Pillow

from retouch.errors import InvalidField, InvalidImage
from retouch.evaluation.cases.folder import read_folder, run_lengths
from retouch.evaluation.editing.settings import settings


def draw(path, size=(8, 8), mode="RGB", colour=128):
    Pillow.new(mode, size, colour if mode == "L" else (colour,) * 3).save(path)


@pytest.fixture
def folder(tmp_path):
    draw(tmp_path / "cat.png")
    draw(tmp_path / "mask.png", mode="L", colour=255)
    return tmp_path


def write(folder, rows):
    (folder / "mapping.json").write_text(json.dumps(rows))
    return folder


FULL = {
    "name": "one",
    "picture": "cat.png",
    "source": "a cat",
    "target": "a dog",
    "instruction": "turn it into a dog",
    "mask": "mask.png",
    "reference": "cat.png",
    "kind": "swap",
}


def test_a_whole_entry_becomes_a_case_that_every_setting_can_edit(folder):
    source = read_folder(write(folder, [FULL]))
    case = source.case("one")
    assert (case.source_prompt, case.target_prompt, case.kind) == ("a cat", "a dog", "swap")
    assert case.before.shape == (8, 8, 3)
    assert case.mask.all()
    lacking = [s.key for s in settings().values() if s.given != "target" and s.lacks(case)]
    assert lacking == []
    assert source.names(("swap",), 5) == ["one"]


def test_a_picture_with_an_instruction_is_enough(folder):
    case = read_folder(write(folder, [{"picture": "cat.png", "instruction": "make it red"}])).case(
        "entry-0001"
    )
    assert case.mask is None
    assert settings()["fill"].lacks(case) == "mask"
    assert settings()["sdedit"].lacks(case) == "target_prompt"
    assert not settings()["instruct"].lacks(case)


def test_csv_and_yaml_say_the_same_as_json(folder):
    (folder / "mapping.csv").write_text("picture,target,mask\ncat.png,a dog,mask.png\n")
    assert read_folder(folder).entries[0].target == "a dog"
    (folder / "mapping.csv").unlink()
    (folder / "mapping.yaml").write_text("- picture: cat.png\n  target: a dog\n")
    assert read_folder(folder).entries[0].picture == folder / "cat.png"


def test_pie_bench_is_read_as_published(folder):
    images = folder / "annotation_images"
    images.mkdir()
    draw(images / "0.png", (512, 512))
    entry = {
        "image_path": "0.png",
        "original_prompt": "a slanted [rusty] bicycle",
        "editing_prompt": "a slanted [new] bicycle",
        "editing_instruction": "make it new",
        "editing_type_id": "6",
        "blended_word": "bicycle bicycle",
        "mask": [0, 3, 512, 2],
    }
    (folder / "mapping_file.json").write_text(json.dumps({"000000000000": entry}))
    case = read_folder(folder).case("000000000000")
    assert case.target_prompt == "a slanted new bicycle"
    assert case.kind == "6"
    assert case.mask[0].sum() == 3
    assert case.mask[1].sum() == 2
    assert case.mask.sum() == 5


def test_run_lengths_stop_at_the_end():
    assert np.array_equal(run_lengths([2, 9], 2), [[0, 0], [1, 1]])


BAD = [
    ({**FULL, "picture": "dog.png"}, "one.picture: got 'dog.png'"),
    ({**FULL, "picture": ""}, "one.picture: got None"),
    ({**FULL, "mask": "none.png"}, "one.mask: got 'none.png'"),
    ({**FULL, "mask": [1, 2, 3]}, "one.mask: "),
    ({**FULL, "target": "", "instruction": ""}, "one.target: got 'nothing'"),
    ({**FULL, "prompt": "a dog"}, "one.prompt: got 'a dog'; allowed: picture, source, target"),
    ({**FULL, "target": ["a dog"]}, "one.target: "),
    ({**FULL, "name": "a/b"}, "a/b.name"),
    ("cat.png", "mapping.json: entry-0001"),
]


@pytest.mark.parametrize(("row", "message"), BAD, ids=[message for _, message in BAD])
def test_a_bad_entry_is_one_clear_error(folder, row, message):
    with pytest.raises(InvalidField) as caught:
        read_folder(write(folder, [row]))
    text = str(caught.value)
    assert message in text
    assert "Fix: " in text


def test_bad_folders_are_one_clear_error(tmp_path, folder):
    with pytest.raises(InvalidField, match="--folder"):
        read_folder(tmp_path / "nowhere")
    with pytest.raises(InvalidField, match=r"mapping\.json"):
        read_folder(folder)
    for text in ("{", "3", "[]"):
        (folder / "mapping.json").write_text(text)
        with pytest.raises(InvalidField, match=r"mapping\.json"):
            read_folder(folder)
    with pytest.raises(InvalidField, match="every name once"):
        read_folder(write(folder, [FULL, FULL]))


def test_a_mask_of_another_size_and_a_broken_picture_are_refused(folder):
    draw(folder / "mask.png", (4, 4), mode="L", colour=255)
    with pytest.raises(InvalidField, match=r"one\.mask: got '4x4'; allowed: 8x8"):
        read_folder(write(folder, [FULL])).case("one")
    (folder / "cat.png").write_bytes(b"no picture")
    with pytest.raises(InvalidImage, match=r"one\.picture"):
        read_folder(write(folder, [FULL])).case("one")
