"""Change words of a picture's description and keep its composition: Prompt-to-Prompt (Hertz et al.
2022). The picture is inverted first, so that what the words do not mention stays as it is.

python examples/prompt_to_prompt.py [OUT.png]
"""

import sys
from importlib.resources import files

from retouch import EditRequest, Library, Runner, read_image, save
from retouch_plugins.prompt_to_prompt import PromptToPrompt

PICTURES = files("retouch") / "demo"  # pictures that ship with Retouch; take your own


def main(target: str = "prompt_to_prompt.png") -> None:
    request = EditRequest(
        image=read_image(PICTURES / "cat.png"),
        prompt="a cat in the snow",
        operations=(PromptToPrompt(source_prompt="a cat on a beach"),),
    )
    (result,) = Runner(Library()).run(request)
    save(result.composite, target)


if __name__ == "__main__":
    main(*sys.argv[1:])
