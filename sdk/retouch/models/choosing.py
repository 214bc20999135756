"""Which installed adapter or preview decoder serves a model, from records, without torch."""

from __future__ import annotations

from typing import TYPE_CHECKING

from retouch.errors import InvalidField, ModelMissing
from retouch.models.records import ModelRecord, find_model, list_models

if TYPE_CHECKING:
    from retouch.models.detect import Kind

_ADD = "add one with `retouch models add PATH`"
_PREVIEW = "-preview"
#: Whose latents an autoencoder of a published scaling factor makes.
_LATENTS = {0.18215: "sd1", 0.13025: "sdxl"}


def choose_adapter(
    kind: Kind, name: str | None, *, model: str = "", width: int = 0, variety: str = ""
) -> ModelRecord:
    """The adapter called ``name``, or the installed one that is most related to a model.

    Args:
        kind: ``ip_adapter``, ``t2i_adapter`` or ``clip``.
        name: an installed adapter; None chooses.
        model: name of the model it is for.
        width: of the model's tokens, where the adapter's must be equal; 0 where it does not matter.
        variety: last part of the adapter's own name, as ``canny`` in ``mine-canny``.

    Raises:
        ModelMissing: there is none; says how to add one.
        InvalidField: the name is another kind of model's.
    """
    if name is not None:
        record = find_model(name)
        if record.kind != kind:
            raise InvalidField(f"{kind}.model", name, f"an installed {kind}", _ADD)
        return record
    fitting = [
        record
        for record in list_models(kind)
        if (not variety or record.name.rpartition("-")[2] == variety)
        and (not width or record.cross_attention_dim == width)
    ]
    if not fitting:
        wanted = f"{kind} {variety}".strip()
        fix = f"{_ADD}, or name an installed one in the `model` parameter"
        raise ModelMissing(wanted, fix)
    # Names of one family share their beginning: retouch-mini, retouch-mini-ip-adapter.
    return max(fitting, key=lambda record: (_common_prefix(record.name, model), record.name))


def choose_preview(model: str, base: str, scaling_factor: float) -> ModelRecord | None:
    """The installed preview decoder of a model's latents, or None.

    One that names the model or its base comes first, in ``_retouch_base`` or by its own name
    (``mine-preview`` for ``mine``). One that names nobody, as the published TAESD, serves every
    model whose autoencoder scales like the one it was made for.

    Args:
        model: name of the model.
        base: name of the model it borrows its autoencoder from, or empty.
        scaling_factor: of that autoencoder.
    """
    known = list_models("preview")
    for record in known:
        if (record.base or record.name.removesuffix(_PREVIEW)) in {model, base} - {""}:
            return record
    latents = _LATENTS.get(round(scaling_factor, 5))
    return next((r for r in known if not r.base and r.family and r.family == latents), None)


def _common_prefix(first: str, second: str) -> int:
    length = 0
    for left, right in zip(first, second, strict=False):
        if left != right:
            break
        length += 1
    return length
