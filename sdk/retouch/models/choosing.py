"""Which installed adapter serves a model, from records alone, without torch."""

from __future__ import annotations

from typing import TYPE_CHECKING

from retouch.errors import InvalidField, ModelMissing
from retouch.models.records import ModelRecord, find_model, list_models

if TYPE_CHECKING:
    from retouch.models.detect import Kind

_ADD = "add one with `retouch models add PATH`"


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


def _common_prefix(first: str, second: str) -> int:
    length = 0
    for left, right in zip(first, second, strict=False):
        if left != right:
            break
        length += 1
    return length
