"""The words of the procedural scenes and of the embedded model: nouns, colours, places, seasons."""

from __future__ import annotations

from typing import Final

#: Nouns that ``training.art`` draws itself.
SHAPES: Final[tuple[str, ...]] = ("circle", "square", "triangle", "star", "heart")

#: Noun -> icon in the npm package ``@iconify-json/fluent-emoji-flat``.
ICONS: Final[dict[str, str]] = {
    # animals
    "cat": "cat",
    "dog": "dog",
    "rabbit": "rabbit",
    "horse": "horse",
    "cow": "cow",
    "pig": "pig",
    "camel": "two-hump-camel",
    "giraffe": "giraffe",
    "zebra": "zebra",
    "tiger": "tiger",
    "elephant": "elephant",
    "hedgehog": "hedgehog",
    "squirrel": "chipmunk",
    "monkey": "monkey",
    "dinosaur": "sauropod",
    "crocodile": "crocodile",
    "snake": "snake",
    "turtle": "turtle",
    "fish": "tropical-fish",
    "shark": "shark",
    "whale": "spouting-whale",
    "octopus": "octopus",
    "crab": "crab",
    "snail": "snail",
    "butterfly": "butterfly",
    "spider": "spider",
    "bird": "bird",
    "duck": "duck",
    "flamingo": "flamingo",
    "parrot": "parrot",
    "penguin": "penguin",
    "owl": "owl",
    # food
    "apple": "red-apple",
    "banana": "banana",
    "strawberry": "strawberry",
    "pear": "pear",
    "lemon": "lemon",
    "cherry": "cherries",
    "watermelon": "watermelon",
    "pineapple": "pineapple",
    "avocado": "avocado",
    "carrot": "carrot",
    "broccoli": "broccoli",
    "eggplant": "eggplant",
    "tomato": "tomato",
    "mushroom": "mushroom",
    "cheese": "cheese-wedge",
    "pizza": "pizza",
    "hamburger": "hamburger",
    "cake": "birthday-cake",
    "cupcake": "cupcake",
    "donut": "doughnut",
    "cookie": "cookie",
    "teapot": "teapot",
    # plants
    "tree": "deciduous-tree",
    "pine": "evergreen-tree",
    "palm": "palm-tree",
    "flower": "tulip",
    "rose": "rose",
    "sunflower": "sunflower",
    "cactus": "cactus",
    "clover": "four-leaf-clover",
    # things
    "umbrella": "umbrella",
    "key": "key",
    "book": "closed-book",
    "chair": "chair",
    "clock": "alarm-clock",
    "camera": "camera",
    "guitar": "guitar",
    "hat": "top-hat",
    "crown": "crown",
    "shoe": "running-shoe",
    "dress": "dress",
    "shirt": "t-shirt",
    "bag": "handbag",
    "backpack": "backpack",
    "gift": "wrapped-gift",
    "hammer": "hammer",
    "pencil": "pencil",
    "bell": "bell",
    "anchor": "anchor",
    "trophy": "trophy",
    "candle": "candle",
    "bulb": "light-bulb",
    "bucket": "bucket",
    "balloon": "balloon",
    "robot": "robot",
    "ghost": "ghost",
    # vehicles
    "car": "automobile",
    "bus": "bus",
    "truck": "delivery-truck",
    "tractor": "tractor",
    "train": "locomotive",
    "bicycle": "bicycle",
    "sailboat": "sailboat",
    "airplane": "airplane",
    "helicopter": "helicopter",
    "rocket": "rocket",
    # buildings
    "house": "house",
    "castle": "castle",
    "tent": "tent",
}

NOUNS: Final[tuple[str, ...]] = (*SHAPES, *ICONS)

#: Plurals that do not end in a plain "s".
_PLURALS: Final[dict[str, str]] = {
    "fish": "fish",
    "butterfly": "butterflies",
    "strawberry": "strawberries",
    "cherry": "cherries",
    "trophy": "trophies",
    "tomato": "tomatoes",
    "cactus": "cacti",
    "dress": "dresses",
    "bus": "buses",
    "broccoli": "broccoli",
    "cheese": "cheese",
    "octopus": "octopuses",
}

#: Nouns that take no article: "a red apple", "green broccoli".
MASS: Final[frozenset[str]] = frozenset({"broccoli", "cheese"})

#: Other words for a noun; a tenth of the training captions use one.
SYNONYMS: Final[dict[str, tuple[str, ...]]] = {
    "cat": ("kitten", "kitty"),
    "dog": ("puppy",),
    "rabbit": ("bunny",),
    "pig": ("piglet",),
    "horse": ("pony",),
    "squirrel": ("chipmunk",),
    "turtle": ("tortoise",),
    "crocodile": ("alligator",),
    "owl": ("owlet",),
    "eggplant": ("aubergine",),
    "hamburger": ("burger",),
    "donut": ("doughnut",),
    "cookie": ("biscuit",),
    "cupcake": ("muffin",),
    "teapot": ("kettle",),
    "pine": ("fir",),
    "flower": ("tulip",),
    "bag": ("handbag", "purse"),
    "shoe": ("sneaker", "trainer"),
    "shirt": ("tshirt",),
    "gift": ("present",),
    "backpack": ("rucksack",),
    "bulb": ("lamp",),
    "trophy": ("cup",),
    "car": ("automobile",),
    "truck": ("lorry", "van"),
    "train": ("locomotive",),
    "bicycle": ("bike",),
    "sailboat": ("boat", "yacht"),
    "airplane": ("plane", "aircraft", "jet"),
    "house": ("home", "cottage"),
    "clock": ("alarm",),
    "bucket": ("pail",),
    "rocket": ("spaceship",),
}

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
    "grey": (0.56, 0.57, 0.59),
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
    "forest": "in a forest",
    "mountains": "in the mountains",
    "room": "in a room",
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
    "forest": "a forest",
    "mountains": "the mountains",
    "room": "a room",
}

#: Places that exist by day and at night.
NIGHT_PLACES: Final[frozenset[str]] = frozenset(
    {"sky", "meadow", "beach", "snow", "desert", "city", "forest", "mountains"}
)

#: Places that change with the season; without a word it is summer.
SEASON_PLACES: Final[frozenset[str]] = frozenset({"meadow", "forest", "mountains"})
SEASONS: Final[tuple[str, ...]] = ("autumn", "winter")

#: Number of equal objects -> its word.
COUNTS: Final[dict[int, str]] = {2: "two", 3: "three", 4: "four"}

#: (colour, place or season) pairs that are not drawn: the object would vanish in its background.
CLASHES: Final[frozenset[tuple[str, str]]] = frozenset(
    {
        ("blue", "sky"),
        ("white", "sky"),
        ("green", "meadow"),
        ("yellow", "beach"),
        ("white", "snow"),
        ("orange", "desert"),
        ("yellow", "desert"),
        ("brown", "desert"),
        ("blue", "sea"),
        ("grey", "city"),
        ("black", "space"),
        ("orange", "sunset"),
        ("purple", "sunset"),
        ("green", "forest"),
        ("grey", "mountains"),
        ("brown", "room"),
        ("white", "winter"),
        ("orange", "autumn"),
        ("brown", "autumn"),
    }
)


def article(word: str) -> str:
    """Return ``"a"`` or ``"an"`` for the word that follows."""
    return "an" if word[0] in "aeiou" else "a"


def plural(noun: str) -> str:
    """Return the plural of one of ``NOUNS``, as in ``"mice"``."""
    return _PLURALS.get(noun, noun + "s")
