"""Make four and keep the one that shows the prompt best, as CLIP sees it (Radford et al. 2021).

python examples/best_of.py [OUT.png]
"""

import sys
from importlib.resources import files

from retouch import EditRequest, Library, Runner, read_image, save
from retouch_plugins.best_of import BestOf
from retouch_plugins.t2i_adapter import T2IAdapter

PICTURES = files("retouch") / "demo"  # pictures that ship with Retouch; take your own


def main(target: str = "best_of.png") -> None:
    request = EditRequest(
        image=read_image(PICTURES / "rocket.png"),
        prompt="a red rocket in the sky",
        operations=(T2IAdapter(kind="canny"), BestOf(n=4)),
    )
    (result,) = Runner(Library()).run(request)
    save(result.composite, target)
    print("nearness of the four to the prompt:", result.settings["best_of.similarity"])


if __name__ == "__main__":
    main(*sys.argv[1:])
