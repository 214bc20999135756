"""Fill a masked area, and keep every bit outside of it.

White in the mask is edited, black is kept, grey is edited less (Levin and Fried 2023). Where all
of it is to be made anew, a model's inpainting sibling is taken if there is one; method="blend"
keeps to the model itself.

python examples/soft_mask.py [OUT.png]
"""

import sys
from importlib.resources import files

from retouch import EditRequest, Library, Runner, read_image, read_mask, save
from retouch_plugins.soft_mask import SoftMask

PICTURES = files("retouch") / "demo"  # pictures that ship with Retouch; take your own


def main(target: str = "soft_mask.png") -> None:
    request = EditRequest(
        image=read_image(PICTURES / "apple.png"),
        mask=read_mask(PICTURES / "apple-mask.png"),
        prompt="a red mushroom on a meadow",
        operations=(SoftMask(method="auto"),),
    )
    (result,) = Runner(Library()).run(request)
    save(result.composite, target)


if __name__ == "__main__":
    main(*sys.argv[1:])
