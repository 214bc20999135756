"""Follow the prompt more closely, and stay away from what the negative prompt says: classifier-free
guidance (Ho and Salimans 2022). It is in every edit; this one sets it.

python examples/guidance.py [OUT.png]
"""

import sys
from importlib.resources import files

from retouch import EditRequest, Library, Runner, read_image, save
from retouch_plugins.guidance import Guidance
from retouch_plugins.sdedit import SDEdit

PICTURES = files("retouch") / "demo"  # pictures that ship with Retouch; take your own


def main(target: str = "guidance.png") -> None:
    request = EditRequest(
        image=read_image(PICTURES / "apple.png"),
        prompt="a green apple on a meadow",
        negative_prompt="a red apple",
        operations=(SDEdit(strength=0.7), Guidance(scale=5.0)),
    )
    (result,) = Runner(Library()).run(request)
    save(result.composite, target)


if __name__ == "__main__":
    main(*sys.argv[1:])
