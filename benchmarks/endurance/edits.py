"""Small edits with known outcomes: the same message gives the same pixels, whoever asks."""

from __future__ import annotations

import io
from dataclasses import dataclass

import numpy as np
from PIL import Image as Pillow

from retouch.client.edit_messages import edit_message
from retouch.client.uploads import Uploads
from retouch.imaging.image import Mask
from retouch.imaging.region import Rect, Size
from retouch.v1 import edit_pb2
from retouch_plugins.guidance import Guidance
from retouch_plugins.sdedit import SDEdit
from retouch_plugins.soft_mask import SoftMask

#: A mark needs an edited area of 128 x 128 pixels.
SIDE = 160


@dataclass(frozen=True)
class KnownEdit:
    """One edit.

    Attributes:
        name: of it.
        message: without a ``client_job_id``.
        blobs: what it refers to, by digest.
    """

    name: str
    message: edit_pb2.EditRequest
    blobs: dict[str, bytes]

    def named(self, client_job_id: str) -> edit_pb2.EditRequest:
        """The message of one job."""
        found = edit_pb2.EditRequest()
        found.CopyFrom(self.message)
        found.client_job_id = client_job_id
        return found


def picture(seed: int, side: int = SIDE) -> bytes:
    """A PNG with smooth shapes and some noise, so that a mark has where to go."""
    random = np.random.default_rng(seed)
    coarse = Pillow.fromarray(random.integers(40, 216, (6, 6, 3), dtype=np.uint8))
    smooth = np.asarray(coarse.resize((side, side), Pillow.Resampling.BICUBIC), np.int16)
    noisy = smooth + random.integers(-8, 9, smooth.shape, dtype=np.int16)
    stream = io.BytesIO()
    Pillow.fromarray(np.clip(noisy, 0, 255).astype(np.uint8)).save(stream, "PNG")
    return stream.getvalue()


def known_edits(seed: int) -> list[KnownEdit]:
    """Edits of all deliveries: whole pictures, patches, masks, two variants, previews."""
    mask = Mask.rectangle(Size(SIDE, SIDE), Rect(8, 8, 144, 136))
    wanted: dict[str, dict[str, object]] = {
        "sdedit": {"operations": [SDEdit(strength=0.9)], "steps": 3},
        "previews": {"operations": [SDEdit(strength=0.8)], "steps": 4, "preview_steps": 1},
        "masked patch": {
            "operations": [SDEdit(strength=0.6)], "steps": 3, "mask": mask, "output": "patch",
        },
        "guided": {"operations": [Guidance(scale=4.0)], "steps": 2},
        "soft mask": {
            "operations": [SoftMask(), SDEdit(strength=0.7)], "steps": 3, "mask": mask,
            "output": "both",
        },
        "two variants": {"operations": [SDEdit(strength=0.7)], "steps": 2, "variants": 2},
    }  # fmt: skip
    found = []
    for number, (name, settings) in enumerate(wanted.items()):
        uploads = Uploads()
        given: dict[str, object] = {"prompt": "a red house", "exact": True} | settings
        given["seed"] = seed * 100 + number
        message = edit_message(uploads, picture(seed + number), **given)  # type: ignore[arg-type]
        message.ClearField("client_job_id")
        found.append(KnownEdit(name, message, dict(uploads.pending)))
    return found
