"""Keep the lines of a picture and nothing else of it: T2I-Adapter (Mou et al. 2023).

Without an image it follows the edited picture itself; kind: canny, sketch, color or depth.

python examples/t2i_adapter.py [OUT.png]
"""

import sys
from importlib.resources import files

from retouch import EditRequest, Library, Runner, read_image, save
from retouch_plugins.t2i_adapter import T2IAdapter

PICTURES = files("retouch") / "demo"  # pictures that ship with Retouch; take your own


def main(target: str = "t2i_adapter.png") -> None:
    request = EditRequest(
        image=read_image(PICTURES / "house.png"),
        prompt="a pink house at sunset",
        operations=(T2IAdapter(kind="canny"),),
        seed=2,
    )
    (result,) = Runner(Library()).run(request)
    save(result.composite, target)


if __name__ == "__main__":
    main(*sys.argv[1:])
