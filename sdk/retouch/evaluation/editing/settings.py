"""Settings: which operations edit a case, and with what; one setting, one way to edit.

``comparisons.py`` says which settings stand beside each other, ``curves/knobs.py`` turns their
knobs.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from types import MappingProxyType
from typing import Final, Literal

from retouch.catalog import Catalog
from retouch.evaluation.cases.case import Case
from retouch.evaluation.cases.pictures import as_image
from retouch.imaging.image import Mask
from retouch.operation import Operation
from retouch.request import EditRequest

#: What a prompt is taken from; ``none`` gives no prompt.
Words = Literal["target", "source", "instruction", "none"]
#: Pictures that need no model: what was there, its autoencoded self, the exact answer.
Given = Literal["", "before", "autoencoder", "target"]


@dataclass(frozen=True)
class Of:
    """A value of an operation that every case gives itself: one of the case's own fields."""

    field: Literal["source_prompt", "reference"]

    def value(self, case: Case) -> object:
        """The operation's value for a case."""
        if self.field == "source_prompt":
            return case.source_prompt
        assert case.reference is not None
        return (as_image(case.reference),)


@dataclass(frozen=True)
class Use:
    """One operation with its values; what is not named keeps its default."""

    operation: str
    values: Mapping[str, object]

    def make(self, case: Case, catalog: Catalog) -> Operation:
        """The operation for a case. Raises UnknownName or InvalidField."""
        known = {
            name: value.value(case) if isinstance(value, Of) else value
            for name, value in self.values.items()
        }
        return catalog.make(self.operation, known)

    def __str__(self) -> str:
        shown = (f"{k}={'…' if isinstance(v, Of) else v}" for k, v in self.values.items())
        return ":".join(part for part in (self.operation, ",".join(shown)) if part)


@dataclass(frozen=True)
class Setting:
    """One way to edit a case.

    Attributes:
        key: unique; names the file of its scores.
        title: for people.
        uses: the operations.
        words: where the prompt comes from.
        masked: give the case's hole as the mask.
        steps: length of the schedule; None takes the model's own.
        given: a picture instead of an edit.
        beside: ``autoencoder`` also compares with the picture's autoencoded self.
    """

    key: str
    title: str
    uses: tuple[Use, ...] = ()
    words: Words = "target"
    masked: bool = False
    steps: int | None = None
    given: Given = ""
    beside: Literal["", "autoencoder"] = ""

    def request(self, case: Case, catalog: Catalog, model: str) -> EditRequest:
        """The request for a case. Raises InvalidRequest."""
        return EditRequest(
            image=as_image(case.before),
            prompt=_words(case, self.words),
            operations=tuple(use.make(case, catalog) for use in self.uses),
            mask=Mask(case.hole) if self.masked and case.hole is not None else None,
            model=model,
            steps=self.steps,
            seed=case.seed,
        )

    def lacks(self, case: Case) -> str:
        """What the case does not have and the setting needs, or nothing."""
        fields = {value.field for use in self.uses for value in use.values.values()
                  if isinstance(value, Of)}  # fmt: skip
        needs: list[tuple[str, bool]] = [
            ("source_prompt", "source_prompt" in fields and not case.source_prompt),
            ("reference", "reference" in fields and case.reference is None),
            ("mask", self.masked and case.hole is None),
            ("target_prompt", self.words == "target" and not case.target_prompt),
            ("source_prompt", self.words == "source" and not case.source_prompt),
            ("instruction", self.words == "instruction" and not case.instruction),
            ("target", self.given == "target" and case.target is None),
        ]
        return next((name for name, missing in needs if missing), "")

    def describe(self) -> str:
        """The operations as they would be typed on the command line."""
        if self.given:
            return f"no model: {self.given}"
        return " + ".join(str(use) for use in self.uses)


def use(operation: str, **values: object) -> Use:
    """An operation with some values."""
    return Use(operation, MappingProxyType(values))


def _words(case: Case, words: Words) -> str:
    known: dict[Words, Callable[[], str]] = {
        "target": lambda: case.target_prompt,
        "source": lambda: case.source_prompt,
        "instruction": lambda: case.instruction,
        "none": str,
    }
    return known[words]()


_P2P: Final = use("prompt_to_prompt", source_prompt=Of("source_prompt"))
_REFERENCE: Final = use("ip_adapter", images=Of("reference"))
_SDEDIT, _SOFT_MASK = use("sdedit"), use("soft_mask")
_INSTRUCT, _PLAIN = use("instruct_pix2pix"), use("guidance")
_CANNY, _SKETCH, _COLOR = (use("t2i_adapter", kind=kind) for kind in ("canny", "sketch", "color"))


@cache
def settings() -> Mapping[str, Setting]:
    """Every setting of the table, by its key."""
    known = (
        Setting("before", "Nothing done", given="before"),
        Setting("autoencoder", "Autoencoder only", given="autoencoder"),
        Setting("exact", "The exact answer", given="target"),
        Setting("text", "The prompt alone", (_PLAIN,)),
        Setting("blank", "No prompt, no reference", (_PLAIN,), words="none"),
        Setting("sdedit", "SDEdit", (_SDEDIT,)),
        Setting("p2p", "Prompt-to-Prompt", (_P2P,)),
        Setting(
            "p2p-uncoupled",
            "Prompt-to-Prompt without its attention edits",
            (
                use(
                    "prompt_to_prompt",
                    source_prompt=Of("source_prompt"),
                    cross_stop=0.0,
                    self_stop=0.0,
                ),
            ),
        ),
        Setting(
            "p2p-identity",
            "Prompt-to-Prompt, nothing changed",
            (_P2P,),
            words="source",
            beside="autoencoder",
        ),
        Setting("instruct", "InstructPix2Pix", (_INSTRUCT,), words="instruction"),
        Setting("instruct-silent", "The same without an instruction", (_INSTRUCT,), words="none"),
        Setting("blend", "Soft mask, blended", (use("soft_mask", method="blend"),), masked=True),
        Setting("fill", "Soft mask", (_SOFT_MASK,), masked=True),
        Setting("reference", "IP-Adapter, no text", (_REFERENCE,), words="none"),
        Setting("canny", "T2I-Adapter, edges", (_CANNY,)),
        Setting("sketch", "T2I-Adapter, sketch", (_SKETCH,)),
        Setting("color", "T2I-Adapter, palette", (_COLOR,)),
        Setting("sdedit+canny", "SDEdit + edges", (_SDEDIT, _CANNY)),
        Setting("sdedit+reference", "SDEdit + IP-Adapter", (_SDEDIT, _REFERENCE)),
        Setting("fill+canny", "Soft mask + edges", (_SOFT_MASK, _CANNY), masked=True),
        Setting("fill+reference", "Soft mask + IP-Adapter", (_SOFT_MASK, _REFERENCE), masked=True),
        Setting(
            "instruct+mask",
            "InstructPix2Pix + soft mask",
            (_INSTRUCT, _SOFT_MASK),
            words="instruction",
            masked=True,
        ),
        Setting("p2p+mask", "Prompt-to-Prompt + soft mask", (_P2P, _SOFT_MASK), masked=True),
        Setting("p2p+canny", "Prompt-to-Prompt + edges", (_P2P, _CANNY)),
        Setting("canny+color", "Edges + palette", (_CANNY, _COLOR)),
        Setting(
            "five",
            "SDEdit + Prompt-to-Prompt + soft mask + edges + IP-Adapter",
            (use("sdedit", strength=0.9), _P2P, _SOFT_MASK, _CANNY, _REFERENCE),
            masked=True,
        ),
    )
    return MappingProxyType({setting.key: setting for setting in known})
