"""Cancel, errors, Photoshop that is busy, a daemon that dies, a panel that is closed."""

import time
import uuid

import pytest
from behaviours import record
from photoshop_shim import HOST, Photoshop

pytestmark = [pytest.mark.host, pytest.mark.window]
AT_WORK = ("JOB_STATE_QUEUED", "JOB_STATE_RUNNING")
PLACED = "() => document.querySelector('.outcome .message').textContent.startsWith('Placed')"


def begun(photoshop, house, *, steps=200, **given):
    """A document, and an edit of it at work."""
    document = photoshop.open(house, path=f"/home/me/{uuid.uuid4().hex}.psd", **given)
    photoshop.mode("Restyle")
    photoshop.fill("prompt", "a house")
    photoshop.settings(steps=steps)
    photoshop.generate(wait=False)
    photoshop.painting()
    return document


def says(photoshop, words, timeout=60):
    script = "(w) => document.querySelector('.outcome .message').textContent.includes(w)"
    photoshop.wait(script, words, timeout)


def untouched(document, house):
    state = document.state()
    return len(state["layers"]) == 1 and (state["shown"][..., :3] == house).all()


def jobs(served):
    return served.client().call("EditService/ListJobs", {})["jobs"]


def finished_there(served, timeout=120):
    """Wait until the daemon has no job at work, and the panel has heard of it."""
    ends = time.monotonic() + timeout
    while any(each["state"] in AT_WORK for each in jobs(served)):
        assert time.monotonic() < ends
        time.sleep(0.1)
    time.sleep(0.5)


def test_cancel_stops_exactly_this_job(photoshop, served, house):
    client = served.client()
    document = begun(photoshop, house)
    edit = {
        "clientJobId": uuid.uuid4().hex,
        "canvas": {"source": {"sha256": client.put(house.tobytes()), "raw": RAW}},
        "sampling": {"steps": 30},
        "operations": [{"sdedit": {"strength": 0.9}}],
    }
    other = client.submit(edit)["jobId"]
    own = next(each for each in reversed(jobs(served)) if each["jobId"] != other)["jobId"]
    photoshop.click(".cancel")
    assert photoshop.finished() == "Cancelled; the document is as it was."
    states = {each["jobId"]: each["state"] for each in jobs(served)}
    assert states[own] == "JOB_STATE_CANCELLED"
    assert states[other] in ("JOB_STATE_QUEUED", "JOB_STATE_RUNNING", "JOB_STATE_DONE")
    assert untouched(document, house) and not photoshop.shows(".picture")
    record(HOST, "cancel exactly this job")


RAW = {
    "size": {"width": 128, "height": 128},
    "channelOrder": "CHANNEL_ORDER_RGB",
    "sampleType": "SAMPLE_TYPE_UINT8",
}


def test_refusals_and_failures_are_one_sentence(photoshop, house):
    document = photoshop.open(house)
    photoshop.mode("Restyle")
    photoshop.fill("prompt", "a nude child")
    photoshop.settings()
    said = photoshop.generate()
    assert said.startswith("Blocked by the prompt check") and "\n" not in said
    photoshop.fill("steps", 900)
    said = photoshop.generate()
    assert said == "Steps: got '900'; allowed: 1 to 250. Fix: choose one of these."
    assert untouched(document, house)


def test_a_daemon_that_dies_is_waited_for(photoshop, served, house):
    document = begun(photoshop, house, steps=40)
    served.kill()
    time.sleep(0.3)
    began = time.monotonic()
    photoshop.mode("Instruct")
    photoshop.mode("Restyle")
    assert time.monotonic() - began < 5, "the panel still answers"
    served.start()
    assert photoshop.finished(timeout=240).startswith("Placed")
    assert len(document.state()["layers"]) == 2
    record(HOST, "errors in one sentence")


def test_a_socket_that_is_refused_is_done_without(photoshop, house):
    photoshop.shim("refuseSockets")
    document = photoshop.open(house)
    photoshop.mode("Restyle")
    photoshop.fill("prompt", "a h\u00f6use")
    photoshop.settings()
    assert photoshop.generate().startswith("Placed")
    assert len(document.state()["layers"]) == 2
    photoshop.settings(steps=200)
    photoshop.generate(wait=False)
    photoshop.wait_for(".cancel")
    photoshop.click(".cancel")
    assert photoshop.finished() == "Cancelled; the document is as it was."


def test_photoshop_that_is_busy_is_waited_for(photoshop, house):
    document = begun(photoshop, house, steps=12)
    photoshop.shim("take", isTaken=True)
    says(photoshop, "it is placed when Photoshop is free")
    assert untouched(document, house)
    photoshop.shim("take", isTaken=False)
    photoshop.wait(PLACED)
    assert len(document.state()["layers"]) == 2


def test_reading_waits_a_moment_and_then_says_so(photoshop, house):
    document = photoshop.open(house)
    photoshop.shim("take", isTaken=True)
    photoshop.mode("Restyle")
    assert photoshop.generate().startswith(
        "Photoshop is busy. Fix: end the tool or close the dialog"
    )
    photoshop.shim("take", isTaken=False)
    assert untouched(document, house)


def test_a_document_that_is_not_in_front_gets_its_result_later(photoshop, served, house):
    document = begun(photoshop, house, steps=12, title="first.psd")
    other = photoshop.open(house[:64], title="second.psd", path="/home/me/second.psd")
    before = other.state()
    finished_there(served)
    assert other.state() | {"shown": 0, "layers": 0} == before | {"shown": 0, "layers": 0}
    assert len(other.state()["layers"]) == 1 and untouched(document, house)
    document.do("activate")
    photoshop.wait(PLACED)
    assert len(document.state()["layers"]) == 2 and len(other.state()["layers"]) == 1


def test_a_document_that_was_closed_gets_its_result_when_open_again(photoshop, served, house):
    document = begun(photoshop, house, steps=12)
    path = photoshop.js("() => require('photoshop').app.activeDocument.path")
    document.do("close")
    says(photoshop, "Open a document to edit it.")
    finished_there(served)
    again = photoshop.open(house, path=path)
    photoshop.wait(PLACED)
    assert len(again.state()["layers"]) == 2


def test_what_changed_too_much_is_not_written_to(photoshop, house):
    document = begun(photoshop, house, steps=12)
    photoshop.shim("take", isTaken=True)
    says(photoshop, "it is placed when Photoshop is free")
    document.do("set", width=120)
    photoshop.shim("take", isTaken=False)
    says(photoshop, "The size of house.psd changed since it was read. Fix: undo that")
    document.do("set", width=128)
    assert untouched(document, house)
    photoshop.click(".place-button")
    photoshop.wait(PLACED)


def test_stopped_by_photoshop_leaves_nothing_half_done(photoshop, house):
    document = begun(photoshop, house, steps=12)
    photoshop.shim("take", isTaken=True)
    says(photoshop, "it is placed when Photoshop is free")
    photoshop.shim("cancelNext")
    photoshop.shim("take", isTaken=False)
    says(photoshop, "Photoshop was told to stop; the document is as it was. Fix: press Place.")
    assert untouched(document, house) and document.state()["history"] == ["Open"]
    photoshop.click(".place-button")
    photoshop.wait(PLACED)
    assert len(document.state()["history"]) == 2


def test_an_edit_of_a_closed_panel_is_found_again(photoshop, shim_browser, plugin, house):
    begun(photoshop, house, steps=40)
    path = photoshop.js("() => require('photoshop').app.activeDocument.path")
    again = Photoshop(shim_browser, plugin)
    again.wait_for(".editing", 30)
    other = again.open(house, path="/home/me/another.psd")
    assert not again.shows(".fetch"), "it is of another document"
    document = again.open(house, path=path)
    again.wait_for(".fetch", 30)
    again.click(".fetch")
    assert again.finished().startswith("Placed")
    assert len(document.state()["layers"]) == 2 and len(other.state()["layers"]) == 1
    assert not again.shows(".fetch")


def test_a_token_that_is_gone_is_asked_for_again(photoshop, shim_browser, plugin, code):
    photoshop.js("() => require('uxp').storage.secureStorage.removeItem('retouch.token')")
    again = Photoshop(shim_browser, plugin)
    again.wait_for(".pairing", 30)
    assert not again.shows(".editing")
    shim_browser.fill(selector=".code input", text="123")
    again.click(".pair-button")
    assert again.text(".pairing .message") == "The code has 8 digits. Fix: enter all of them."
    shim_browser.fill(selector=".code input", text="0000 0000")
    shim_browser.press(keys="Enter")
    again.wait("() => document.querySelector('.pairing .message').textContent.length > 9")
    again.pair(code())
    assert not again.shows(".pairing")


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"mode": "CMYKColorMode"}, "house.psd has no RGB colours. Fix: choose Image > Mode > RGB"),
        ({"mode": "grayscaleMode"}, "house.psd has no RGB colours."),
    ],
)
def test_documents_that_cannot_be_edited_are_named(photoshop, house, given, words):
    document = photoshop.open(house, **given)
    photoshop.mode("Restyle")
    photoshop.click(".generate")
    says(photoshop, words, 5)
    assert len(document.state()["history"]) == 1


def test_a_mask_needs_a_selection(photoshop, house):
    photoshop.open(house)
    photoshop.mode("Control picture")
    photoshop.fill("prompt", "a house")
    photoshop.fill("t2i_adapter.stop", 0.9)  # shows more options
    photoshop.choose("t2i_adapter.mask", "The selection")
    said = photoshop.generate()
    assert said == "Only here: nothing is selected. Fix: select a part of the canvas."
