"""Redraw a picture after a prompt, with a progress line.

python examples/edit_a_picture.py IN.png OUT.png "a blue star in the snow" [STRENGTH]
"""

import sys

from retouch import EditRequest, Library, Runner, Step, read_image, save
from retouch_plugins.sdedit import SDEdit


def show(step: Step) -> None:
    print(f"\r{step.done}/{step.total}", end="", flush=True)


def main(source: str, target: str, prompt: str, strength: str = "0.6") -> None:
    request = EditRequest(
        image=read_image(source),
        prompt=prompt,
        operations=(SDEdit(strength=float(strength)),),
    )
    (result,) = Runner(Library()).run(request, on_step=show)
    assert result.composite is not None
    save(result.composite, target)
    print(f"\n{target}: {result.composite.receipt.to_json()}")


if __name__ == "__main__":
    main(*sys.argv[1:])
