"""One edit at work, and what is told of it: to a dialog's main loop, or to a waiting procedure."""

from __future__ import annotations

import queue
from collections.abc import Callable
from typing import Any

import interrupted_edits
from document import Read
from edits import Chosen
from gimp_api import Gimp
from job_guard import JobGuard
from plugin_kit import panel_form
from plugin_kit.client import Cancelled, Lost, Retouch, RetouchError
from plugin_kit.edit_request import Choices, Prepared, prepare
from plugin_kit.edit_task import EditResult, EditTask, Progress
from plugin_kit.geometry import Rect

#: Told what happens and its value; in the edit's own thread.
Tell = Callable[[str, Any], None]
#: What is told: "progress" with a Progress, "preview", "result", and once "end" with the task.
PROGRESS, PREVIEW, RESULT, END = "progress", "preview", "result", "end"


def begun(read: Read, asked: Chosen, choices: Choices) -> Prepared:
    """Return an edit's request; it is kept, so that its result cannot be lost.

    Args:
        read: the document.
        asked: what was asked for.
        choices: the same for the daemon, with masks in it.
    """
    prepared = prepare(read.snapshot, choices)
    interrupted_edits.keep(read.place.image, read.snapshot.crop, asked, prepared.request)
    return prepared


def task_of(retouch: Retouch, prepared: Prepared, crop: Rect, tell: Tell) -> EditTask:
    """Return an edit that can be started.

    Args:
        retouch: the daemon.
        prepared: its request.
        crop: the part of the document that was read.
        tell: told what happens.
    """
    return EditTask.of_request(
        retouch,
        prepared,
        crop,
        on_progress=lambda progress: tell(PROGRESS, progress),
        on_preview=lambda preview: tell(PREVIEW, preview),
        on_result=lambda result: tell(RESULT, result),
        on_end=lambda task: tell(END, task),
    )


def run_waiting(retouch: Retouch, prepared: Prepared, crop: Rect, title: str) -> list[EditResult]:
    """Run an edit to its end with GIMP's own progress bar; return its variants in order.

    GIMP's API belongs to one thread: the edit has its own and hands over what happens.

    Raises:
        RetouchError: it failed, was blocked whole, or was cancelled.
    """
    happened: queue.SimpleQueue[tuple[str, Any]] = queue.SimpleQueue()
    found: list[EditResult] = []
    Gimp.progress_init(title)
    task = task_of(retouch, prepared, crop, lambda kind, value: happened.put((kind, value)))
    with guard_of(prepared):
        task.start()
        while True:
            kind, value = happened.get()
            if kind == PROGRESS:
                _show(value)
            elif kind == RESULT:
                found.append(value)
            elif kind == END:
                break
    Gimp.progress_end()
    forget(task, prepared)
    return finished(task, found)


def guard_of(prepared: Prepared) -> JobGuard:
    """Return what cancels an edit when GIMP ends this plug-in."""
    request = prepared.request
    return JobGuard(interrupted_edits.path_of(request), str(request["clientJobId"]))


def forget(task: EditTask, prepared: Prepared) -> None:
    """Forget an edit that is over; one that the daemon may still finish is kept."""
    if not isinstance(task.error, Lost):
        interrupted_edits.forget(prepared.request)


def finished(task: EditTask, found: list[EditResult]) -> list[EditResult]:
    """Return the variants of an edit that is over, in order.

    Raises:
        RetouchError: there are none.
    """
    if task.state == "cancelled":
        raise task.error or Cancelled("The edit was cancelled.")
    if not found:
        raise task.error or RetouchError("The edit gave nothing. Fix: try again.")
    if task.error is not None:  # the gate kept some of the variants
        Gimp.message(panel_form.sentence(task.error))
    return sorted(found, key=lambda result: result.variant)


def _show(progress: Progress) -> None:
    Gimp.progress_set_text(progress.words)
    if progress.share is None:
        Gimp.progress_pulse()
    else:
        Gimp.progress_update(progress.share)
