"""What the judge learns from: procedural scenes, softened like any picture, and spoilt ones."""

from __future__ import annotations

from dataclasses import dataclass, replace

import cv2
import numpy as np
from numpy.typing import NDArray

from retouch.evaluation.judge.network import COLOUR_WORDS, NOUN_WORDS, SIDE
from retouch.evaluation.scenes.layouts import sample, setting
from retouch.evaluation.scenes.places import background
from retouch.evaluation.scenes.scene import Scene, Thing, coverage, render

Picture = NDArray[np.float32]


@dataclass(frozen=True)
class Example:
    """One training picture with its exact answers."""

    picture: Picture
    mask: Picture
    scene: Scene
    known: bool


def scatter(rng: np.random.Generator) -> Scene:
    """Draw a scene of one to four things anywhere, so that places on the grid mean nothing."""
    while True:
        scene = setting(rng)
        things: list[Thing] = []
        count = int(rng.choice([1, 2, 3, 4], p=[0.4, 0.3, 0.15, 0.15]))
        equal, noun, colour = rng.random() < 0.4, _noun(rng), _colour(rng)
        for _ in range(count):
            size = float(rng.uniform(0.3, 0.75 if count == 1 else 0.46))
            x, y = (float(v) for v in rng.uniform(0.42 * size, 1 - 0.42 * size, size=2))
            if all(max(abs(t.x - x), abs(t.y - y)) > 0.42 * (t.size + size) for t in things):
                things.append(Thing(noun, colour, x, y, size))
            if not equal:
                noun, colour = _noun(rng), _colour(rng)
        scene = replace(scene, things=tuple(things))
        if scene.valid():
            return scene


def _noun(rng: np.random.Generator) -> str:
    return str(rng.choice(NOUN_WORDS))


def _colour(rng: np.random.Generator) -> str:
    return "" if rng.random() < 0.3 else str(rng.choice(COLOUR_WORDS))


def example(rng: np.random.Generator) -> Example:
    """Draw one augmented picture; some hold a thing that is none of the nouns."""
    scene = sample(rng) if rng.random() < 0.65 else scatter(rng)
    picture, masks = render(scene, SIDE)
    mask = coverage(masks, SIDE)
    known = True
    if len(scene.things) == 1 and rng.random() < 0.12:
        picture, mask = spoil(picture, mask, scene, rng)
        known = False
    return Example(augment(picture, rng), mask, scene, known)


def spoil(
    picture: Picture, mask: Picture, scene: Scene, rng: np.random.Generator
) -> tuple[Picture, Picture]:
    """Return the picture with its only thing smeared or cut into shuffled tiles."""
    behind = background(scene.place, scene.night, scene.season, scene.variant, SIDE)
    layer = np.dstack([picture * mask[..., None], mask])
    if rng.random() < 0.5:
        layer = cv2.GaussianBlur(layer, (0, 0), float(rng.uniform(6, 9)))
    else:
        layer = _shuffled(layer, scene.things[0], rng)
    cover = layer[..., 3:]
    return behind * (1 - cover) + layer[..., :3], np.ascontiguousarray(layer[..., 3])


def _shuffled(layer: Picture, thing: Thing, rng: np.random.Generator) -> Picture:
    tile = int(thing.size * SIDE) // 3
    left, top = (max(0, round((c - thing.size / 2) * SIDE)) for c in (thing.x, thing.y))
    left, top = min(left, SIDE - 3 * tile), min(top, SIDE - 3 * tile)
    spots = [(top + tile * (n // 3), left + tile * (n % 3)) for n in range(9)]
    shuffled = np.zeros_like(layer)
    for (y, x), source in zip(spots, rng.permutation(9), strict=True):
        v, u = spots[source]
        shuffled[y : y + tile, x : x + tile] = layer[v : v + tile, u : u + tile]
    return shuffled


def augment(picture: Picture, rng: np.random.Generator) -> Picture:
    """Return the picture a little softer, warped, brighter, noisier or compressed, or untouched."""
    if rng.random() < 0.2:
        picture = _warped(picture, rng)
    if rng.random() < 0.3:
        picture = cv2.GaussianBlur(picture, (0, 0), float(rng.uniform(0.3, 1.2)))
    if rng.random() < 0.3:
        side = int(SIDE * rng.uniform(0.6, 1.0))
        small = cv2.resize(picture, (side, side), interpolation=cv2.INTER_AREA)
        picture = cv2.resize(small, (SIDE, SIDE), interpolation=cv2.INTER_CUBIC)
    if rng.random() < 0.5:
        gain = rng.uniform(0.9, 1.1) * rng.uniform(0.97, 1.03, size=3)
        picture = picture * gain.astype(np.float32) + np.float32(rng.uniform(-0.04, 0.04))
    if rng.random() < 0.3:
        noise = rng.standard_normal(picture.shape, dtype=np.float32)
        picture = picture + noise * np.float32(rng.uniform(0, 0.04))
    picture = np.clip(picture, 0, 1)
    if rng.random() < 0.15:
        quality = [cv2.IMWRITE_JPEG_QUALITY, int(rng.integers(40, 95))]
        _, data = cv2.imencode(".jpg", np.round(picture * 255).astype(np.uint8), quality)
        picture = cv2.imdecode(data, cv2.IMREAD_COLOR).astype(np.float32) / np.float32(255)
    return np.ascontiguousarray(picture, np.float32)


def _warped(picture: Picture, rng: np.random.Generator) -> Picture:
    shift = rng.standard_normal((5, 5, 2)).astype(np.float32) * np.float32(rng.uniform(0, 1.5))
    field = cv2.resize(shift, (SIDE, SIDE), interpolation=cv2.INTER_CUBIC)
    x, y = np.meshgrid(np.arange(SIDE, dtype=np.float32), np.arange(SIDE, dtype=np.float32))
    return cv2.remap(
        picture, x + field[..., 0], y + field[..., 1], cv2.INTER_LINEAR, None, cv2.BORDER_REFLECT
    )
