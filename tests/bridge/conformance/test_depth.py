"""16 bits through the gateway: what is not edited keeps every bit, what is keeps its gradients."""

import numpy as np
import pytest
from held_pictures import CROP, PROFILE, gradient, soft_disc

from retouch_bridge.plugin_kit.client import Retouch
from retouch_bridge.plugin_kit.edit_request import (
    Choices,
    OperationChoice,
    Picture,
    Snapshot,
    prepare,
)
from retouch_bridge.plugin_kit.geometry import Rect
from retouch_bridge.plugin_kit.pictures import picture_of

WIDTH, HEIGHT = CROP[2:]


@pytest.fixture(scope="module")
def composited(bridged):
    """A 16-bit document before and after a fill through a soft mask, and that mask."""
    retouch = Retouch(bridged.gateway, bridged.token, "depth")
    document, mask = gradient("UINT16"), soft_disc()
    # a host's own noise in the last bits: a document is no formula
    document[..., :3] += np.random.default_rng(3).integers(0, 7, (HEIGHT, WIDTH, 3)).astype("<u2")
    held = document[..., [2, 1, 0, 3]].tobytes()
    picture = Picture(held, WIDTH, HEIGHT, "BGRA", "UINT16", PROFILE)
    chosen = Choices(
        "a red house", operations=(OperationChoice("soft_mask"),), seed=5, steps=4, preview_every=0
    )
    prepared = prepare(Snapshot(Rect(*CROP), picture, mask.tobytes()), chosen)
    prepared.request["output"]["delivery"] = "DELIVERY_COMPOSITED"
    for data in prepared.blobs.values():
        retouch.put(data)
    job = retouch.submit(prepared.request)
    (result,) = [e["result"] for e in retouch.watch(job["jobId"]) if "result" in e]
    sent = result["composited"]
    profile = retouch.get(sent["colorProfile"]["iccSha256"])
    found = picture_of(sent, retouch.get(sent["sha256"]), profile)
    assert (found.channel_order, found.sample_type, found.profile) == ("BGRA", "UINT16", PROFILE)
    after = np.frombuffer(found.data, "<u2").reshape(HEIGHT, WIDTH, 4)[..., [2, 1, 0, 3]]
    retouch.close()
    return document, after, mask


def test_outside_of_the_mask_every_bit_stays(composited):
    before, after, mask = composited
    assert np.array_equal(before[mask == 0], after[mask == 0])
    assert np.array_equal(before[..., 3], after[..., 3])
    assert (before != after)[mask == 255].mean() > 0.5


@pytest.mark.parametrize("bits", [8, 10, 11])
def test_where_the_edit_is_weak_more_bits_are_left_than(composited, bits):
    before, after, mask = composited
    weak = after[(mask > 0) & (mask < 60)][:, :3].ravel().astype(np.float64)
    assert (
        weak.size > 3000 and np.mean(weak != before[(mask > 0) & (mask < 60)][:, :3].ravel()) > 0.9
    )
    steps = weak * (2**bits - 1) / 65535
    rounded = np.rint(np.rint(steps) * 65535 / (2**bits - 1))
    # of values at full depth only this share lies on the coarser grid by chance
    by_chance = 2**bits / 65536
    assert np.mean(rounded == weak) < 3 * by_chance + 0.01
