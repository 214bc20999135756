"""What an edit tells its host: progress, previews, results."""

from __future__ import annotations

from typing import Any, Callable, NamedTuple

from .geometry import Rect, placed
from .pictures import Picture, Reference, picture_of
from .pixel_rows import alpha_bytes

#: Returns the bytes of a blob by its digest.
Fetch = Callable[[str], bytes]

_WORDS = {
    "load": "Loading the model",
    "encode": "Reading the picture",
    "invert": "Finding the picture's noise",
    "denoise": "Painting",
    "decode": "Developing",
    "rank": "Choosing the best",
    "check": "Checking and signing",
}
#: Part of a whole edit that its upload takes in the progress bar.
_UPLOAD = 0.05
#: Where the bar waits for the gate's last word.
_PAINTED = 0.99


class Progress(NamedTuple):
    """How far an edit is.

    Attributes:
        share: 0 to 1, never falling; None = not known yet (it waits).
        words: one short line: "Uploading", "Waiting, 2 before it", "Painting, 4 of 20".
        remaining: seconds to the end; None = not known.
    """

    share: float | None
    words: str
    remaining: float | None


class Preview(NamedTuple):
    """A picture on the way.

    Attributes:
        variant: which, from 0.
        picture: small rows in the snapshot's channel order and profile, with alpha: scale it to
            ``bounds`` (``pixel_rows.scaled``, or the host's own after ``pixel_rows.to_8bit``).
        bounds: where it lies in the document, in document pixels.
    """

    variant: int
    picture: Picture
    bounds: Rect


class EditResult(NamedTuple):
    """One finished variant, ready to be a layer.

    Attributes:
        variant: which, from 0.
        picture: the patch: rows in the snapshot's channel order (RGBA or BGRA), sample type (of
            FLOAT16 documents: FLOAT32) and profile, with straight alpha: the soft mask.
        mask: one byte per pixel of the patch: how much of it is seen.
        bounds: where the patch lies in the document, in document pixels.
        seed: what made it.
        receipt_id, receipt: of the gate; the receipt is one line of JSON.
        effective: ``retouch.v1.EffectiveParameters`` in JSON form: ``edit_request.choices_of``.
        settings: how it was made, in words and numbers.
    """

    variant: int
    picture: Picture
    mask: bytes
    bounds: Rect
    seed: int
    receipt_id: str
    receipt: str
    effective: dict[str, Any]
    settings: dict[str, Any]


def read_preview(event: dict[str, Any], crop: Rect, fetch: Fetch) -> Preview:
    """Return the preview of an event; fetches its picture."""
    sent = event["preview"]
    picture = _picture(sent.get("image", {}), fetch)
    bounds = placed(Rect.of(sent.get("bounds", {})), crop)
    return Preview(int(sent.get("variant", 0)), picture, bounds)


def read_result(event: dict[str, Any], crop: Rect, fetch: Fetch) -> EditResult:
    """Return the result of an event; fetches its picture."""
    sent = event["result"]
    picture = _picture(sent.get("patch") or sent.get("composited", {}), fetch)
    rows = not picture.is_file
    return EditResult(
        int(sent.get("variant", 0)),
        picture,
        alpha_bytes(picture.data, picture.sample_type) if rows else b"",
        placed(Rect.of(sent.get("bounds", {})), crop),
        int(sent.get("seed", 0)),
        str(sent.get("receiptId", "")),
        str(sent.get("receipt", "")),
        dict(sent.get("effective", {})),
        dict(sent.get("settings", {})),
    )


def _picture(sent: Reference, fetch: Fetch) -> Picture:
    profile = sent.get("colorProfile", {}).get("iccSha256")
    return picture_of(sent, fetch(sent["sha256"]), fetch(profile) if profile else None)


class ProgressBar:
    """Turns events into one share that never falls."""

    def __init__(self) -> None:
        self._phases: list[dict[str, Any]] = []
        self._share = 0.0

    def uploaded(self, sent: int, of: int) -> Progress:
        """So many bytes of so many are there."""
        return self._told(_UPLOAD * sent / max(1, of), "Uploading", None)

    def take(self, event: dict[str, Any]) -> Progress | None:
        """Return how far the edit is after an event; None where that is about something else."""
        if "phases" in event:
            self._phases = list(event["phases"].get("phases", []))
            return self._told(_UPLOAD, "Preparing", None)
        if "queued" in event:
            before = int(event["queued"].get("position", 0))
            return Progress(None, f"Waiting, {before} before it" if before else "Waiting", None)
        if "updated" in event and event["updated"].get("paused"):
            return Progress(self._share or None, "Paused", None)
        return self._step(event["progress"]) if "progress" in event else None

    def _step(self, progress: dict[str, Any]) -> Progress:
        phase, step = int(progress.get("phase", 0)), int(progress.get("step", 0))
        of = max(1, int(progress.get("ofSteps", 1)))
        shares = [float(each.get("share", 0)) for each in self._phases]
        done = sum(shares[:phase]) + (shares[phase] * step / of if phase < len(shares) else 0)
        left = str(progress.get("remaining", "")).rstrip("s")
        return self._told(
            _UPLOAD + (_PAINTED - _UPLOAD) * min(1.0, done),
            _WORDS["check"] if done > _PAINTED else self._words(phase, step, of),
            float(left) if left else None,
        )

    def _words(self, phase: int, step: int, of: int) -> str:
        name = str(self._phases[phase].get("name", "")) if phase < len(self._phases) else ""
        words = _WORDS.get(name, name.capitalize() or "Working")
        unit = " MiB" if name == "load" else ""
        return f"{words}, {step} of {of}{unit}" if of > 1 else words

    def _told(self, share: float, words: str, remaining: float | None) -> Progress:
        self._share = max(self._share, share)
        return Progress(self._share, words, remaining)
