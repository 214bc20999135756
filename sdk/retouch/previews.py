"""A look at an edit on its way: decoded small and fast, and sealed until the gate has seen it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from retouch.admitted import paste_alpha
from retouch.imaging.image import from_model_range
from retouch.imaging.patch import make_patch, resize
from retouch_safety.sealed import Sealed

if TYPE_CHECKING:
    from torch import Tensor

    from retouch.models.model import Model
    from retouch.plan import Plan


def seal_preview(plan: Plan, model: Model, latents: Tensor) -> Sealed:
    """Decode what an edit's latents show, as a layer over the document.

    There is no other way from latents to a preview: what comes back opens only for
    ``Gate.release``, which looks at it and marks it like every result.

    Args:
        plan: of the edit; its region must not be None.
        model: decodes, by its preview decoder if it has one.
        latents: x0, ``[1, C, h, w]``, scaled.
    """
    assert plan.region is not None
    image = plan.request.image
    picture = from_model_range(model.decode_preview(latents)[0].numpy())
    picture = resize(picture, plan.region.working).clip(0, 1)
    patch = make_patch(image, picture, plan.region, paste_alpha(plan.mask, image))
    return Sealed.preview(patch.pixels, patch.alpha, x=patch.x, y=patch.y, icc=image.icc)
