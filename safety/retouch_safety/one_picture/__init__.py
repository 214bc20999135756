"""One still picture and nothing beside it: what detectors see of a file is all that it shows."""

from retouch_safety.one_picture.left_out import LeftOut
from retouch_safety.one_picture.only_picture import OnlyPicture, only_picture

__all__ = ["LeftOut", "OnlyPicture", "only_picture"]
