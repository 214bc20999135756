"""Tell what to do instead of what to see: InstructPix2Pix (Brooks et al. 2022).

The planner takes the model's sibling that was trained on instructions, by itself.

python examples/instruct_pix2pix.py [OUT.png]
"""

import sys
from importlib.resources import files

from retouch import EditRequest, Library, Runner, read_image, save
from retouch_plugins.instruct_pix2pix import InstructPix2Pix

PICTURES = files("retouch") / "demo"  # pictures that ship with Retouch; take your own


def main(target: str = "instruct_pix2pix.png") -> None:
    request = EditRequest(
        image=read_image(PICTURES / "house.png"),
        prompt="make it night",
        operations=(InstructPix2Pix(),),
    )
    (result,) = Runner(Library()).run(request)
    save(result.composite, target)


if __name__ == "__main__":
    main(*sys.argv[1:])
