"""What a file held beside its picture, and what makes it more than one picture."""

from __future__ import annotations

from typing import NamedTuple, TypeAlias


class LeftOut(NamedTuple):
    """Something that was taken out of a file.

    Attributes:
        what: it was, in words.
        size: in bytes.
    """

    what: str
    size: int


#: A file with its picture alone, and what was taken out of it.
Sieved: TypeAlias = tuple[bytes, list[LeftOut]]


class SeveralPictures(ValueError):
    """A file that shows more than one picture: which of them is meant is not ours to say."""
