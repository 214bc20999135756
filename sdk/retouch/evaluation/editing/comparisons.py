"""What the editing table compares: every operation and combination, with it and without it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from retouch.evaluation.scenes.edits import KINDS
from retouch.operation import InputLayout

ALL: Final = tuple(KINDS)
#: Kinds that name an object that a reference picture can show.
WANTED: Final = ("swap", "add")
#: Kinds whose answer has the outlines of the picture before. Day and night have not: between the
#: picture and the exact answer the edges' IoU is .43 there, .77 in these two (20 cases each).
OUTLINED: Final = ("recolour", "season")
#: Kinds with something that stays as it was.
MASKED: Final = tuple(kind for kind in KINDS if kind != "light")


@dataclass(frozen=True)
class Comparison:
    """A row of the table: a setting, and the same without what the row is about.

    Attributes:
        key: unique.
        title: the operation or combination.
        on: key of the setting.
        off: key of the setting without the operation; empty where there is none.
        kinds: of edits it is asked for.
        measures: what the report shows first, most telling first.
        combined: whether it is a combination of operations.
        without: what ``off`` leaves out, for people.
        network: input layout that must answer, where another one would stand in for it.
    """

    key: str
    title: str
    on: str
    off: str
    kinds: tuple[str, ...]
    measures: tuple[str, ...]
    combined: bool = False
    without: str = ""
    network: InputLayout | None = None


_KEPT: Final = ("followed", "background_psnr", "target_distance")

COMPARISONS: Final[tuple[Comparison, ...]] = (
    Comparison("bounds", "Bounds: the exact answer, and nothing done", "exact", "before", ALL,
               ("followed", "background_psnr", "target_distance"), without="the edit"),
    Comparison("autoencoder", "Bound: the autoencoder alone", "autoencoder", "", ALL,
               ("background_psnr", "background_ssim", "structure")),
    Comparison("sdedit", "SDEdit", "sdedit", "text", ALL,
               ("followed", "structure", "background_psnr"), without="the picture"),
    Comparison("p2p", "Prompt-to-Prompt on a real picture", "p2p", "p2p-uncoupled", ALL,
               _KEPT, without="the attention edits"),
    Comparison("p2p-swap", "Prompt-to-Prompt: one object for another", "p2p", "p2p-uncoupled",
               ("swap",), ("present", "background_psnr", "layout_iou"),
               without="the attention edits"),
    Comparison("p2p-identity", "Prompt-to-Prompt: inverted, nothing changed", "p2p-identity", "",
               ALL, ("autoencoder_psnr", "background_psnr")),
    Comparison("instruct", "InstructPix2Pix", "instruct", "instruct-silent", ALL, _KEPT,
               without="the instruction"),
    Comparison("soft-mask", "Soft mask, blended", "blend", "text", MASKED,
               ("followed", "outside_identical", "background_psnr"), without="the mask"),
    Comparison("inpaint", "Inpainting network (nine channels)", "fill", "blend", WANTED,
               ("present_inside", "outside_identical", "target_distance"),
               without="the network that sees the mask", network="inpaint"),
    Comparison("reference", "IP-Adapter: a picture as the only prompt", "reference", "blank",
               ("swap",), ("present", "reference_similarity"), without="the reference"),
    Comparison("canny", "T2I-Adapter: edges", "canny", "text", OUTLINED,
               ("edge_iou", "followed", "structure"), without="the edges"),
    Comparison("sketch", "T2I-Adapter: sketch", "sketch", "text", OUTLINED,
               ("edge_iou", "followed", "structure"), without="the sketch"),
    Comparison("color", "T2I-Adapter: palette", "color", "text", ("swap", "move", "resize"),
               ("palette_distance", "followed", "structure"), without="the palette"),
    Comparison("sdedit+canny", "SDEdit + edges", "sdedit+canny", "sdedit", OUTLINED,
               ("edge_iou", "followed", "background_psnr"), True, "the edges"),
    Comparison("sdedit+reference", "SDEdit + IP-Adapter", "sdedit+reference", "sdedit", WANTED,
               ("present", "reference_similarity", "background_psnr"), True, "the reference"),
    Comparison("soft-mask+canny", "Soft mask + edges", "fill+canny", "fill",
               ("recolour",), ("followed", "edge_iou", "layout_iou"), True, "the edges"),
    Comparison("soft-mask+reference", "Soft mask + IP-Adapter", "fill+reference",
               "fill", WANTED, ("present", "reference_similarity", "outside_identical"),
               True, "the reference"),
    Comparison("instruct+soft-mask", "InstructPix2Pix + soft mask", "instruct+mask",
               "instruct", MASKED, ("followed", "outside_identical", "background_psnr"),
               True, "the mask"),
    Comparison("p2p+soft-mask", "Prompt-to-Prompt + soft mask", "p2p+mask", "p2p", MASKED,
               ("followed", "outside_identical", "background_psnr"), True, "the mask"),
    Comparison("p2p+canny", "Prompt-to-Prompt + edges", "p2p+canny", "p2p", OUTLINED,
               ("edge_iou", "followed", "background_psnr"), True, "the edges"),
    Comparison("canny+color", "Edges + palette", "canny+color", "canny", OUTLINED,
               ("palette_distance", "edge_iou", "followed"), True, "the palette"),
    Comparison("five", "Five operations in one request", "five", "text", ("swap", "recolour"),
               ("followed", "outside_identical", "layout_iou"), True, "all five"),
)  # fmt: skip
