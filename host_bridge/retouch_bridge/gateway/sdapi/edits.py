"""Requests of ``txt2img`` and ``img2img`` as edits."""

from __future__ import annotations

import hashlib
import uuid
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Final

from retouch.v1 import catalog_pb2, edit_pb2, image_pb2, mask_pb2, operation_pb2, sampling_pb2
from retouch_bridge.gateway.refusals import refusal
from retouch_bridge.gateway.sdapi.fields import Fields

#: Jobs of the facade, of each client.
GROUP: Final = "sdapi"
#: The daemon's own default, which the catalogue does not name.
DEFAULT_MODEL: Final = "retouch-mini"
#: What other programs call our samplers.
SAMPLERS: Final = MappingProxyType(
    {
        "ddim": ("DDIM",),
        "euler": ("Euler",),
        "euler_ancestral": ("Euler a",),
        "dpmpp_2m": ("DPM++ 2M", "DPM++ 2M Karras"),
        "heun": ("Heun",),
        "unipc": ("UniPC",),
        "lcm": ("LCM",),
    }
)
_SIDE: Final = 512
_MOST_SIDE: Final = 4096
_MOST_VARIANTS: Final = 16
_MOST_SEED: Final = 2**63 - 1
_BLUR: Final = 4
_STRENGTH: Final = 0.75
#: Of the model's own size, the largest at which it works.
_MOST_SCALE: Final = 4
#: What would change the picture and is not done.
_NOT_DONE: Final = (
    "enable_hr", "restore_faces", "tiling", "styles", "script_name", "alwayson_scripts",
    "refiner_checkpoint", "firstphase_width", "subseed_strength", "image_cfg_scale",
)  # fmt: skip


@dataclass
class Wanted:
    """An edit, and what it refers to.

    Attributes:
        edit: the request.
        pictures: bytes by digest, to be uploaded first.
    """

    edit: edit_pb2.EditRequest
    pictures: dict[str, bytes] = field(default_factory=dict)

    def keep(self, data: bytes) -> image_pb2.ImageRef:
        """Return the reference of bytes that are uploaded."""
        digest = hashlib.sha256(data).hexdigest()
        self.pictures[digest] = data
        return image_pb2.ImageRef(sha256=digest, size_bytes=len(data))


@dataclass(frozen=True, slots=True)
class Choices:
    """What a client has set by ``/options``.

    Attributes:
        model: name of an installed model.
    """

    model: str = DEFAULT_MODEL


def text_to_image(
    fields: Fields, choices: Choices, models: list[catalog_pb2.ModelDescription]
) -> Wanted:
    """Return the edit of a ``txt2img``: from noise, on a canvas that the model does not see.

    Raises:
        Refused: a field's value, or one that would have to be ignored.
    """
    wanted = _begun(fields, choices)
    width = fields.whole("width", 64, _MOST_SIDE) or _SIDE
    height = fields.whole("height", 64, _MOST_SIDE) or _SIDE
    canvas = wanted.edit.canvas
    canvas.source.CopyFrom(wanted.keep(bytes(3 * width * height)))
    canvas.source.raw.CopyFrom(
        image_pb2.RawLayout(
            size=image_pb2.Size(width=width, height=height),
            channel_order=image_pb2.CHANNEL_ORDER_RGB,
            sample_type=image_pb2.SAMPLE_TYPE_UINT8,
        )
    )
    _set_working_size(wanted.edit, models, width, height)
    return wanted


def image_to_image(
    fields: Fields, choices: Choices, models: list[catalog_pb2.ModelDescription]
) -> Wanted:
    """Return the edit of an ``img2img``: SDEdit, inside the mask where there is one.

    Raises:
        Refused: a field's value, or one that would have to be ignored.
    """
    wanted = _begun(fields, choices)
    given = fields.given.get("init_images")
    if not isinstance(given, list) or len(given) != 1:
        what, fix = "got none, or several; allowed: a list of one picture", "send one"
        raise refusal("invalid_argument", what, fix, field="init_images", status=422)
    edit = wanted.edit
    edit.canvas.source.CopyFrom(wanted.keep(fields.picture("init_images[0]", given[0])))
    strength = fields.number("denoising_strength", 0, 1)
    strength = _STRENGTH if strength is None else strength
    edit.operations.append(operation_pb2.Operation(sdedit=operation_pb2.SDEdit(strength=strength)))
    if fields.has("mask"):
        _add_mask(wanted, fields)
    width = fields.whole("width", 64, _MOST_SIDE)
    height = fields.whole("height", 64, _MOST_SIDE)
    if width or height:
        _set_working_size(edit, models, width or 0, height or 0)
    return wanted


def _add_mask(wanted: Wanted, fields: Fields) -> None:
    edit = wanted.edit
    inverted = fields.whole("inpainting_mask_invert", 0, 1)
    blur = fields.number("mask_blur", 0, 4096)
    edit.mask.CopyFrom(
        mask_pb2.Mask(
            image=wanted.keep(fields.picture("mask", fields.given["mask"])),
            polarity=mask_pb2.MASK_POLARITY_EDIT_BLACK
            if inverted
            else mask_pb2.MASK_POLARITY_EDIT_WHITE,
            feather_px=_BLUR if blur is None else blur,
        )
    )
    edit.operations.append(operation_pb2.Operation(soft_mask=operation_pb2.SoftMask()))
    if not fields.given.get("inpaint_full_res", True):
        edit.canvas.context.whole_canvas = True


def _begun(fields: Fields, choices: Choices) -> Wanted:
    fields.refuse(*_NOT_DONE)
    count = (fields.whole("batch_size", 1, _MOST_VARIANTS) or 1) * (
        fields.whole("n_iter", 1, _MOST_VARIANTS) or 1
    )
    if count > _MOST_VARIANTS:
        what = f"got {count} pictures; allowed: 1 to {_MOST_VARIANTS}"
        raise refusal("invalid_argument", what, "ask for fewer", field="batch_size", status=422)
    named = fields.object("override_settings").text("sd_model_checkpoint")
    edit = edit_pb2.EditRequest(
        client_job_id=uuid.uuid4().hex,
        group=GROUP,
        prompt=edit_pb2.Prompt(text=fields.text("prompt"), negative=fields.text("negative_prompt")),
        model=named or choices.model,
        output=edit_pb2.Output(count=count, delivery=edit_pb2.DELIVERY_COMPOSITED),
    )
    _set_sampling(edit.sampling, fields)
    # Always there: without any operation an edit would be one of the picture, by SDEdit.
    guidance = operation_pb2.Guidance(scale=fields.number("cfg_scale", 0, 50))
    edit.operations.append(operation_pb2.Operation(guidance=guidance))
    return Wanted(edit)


def _set_sampling(sampling: sampling_pb2.Sampling, fields: Fields) -> None:
    steps = fields.whole("steps", 1, 250)
    if steps is not None:
        sampling.steps = steps
    name = fields.text("sampler_name") or fields.text("sampler_index")
    known = {alias: ours for ours, aliases in SAMPLERS.items() for alias in aliases}
    sampling.sampler = known.get(name, name)
    seed = fields.whole("seed", -1, _MOST_SEED)
    if seed is None or seed < 0:
        sampling.seed_mode = sampling_pb2.SEED_MODE_RANDOM
    else:
        sampling.seeds.append(seed)


def _set_working_size(
    edit: edit_pb2.EditRequest,
    models: list[catalog_pb2.ModelDescription],
    width: int,
    height: int,
) -> None:
    """As large as it was asked for, or as the model can."""
    own = [each.native_size for each in models if each.name == edit.model]
    most = _MOST_SCALE * max(own[0].width, own[0].height) if own else _MOST_SIDE
    edit.canvas.working_size.long_side_px = min(max(width, height), most, _MOST_SIDE)
