"""Jobs: what the gate is told, its limits, and that it is the gate's own copy."""

import numpy as np
import pytest

from retouch_safety import InputPicture, InvalidContent, InvalidInput, Job, PromptFields

PIXELS = np.arange(4 * 4 * 3, dtype=np.uint8).reshape(4, 4, 3)


def test_a_job_of_nothing_has_an_id_of_its_own():
    first, other = Job(), Job()
    assert first.id != other.id and len(first.id) == 16
    assert (first.operations, first.model_name, first.document) == (("edit",), "", None)


def test_the_document_is_the_picture_called_image():
    document = InputPicture(PIXELS)
    assert Job(pictures={"style": InputPicture(PIXELS), "image": document}).document is document


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"id": "a b"}, "job.id"),
        ({"id": "x" * 65}, "job.id"),
        ({"id": "é"}, "job.id"),
        ({"id": "a\n"}, "job.id"),
        ({"operations": ()}, "job.operations"),
        ({"operations": ("x",) * 65}, "job.operations"),
        ({"operations": ("a cat in the snow",)}, "job.operations"),
        ({"operations": ("",)}, "job.operations"),
        ({"operations": ("x" * 81,)}, "job.operations"),
        ({"pictures": {str(n): InputPicture(PIXELS) for n in range(257)}}, "job.pictures"),
    ],
)
def test_what_the_records_cannot_hold_is_refused(fields, field):
    with pytest.raises(InvalidInput, match=r"allowed: .* Fix: ") as caught:
        Job(**fields)
    assert caught.value.field == field


def test_the_largest_job_is_accepted():
    pictures = {f"operations[{n}].images": InputPicture(PIXELS) for n in range(256)}
    job = Job(PromptFields(prompt="a cat"), pictures, ("x" * 80,) * 64, id="A1_.:-" + "x" * 58)
    assert len(job.pictures) == 256


def test_the_caller_cannot_change_it_afterwards():
    pictures, operations = {"image": InputPicture(PIXELS)}, ["edit"]
    job = Job(pictures=pictures, operations=operations)
    pictures.clear()
    operations.append("more")
    assert list(job.pictures) == ["image"] and job.operations == ("edit",)
    with pytest.raises(TypeError):
        job.pictures["image"] = InputPicture(PIXELS)
    with pytest.raises(AttributeError):
        job.texts = PromptFields()


def test_a_models_name_that_records_cannot_hold_becomes_a_digest():
    assert Job(model="retouch-mini").model_name == "retouch-mini"
    odd = Job(model="/home/someone/my model.safetensors").model_name
    assert odd.startswith("sha256:") and len(odd) == 23 and "someone" not in odd
    assert odd == Job(model="/home/someone/my model.safetensors").model_name
    assert odd != Job(model="another model").model_name


@pytest.mark.parametrize(
    "pixels",
    [
        np.zeros((4, 4), np.uint8),
        np.zeros((4, 4, 4), np.uint8),
        np.zeros((0, 4, 3), np.uint8),
        np.zeros((4, 4, 3), np.float64),
        np.zeros((4, 4, 3), np.int16),
        np.full((4, 4, 3), np.nan, np.float32),
        np.full((4, 4, 3), np.inf, np.float32),
    ],
    ids=lambda pixels: f"{pixels.shape}-{pixels.dtype}",
)
def test_input_pictures_that_cannot_be_looked_at(pixels):
    with pytest.raises(InvalidContent, match="need"):
        InputPicture(pixels)


def test_a_picture_is_known_by_its_pixels_and_depth():
    digest = InputPicture(PIXELS).digest()
    assert InputPicture(PIXELS.copy()).digest() == digest
    assert InputPicture(PIXELS, PIXELS[..., 0]).digest() != digest
    assert InputPicture(PIXELS.astype(np.uint16)).digest() != digest
    assert InputPicture(PIXELS.reshape(2, 8, 3)).digest() != digest
    assert InputPicture(PIXELS ^ 1).digest() != digest
    assert "array" not in repr(InputPicture(PIXELS)) + repr(Job())


def test_what_was_looked_at_cannot_be_changed_afterwards():
    pixels = np.zeros((4, 4, 3), np.uint8)
    alpha = np.zeros((4, 4), np.uint8)
    picture = InputPicture(pixels, alpha)
    pixels[:], alpha[:] = 255, 255
    assert not picture.pixels.any() and not picture.alpha.any()
    with pytest.raises(ValueError):
        picture.pixels[0] = 1
