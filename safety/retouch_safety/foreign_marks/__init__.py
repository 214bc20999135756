"""Marks of others: what ``invisible-watermark`` wrote into an input picture, and its SDXL mark.

``find_foreign_marks`` looks for the known messages of Stable Diffusion, FLUX.1 and InvokeAI, all in
the package's ``dwtDct`` layout. ``write_compatibility_mark`` writes the SDXL message, so that its
readers see a generated picture. Neither has a key: anyone can write, copy or remove such a mark.
messages says what is known, dwt_dct how a block carries a bit, chance when a match is a find,
cropping how a cropped picture is read, compatibility how the mark is written.
"""

from retouch_safety.foreign_marks.compatibility import CompatibilityMark, write_compatibility_mark
from retouch_safety.foreign_marks.finding import ForeignMark, find_foreign_marks

__all__ = [
    "CompatibilityMark",
    "ForeignMark",
    "find_foreign_marks",
    "write_compatibility_mark",
]
