"""What tests of whole edits in one process share."""

import pytest
import torch

import retouch.admitted
from retouch.models.library import Library
from retouch.runner import Runner


@pytest.fixture(scope="module")
def runner(tiny_installed):
    """In float32: a network of chance in bfloat16 makes much of the smallest difference."""
    return Runner(Library(dtype=torch.float32))


@pytest.fixture
def same_mark(monkeypatch):
    """The same record in every picture, so that pictures can be compared after the gate."""
    monkeypatch.setattr(retouch.admitted, "new_record", lambda: 7)
