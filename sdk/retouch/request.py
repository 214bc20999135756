"""What a caller asks for: one edit of one picture, by any combination of operations."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from retouch.errors import CannotCombine, InvalidField
from retouch.imaging.convert import check_output_form
from retouch.imaging.image import Image, Mask, check_same_size
from retouch.imaging.region import Rect, Size
from retouch.operation import Operation
from retouch.parameters import MAX_TEXT
from retouch.sampling.schedulers import MOST_STEPS

MAX_VARIANTS = 16
MAX_OPERATIONS = 32
MAX_SEED = 2**63 - 1
#: Shortest and longest side of a working picture.
_WORKING = (8, 4096)

#: What the caller gets: the whole picture, the changed piece with its own alpha, or both.
Output = Literal["composite", "patch", "both"]


@dataclass(frozen=True, kw_only=True)
class EditRequest:
    """One edit. Immutable; checked when made.

    Attributes:
        image: the document.
        prompt: what the result should show (for InstructPix2Pix: the instruction).
        negative_prompt: what it should not show.
        operations: in any order; empty chooses SDEdit, or the soft mask when there is a mask.
        mask: per-pixel edit strength over the document; None edits everywhere.
        region: rectangle to edit, in canvas pixels, instead of a mask.
        feather: canvas pixels over which the mask's edge fades, inwards.
        padding: canvas pixels around the edited area that the network sees; None chooses.
        model: installed model; the planner may take its sibling with the input channels needed.
        steps: length of the schedule; None takes the model's own default.
        sampler: name of a sampler; None takes the model's own default.
        seed: of all noise; trajectory i uses seed + i (with best_of, n of them per variant).
        variants: how many results.
        output: composited picture, patch with alpha and offset, or both.
        exact: never share a forward with other edits.
        working_size: longer side of the picture that the network sees, in its own pixels, or the
            exact size; None chooses.
        depth: bit depth of the results, ``uint8``, ``uint16`` or ``float32``; None keeps the
            document's own.
        profile: colour profile of the results, ``srgb`` or the bytes of an ICC profile; None keeps
            the document's own.

    With another depth or profile the document is converted before it is edited: the results have
    the colours of the converted one where nothing is edited.

    Raises:
        InvalidField: naming the field, the value, what is allowed and the fix.
        InvalidImage: a mask of another size.
        CannotCombine: the same operation twice, or both mask and region.
    """

    image: Image
    prompt: str = ""
    negative_prompt: str = ""
    operations: tuple[Operation, ...] = ()
    mask: Mask | None = None
    region: Rect | None = None
    feather: int = 0
    padding: int | None = None
    model: str = "retouch-mini"
    steps: int | None = None
    sampler: str | None = None
    seed: int = 0
    variants: int = 1
    output: Output = "composite"
    exact: bool = False
    working_size: int | Size | None = None
    depth: str | None = None
    profile: str | bytes | None = None

    def __post_init__(self) -> None:
        for field in ("prompt", "negative_prompt"):
            text = getattr(self, field)
            if not isinstance(text, str):
                raise InvalidField(field, text, "text", "give a string")
            length = len(text)
            if length > MAX_TEXT:
                allowed = f"at most {MAX_TEXT} characters"
                raise InvalidField(field, f"{length} characters", allowed, "shorten it")
        if len(self.operations) > MAX_OPERATIONS:
            allowed = f"at most {MAX_OPERATIONS} operations"
            raise InvalidField("operations", len(self.operations), allowed, "leave some out")
        _in_range("variants", self.variants, 1, MAX_VARIANTS)
        _in_range("sampling.seed", self.seed, 0, MAX_SEED)
        _in_range("feather", self.feather, 0, 4096)
        if self.steps is not None:
            _in_range("sampling.steps", self.steps, 1, MOST_STEPS)
        if self.padding is not None:
            _in_range("padding", self.padding, 0, 65536)
        if isinstance(self.working_size, tuple):
            for side in self.working_size:
                _in_range("working_size", side, *_WORKING)
        elif self.working_size is not None:
            _in_range("working_size", self.working_size, *_WORKING)
        check_output_form(self.depth, self.profile)
        if self.mask is not None:
            check_same_size(self.image, self.mask)
            if self.region is not None:
                raise CannotCombine("mask and region", "both say where to edit", "give one of them")
        self._check_repeats()

    def _check_repeats(self) -> None:
        seen: set[str] = set()
        for operation in self.operations:
            if operation.name in seen and not operation.repeatable:
                raise CannotCombine(
                    f"{operation.name} twice", "it makes sense once per edit", "keep one of them"
                )
            seen.add(operation.name)


def _in_range(field: str, value: int, low: int, high: int) -> None:
    if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
        raise InvalidField(field, value, f"int in [{low}, {high}]", "choose a number in that range")
