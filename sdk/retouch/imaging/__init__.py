"""Pictures on the host's side of an edit: reading, regions, patches, control pictures.

Numpy, Pillow and OpenCV only. Pixels keep the document's own depth until the model needs them,
and come back at that depth, so that everything outside the edit stays bit-identical.
"""

from retouch.imaging.decode import MAX_PIXELS, read_image, read_mask
from retouch.imaging.image import Image, Mask, check_same_size, from_model_range, to_model_range
from retouch.imaging.patch import (
    Patch,
    composite,
    extract,
    extract_mask,
    feather,
    grow,
    make_patch,
    restore,
)
from retouch.imaging.region import Rect, RegionPlan, Size, plan_region, working_shapes

__all__ = [
    "MAX_PIXELS",
    "Image",
    "Mask",
    "Patch",
    "Rect",
    "RegionPlan",
    "Size",
    "check_same_size",
    "composite",
    "extract",
    "extract_mask",
    "feather",
    "from_model_range",
    "grow",
    "make_patch",
    "plan_region",
    "read_image",
    "read_mask",
    "restore",
    "to_model_range",
    "working_shapes",
]
