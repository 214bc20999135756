"""What the gate is told: every text and every picture of a plan, found by type."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import SimpleNamespace
from typing import ClassVar, Literal

import numpy as np
import pytest

from retouch.admission_job import job_of
from retouch.errors import InvalidField
from retouch.imaging.image import Image, Mask
from retouch.operation import Operation, Stage
from retouch.parameters import parameter
from retouch.request import EditRequest
from retouch_plugins.guidance import Guidance
from retouch_plugins.instruct_pix2pix import InstructPix2Pix
from retouch_plugins.prompt_to_prompt import PromptToPrompt
from retouch_plugins.t2i_adapter import T2IAdapter

PICTURE = Image(np.full((8, 8, 3), 90, np.uint8))
OTHER = Image(np.full((4, 4, 3), 10, np.uint8))


@dataclass(frozen=True, kw_only=True)
class Caption(Operation):
    """A third party's operation, of which the gate has never heard."""

    name: ClassVar[str] = "caption"
    stage: ClassVar[Stage] = Stage.CONDITION
    summary: ClassVar[str] = "Writes on the picture"
    source: ClassVar[str] = "a test"

    words: str = parameter("", "What to write.")
    lines: tuple[str, ...] = parameter((), "More of it.")
    pictures: tuple[Image, ...] = parameter((), "Behind it.")
    over: Mask | None = parameter(None, "Where.")  # noqa: RUF009
    weights: Mapping[str, float] | None = parameter(None, "Of words.")
    model: str | None = parameter(None, "Which.")


@dataclass(frozen=True, kw_only=True)
class Hidden(Caption):
    """The same with a parameter that nobody can read."""

    name: ClassVar[str] = "hidden"
    data: bytes = parameter(b"", "Anything.")


@dataclass(frozen=True, kw_only=True)
class Undeclared(Caption):
    """The same with a field that is no parameter: nobody would read it."""

    name: ClassVar[str] = "undeclared"
    secret: str = ""


@dataclass(frozen=True, kw_only=True)
class Unchecked(Operation):
    """Its own ``__post_init__`` leaves out the check of the parameters."""

    name: ClassVar[str] = "unchecked"
    stage: ClassVar[Stage] = Stage.CONDITION
    summary: ClassVar[str] = "Has a style"
    source: ClassVar[str] = "a test"
    style: Literal["oil", "ink"] = parameter("oil", "Which.")
    strokes: dict[str, str] | None = parameter(None, "Of what.")  # noqa: RUF009

    def __post_init__(self):
        pass


def plan(*operations, **fields):
    request = EditRequest(image=PICTURE, **fields)
    return SimpleNamespace(
        request=request, operations=operations, model=SimpleNamespace(name="tiny")
    )


def test_every_text_and_picture_of_an_unknown_operation_is_found():
    caption = Caption(
        words="hello",
        lines=("one", "two"),
        pictures=(OTHER, OTHER),
        over=Mask(np.ones((8, 8), np.float32)),
        weights={"cat": 2.0, "dog": -1.0},
        model="letters",
    )
    job = job_of(plan(caption, prompt="a cat", negative_prompt="blur"), "job-1")
    assert job.texts.prompt == "a cat" and job.texts.negative_prompt == "blur"
    assert dict(job.texts.operation_texts) == {
        "operations[0].caption.words": "hello",
        "operations[0].caption.lines[0]": "one",
        "operations[0].caption.lines[1]": "two",
    }
    assert dict(job.texts.word_weights) == {"cat": 2.0, "dog": -1.0}
    assert job.texts.adapters == ("letters",)
    assert list(job.pictures) == [
        "image",
        "operations[0].caption.pictures[0]",
        "operations[0].caption.pictures[1]",
    ]
    assert job.document.pixels is PICTURE.pixels
    assert (job.id, job.operations, job.model) == ("job-1", ("caption",), "tiny")


def test_a_word_that_is_raised_here_and_lowered_there_is_read_both_ways():
    job = job_of(plan(Caption(weights={"cat": 2.0}), Caption(weights={"cat": -1.0})))
    assert job.texts.word_weights["cat"] == 0.0


def test_what_cannot_be_read_is_refused():
    with pytest.raises(InvalidField, match=r"operations\[0\].hidden.data.*bytes.*text, number"):
        job_of(plan(Hidden()))


def test_a_field_that_is_no_parameter_is_refused():
    with pytest.raises(InvalidField, match=r"undeclared.secret.*declare it with parameter"):
        job_of(plan(Undeclared(secret="anything")))


@pytest.mark.parametrize(
    ("values", "at_fault"), [({"style": "any text"}, "style"), ({"strokes": {"a": "b"}}, "strokes")]
)
def test_what_an_operation_did_not_check_is_checked_here(values, at_fault):
    with pytest.raises(InvalidField, match=f"unchecked.*{at_fault}"):
        job_of(plan(Unchecked(**values)))


@pytest.mark.parametrize(
    ("operations", "scale"),
    [
        ((Caption(),), None),
        ((Guidance(),), None),
        ((Guidance(scale=0.5),), 0.5),
        ((Guidance(scale=4.0), InstructPix2Pix(text_scale=0.2)), 0.2),
        # an adapter's scale is not the prompt's guidance
        ((Guidance(scale=7.5), T2IAdapter(scale=0.5)), 7.5),
    ],
)
def test_the_lowest_guidance_decides_how_the_negative_prompt_is_read(operations, scale):
    assert job_of(plan(*operations)).texts.guidance_scale == scale


def test_the_source_prompt_of_prompt_to_prompt_is_a_text():
    job = job_of(plan(PromptToPrompt(source_prompt="a dog"), prompt="a cat"))
    assert "a dog" in job.texts.operation_texts.values()
