"""Edits as the panel makes them, without a window."""

import drive
from drive import facts, wait_until


class Maker:
    """Makes edits as the panel does."""

    def __init__(self, retouch, catalog, modes):
        from retouch.color_profiles import ColorProfiles
        from retouch.interrupted import EditsAtWork

        self.at_work = EditsAtWork(str(drive.HOME))
        self.retouch, self.catalog, self.modes = retouch, catalog, modes
        self.profiles = ColorProfiles()

    def document(self, native):
        from retouch.document import Document

        return Document(native, self.profiles)

    def order(self, native, mode, values, operations=None, sides=None):
        from retouch.plugin_kit import geometry, panel_form

        from retouch.edit import Order

        document = self.document(native)
        size = panel_form.native_size(self.catalog)
        plan = None
        if sides is not None:
            plan = geometry.expansion(document.canvas, *sides, overlap=8, shortest_side=size)
            values = {**values, "expand.overlap": 8}
        area = document.layer_extent()
        return Order(self.modes[mode], values, operations, area, size, plan)

    def begin(self, native, order, title="an edit", retouch=None):
        from retouch.session import Session

        session = Session(self.document(native), title, self.at_work)
        return session.start(retouch or self.retouch, order)

    def end(self, session):
        wait_until(lambda: not session.is_running, what="the end of the edit")
        return session

    def edited(self, native, mode, keep=True, operations=None, sides=None, **values):
        """One edit, with the document before and after it."""
        before = facts(native)
        values = {name.replace("__", "."): value for name, value in values.items()}
        session = self.begin(native, self.order(native, mode, values, operations, sides))
        self.end(session)
        if keep:
            session.keep()
        native.waitForDone()
        return {**told(session), "before": before, "after": facts(native)}


def told(session):
    return {
        "state": session.state,
        "message": session.message,
        "variants": len(session.variants),
        "seeds": [each.result.seed for each in session.variants],
        "masks": [each.result.mask.hex() for each in session.variants],
        "bounds": [list(each.result.bounds) for each in session.variants],
        "receipts": [each.result.receipt_id for each in session.variants],
    }
