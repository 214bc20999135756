#!/usr/bin/env python3
"""Retouch for GIMP 3: edits by words, as new layers."""

from __future__ import annotations

import sys
from typing import Any

import batch_edit
import catalogue_file
import procedures
from document import Unsuitable
from gimp_api import Gimp
from plugin_kit import panel_form
from plugin_kit.client import Cancelled, RetouchError


class RetouchPlugIn(Gimp.PlugIn):
    """Offers GIMP a procedure for every mode and every operation of the catalogue."""

    def do_set_i18n(self, _name: str) -> bool:
        """Texts are English."""
        return False

    def do_query_procedures(self) -> list[str]:
        """Return the names of all procedures."""
        return list(procedures.offered(catalogue_file.kept()))

    def do_create_procedure(self, name: str) -> Gimp.Procedure:
        """Return one of them."""
        wanted = procedures.offered(catalogue_file.kept())[name]
        return procedures.procedure_of(self, wanted, _run)


def _run(
    procedure: Gimp.Procedure,
    run_mode: Gimp.RunMode,
    image: Gimp.Image,
    drawables: list[Gimp.Drawable],
    config: Gimp.ProcedureConfig,
    _data: Any,
) -> Any:
    wanted = procedures.offered(catalogue_file.kept())[procedure.get_name()]
    try:
        if run_mode == Gimp.RunMode.INTERACTIVE:
            from dialog import run_dialog  # needs a display

            run_dialog(wanted, image)
            return procedure.new_return_values(Gimp.PDBStatusType.SUCCESS, None)
        added, found = batch_edit.edit(wanted, image, drawables, config)
        return procedures.answer(procedure, added, found)
    except Cancelled as problem:
        return procedures.refusal(procedure, Gimp.PDBStatusType.CANCEL, str(problem))
    except (RetouchError, Unsuitable, ValueError) as problem:
        words = panel_form.sentence(problem)
        return procedures.refusal(procedure, Gimp.PDBStatusType.EXECUTION_ERROR, words)


Gimp.main(RetouchPlugIn.__gtype__, sys.argv)
