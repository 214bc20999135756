"""An operation that another package installs, used by a client that only knows the catalogue."""

import io
import os
import textwrap

import numpy as np
import pytest
from PIL import Image as Pillow

from retouch.client import NamedOperation
from retouch.errors import Blocked, InvalidField
from retouch.v1 import catalog_pb2

from .conftest import PATIENT

PLUGIN = """
from dataclasses import dataclass
from typing import ClassVar

from retouch.operation import Operation, Stage
from retouch.parameters import parameter


@dataclass(frozen=True, kw_only=True)
class Tint(Operation):
    name: ClassVar[str] = "acme_tint"
    stage: ClassVar[Stage] = Stage.PROJECTION
    summary: ClassVar[str] = "Shift what the network draws"
    source: ClassVar[str] = "none"

    amount: float = parameter(0.0, "How far.", low=-4.0, high=4.0, unit="latent units")
    caption: str = parameter("", "Only read by the gate.")
    start: float = parameter(0.0, "From here on.", low=0.0, high=1.0)
    stop: float = parameter(1.0, "Until here.", low=0.0, high=1.0)

    def denoise(self, inner, edit):
        def denoise(x, level, condition):
            x0 = yield from inner(x, level, condition)
            inside = self.start <= level.progress < self.stop
            return x0 + (self.amount if inside else 0.0)

        return denoise
"""


@pytest.fixture(scope="module")
def acme(tmp_path_factory):
    """A package with an entry point, as pip would have installed it."""
    site = tmp_path_factory.mktemp("site")
    (site / "acme_tint.py").write_text(textwrap.dedent(PLUGIN))
    info = site / "acme_tint-2.1.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: acme-tint\nVersion: 2.1\n")
    (info / "entry_points.txt").write_text("[retouch.operations]\nacme_tint = acme_tint:Tint\n")
    return site


@pytest.fixture
def client(own, acme, monkeypatch):
    path = os.pathsep.join(filter(None, [str(acme), os.environ.get("PYTHONPATH")]))
    monkeypatch.setenv("PYTHONPATH", path)
    with own.start(*PATIENT).client() as client:
        yield client


def pixels(result):
    return np.asarray(Pillow.open(io.BytesIO(result.composite)).convert("RGB")).astype(int)


def test_it_is_described_used_checked_and_written_down(client, house):
    (described,) = (op for op in client.describe().operations if op.name == "acme_tint")
    assert described.provided_by == "acme-tint 2.1" and not described.message_type
    assert described.accepts_window and not described.accepts_region
    amount, caption = described.parameters
    assert (amount.minimum, amount.maximum, amount.unit) == (-4.0, 4.0, "latent units")
    assert caption.type == catalog_pb2.PARAMETER_TYPE_TEXT

    def edited(**parameters):
        operations = [NamedOperation("sdedit", {"strength": 0.6})]
        operations += [NamedOperation("acme_tint", parameters)] if parameters else []
        (found,) = client.edit(house, prompt="a house", operations=operations, steps=4)
        return found

    plain, tinted = edited(), edited(amount=1.5, start=0.25)
    assert np.abs(pixels(plain) - pixels(tinted)).mean() > 5
    effective = tinted.effective
    assert effective.operation_versions["acme_tint"] == "acme-tint 2.1"
    again = effective.request
    again.client_job_id = "again"
    (replayed,) = client.results(client.submit(again))
    assert np.abs(pixels(tinted) - pixels(replayed)).mean() < 4  # the marks differ

    with pytest.raises(InvalidField, match=r"operations\[1\]\.custom\.parameters\.amount"):
        edited(amount=9.0)
    with pytest.raises(Blocked):  # the gate reads its texts like all others
        edited(caption="a naked child")
