"""A look at an edit on its way: decoded small and fast, and sealed until the gate has seen it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from retouch.admitted import paste_alpha
from retouch.imaging.image import from_model_range
from retouch.imaging.patch import resize, restore, shown_patch
from retouch.imaging.region import Size
from retouch_safety.color_profile import from_srgb
from retouch_safety.sealed import Sealed

if TYPE_CHECKING:
    from torch import Tensor

    from retouch.models.decoder import Decoder
    from retouch.plan import Plan


def seal_preview(
    plan: Plan, decoder: Decoder, latents: Tensor, max_side: int | None = None
) -> Sealed:
    """Decode what an edit's latents show, as a layer over the document.

    There is no other way from latents to a preview: what comes back opens only for
    ``Gate.release``, which looks at it and marks it like every result.

    Args:
        plan: of the edit; its region must not be None.
        decoder: of the model, by its preview decoder if it has one.
        latents: x0, ``[1, C, h, w]``, scaled.
        max_side: longest side of the look in pixels; None, or more than the crop has: the crop's.
    """
    assert plan.region is not None
    image = plan.request.image
    picture = from_model_range(decoder.decode_preview(latents)[0].numpy())
    picture = from_srgb(resize(picture, plan.region.working), image.icc)
    width, height = plan.region.crop.size
    shrink = 1.0 if max_side is None else min(1.0, max_side / max(width, height))
    if shrink < 1.0:  # from the working picture: the crop may have a hundred times its pixels
        small = Size(max(1, round(width * shrink)), max(1, round(height * shrink)))
        picture = resize(picture[plan.region.content.slices].copy(), small).clip(0, 1)
    else:
        picture = restore(picture, plan.region)
    patch = shown_patch(image, picture, plan.region, paste_alpha(plan.mask, image))
    return Sealed.preview(patch.pixels, patch.alpha, x=patch.x, y=patch.y, icc=image.icc)
