"""GIMP's procedures of Retouch: one for every mode, one for every operation, and recipes."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from arguments import add_argument
from document import LAYER, VISIBLE
from gimp_api import Gimp, GLib, GObject
from plugin_kit import panel_form
from plugin_kit.edit_task import EditResult
from plugin_kit.panel_form import Field

#: Where the modes are in GIMP's menus.
MENU = "<Image>/Filters/Retouch"
#: The procedures that take a recipe: as JSON, and of the document's history.
RECIPE, REPLAY = "retouch-recipe", "retouch-replay"
#: The one that takes up what was under way when GIMP ended.
RESUME = "retouch-resume"
_FLAGS = GObject.ParamFlags.READWRITE


@dataclass(frozen=True)
class Offered:
    """What one procedure does.

    Attributes:
        name: in GIMP's procedure database.
        title: for people.
        help: one sentence.
        mode: of the panel; empty for recipes.
        operations: of the mode "combine": those that run; empty = the mode's own.
        fields: its arguments.
        in_menu: whether the menu has it.
    """

    name: str
    title: str
    help: str
    mode: str = ""
    operations: tuple[str, ...] = ()
    fields: tuple[Field, ...] = ()
    in_menu: bool = False


def offered(catalog: dict[str, Any]) -> dict[str, Offered]:
    """Return every procedure of a catalogue, by name."""
    modes = panel_form.modes(catalog)
    found = [_of_mode(mode) for mode in modes]
    combine = next(mode for mode in modes if mode.name == "combine")
    edit_fields = tuple(field for field in combine.fields if not field.operation)
    for operation in catalog["operations"]:
        name = operation["name"]
        fields = _asked((*edit_fields, *panel_form.operation_fields(catalog, name)), ())
        text = f"Edit with the operation {name}: {operation.get('summary', '')}"
        title = name.replace("_", " ").capitalize()
        slug = f"retouch-operation-{name.replace('_', '-').lower()}"
        found.append(Offered(slug, title, text, "combine", (name,), fields))
    found.append(Offered(RECIPE, "Recipe", "Edit by a recipe: what another edit was made with."))
    found.append(Offered(REPLAY, "Replay", "Do one of the document's edits again."))
    text = "Fetch the result of an edit that was under way when GIMP ended."
    found.append(Offered(RESUME, "Fetch interrupted edit", text, in_menu=True))
    return {each.name: each for each in found}


def procedure_of(plugin: Gimp.PlugIn, wanted: Offered, run: Callable[..., Any]) -> Gimp.Procedure:
    """Return the procedure, ready for GIMP."""
    kind = Gimp.PDBProcType.PLUGIN
    procedure = Gimp.ImageProcedure.new(plugin, wanted.name, kind, run, None)
    procedure.set_image_types("RGB*, GRAY*")
    some = Gimp.ProcedureSensitivityMask
    procedure.set_sensitivity_mask(some.DRAWABLE | some.DRAWABLES | some.NO_DRAWABLES)
    procedure.set_documentation(wanted.help, wanted.help, wanted.name)
    procedure.set_attribution("The Retouch authors", "The Retouch authors", "2026")
    if wanted.in_menu:
        procedure.set_menu_label(f"{wanted.title}…" if wanted.mode else wanted.title)
        procedure.add_menu_path(MENU)
    for field in wanted.fields:
        add_argument(procedure, field)
    _add_own_arguments(procedure, wanted)
    _add_return_values(procedure)
    return procedure


def answer(procedure: Gimp.Procedure, layers: list[Gimp.Layer], said: list[EditResult]) -> Any:
    """Return the values of a call that went well.

    Args:
        procedure: that was called.
        layers: that were added.
        said: what they are made of.
    """
    found = layers[0] if len(layers) == 1 else layers[0].get_parent()
    seeds = ", ".join(str(each.seed) for each in said)
    receipts = ", ".join(each.receipt_id for each in said)
    values = procedure.new_return_values(Gimp.PDBStatusType.SUCCESS, None)
    for index, (kind, value) in enumerate(((Gimp.Layer, found), (str, seeds), (str, receipts)), 1):
        values.remove(index)
        values.insert(index, GObject.Value(kind, value))
    return values


def refusal(procedure: Gimp.Procedure, status: Gimp.PDBStatusType, words: str) -> Any:
    """Return the values of a call that did not go well, with one sentence."""
    return procedure.new_return_values(status, GLib.Error(words))


def _of_mode(mode: panel_form.Mode) -> Offered:
    name, fields = f"retouch-{mode.name}", _asked(mode.fields, mode.optional)
    return Offered(name, mode.title, mode.help, mode.name, (), fields, in_menu=True)


def _asked(fields: Iterable[Field], optional: Iterable[str]) -> tuple[Field, ...]:
    """The arguments of a batch call: nobody sees its previews, and what only runs where it is
    given is not given by default.
    """
    return tuple(
        field._replace(default=None) if field.operation in optional else field
        for field in fields
        if field.key != "preview_every"
    )


def _add_own_arguments(procedure: Gimp.Procedure, wanted: Offered) -> None:
    if wanted.name == RECIPE:
        text = "Path of a recipe, or the recipe itself, in JSON."
        procedure.add_string_argument("recipe", "Recipe", text, "", _FLAGS)
    if wanted.name == "retouch-combine":
        text = "Names of the operations that run, parted by commas."
        procedure.add_string_argument("operations", "Operations", text, "", _FLAGS)
    if wanted.name == REPLAY:
        text = "Which edit of the document's history, 0 = the newest."
        procedure.add_int_argument("index", "Index", text, 0, 49, 0, _FLAGS)
        text = "Seed of the first variant; -1 = the same as then."
        procedure.add_int_argument("seed", "Seed", text, -1, 2**31 - 1, -1, _FLAGS)
        return
    if wanted.mode == "expand" or wanted.name == RESUME:
        return
    choice = Gimp.Choice.new()
    choice.add(VISIBLE, 0, "What is seen", "")
    choice.add(LAYER, 1, "The selected layer", "")
    text = "What is edited."
    procedure.add_choice_argument("source", "Edit", text, choice, VISIBLE, _FLAGS)


def _add_return_values(procedure: Gimp.Procedure) -> None:
    text = "The new layer; of several variants the group that holds them."
    procedure.add_layer_return_value("layer", "Layer", text, False, _FLAGS)
    text = "Seeds of the variants, parted by commas."
    procedure.add_string_return_value("seeds", "Seeds", text, "", _FLAGS)
    text = "Numbers of the variants' signed receipts, parted by commas."
    procedure.add_string_return_value("receipts", "Receipts", text, "", _FLAGS)
