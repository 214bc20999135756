"""Take the pictures of docs/hosts/studio.md anew: ``python take_screenshots.py FOLDER``.

Starts a daemon with the embedded model in a folder of its own, and edits the demo's pictures in a
real Chromium.
"""

import sys
import tempfile
import time
from pathlib import Path

import conftest
from chromium import Browser
from PIL import Image
from studio_browser import DRIVER, Studio

PICTURE = conftest.DEMO / "house.png"
SIDE = 1024
QUALITY = 88


def main(folder):
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as made:
        daemon = conftest.Served(Path(made) / "daemon", {"RETOUCH_HOME": f"{made}/home"}).start()
        browser = Browser(DRIVER, Path(made) / "profile")
        try:
            large = Path(made) / "house.png"
            Image.open(PICTURE).convert("RGB").resize((SIDE, SIDE), Image.LANCZOS).save(large)
            daemon.wait_until_ready()
            take(lambda **look: Studio(browser, daemon.url(), **look), large, Path(made), folder)
        finally:
            browser.quit()
            daemon.stop()


def take(opened, large, made, folder):
    """All of them, from a function that opens the page."""

    def shot(studio, name):
        time.sleep(0.4)
        studio.screenshot(path=str(made / "shot.png"))
        Image.open(made / "shot.png").convert("RGB").save(
            folder / f"studio-{name}.webp", quality=QUALITY, method=6
        )

    studio = opened(picture=large, width=1280, height=800, scheme="light")
    paint_the_house(studio)
    shot(studio, "mask-light-1280")
    studio = opened(picture=large, width=1280, height=800, scheme="dark")
    paint_the_house(studio)
    studio.settings(count=3, seed=3, steps=25)
    top(studio)
    studio.generate(wait=False)
    studio.begun()
    studio.see(".tile[data-waiting] canvas")
    shot(studio, "running-dark-1280")
    studio.finished()
    studio.click("#verify")
    studio.see(".trust button[aria-expanded]")
    shot(studio, "result-dark-1280")
    studio.click("#tab-history")
    studio.see(".history-entry img")
    shot(studio, "history-dark-1280")
    studio = opened(picture=large, width=2560, height=1440, scheme="light")
    combine(studio, large)
    shot(studio, "combine-light-2560")
    studio = opened(picture=large, width=2560, height=1440, scheme="dark")
    studio.mode("instruct")
    studio.prompt("make it night")
    studio.settings(count=2, seed=2, steps=25)
    studio.generate()
    studio.press(keys="Escape")
    studio.click("[aria-label='Before and after']")
    shot(studio, "compare-dark-2560")


def paint_the_house(studio):
    studio.prompt("a blue house in the snow")
    studio.set_number("Size", 260)
    studio.stroke((0.36, 0.62), (0.5, 0.48), (0.64, 0.62), (0.64, 0.8), (0.36, 0.8), (0.5, 0.66))


def combine(studio, large):
    studio.prompt("a purple house in the snow")
    studio.set_number("Size", 300)
    studio.stroke((0.34, 0.6), (0.5, 0.42), (0.66, 0.6), (0.66, 0.82), (0.34, 0.82), (0.5, 0.6))
    studio.switch("t2i_adapter")
    studio.switch("ip_adapter")
    field = "[data-operation=ip_adapter] input[type=file]"
    studio.files(selector=field, files=[str(conftest.DEMO / "star.png")])
    studio.see("[data-operation=ip_adapter] figure img")
    studio.settings(count=4, seed=5, steps=25)
    top(studio)
    studio.generate()


def top(studio):
    studio.js("() => document.querySelector('.scrolls').scrollTo(0, 0)")
    studio.js("() => document.activeElement.blur()")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
