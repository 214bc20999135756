"""The JavaScript kit answers as the Python one: rectangles, rows, requests."""

import random

from asking_node import RECIPE, agree, needs_node, said, text

from retouch_bridge.plugin_kit import edit_request, geometry, pixel_rows
from retouch_bridge.plugin_kit.choices import Choices
from retouch_bridge.plugin_kit.geometry import Rect


@needs_node
def test_rectangles_agree_number_for_number():
    luck = random.Random(5)

    def rect(far):
        return Rect(
            luck.randint(-far, far),
            luck.randint(-far, far),
            luck.randint(1, far),
            luck.randint(1, far),
        )

    pairs = []
    for number in range(400):
        far = (30, 600, 9000)[number % 3]
        canvas, chosen = rect(far), rect(far)
        share, least = luck.choice((0, 0.25, 0.5, luck.random() * 4)), luck.randint(1, far)
        ours = geometry.region(chosen, canvas, share, least).to_json()
        pairs.append((("region", [chosen.to_json(), canvas.to_json(), share, least]), ours))
        sides = [luck.choice((0, luck.randint(0, far))) for _ in range(4)]
        overlap = luck.randint(0, far)
        given = [
            canvas.to_json(),
            dict(zip(("left", "top", "right", "bottom"), sides, strict=True)),
            *(overlap, share, least),
        ]
        ours = said(lambda c=canvas, s=sides, o=overlap, f=share, b=least: _plan(c, s, o, f, b))
        pairs.append((("expansion", given), ours))
        size = (luck.randint(1, far), luck.randint(1, far))
        pairs.append((("fitted", [size, least]), geometry.fitted(size, least)))
        pairs.append((("defaultFeather", [chosen.to_json()]), geometry.default_feather(chosen)))
    agree(pairs)


def _plan(canvas, sides, overlap, share, least):
    plan = geometry.expansion(canvas, *sides, overlap, share, least)
    rects = {name: getattr(plan, name).to_json() for name in ("canvas", "crop", "kept", "read")}
    return {**rects, "offset": plan.offset}


@needs_node
def test_rows_agree_byte_for_byte():
    luck = random.Random(6)
    pairs = []
    for pixel_bytes in (1, 3, 4, 8, 16):
        for _ in range(8):
            size = (luck.randint(1, 9), luck.randint(1, 9))
            pixels = luck.randbytes(size[0] * size[1] * pixel_bytes)
            area = Rect(luck.randint(-20, 8), luck.randint(-20, 8), luck.randint(1, 30), 7)
            wanted = (luck.randint(1, 20), luck.randint(1, 20))
            sent, box = text(pixels), area.to_json()
            ours = pixel_rows.extended(pixels, size, area, pixel_bytes)
            pairs.append((("extended", [sent, size, box, pixel_bytes]), text(ours)))
            ours = pixel_rows.scaled(pixels, size, wanted, pixel_bytes)
            pairs.append((("scaled", [sent, size, wanted, pixel_bytes]), text(ours)))
            inside = area.clipped(Rect(0, 0, *size))
            if not inside.empty:
                ours = pixel_rows.cut(pixels, size, inside, pixel_bytes)
                pairs.append((("cut", [sent, size, inside.to_json(), pixel_bytes]), text(ours)))
            for name, function in (
                ("expansionMask", pixel_rows.expansion_mask),
                ("rectangleMask", pixel_rows.rectangle_mask),
            ):
                pairs.append(((name, [size, box]), text(function(size, area))))
    for kind, size in edit_request.SAMPLES.items():
        pixels = luck.randbytes(4 * size * 50)
        pairs.append((("opaque", [text(pixels), kind]), text(pixel_rows.opaque(pixels, kind))))
        ours = text(pixel_rows.alpha_bytes(pixels, kind))
        pairs.append((("alphaBytes", [text(pixels), kind]), ours))
    agree(pairs)


@needs_node
def test_requests_agree_field_for_field():
    crop, luck = Rect(-7, 40, 5, 3), random.Random(7)
    pairs = []
    for order, kind, more in (
        ("RGBA", "UINT8", {}),
        ("BGRA", "UINT16", {"profile": bytes(128)}),
        ("RGBA", "FLOAT32", {"premultiplied": True}),
        ("RGB", "UINT16", {"white_value": 32768}),
    ):
        size = edit_request.CHANNELS[order] * edit_request.SAMPLES[kind] * 15
        pixels, mask = luck.randbytes(size), luck.randbytes(15)
        held = edit_request.Picture(pixels, 5, 3, order, kind, **more)
        sent = {"data": text(pixels), "width": 5, "height": 3, "channelOrder": order}
        sent |= {"sampleType": kind, "premultiplied": held.premultiplied}
        sent |= {"whiteValue": held.white_value}
        sent |= {"profile": text(held.profile) if held.profile else None}
        for recipe in (RECIPE, {"operations": ["soft_mask"]}, {"operations": ["sdedit"]}):
            for selection, given in ((None, mask), (Rect(-6, 41, 3, 1), None), (None, None)):
                snapshot = edit_request.Snapshot(crop, held, given, selection, "d")
                made = edit_request.prepare(snapshot, Choices.of_recipe(recipe)).request
                made["clientJobId"] = len(made["clientJobId"])
                box = selection.to_json() if selection else None
                arguments = [crop.to_json(), sent, text(given) if given else None, box, recipe]
                pairs.append((("prepare", arguments), made))
    agree(pairs)


@needs_node
def test_expanded_snapshots_agree():
    luck = random.Random(8)
    plan = geometry.expansion((24, 16), left=6, bottom=5, overlap=2)
    pixels = luck.randbytes(plan.read.width * plan.read.height * 8)
    held = edit_request.Picture(pixels, plan.read.width, plan.read.height, "BGRA", "UINT16")
    ours = edit_request.expansion_snapshot(plan, held)
    sent = {"data": text(pixels), "width": held.width, "height": held.height}
    sent |= {"channelOrder": "BGRA", "sampleType": "UINT16"}
    rects = {name: getattr(plan, name).to_json() for name in ("canvas", "crop", "kept", "read")}
    wanted = {"crop": ours.crop.to_json(), "mask": text(ours.mask), "data": text(ours.picture.data)}
    agree([(("expand", [rects, sent]), wanted)])
