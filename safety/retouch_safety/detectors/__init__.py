"""Output detectors: what is in a picture, whatever the prompt said.

Open-NSFW always looks. The CLIP safety checker looks too where its weights are, and so does every
detector that an installed package adds. Verdicts add up: the strictest one wins, and none takes
another's place.
"""

from retouch_safety.detectors.clip_checker import ClipSafetyChecker
from retouch_safety.detectors.detector import Detector
from retouch_safety.detectors.installed import GROUP, installed_detectors
from retouch_safety.detectors.known_picture import known_picture
from retouch_safety.detectors.open_nsfw import OpenNSFW
from retouch_safety.detectors.views import views

__all__ = [
    "GROUP",
    "ClipSafetyChecker",
    "Detector",
    "OpenNSFW",
    "installed_detectors",
    "known_picture",
    "views",
]
