"""The words the embedded model speaks: nouns, colours and places."""

from __future__ import annotations

from typing import Final

#: Nouns drawn by ``training.data`` itself.
SHAPES: Final[tuple[str, ...]] = ("circle", "square", "triangle", "star", "heart")

#: Noun -> icon name in the npm package ``@iconify-json/fluent-emoji-flat``.
ICONS: Final[dict[str, str]] = {
    "apple": "red-apple",
    "banana": "banana",
    "strawberry": "strawberry",
    "mushroom": "mushroom",
    "tree": "deciduous-tree",
    "flower": "tulip",
    "cactus": "cactus",
    "cat": "cat",
    "dog": "dog",
    "fish": "tropical-fish",
    "bird": "bird",
    "butterfly": "butterfly",
    "rabbit": "rabbit",
    "turtle": "turtle",
    "elephant": "elephant",
    "whale": "spouting-whale",
    "car": "automobile",
    "bus": "bus",
    "rocket": "rocket",
    "balloon": "balloon",
    "house": "house",
    "castle": "castle",
    "umbrella": "umbrella",
    "key": "key",
    "cake": "birthday-cake",
    "robot": "robot",
    "ghost": "ghost",
}

NOUNS: Final[tuple[str, ...]] = (*SHAPES, *ICONS)

#: Colour word -> sRGB in [0, 1].
COLOURS: Final[dict[str, tuple[float, float, float]]] = {
    "red": (0.87, 0.13, 0.15),
    "orange": (0.98, 0.52, 0.08),
    "yellow": (0.99, 0.83, 0.12),
    "green": (0.20, 0.66, 0.25),
    "blue": (0.14, 0.38, 0.88),
    "purple": (0.56, 0.23, 0.76),
    "pink": (0.98, 0.53, 0.73),
    "brown": (0.52, 0.31, 0.17),
    "white": (0.96, 0.96, 0.96),
    "black": (0.13, 0.13, 0.15),
}

#: Place -> phrase that follows the object in a caption.
PLACES: Final[dict[str, str]] = {
    "sky": "in the sky",
    "meadow": "on a meadow",
    "beach": "on a beach",
    "snow": "in the snow",
    "desert": "in the desert",
    "sea": "under water",
    "city": "in a city",
    "space": "in space",
    "sunset": "at sunset",
}

#: Place -> its name in captions of scenes without an object and in instructions.
PLACE_NAMES: Final[dict[str, str]] = {
    "sky": "the sky",
    "meadow": "a meadow",
    "beach": "a beach",
    "snow": "the snow",
    "desert": "the desert",
    "sea": "the sea",
    "city": "a city",
    "space": "space",
    "sunset": "a sunset",
}

#: Places that exist by day and at night.
NIGHT_PLACES: Final[frozenset[str]] = frozenset(
    {"sky", "meadow", "beach", "snow", "desert", "city"}
)

#: (colour, place) pairs that are not drawn: the object would vanish in its background.
CLASHES: Final[frozenset[tuple[str, str]]] = frozenset(
    {
        ("blue", "sky"),
        ("white", "sky"),
        ("green", "meadow"),
        ("yellow", "beach"),
        ("white", "snow"),
        ("orange", "desert"),
        ("yellow", "desert"),
        ("blue", "sea"),
        ("black", "space"),
        ("orange", "sunset"),
        ("purple", "sunset"),
    }
)


def article(word: str) -> str:
    """Return ``"a"`` or ``"an"`` for the word that follows."""
    return "an" if word[0] in "aeiou" else "a"
