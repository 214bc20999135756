"""Four techniques in one request: the masked house is made anew after a prompt, along the edges
that are there, with a reference picture's look, and around it every bit stays.

python examples/combine_operations.py [OUT.png]
"""

import sys
from importlib.resources import files

from retouch import EditRequest, Library, Runner, read_image, read_mask, save
from retouch_plugins.guidance import Guidance
from retouch_plugins.ip_adapter import IPAdapter
from retouch_plugins.soft_mask import SoftMask
from retouch_plugins.t2i_adapter import T2IAdapter

PICTURES = files("retouch") / "demo"  # pictures that ship with Retouch; take your own


def main(target: str = "combine_operations.png") -> None:
    request = EditRequest(
        image=read_image(PICTURES / "house.png"),
        mask=read_mask(PICTURES / "house-mask.png"),
        prompt="a purple house in the snow",
        operations=(
            SoftMask(),
            T2IAdapter(kind="canny", scale=0.8),
            IPAdapter(images=(read_image(PICTURES / "rocket.png"),), scale=0.3),
            Guidance(scale=4.0),
        ),
    )
    runner = Runner(Library())
    print(dict(runner.plan(request).describe()))
    (result,) = runner.run(request)
    save(result.composite, target)


if __name__ == "__main__":
    main(*sys.argv[1:])
