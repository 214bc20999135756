"""Pictures and masks that lie over the document, brought onto the working picture."""

from __future__ import annotations

from dataclasses import replace

from retouch.imaging.image import Image, Mask, check_same_size
from retouch.imaging.patch import extract, extract_mask, resize
from retouch.operation import Operation
from retouch.parameters import parameters_of
from retouch.plan import Plan


def onto_working(operation: Operation, plan: Plan) -> Operation:
    """The operation with what lies over the document cropped and scaled to the working picture.

    Raises:
        InvalidImage: a mask of another size than the document.
    """
    image, region = plan.request.image, plan.region
    assert region is not None
    moved: dict[str, Image | Mask] = {}
    for known in parameters_of(type(operation)):
        value = getattr(operation, known.name)
        if not known.aligned or value is None:
            continue
        if isinstance(value, Mask):
            check_same_size(image, value)
            moved[known.name] = Mask(extract_mask(value, region))
        else:
            # A control picture may have another resolution: it is stretched over the document.
            over = resize(value.srgb(), image.size).clip(0, 1)
            moved[known.name] = Image(extract(Image(over), region))
    return replace(operation, **moved) if moved else operation
