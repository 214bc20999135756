"""Use a picture as a prompt: IP-Adapter (Ye et al. 2023). Inside of the mask the apple turns into
what the reference shows; the text says only where it is.

python examples/ip_adapter.py [OUT.png]
"""

import sys
from importlib.resources import files

from retouch import EditRequest, Library, Runner, read_image, read_mask, save
from retouch_plugins.ip_adapter import IPAdapter

PICTURES = files("retouch") / "demo"  # pictures that ship with Retouch; take your own


def main(target: str = "ip_adapter.png") -> None:
    reference = read_image(PICTURES / "rocket.png")
    request = EditRequest(
        image=read_image(PICTURES / "apple.png"),
        prompt="on a meadow",
        mask=read_mask(PICTURES / "apple-mask.png"),
        operations=(IPAdapter(images=(reference,)),),
    )
    (result,) = Runner(Library()).run(request)
    save(result.composite, target)


if __name__ == "__main__":
    main(*sys.argv[1:])
