"""From a statement to a manifest, in the form that C2PA's builder takes.

Actions (C2PA 2.2, section 18.15): an edit is ``c2pa.opened`` of its source, one ``c2pa.edited``
for each operation, and ``c2pa.watermarked.bound`` when the id is in the pixels; a picture that a
model made alone is ``c2pa.created``. The soft binding (section 18.10) is the watermark's id:
whoever reads the mark can find this manifest, when the file has lost it.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from retouch_safety.content import Box
from retouch_safety.provenance import vocabulary as names
from retouch_safety.provenance.statement import SeenMark, Statement, time_text
from retouch_safety.receipt import MarkStatus

SOURCE_LABEL = "source"  # refers from an action to an ingredient, inside one definition


def definition_of(statement: Statement) -> dict[str, Any]:
    """Return the manifest of a picture that Retouch made or edited."""
    done = _made(statement) + _edited(statement) + _marked(statement)
    assertions = [_actions(done, complete=True)]
    if statement.mark is MarkStatus.EMBEDDED:
        assertions.append(_soft_binding(statement))
    if statement.receipt:
        fields = statement.receipt_fields()
        assertions.append({"label": names.RECEIPT, "data": fields, "kind": "Json"})
    return _definition(statement.title, statement.version, assertions)


def export_definition(
    marks: Sequence[SeenMark],
    ingredient_labels: Sequence[str],
    found: Sequence[bool],
    created: datetime,
    version: str,
    title: str,
) -> dict[str, Any]:
    """Return the manifest of a host's flattened export.

    Args:
        marks: every mark that was found in it.
        ingredient_labels: for each mark, the label of its ingredient.
        found: for each mark, whether its manifest is known here.
        created: time of signing.
        version: version of the software.
        title: title of the picture.
    """
    opened = {
        "action": names.OPENED,
        "parameters": {"ingredientIds": [SOURCE_LABEL]},
        "when": time_text(created),
    }
    placed = [
        {
            "action": names.PLACED,
            "when": time_text(created),
            "digitalSourceType": str(names.SourceType.EDITED),
            "parameters": {"ingredientIds": [label]},
            **_changes(mark.region, f"watermark {names.record_text(mark.record)}"),
        }
        for mark, label in zip(marks, ingredient_labels, strict=True)
    ]
    listed = [
        {
            "record": names.record_text(mark.record),
            "algorithm": names.TILEMARK,
            "region": None if mark.region is None else list(mark.region),
            "manifest": known,
        }
        for mark, known in zip(marks, found, strict=True)
    ]
    assertions = [
        _actions([opened, *placed], complete=False),  # the host did more, and does not tell
        {"label": names.MARKS, "data": {"marks": listed}, "kind": "Json"},
    ]
    return _definition(title, version, assertions)


def _definition(title: str, version: str, assertions: list[dict[str, Any]]) -> dict[str, Any]:
    return {
        "claim_generator_info": [{"name": names.SOFTWARE, "version": version or "unknown"}],
        "title": title,
        "assertions": assertions,
    }


def _actions(actions: list[dict[str, Any]], *, complete: bool) -> dict[str, Any]:
    return {"label": names.ACTIONS, "data": {"actions": actions, "allActionsIncluded": complete}}


def _made(statement: Statement) -> list[dict[str, Any]]:
    when = time_text(statement.created)
    if statement.source is not None:
        opened = {"ingredientIds": [SOURCE_LABEL]}
        return [{"action": names.OPENED, "when": when, "parameters": opened}]
    operations = [edit.operation for edit in statement.edits]
    return [{"action": names.CREATED, **_by_us(statement, operations)}]


def _edited(statement: Statement) -> list[dict[str, Any]]:
    if statement.source is None:
        return []
    return [
        {
            "action": names.EDITED,
            **_by_us(statement, [edit.operation]),
            **_changes(edit.region, edit.operation),
        }
        for edit in statement.edits
    ]


def _by_us(statement: Statement, operations: list[str]) -> dict[str, Any]:
    parameters: dict[str, Any] = {names.OPERATIONS: operations}
    if statement.model:
        parameters[names.MODEL] = statement.model
    return {
        "when": time_text(statement.created),
        "softwareAgent": {"name": names.SOFTWARE, "version": statement.version or "unknown"},
        "digitalSourceType": str(statement.source_type),
        "parameters": parameters,
    }


def _marked(statement: Statement) -> list[dict[str, Any]]:
    if statement.mark is not MarkStatus.EMBEDDED:
        return []
    return [{"action": names.MARKED, "when": time_text(statement.created)}]


def _soft_binding(statement: Statement) -> dict[str, Any]:
    area = statement.mark_area
    scope: dict[str, Any] = {} if area is None else {"region": {"region": [_rectangle(area)]}}
    block = {"scope": scope, "value": names.record_text(statement.record)}
    data = {"alg": statement.mark_algorithm, "blocks": [block]}
    return {"label": names.SOFT_BINDING, "data": data}


def _changes(region: Box | None, description: str) -> dict[str, Any]:
    if region is None:
        return {"description": description}
    changed = {"region": [_rectangle(region)], "description": description}
    return {"description": description, "changes": [changed]}


def _rectangle(box: Box) -> dict[str, Any]:
    shape = {
        "type": "rectangle",
        "unit": "pixel",
        "origin": {"x": float(box.x), "y": float(box.y)},
        "width": float(box.width),
        "height": float(box.height),
    }
    return {"type": "spatial", "shape": shape}
