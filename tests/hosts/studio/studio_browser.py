"""The studio's page in a real Chromium."""

import base64
from pathlib import Path

import numpy as np

HOST = "Web studio"
DRIVER = Path(__file__).with_name("browser.mjs")


class Studio:
    """The studio's page as a person uses it.

    Args:
        browser: it is in. url: with the code that pairs it.
        picture: a file to open; None opens none.
    """

    def __init__(self, browser, url, picture=None, page="main", **look):
        self.browser, self.page = browser, page
        browser.open(url=url, page=page, **look)
        self.see(".studio")
        if picture is not None:
            self.open(picture)

    def __getattr__(self, name):
        return lambda **given: self.browser.do(name, page=self.page, **given)

    def click(self, selector, **given):
        self.browser.click(page=self.page, selector=selector, **given)

    def see(self, selector, **given):
        self.browser.see(page=self.page, selector=selector, **given)

    def js(self, script, value=None):
        return self.browser.evaluate(page=self.page, script=script, value=value)

    def text(self, selector):
        return self.js("(s) => document.querySelector(s)?.textContent ?? ''", selector)

    def value(self, selector):
        return self.js("(s) => document.querySelector(s).value", selector)

    def open(self, picture):
        self.browser.choose(page=self.page, selector=".bar .button.plain", files=[str(picture)])
        self.see(".options")

    def mode(self, name):
        self.click(f"[data-mode={name}]")

    def switch(self, operation, on=True):
        found = f"[data-operation={operation}] .operation-head [role=switch]"
        if (self.js("(s) => document.querySelector(s).ariaChecked", found) == "true") != on:
            self.click(found)

    def prompt(self, words):
        self.browser.fill(page=self.page, selector="#prompt", text=words)

    def set_number(self, label, value):
        """A number field by its label; where there are several, the first."""
        script = """([label, value]) => {
          const named = [...document.querySelectorAll("label")].find(
            (each) => each.textContent.trim() === label && each.control);
          const input = named.control;
          input.value = value;
          for (const kind of ["input", "change"]) {
            input.dispatchEvent(new Event(kind, {bubbles: true}));
          }
        }"""
        self.js(script, [label, str(value)])

    def number(self, label):
        """What a number field has, by its label."""
        script = """(label) => [...document.querySelectorAll("label")].find(
            (each) => each.textContent.trim() === label && each.control).control.value"""
        return self.js(script, label)

    def settings(self, *, count=1, seed=7, steps=6):
        """Few steps, a seed, and so many variants."""
        self.set_number("Variants", count)
        self.set_number("Seed", seed)
        if not self.js(
            "() => document.querySelector('.output .disclosure').ariaExpanded === 'true'"
        ):
            self.click(".output .disclosure")
        self.set_number("Steps", steps)

    def rectangle(self, x, y, width, height):
        """Select with the rectangle's number fields: no pointer is needed."""
        self.press(keys="Escape")
        self.js("() => document.activeElement?.blur()")
        self.press(keys="r")
        self.see(".options .pair")
        for name, value in (("x", x), ("y", y), ("width", width), ("height", height)):
            selector = f"[aria-label='Rectangle {name}']"
            self.browser.fill(page=self.page, selector=selector, text=str(value))
        self.click(".options button >> text=Add")

    def generate(self, *, wait=True):
        self.click("#generate")
        return self.finished() if wait else ""

    def finished(self, seconds=180):
        """Wait until nothing is at work; return what was said as an error."""
        script = "() => document.querySelector('#generate') !== null"
        self.browser.wait(page=self.page, script=script, timeout=seconds * 1000)
        return self.error()

    def error(self):
        return self.text(".notice[data-kind=error] p")

    def tiles(self):
        return self.js("() => document.querySelectorAll('.tile').length")

    def receipt(self):
        return self.text(".receipt")

    def download(self, folder):
        """Return the chosen variant's file as it was saved, and its name."""
        path = Path(folder) / "downloaded"
        name = self.browser.download(page=self.page, selector="#download", path=str(path))
        return path.read_bytes(), name

    def downloads(self, selector, count, folder):
        """Return the files that a click saves, by name."""
        paths = self.browser.downloads(
            page=self.page, selector=selector, count=count, folder=str(folder)
        )
        return [Path(path) for path in paths]

    def point(self, x, y):
        """Where a place of the picture, in shares of its width and height, is on the screen."""
        script = """([x, y]) => {
          const canvas = document.querySelector("#picture");
          const [scale, left, top, width, height] = canvas.dataset.view.split(" ").map(Number);
          const box = canvas.getBoundingClientRect();
          return [box.left + left + x * width * scale, box.top + top + y * height * scale];
        }"""
        return self.js(script, [x, y])

    def view(self):
        """Scale and offsets of the picture on the stage, in CSS pixels."""
        script = "() => document.querySelector('#picture').dataset.view.split(' ').map(Number)"
        return self.js(script)[:3]

    def box(self, selector):
        """Left, top, right, bottom of an element on the screen."""
        script = """(selector) => {
          const found = document.querySelector(selector).getBoundingClientRect();
          const {left, top, right, bottom} = found;
          return [left, top, right, bottom];
        }"""
        return self.js(script, selector)

    def begun(self):
        """Wait until steps are done."""
        words = "document.querySelector('.progress-words')?.textContent"
        self.wait(script=f"() => /Denoising [1-9]/.test({words})")

    def stroke(self, *places):
        self.browser.drag(page=self.page, points=[self.point(*place) for place in places])

    def seen(self):
        """The stage's pixels as they are on the screen: (height, width, 4) of bytes."""
        script = """async () => {
          await new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)));
          const canvas = document.querySelector("#picture");
          const copy = new OffscreenCanvas(canvas.width, canvas.height);
          const pen = copy.getContext("2d", {willReadFrequently: true});
          pen.drawImage(canvas, 0, 0);
          const {data} = pen.getImageData(0, 0, canvas.width, canvas.height);
          let text = "";
          for (let at = 0; at < data.length; at += 32768) {
            text += String.fromCharCode(...data.subarray(at, at + 32768));
          }
          return [canvas.width, canvas.height, btoa(text)];
        }"""
        width, height, data = self.js(script)
        return np.frombuffer(base64.b64decode(data), np.uint8).reshape(height, width, 4)

    def picture_seen(self):
        """The part of the stage where the picture is."""
        (left, top), (right, bottom) = self.point(0, 0), self.point(1, 1)
        box = self.box("#picture")
        rows = slice(round(top - box[1]), round(bottom - box[1]))
        return self.seen()[rows, round(left - box[0]) : round(right - box[0]), :3]
