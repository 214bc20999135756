"""The library lends models, loads them beside running edits, and frees what nobody uses."""

import gc
import threading
import weakref

import pytest
import torch

from retouch.errors import ModelInvalid, ModelMissing
from retouch.models import library as library_module
from retouch.models.library import Library
from retouch.models.loading import load_checkpoint
from retouch.models.records import find_model
from retouch.models.store import add


@pytest.fixture(scope="module")
def home(tiny_folder, tmp_path_factory):
    """A home with the tiny checkpoint."""
    folder = tmp_path_factory.mktemp("home")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RETOUCH_HOME", str(folder))
        add(tiny_folder, "tiny")
    return folder


@pytest.fixture
def tiny(home, monkeypatch):
    monkeypatch.setenv("RETOUCH_HOME", str(home))
    return "tiny"


def test_models_are_borrowed_before_they_are_loaded(tiny):
    ready, counts = threading.Event(), []
    library = Library(
        dtype=torch.float32, on_bytes=lambda name, count: counts.append((name, count))
    )
    with library.borrow_later(["tiny", "tiny"], ready.set) as borrowing:
        assert ready.wait(60) and borrowing.missing == ()
        model = borrowing.loan().model(tiny)
        assert library.loaded() == (tiny,)
    numbers = [count for name, count in counts if name == tiny]
    assert numbers == sorted(numbers) and numbers[0] == 0
    weights = sum(
        t.nbytes for m in (model.checkpoint.unet, model.checkpoint.vae) for t in m.parameters()
    )
    assert weights < numbers[-1] <= find_model(tiny).bytes


def test_bytes_are_counted_as_they_are_on_the_disk(tiny):
    told = []
    made = load_checkpoint(tiny, dtype=torch.bfloat16, on_bytes=told.append)
    assert told[-1] > 1.5 * made.bytes, "stored in four bytes, kept in two"


def test_a_model_that_cannot_be_loaded_is_an_error_of_its_own(tiny, monkeypatch):
    def fails(*_, **__):
        raise MemoryError("no room")

    library = Library(dtype=torch.float32)
    with monkeypatch.context() as patch:
        patch.setattr(library_module, "load_checkpoint", fails)
        said = r"tiny.*MemoryError: no room.*verify tiny"
        with library.borrow_later(["tiny"]) as borrowing, pytest.raises(ModelInvalid, match=said):
            borrowing.loan()
    with library.borrow_later(["absent"]) as borrowing, pytest.raises(ModelMissing, match="absent"):
        borrowing.loan()
    with library.borrow() as loan:
        assert loan.model(tiny).name == tiny


def test_what_is_unloaded_or_idle_gives_its_memory_back(tiny):
    library = Library(dtype=torch.float32, idle_seconds=0.05)
    with library.borrow() as loan:
        model = weakref.ref(loan.model(tiny).checkpoint.unet)
        assert library.bytes > 0
        with pytest.raises(library_module.ModelInUse):
            library.unload(tiny)
    gone = threading.Event()
    weakref.finalize(model() or gone, gone.set)
    assert gone.wait(20) and library.loaded() == ()
    assert library.unload(tiny) is False


def test_models_of_a_library_remember_together_what_they_encode(tiny):
    library = Library(dtype=torch.float32)
    picture = torch.rand(1, 3, 64, 64)
    with library.borrow() as loan:
        first = loan.model(tiny).encode_picture(picture)
    assert library.unload(tiny)
    gc.collect()
    with library.borrow() as loan:
        again = loan.model(tiny).encode_picture(picture)
    assert torch.equal(first, again) and library.contents.hits == {"latents": 1}
    off = Library(dtype=torch.float32, contents_bytes=0)
    with off.borrow() as loan:
        assert torch.equal(loan.model(tiny).encode_picture(picture), first)
    assert off.contents.misses == {}
