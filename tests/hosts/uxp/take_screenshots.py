"""Take the pictures of docs/hosts/photoshop.md: the panel in the shim, with a real daemon.

python tests/hosts/uxp/take_screenshots.py docs/images/hosts
"""

import sys
import tempfile
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw

sys.path.insert(0, str(Path(__file__).parents[1]))

from chromium import ROOT, Browser
from gateway_daemon import Served
from photoshop_shim import DRIVER, Photoshop, ask, plugin_for, wait_until_ready

DEMO = ROOT / "sdk/retouch/demo"
#: In CSS pixels; the screen has twice as many.
WIDTH, HEIGHT, SCALE = 300, 700, 2


def opened(photoshop, name):
    picture = np.asarray(Image.open(DEMO / "house.png").convert("RGB"))
    document = photoshop.open(picture, title=name, path=f"/home/me/{name}")
    y, x = np.mgrid[:128, :128]
    inside = np.minimum.reduce([x - 8, 72 - x, y - 40, 124 - y])
    document.select(np.clip(inside * 255 / 12, 0, 255).astype(np.uint8))
    return document


def variants(photoshop):
    """Three variants of a filled selection, one of them shown."""
    photoshop.mode("Fill selection")
    photoshop.fill("prompt", "a green tree beside the house")
    photoshop.settings(variants=3, seed=2, steps=24)
    photoshop.click(".more")
    photoshop.generate(wait=False)
    photoshop.wait("() => document.querySelector('.place').textContent === '1 of 3'")
    photoshop.wait_for(".generate")
    photoshop.click(".next")


def painting(photoshop):
    """An edit at work, with a preview."""
    photoshop.mode("Restyle")
    photoshop.fill("prompt", "the house on a winter night")
    photoshop.settings(seed=5, steps=160)
    photoshop.click(".more")
    photoshop.generate(wait=False)
    photoshop.wait(
        "() => /Painting, [6-9][0-9] /.test(document.querySelector('.progress').textContent)"
    )
    photoshop.wait("() => document.querySelector('.picture').src.startsWith('data:')")


def combined(photoshop):
    """Several operations in one edit."""
    photoshop.mode("Combine")
    for name in ("sdedit", "t2i_adapter"):
        photoshop.operation(name)
    photoshop.fill("prompt", "a house in spring")


def main(folder):
    home = Path(tempfile.mkdtemp())
    served = Served(home / "daemon", "photoshop")
    served.folder.mkdir()
    served.start()
    wait_until_ready(served)
    browser = Browser(DRIVER, home / "profile")
    shots = []
    try:
        plugin = plugin_for(served.client().address, home / "plugin")
        for theme, play in (("darkest", variants), ("lightest", painting), ("darkest", combined)):
            look = {"theme": theme, "width": WIDTH, "height": HEIGHT}
            photoshop = Photoshop(browser, plugin, **look)
            photoshop.wait_for(".pairing, .editing:not(.hidden)", 60)
            if photoshop.shows(".pairing"):
                photoshop.pair(ask(served, "POST", "/v1/pair/code")["code"])
            opened(photoshop, f"{play.__name__}.psd")
            play(photoshop)
            photoshop.js("() => { document.documentElement.scrollTop = 0; }")
            path = home / f"{play.__name__}.png"
            browser.screenshot(path=str(path))
            shots.append(Image.open(path).convert("RGB"))
    finally:
        browser.quit()
        served.stop()
    gap, wide, high = 24, SCALE * WIDTH, SCALE * HEIGHT
    sheet = Image.new("RGB", (3 * wide + 2 * gap, high), (255, 255, 255))
    for number, shot in enumerate(shots):
        left = number * (wide + gap)
        sheet.paste(shot, (left, 0))
        frame = [left, 0, left + wide - 1, high - 1]
        ImageDraw.Draw(sheet).rectangle(frame, outline=(150, 150, 150))
    sheet.save(Path(folder) / "photoshop.webp", quality=88, method=6)


if __name__ == "__main__":
    main(*sys.argv[1:])
