"""A PSD with a new layer in it: of the rest every byte is the original's."""

import io
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image as Pillow
from psd_tools import PSDImage

from retouch.batch.choices import Choices, MaskSource
from retouch.batch.formats.psd import PsdDocument, released_layers
from retouch.batch.formats.psd_file import parsed
from retouch.errors import InvalidField, InvalidImage

FILE = Path("a.psd")


def layers(file):
    """Record and channels of every layer, as bytes."""
    info = file.info
    records = [*(each.record for each in info.layers), info.records_end]
    channels = [*(each.channels for each in info.layers), info.channels_end]
    cuts = zip(records, records[1:], channels, channels[1:], strict=False)
    return [(file.data[a:b], file.data[c:d]) for a, b, c, d in cuts]


def names(data):
    return [layer.name for layer in PSDImage.open(io.BytesIO(data)).descendants()]


@pytest.mark.parametrize(("depth", "version"), [(8, 1), (16, 1), (8, 2)])
@pytest.mark.parametrize("name", ["", "ground", "Hero", "Hero/body", "shade"])
def test_everything_but_the_new_layer_is_byte_for_byte(layered, patch, depth, version, name):
    data = layered(depth=depth, version=version)
    given = patch(f"uint{depth}")
    made = PsdDocument(data, FILE, name).with_patch(given, Choices(result_layer="New")).data
    before, after = parsed(data), parsed(made)
    assert before.big == (version == 2)
    # header, colour mode data and image resources; the merged picture; what follows the layers
    assert made[: after.section] == data[: before.section]
    assert made[after.section_end :] == data[before.section_end :]
    rest = made[after.info.padded_end : after.section_end]
    assert rest == data[before.info.padded_end : before.section_end]
    old, new = layers(before), layers(after)
    place = next(i for i, pair in enumerate(new) if pair not in old)
    assert new[:place] + new[place + 1 :] == old

    layer = next(
        each for each in PSDImage.open(io.BytesIO(made)).descendants() if each.name == "New"
    )
    white = float(np.iinfo(given.pixels.dtype).max)
    read = np.rint(layer.numpy("color").astype(np.float64) * white)
    assert (read == given.pixels).all() and layer.offset == (10, 9)
    mask = np.rint(layer.numpy("mask")[..., 0].astype(np.float64) * white)
    assert (mask == given.alpha).all()
    found = {path.rpartition("/")[2]: read for path, read in released_layers(made, FILE)}
    assert (found["New"].pixels == given.pixels).all()
    assert (found["New"].alpha == given.alpha).all()


def test_the_layer_lies_above_what_was_edited_and_takes_no_clipping_away(layered, patch):
    data, given = layered(), patch(np.uint8)

    def order(name):
        made = PsdDocument(data, FILE, name).with_patch(given, Choices()).data
        found = PSDImage.open(io.BytesIO(made))
        return [(each.name, each.clipping) for each in found.descendants()]

    assert order("body")[2:5] == [("body", False), ("Retouch", True), ("shade", True)]
    assert order("shade")[3:5] == [("shade", True), ("Retouch", True)]
    assert order("Hero")[-1] == ("Retouch", False) or order("Hero")[-2] == ("Retouch", False)
    assert order("")[-1] == ("Retouch", False)


def test_what_is_edited_is_the_layer_on_the_canvas(layered):
    data = layered()
    psd = PSDImage.open(io.BytesIO(data))
    body = next(each for each in psd.descendants() if each.name == "body")
    shown = PsdDocument(data, FILE, "Hero/body").picture
    own = np.rint(body.numpy("color") * 255)[:, 4:]
    assert (shown.pixels[:, :28] == own).all() and (shown.pixels[:, 28:] == 0).all()
    assert (shown.alpha[:, 28:] == 0).all() and shown.alpha.max() > 200
    group = PsdDocument(data, FILE, "Hero").picture
    assert group.size == shown.size and (group.pixels[20, 2] != shown.pixels[20, 2]).any()


def test_masks_are_the_layers_own_transparency_or_another_layer(layered):
    document = PsdDocument(layered(), FILE, "body")
    matte = document.strength(MaskSource("layer", "matte")).strength
    assert set(np.unique(matte)) == {0, 1} and matte[12:24, 16:32].all() and matte.sum() == 192
    inverted = document.strength(MaskSource("layer", "matte", invert=True)).strength
    assert (inverted == 1 - matte).all()
    assert (document.strength(MaskSource("alpha")).strength[:, 28:] == 0).all()


def test_a_flat_file_keeps_its_picture_as_the_lowest_layer(colours, patch):
    picture = np.rint(colours(48, 64) * 255).astype(np.uint8)
    stream = io.BytesIO()
    PSDImage.frompil(Pillow.fromarray(picture)).save(stream)
    document = PsdDocument(stream.getvalue(), FILE, "")
    assert (document.picture.pixels == picture).all()
    made = document.with_patch(patch(np.uint8), Choices()).data
    assert names(made) == ["Background", "Retouch"]
    ground = PSDImage.open(io.BytesIO(made))[0]
    assert (np.rint(ground.numpy("color") * 255) == picture).all()
    before, after = parsed(stream.getvalue()), parsed(made)
    assert made[: after.section] == stream.getvalue()[: before.section]
    assert made[after.section_end :] == stream.getvalue()[before.section_end :]


def test_what_cannot_be_edited_is_said(layered, patch):
    data = layered()
    with pytest.raises(InvalidField, match="Hero/body"):
        PsdDocument(data, FILE, "hairo")
    with pytest.raises(InvalidImage, match="whole PSD"):
        PsdDocument(data[: len(data) // 3], FILE, "")
    with pytest.raises(InvalidImage, match="whole PSD"):
        PsdDocument(b"8BPS" + bytes(40), FILE, "")
    stream = io.BytesIO()
    PSDImage.new("CMYK", (8, 8)).save(stream)
    with pytest.raises(InvalidImage, match="RGB of 8 or 16"):
        PsdDocument(stream.getvalue(), FILE, "")
    with pytest.raises(InvalidField, match="uint8"):
        PsdDocument(data, FILE, "").with_patch(patch(np.uint16), Choices())


def test_a_name_of_two_layers_is_asked_back(layered):
    psd = PSDImage.open(io.BytesIO(layered()))
    next(each for each in psd.descendants() if each.name == "shade").name = "body"
    stream = io.BytesIO()
    psd.save(stream)
    with pytest.raises(InvalidField, match="GROUP/NAME"):
        PsdDocument(stream.getvalue(), FILE, "body")


def test_without_its_reader_the_file_is_refused_with_what_to_install(layered, monkeypatch):
    monkeypatch.setitem(sys.modules, "psd_tools", None)
    with pytest.raises(InvalidField, match=r"retouch\[studio\]"):
        PsdDocument(layered(), FILE, "")
