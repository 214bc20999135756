"""Names of adapters, LoRAs and embeddings: what they say once they are cut into words.

A name is chosen by whoever trained the weights, so it is a hint and no proof: the output detectors
look at what such weights draw.
"""

from __future__ import annotations

import re

_CAMEL = re.compile(r"(?<=[a-z])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")
_CUTS = re.compile(r"[^\w\s'’]|_|(?<=[^\W\d_]{4})(?=\d)|\b[vV]?\d+(?:\.\d+)*\b")
_SUFFIX = re.compile(r"\.(?:safetensors|ckpt|pt|pth|bin|gguf)$", re.IGNORECASE)

# Whole wherever they stand inside of a name, as names run words together. Longer words that hold
# one by chance are taken out first.
_INSIDE = re.compile(r"nude|naked|nsfw|porn|hentai|nudif|undress|lolicon|shotacon|deepfake ?nude")
_BY_CHANCE = re.compile(r"nudel\w*|snaked?\w*|denuded?|nudeln|popcorn\w*|inudes?")


def words_of(name: str) -> str:
    """Return a name as words: ``NSFWMaster_XL`` gives ``NSFW Master XL``."""
    bare = _SUFFIX.sub("", name.rsplit("/", 1)[-1].rsplit("\\", 1)[-1])
    return " ".join(_CUTS.sub(" ", _CAMEL.sub(" ", bare)).split())


def inside(word: str) -> str | None:
    """Return the refused word inside of one plain word of a name, or None."""
    found = _INSIDE.search(_BY_CHANCE.sub(" ", word))
    return found[0] if found else None
