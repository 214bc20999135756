"""Patches: canvas -> working picture -> patch with its own alpha -> canvas again.

The one promise here: a canvas pixel whose alpha is 0 keeps its bits, at every depth.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from retouch.errors import InvalidField, InvalidImage
from retouch.imaging.image import Floats, Image, Mask, Pixels, to_depth, white_of
from retouch.imaging.region import Rect, RegionPlan, Size
from retouch_safety.color_profile import from_srgb, to_srgb


@dataclass(frozen=True, eq=False)
class Patch:
    """An edited piece of the canvas, ready to become a layer.

    Attributes:
        pixels: h x w x 3 at the document's depth; zeros where alpha is 0.
        alpha: h x w ``float32`` in [0, 1]; its support is all that the edit may change.
        x: canvas column of the left edge.
        y: canvas row of the top edge.

    Raises:
        InvalidImage: shapes that do not match.
    """

    pixels: Pixels
    alpha: Floats
    x: int
    y: int

    def __post_init__(self) -> None:
        if self.pixels.ndim != 3 or self.pixels.shape != (*self.alpha.shape, 3):
            found = (self.pixels.shape, self.alpha.shape)
            raise InvalidImage("patch", found, "h x w x 3 and h x w", "give both the same size")

    @property
    def bounds(self) -> Rect:
        """Where the patch lies on the canvas."""
        return Rect(self.x, self.y, self.pixels.shape[1], self.pixels.shape[0])


def extract(image: Image, plan: RegionPlan) -> Floats:
    """Return the working picture: H x W x 3 sRGB ``float32`` in [0, 1], size ``plan.working``.

    Networks know sRGB only: a document under another profile is shown to them as it looks. Area
    averaging shrinks, Lanczos enlarges; a canvas too small for the shape is mirrored.
    """
    crop = image.pixels[plan.crop.slices].astype(np.float32) / np.float32(image.white)
    return _completed(to_srgb(resize(crop, plan.content.size), image.icc), plan)


def extract_mask(mask: Mask, plan: RegionPlan) -> Floats:
    """Return the mask in working pixels: H x W ``float32`` in [0, 1], size ``plan.working``."""
    crop = np.ascontiguousarray(mask.strength[plan.crop.slices])
    strength = np.clip(resize(crop, plan.content.size, smooth=False), 0, 1)
    # 16-bit steps: averaging ones must give exactly 1, which operations test for
    return _completed(np.rint(strength * np.float32(65536)) / np.float32(65536), plan)


def restore(working: Floats, plan: RegionPlan) -> Floats:
    """Bring an edited working picture back to the crop's size in canvas pixels.

    Args:
        working: H x W x 3 ``float32`` in [0, 1], size ``plan.working``.
        plan: the plan it was extracted with.

    Raises:
        InvalidField: a picture of another size than the plan's.
    """
    if working.shape[:2] != (plan.working.height, plan.working.width):
        wanted = f"{plan.working.height} x {plan.working.width}"
        raise InvalidField("working picture", working.shape[:2], wanted, "use the same plan")
    content = np.ascontiguousarray(working[plan.content.slices])
    return np.clip(resize(content, plan.crop.size), 0, 1)


def make_patch(image: Image, working: Floats, plan: RegionPlan, alpha: Mask) -> Patch:
    """Turn an edited working picture into a patch at the document's depth, in its profile.

    Args:
        image: the document, for its depth and size.
        working: H x W x 3 sRGB ``float32`` in [0, 1], size ``plan.working``.
        plan: the plan it was extracted with.
        alpha: opacity of the edit on the whole canvas, feathered as wanted; its support must lie
            inside ``plan.crop``, so plan from the feathered mask's bounding box.

    Raises:
        InvalidImage: alpha of another size than the picture, or values that are not finite.
        InvalidField: alpha beyond the crop, or a working picture of another size than the plan's.
    """
    if alpha.size != image.size:
        raise InvalidImage("mask.size", alpha.size, f"{image.size}", "use the picture's size")
    support = alpha.bbox()
    if support is not None and not plan.crop.contains(support):
        fix = "plan the region from the feathered mask"
        raise InvalidField("mask", support, f"inside the crop {plan.crop}", fix)
    return shown_patch(image, restore(from_srgb(working, image.icc), plan), plan, alpha)


def shown_patch(image: Image, shown: Floats, plan: RegionPlan, alpha: Mask) -> Patch:
    """Return a patch that shows a picture of the crop, at that picture's own size.

    Args:
        image: the document, for its depth.
        shown: h x w x 3 ``float32`` in [0, 1] in the document's profile, of any size.
        plan: the plan of the crop, at whose place the patch lies.
        alpha: opacity of the edit on the whole canvas.
    """
    edited = to_depth(shown, image.pixels.dtype)
    height, width = edited.shape[:2]
    crop = np.ascontiguousarray(alpha.strength[plan.crop.slices])
    opacity = np.clip(resize(crop, Size(width, height), smooth=False), 0, 1)
    edited[opacity == 0] = 0
    return Patch(edited, opacity, plan.crop.x, plan.crop.y)


def composite(image: Image, patch: Patch) -> Image:
    """Blend a patch over the picture; profile and transparency of the picture are kept.

    A pixel with alpha 0 keeps its bits; one with alpha 1 takes the patch's value exactly.

    Raises:
        InvalidField: a patch of another depth, or outside the canvas.
    """
    if not image.bounds.contains(patch.bounds):
        allowed = f"inside the {image.width}x{image.height} canvas"
        raise InvalidField("patch.offset", patch.bounds, allowed, "check the offset")
    if patch.pixels.dtype != image.pixels.dtype:
        raise InvalidField("patch.depth", patch.pixels.dtype.name, image.depth, "match the depth")
    pixels = image.pixels.copy()
    below = image.pixels[patch.bounds.slices]
    pixels[patch.bounds.slices] = _blend(below, patch.pixels, patch.alpha)
    return replace(image, pixels=pixels)


def feather(mask: Mask, radius: int, *, outwards: bool = False) -> Mask:
    """Fade the mask's edge over ``radius`` canvas pixels (smoothstep of the distance).

    Inwards (default) the support, strength > 0, stays exactly as it was. Outwards the support
    grows by at most ``radius`` pixels and the fade is centred on the old edge. The canvas border
    is not an edge: a mask that reaches it is not faded there.

    Raises:
        InvalidField: a negative radius.
    """
    if radius < 0:
        raise InvalidField("region.feather", radius, ">= 0 pixels", "use 0 for a hard edge")
    if radius == 0:
        return mask
    base, fade = (grow(mask, radius), 2 * radius + 1) if outwards else (mask, radius + 1)
    ramp = np.clip(_distance(base.strength > 0) / fade, 0, 1)
    faded = base.strength * (ramp * ramp * (3 - 2 * ramp))
    # a very small strength times a very small ramp must not fall out of the support
    floor = np.float32(np.finfo(np.float32).tiny)
    return Mask(np.where(base.strength > 0, np.maximum(faded, floor), 0).astype(np.float32))


def grow(mask: Mask, pixels: int) -> Mask:
    """Grow the mask by a Euclidean distance in canvas pixels; a negative distance shrinks it.

    A pixel that is gained takes the strength of the nearest pixel that had one.
    """
    inside = mask.strength > 0
    if pixels == 0 or not inside.any():
        return mask
    if pixels < 0:
        return Mask(np.where(_distance(inside) > -pixels, mask.strength, 0).astype(np.float32))
    gained = (_distance(~inside) <= pixels) & ~inside
    spread = _nearest_strength(mask.strength)
    return Mask(np.where(gained, spread, mask.strength).astype(np.float32))


def resize(array: Floats, size: Size, *, smooth: bool = True) -> Floats:
    """Resize H x W or H x W x 3 ``float32``: area average to shrink, Lanczos-4 to enlarge.

    ``smooth=False`` enlarges linearly, which never overshoots (masks). The result may overshoot
    [0, 1] a little with Lanczos; callers clip.
    """
    height, width = array.shape[:2]
    if (width, height) == tuple(size):
        return array.copy()
    shrink = size.width * size.height < width * height
    enlarge = cv2.INTER_LANCZOS4 if smooth else cv2.INTER_LINEAR
    resized = cv2.resize(array, tuple(size), interpolation=cv2.INTER_AREA if shrink else enlarge)
    return np.asarray(resized, dtype=np.float32)


def _completed(content: Floats, plan: RegionPlan) -> Floats:
    """Mirror the content outwards to the working size, as often as it takes."""
    left, top = plan.content.x, plan.content.y
    right = plan.working.width - plan.content.right
    bottom = plan.working.height - plan.content.bottom
    around = [(top, bottom), (left, right), (0, 0)][: content.ndim]
    return np.pad(content, around, mode="symmetric") if max(left, top, right, bottom) else content


def _blend(below: Pixels, above: Pixels, alpha: Floats) -> Pixels:
    # float64 only at 16 bits and more, where float32 would round the last bits
    kind = np.dtype(np.float32 if below.dtype == np.uint8 else np.float64)
    weight: npt.NDArray[Any] = alpha[..., None].astype(kind)
    change: npt.NDArray[Any] = above.astype(kind) - below
    mixed: npt.NDArray[Any] = below + change * weight
    if below.dtype.kind == "u":
        mixed = np.rint(np.clip(mixed, 0, white_of(below.dtype)))
    mixed = mixed.astype(below.dtype)
    # select, do not compute: this is what makes "outside" bit-identical rather than close
    return np.where(weight == 0, below, np.where(weight == 1, above, mixed))


def _distance(inside: npt.NDArray[np.bool_]) -> Floats:
    """Return the distance of each True pixel to the nearest False one (huge if none is)."""
    found = cv2.distanceTransform(inside.astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
    return np.asarray(found, dtype=np.float32)


def _nearest_strength(strength: Floats) -> Floats:
    outside = (strength == 0).astype(np.uint8)
    _, labels = cv2.distanceTransformWithLabels(
        outside, cv2.DIST_L2, 5, labelType=cv2.DIST_LABEL_PIXEL
    )
    by_label = np.zeros(int(labels.max()) + 1, np.float32)
    by_label[labels[outside == 0]] = strength[outside == 0]
    return by_label[labels]
