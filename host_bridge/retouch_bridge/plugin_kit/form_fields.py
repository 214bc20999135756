"""The fields of a panel: of the edit itself, and of every operation in the catalogue."""

from __future__ import annotations

from typing import Any, Dict, NamedTuple

Catalog = Dict[str, Any]  # retouch.v1.Catalog in JSON form

_KINDS = {
    "NUMBER": "number",
    "INTEGER": "integer",
    "BOOLEAN": "bool",
    "TEXT": "text",
    "CHOICE": "choice",
    "IMAGE": "picture",
    "MASK": "mask",
    "MODEL": "model",
    "WORD_WEIGHTS": "words",
}
_ADAPTERS = {"ip_adapter": "IP_ADAPTER", "t2i_adapter": "T2I_ADAPTER", "best_of": "RANKER"}
_LABELS = {
    "sdedit.strength": "Strength",
    "sdedit.repeats": "Repeats",
    "prompt_to_prompt.source_prompt": "What the picture shows now",
    "prompt_to_prompt.words": "Weights of words",
    "ip_adapter.images": "Reference pictures",
    "ip_adapter.scale": "Reference strength",
    "t2i_adapter.kind": "Control",
    "t2i_adapter.image": "Control picture",
    "t2i_adapter.scale": "Control strength",
    "instruct_pix2pix.text_scale": "Follow the instruction",
    "instruct_pix2pix.image_scale": "Stay with the picture",
    "guidance.scale": "Follow the prompt",
}
#: Fields that belong in the panel at once; of operations that are not named here, all do.
_SIMPLE = tuple(name for name in _LABELS if not name.startswith(("guidance", "sdedit.repeats")))
_KNOWN = (
    "guidance",
    "soft_mask",
    "best_of",
    "sdedit",
    "prompt_to_prompt",
    "ip_adapter",
    "t2i_adapter",
    "instruct_pix2pix",
)
#: What the catalogue does not say is required, though nothing happens without it.
_REQUIRED = ("prompt_to_prompt.source_prompt", "ip_adapter.images")


class Field(NamedTuple):
    """One thing to choose.

    Attributes:
        key: of the value in a form: "prompt", "seed", "sdedit.strength".
        operation: that it belongs to; empty = the edit itself.
        name: of the parameter.
        label: for people, "Strength".
        kind: "number", "integer", "bool", "choice", "text", "picture", "mask", "words" (a dict of
            word -> number), "model".
        several: whether it takes a list (pictures, texts, numbers).
        required: whether it must be given.
        default: what an empty field means; None = the model or the daemon chooses.
        low, high: range of numbers; None = no limit.
        step: of a spin box or slider; None for other kinds.
        unit: "px"; may be empty.
        choices: words of a choice, names of models.
        help: one or two sentences, for a tool tip.
        simple: whether it belongs in the panel at once; others go below "More".
    """

    key: str
    operation: str
    name: str
    label: str
    kind: str
    several: bool = False
    required: bool = False
    default: Any = None
    low: float | None = None
    high: float | None = None
    step: float | None = None
    unit: str = ""
    choices: tuple[str, ...] = ()
    help: str = ""
    simple: bool = False


def operation_fields(catalog: Catalog, operation: str) -> list[Field]:
    """Return the fields of one operation; empty where it is not installed."""
    found = described(catalog, operation)
    if found is None:
        return []
    fields = [_field(catalog, operation, each) for each in found.get("parameters", [])]
    if found.get("acceptsWindow"):
        fields += _window(operation)
    if found.get("acceptsRegion"):
        words = "Where it acts; empty means everywhere."
        fields.append(
            Field(operation + ".mask", operation, "mask", "Only here", "mask", help=words)
        )
    return fields


def edit_fields(catalog: Catalog, prompt: str = "Prompt") -> list[Field]:
    """Return the fields of the edit itself: prompt, variants, seed, steps ...

    Args:
        catalog: of the daemon.
        prompt: label of the prompt.
    """
    limits = catalog.get("limits", {})
    models = tuple(each["name"] for each in models_of_kind(catalog, "BASE"))
    samplers = tuple(str(each.get("name", "")) for each in catalog.get("samplers", []))
    return [
        Field("prompt", "", "prompt", prompt, "text", help="What to show.", simple=True),
        _whole("variants", "Variants", 1, int(limits.get("variants", 16)), 1, simple=True),
        Field("negative", "", "negative", "Avoid", "text", help="What not to show."),
        _whole(
            "seed", "Seed", 0, 2**53 - 1, None, help="Empty draws one; the same gives the same."
        ),
        _whole(
            "steps", "Steps", 1, int(limits.get("steps", 250)), None, help="Empty: the model's own."
        ),
        Field("sampler", "", "sampler", "Sampler", "choice", choices=samplers),
        Field("model", "", "model", "Model", "model", choices=models),
        _whole("feather", "Feather", 0, 4096, 0, "px", help="How far the edge fades inwards."),
        _whole("grow", "Grow", -1024, 1024, 0, "px", help="Makes the selection larger first."),
        _whole("preview_every", "Preview every", 0, 1000, 2, "steps", help="0: no previews."),
    ]


def side_fields() -> list[Field]:
    """Return the fields of expanding a canvas."""
    sides = [
        _whole(f"expand.{side}", side.capitalize(), 0, 16384, 0, "px", simple=True)
        for side in ("left", "top", "right", "bottom")
    ]
    words = "How much of the old edge may change, for a soft seam."
    return [*sides, _whole("expand.overlap", "Overlap", 0, 1024, 16, "px", help=words)]


def described(catalog: Catalog, operation: str) -> dict[str, Any] | None:
    """Return an operation of the catalogue; None where it is not installed."""
    known = catalog.get("operations", [])
    return next((each for each in known if each.get("name") == operation), None)


def models_of_kind(catalog: Catalog, kind: str) -> list[dict[str, Any]]:
    """Return the models of a kind: "BASE", "IP_ADAPTER", "T2I_ADAPTER", "RANKER"."""
    wanted = "MODEL_KIND_" + kind
    return [each for each in catalog.get("models", []) if each.get("kind") == wanted]


def native_size(catalog: Catalog, model: str = "") -> int:
    """Return the side in pixels that a model was trained at; 512 where it is not known."""
    base = models_of_kind(catalog, "BASE")
    chosen = [each for each in base if each.get("name") == model] or base
    return int(chosen[0].get("nativeSize", {}).get("width", 512)) if chosen else 512


def _field(catalog: Catalog, operation: str, sent: dict[str, Any]) -> Field:
    name = str(sent.get("name", ""))
    key, kind = f"{operation}.{name}", _KINDS.get(str(sent.get("type", ""))[15:], "text")
    low, high, default = sent.get("minimum"), sent.get("maximum"), sent.get("defaultValue")
    choices = tuple(sent.get("choices", ()))
    if kind == "model":
        adapters = models_of_kind(catalog, _ADAPTERS.get(operation, ""))
        choices = tuple(each["name"] for each in adapters or catalog.get("models", []))
    if kind == "integer" and default is not None:
        default = int(default)
    return Field(
        key=key,
        operation=operation,
        name=name,
        label=_LABELS.get(key) or name.replace("_", " ").capitalize(),
        kind=kind,
        several=bool(sent.get("repeated", False)),
        required=bool(sent.get("required", False)) or key in _REQUIRED,
        default=None if default == "" else default,
        low=None if low is None else float(low),
        high=None if high is None else float(high),
        step=_step(kind, low, high),
        unit=str(sent.get("unit", "")),
        choices=choices,
        help=str(sent.get("help", "")),
        simple=key in _SIMPLE or operation not in _KNOWN,
    )


def _window(operation: str) -> list[Field]:
    words = ("Progress from which on it acts.", "Progress at which it ends.")
    return [
        Field(
            *(f"{operation}.{name}", operation, name, label, "number", False, False, default),
            *(0.0, 1.0, 0.05, "", (), text, False),
        )
        for name, label, default, text in (
            ("start", "From", 0.0, words[0]),
            ("stop", "Until", 1.0, words[1]),
        )
    ]


def _whole(
    key: str,
    label: str,
    low: int,
    high: int,
    default: int | None,
    unit: str = "",
    help: str = "",
    simple: bool = False,
) -> Field:
    name = key.rpartition(".")[2]
    return Field(
        *(key, "", name, label, "integer", False, False, default),
        *(float(low), float(high), 1.0, unit, (), help, simple),
    )


def _step(kind: str, low: Any, high: Any) -> float | None:
    if kind == "integer":
        return 1.0
    if kind != "number":
        return None
    return 0.05 if low is not None and high is not None and high - low <= 2 else 0.1
