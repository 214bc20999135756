"""Four techniques in one request: a rectangle of the picture is redrawn after a prompt, after a
reference picture, along the edges that are there, and the rest keeps every bit.

python examples/combine_operations.py IN.png REFERENCE.png OUT.png "a red apple" X,Y,WIDTH,HEIGHT
"""

import sys

from retouch import EditRequest, Library, Rect, Runner, read_image, save
from retouch_plugins.ip_adapter import IPAdapter
from retouch_plugins.sdedit import SDEdit
from retouch_plugins.t2i_adapter import T2IAdapter


def main(source: str, reference: str, target: str, prompt: str, rectangle: str) -> None:
    x, y, width, height = (int(part) for part in rectangle.split(","))
    request = EditRequest(
        image=read_image(source),
        prompt=prompt,
        region=Rect(x, y, width, height),
        operations=(
            SDEdit(strength=0.8),
            IPAdapter(images=(read_image(reference),), scale=0.5),
            T2IAdapter(kind="canny", scale=0.7),
        ),
        feather=4,
    )
    runner = Runner(Library())
    print(dict(runner.plan(request).describe()))
    (result,) = runner.run(request)
    assert result.composite is not None
    save(result.composite, target)


if __name__ == "__main__":
    main(*sys.argv[1:])
