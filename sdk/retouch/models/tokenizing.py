"""The CLIP tokenizer, from the vocabulary that ships with Retouch."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

from retouch.errors import ModelInvalid

if TYPE_CHECKING:
    from transformers import CLIPTokenizer

CONFIGS = Path(__file__).parent / "configs"
VOCABULARY = CONFIGS / "clip-vocabulary"
END_OF_TEXT = "<|endoftext|>"


def clip_tokenizer(pad_token: str = END_OF_TEXT) -> CLIPTokenizer:
    """Return CLIP's tokenizer: 49408 words, bos 49406, eos 49407, at most 77 tokens.

    Args:
        pad_token: ``<|endoftext|>`` for SD 1.x; ``!`` (id 0) for SD 2.x and SDXL's second.
    """
    from transformers import CLIPTokenizer

    return CLIPTokenizer.from_pretrained(
        str(VOCABULARY), pad_token=pad_token, model_max_length=77, local_files_only=True
    )


def load_tokenizer(folder: Path) -> CLIPTokenizer:
    """Load the tokenizer of a diffusers or CLIP folder.

    A folder with a vocabulary of its own (``vocab.json`` and ``merges.txt``, or
    ``tokenizer.json``) is used as it is; one with settings only (``tokenizer_config.json``), or
    with nothing, takes the shipped vocabulary, so that it need not be duplicated.

    Raises:
        ModelInvalid: the files are damaged.
    """
    from transformers import CLIPTokenizer

    try:
        if (folder / "vocab.json").is_file() or (folder / "tokenizer.json").is_file():
            return CLIPTokenizer.from_pretrained(str(folder), local_files_only=True)
        settings = folder / "tokenizer_config.json"
        pad: object = END_OF_TEXT
        if settings.is_file():
            pad = json.loads(settings.read_text(encoding="utf-8")).get("pad_token", END_OF_TEXT)
        return clip_tokenizer(str(pad["content"]) if isinstance(pad, dict) else str(pad))
    except Exception as error:  # the tokenizers library raises bare Exception
        fix = "restore the publisher's tokenizer files, or delete them to use the shipped ones"
        raise ModelInvalid(str(folder), f"its tokenizer cannot be read ({error})", fix) from error
