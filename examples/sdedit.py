"""Redraw a picture after a prompt, keeping its layout: SDEdit (Meng et al. 2021).

A low strength changes colours, a high one shapes; 1 keeps nothing but the noise.

python examples/sdedit.py [OUT.png]
"""

import sys
from importlib.resources import files

from retouch import EditRequest, Library, Runner, read_image, save
from retouch_plugins.sdedit import SDEdit

PICTURES = files("retouch") / "demo"  # pictures that ship with Retouch; take your own


def main(target: str = "sdedit.png") -> None:
    request = EditRequest(
        image=read_image(PICTURES / "star.png"),
        prompt="a heart on a blue background",
        operations=(SDEdit(strength=0.65),),
    )
    (result,) = Runner(Library()).run(request)
    save(result.composite, target)


if __name__ == "__main__":
    main(*sys.argv[1:])
