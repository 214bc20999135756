"""An operation that needs a mask says so in the catalogue, and is refused without one."""

from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np
import pytest

from retouch.catalog import installed
from retouch.errors import InvalidField
from retouch.imaging.image import Image, Mask
from retouch.imaging.region import Rect, Size
from retouch.operation import Operation, Stage
from retouch.plan import make_plan
from retouch.request import EditRequest
from retouch_daemon.front import catalog_service

PICTURE = Image(np.zeros((64, 64, 3), np.uint8))


@dataclass(frozen=True, kw_only=True)
class Needy(Operation):
    name: ClassVar[str] = "acme_needy"
    stage: ClassVar[Stage] = Stage.PROJECTION
    summary: ClassVar[str] = "Fill a hole"
    source: ClassVar[str] = "none"
    needs_mask: ClassVar[bool] = True


@pytest.fixture
def catalog():
    known = installed()
    operations = {**known.operations, Needy.name: Needy}
    return replace(known, operations=operations, packages={**known.packages, Needy.name: "acme"})


def test_the_catalogue_says_what_the_operation_does(catalog, monkeypatch):
    monkeypatch.setattr(catalog_service, "installed", lambda: catalog)
    told = {each.name: each.needs_mask for each in catalog_service.describe().operations}
    assert told.pop(Needy.name) is True
    assert told and not any(told.values()), "those of Retouch itself work without one"


def test_without_a_mask_it_is_refused_before_anything_runs(catalog):
    with pytest.raises(InvalidField, match=r"mask: got 'unset'.*acme_needy needs.*select an area"):
        make_plan(EditRequest(image=PICTURE, prompt="a tree", operations=(Needy(),)), catalog)


@pytest.mark.parametrize(
    "where", [{"mask": Mask.full(Size(64, 64))}, {"region": Rect(0, 0, 32, 32)}]
)
def test_a_mask_or_a_region_is_what_it_needs(catalog, where):
    plan = make_plan(
        EditRequest(image=PICTURE, prompt="a tree", operations=(Needy(),), **where), catalog
    )
    assert any(isinstance(each, Needy) for each in plan.operations)
