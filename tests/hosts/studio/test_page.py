"""The page itself: pairing, what it asks for, keys, names for screen readers, the mask."""

import re

import numpy as np
import pytest
from studio_browser import Studio

pytestmark = [pytest.mark.host, pytest.mark.window]

#: Elements that can be used and have no name.
NAMELESS = """() => [...document.querySelectorAll("button, input, select, textarea, [role=slider]")]
  .filter((each) => each.offsetParent !== null || each.type === "file")
  .filter((each) => !(each.ariaLabel || each.textContent.trim() || each.title))
  .filter((each) => !each.labels?.length)
  .map((each) => each.outerHTML.slice(0, 200))"""


def label(studio):
    return studio.js("() => document.querySelector('#picture').ariaLabel")


def mask_of(studio):
    """Width, height, x, y of the mask as a screen reader is told; None where there is none."""
    found = re.search(r"Mask (\d+) by (\d+) pixels at (\d+), (\d+)", label(studio))
    return found and tuple(map(int, found.groups()))


def test_a_code_lets_one_page_in_once(browser, daemon):
    url = daemon.url()
    assert re.fullmatch(r"http://127\.0\.0\.1:\d+/studio/#pair=\d{8}", url)
    browser.asked()
    page = Studio(browser, url)
    assert page.js("() => location.href") == url.partition("#")[0]
    code = url.partition("=")[2]
    assert not [each for each in browser.asked() if code in each], "it is in no request's address"
    kept = page.js("() => [Object.keys(sessionStorage), JSON.stringify(localStorage)]")
    assert kept[0] == ["retouch.token"] and "token" not in kept[1]
    browser.open(page="second", url=url)
    browser.see(page="second", selector="#code")
    said = "() => document.querySelector('#pairing-problem').textContent"
    browser.wait(page="second", script=f"() => ({said})() !== ''")
    assert "retouch pair" in browser.evaluate(page="second", script=said)
    fresh = daemon.url().partition("=")[2]
    browser.fill(page="second", selector="#code", text=fresh)
    browser.press(page="second", keys="Enter")
    browser.see(page="second", selector=".studio")
    browser.close(page="second")
    browser.said()  # what the browser says of the refused code


def test_nothing_is_asked_of_any_other_place(browser, daemon, house):
    browser.asked()
    Studio(browser, daemon.url(), house)
    asked = browser.asked()
    own = (f"http://{daemon.address}/", "blob:")
    assert asked and not [each for each in asked if not each.startswith(own)]


def test_a_brush_paints_softly_and_can_be_undone(studio):
    studio.set_number("Size", 64)
    studio.press(keys="1")
    studio.stroke((0.5, 0.5))
    width, height, x, y = mask_of(studio)
    assert 56 <= width <= 68 and abs(width - height) <= 1 and x > 20 and y > 20
    studio.press(keys="m")
    plain = studio.picture_seen().astype(int)
    studio.press(keys="m")
    strength = np.abs(studio.picture_seen().astype(int) - plain).sum(2)[64]
    middle, edge = strength[60:68].mean(), strength[x + 3]
    assert 0 < edge < middle, "its edge is soft"
    studio.press(keys="e")
    studio.stroke((0.5, 0.3), (0.5, 0.7))
    studio.press(keys="Control+z")
    assert mask_of(studio) == (width, height, x, y)
    studio.press(keys="i")
    assert mask_of(studio) == (128, 128, 0, 0)
    studio.press(keys="Control+z")
    studio.press(keys="Control+z")
    assert mask_of(studio) is None
    studio.press(keys="Control+Shift+z")
    assert mask_of(studio) == (width, height, x, y)
    studio.press(keys="Control+d")
    assert mask_of(studio) is None


def test_the_brush_has_size_and_hardness(studio):
    studio.press(keys="b")
    before = float(studio.value(".options .number-box"))
    studio.press(keys="]")
    assert float(studio.value(".options .number-box")) > before
    studio.press(keys="[")
    studio.set_number("Size", 20)
    studio.set_number("Hardness", 100)
    studio.press(keys="1")
    studio.stroke((0.5, 0.5))
    assert mask_of(studio)[0] in (20, 21, 22)


@pytest.mark.parametrize("kind", ["drop", "paste"])
def test_a_picture_is_dropped_or_pasted(open_studio, kind):
    studio = open_studio()
    give = """async (kind) => {
      const canvas = new OffscreenCanvas(96, 64);
      canvas.getContext("2d").fillRect(0, 0, 96, 64);
      const file = new File([await canvas.convertToBlob()], "given.png", {type: "image/png"});
      const data = new DataTransfer();
      data.items.add(file);
      const about = {bubbles: true, cancelable: true};
      window.dispatchEvent(kind === "drop"
        ? new DragEvent("drop", {...about, dataTransfer: data})
        : new ClipboardEvent("paste", {...about, clipboardData: data}));
    }"""
    studio.js(give, kind)
    studio.see(".options")
    assert label(studio).startswith("given.png, 96 by 64 pixels. Original.")


def test_wheel_and_space_move_the_view(studio):
    x, y = studio.point(0.25, 0.25)
    scale = studio.view()[0]
    studio.wheel(x=x, y=y, dy=-240)
    assert studio.view()[0] > scale
    assert np.allclose(studio.point(0.25, 0.25), (x, y), atol=1.5), "it zooms at the pointer"
    before = studio.view()
    studio.press(keys="Escape")
    studio.js("() => document.activeElement.blur()")
    studio.down(keys=" ")
    studio.drag(points=[[x, y], [x + 30, y + 20]])
    studio.up(keys=" ")
    after = studio.view()
    assert np.allclose(np.subtract(after, before), (0, 30, 20), atol=1)
    assert mask_of(studio) is None, "nothing was painted"


def test_two_fingers_zoom_and_pan(studio):
    x, y = studio.point(0.5, 0.5)
    before = studio.view()
    studio.touch(steps=[[[x - apart, y], [x + apart, y]] for apart in (20, 30, 40)])
    after = studio.view()
    assert 1.8 < after[0] / before[0] < 2.2
    assert np.allclose(studio.point(0.5, 0.5), (x, y), atol=3)
    assert mask_of(studio) is None, "what the first finger began is taken back"
    studio.touch(steps=[[[x, y]], [[x + 10, y]], [[x + 20, y]]])
    assert mask_of(studio), "one finger paints"


def test_an_edit_without_a_pointer(studio):
    studio.js("() => document.activeElement.blur()")
    for keys in ("r", "b", "Control+a", "/"):
        studio.press(keys=keys)
    studio.wait(script="() => document.activeElement.id === 'prompt'")
    studio.js("() => (document.querySelector('#prompt').value = '')")
    studio.press(keys="a")
    assert studio.value("#prompt") == "a", "keys are letters while somebody writes"
    studio.set_number("Variants", 1)
    studio.press(keys="Control+Enter")
    studio.see("#cancel")
    assert studio.js("() => document.querySelector('[role=progressbar]') !== null")
    assert studio.finished() == ""
    studio.wait(
        script="() => document.querySelector('#announcements').textContent.startsWith('Done')"
    )
    studio.js("() => document.activeElement.blur()")
    studio.press(keys="y")
    studio.see("[role=slider][aria-label='Before and after']")
    studio.js("() => document.querySelector('.compare-line').focus()")
    studio.press(keys="ArrowRight")
    assert studio.js("() => document.querySelector('.compare-line').ariaValueNow") == "52"
    studio.press(keys="Escape")
    studio.press(keys="?")
    studio.see("dialog[open]")
    studio.press(keys="Escape")
    assert studio.js("() => document.querySelector('dialog[open]')") is None


def test_everything_has_a_name(studio):
    for form in ("sdedit", "ip_adapter", "t2i_adapter", "prompt_to_prompt", "guidance"):
        studio.switch(form)
    for _ in range(8):
        studio.js("() => document.querySelector('.disclosure[aria-expanded=false]')?.click()")
    assert studio.js(NAMELESS) == []
    for landmark in ("header", "main", "nav", "aside", "h1", "[role=status]"):
        assert studio.js("(name) => document.querySelector(name) !== null", landmark), landmark
    assert studio.js("() => document.documentElement.lang") == "en"


def test_tab_leads_past_the_tools_first(open_studio):
    studio = open_studio()
    studio.press(keys="Tab")
    assert studio.js("() => document.activeElement.className") == "skip"
    studio.press(keys="Enter")
    studio.press(keys="Tab")
    focused = studio.js("() => document.activeElement.closest('.panel') !== null")
    assert focused, "the next stop is in the panel"


def test_before_and_after_are_side_by_side(studio):
    studio.press(keys="1")
    before = studio.picture_seen().astype(int)
    studio.mode("restyle")
    studio.prompt("a house at night")
    studio.settings()
    assert studio.generate() == ""
    after = studio.picture_seen().astype(int)
    studio.press(keys="y")
    both = studio.picture_seen().astype(int)
    assert (both[:, :60] == before[:, :60]).all() and (both[:, 68:] == after[:, 68:]).all()
    studio.press(keys="y")
    studio.down(keys="v")
    assert (studio.picture_seen() == before).all(), "the original while the key is held"
    studio.up(keys="v")
    assert (studio.picture_seen() == after).all()


@pytest.mark.parametrize("width", [800, 1280, 2560])
def test_nothing_is_cut_off(open_studio, house, width):
    studio = open_studio(picture=house, width=width, height=900, scheme="dark", motion="reduce")
    wide = studio.js("() => [document.documentElement.scrollWidth, innerWidth]")
    assert wide[0] <= wide[1]
    left, _, right, bottom = studio.box("#generate")
    assert left > 0 and right <= width and bottom <= 900
    assert studio.js(
        "() => getComputedStyle(document.querySelector('.tool')).transitionDuration"
    ) in ("0s", "0ms", "0s, 0s")
    dark = studio.js("() => getComputedStyle(document.body).backgroundColor")
    studio.press(keys="d")
    light = studio.js("() => getComputedStyle(document.body).backgroundColor")
    assert dark != light, "the switch goes before the preference"
    studio.press(keys="d")
    studio.press(keys="d")


def test_an_operation_of_another_package_appears_by_itself(studio):
    studio.switch("acme_tint")
    row = "[data-operation=acme_tint]"
    assert studio.text(f"{row} .operation-title") == "Acme tint"
    assert "Amount" in studio.text(f"{row} .operation-body")
    studio.set_number("Amount", 1.5)
    studio.settings()
    assert studio.generate() == ""
    assert studio.tiles() == 2
