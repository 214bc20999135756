"""No way round the gate: sealed pictures give nothing away, released ones come from it alone."""

import ast
import copy
import pickle
from pathlib import Path

import numpy as np
import pytest

import retouch_safety
from retouch_safety import AlreadyOpened, InvalidContent, Released, Sealed


def picture():
    return np.linspace(0, 255, 64 * 64 * 3).reshape(64, 64, 3).astype(np.uint8)


def test_sealed_gives_nothing_away():
    sealed = Sealed.composite(np.full((8, 8, 3), 123, np.uint8))
    assert repr(sealed) == str(sealed) == "<Sealed picture>"
    for attempt in (
        lambda: np.asarray(sealed),
        lambda: np.array(sealed, dtype=np.uint8),
        lambda: bytes(sealed),
        lambda: memoryview(sealed),
        lambda: pickle.dumps(sealed),
        lambda: copy.copy(sealed),
        lambda: copy.deepcopy(sealed),
        lambda: list(sealed),
        lambda: sealed.pixels,
        lambda: vars(sealed),
        lambda: setattr(sealed, "pixels", 1),
        lambda: type("Open", (Sealed,), {}),
    ):
        with pytest.raises((TypeError, AttributeError)):
            attempt()
    public = [name for name in dir(sealed) if not name.startswith("_")]
    assert public == ["composite", "patch"]
    with pytest.raises(AlreadyOpened):
        sealed._unseal(object())


def test_only_the_gate_makes_released(gate):
    released = gate.release(Sealed.composite(picture()))
    for attempt in (
        lambda: pickle.dumps(released),
        lambda: copy.deepcopy(released),
        lambda: type("Forged", (Released,), {}),
        lambda: setattr(released, "receipt", None),
    ):
        with pytest.raises((TypeError, AttributeError)):
            attempt()
    with pytest.raises(AlreadyOpened, match="only the gate"):
        Released(object(), None, released.receipt)
    assert "64x64" in repr(released)


def test_only_sealed_enters_and_only_once(gate):
    with pytest.raises(TypeError, match="Sealed"):
        gate.release(picture())
    sealed = Sealed.composite(picture())
    gate.release(sealed)
    with pytest.raises(AlreadyOpened, match="before"):
        gate.release(sealed)


@pytest.mark.parametrize(
    "make",
    [
        lambda: Sealed.composite(np.zeros((4, 4), np.uint8)),
        lambda: Sealed.composite(np.zeros((4, 0, 3), np.uint8)),
        lambda: Sealed.composite(np.zeros((4, 4, 3), np.float64)),
        lambda: Sealed.composite(picture(), np.ones((4, 4), np.float32)),
        lambda: Sealed.composite(picture(), alpha=np.zeros((64, 64), np.uint16)),
        lambda: Sealed.patch(picture(), np.ones((4, 4), np.float32), x=0, y=0),
    ],
)
def test_wrong_shapes_cannot_be_sealed(make):
    with pytest.raises(InvalidContent, match="need"):
        make()


def test_only_the_gate_names_the_capability():
    root = Path(retouch_safety.__file__).parents[2]
    named = set()
    for room in ("sdk", "plugins", "safety", "host_bridge"):
        for path in (root / room).rglob("*.py"):
            tree = ast.parse(path.read_text(encoding="utf-8"))
            names = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}
            names |= {node.attr for node in ast.walk(tree) if isinstance(node, ast.Attribute)}
            names |= {
                alias.name
                for n in ast.walk(tree)
                if isinstance(n, ast.ImportFrom)
                for alias in n.names
            }
            if names & {"GATE_CAPABILITY", "_unseal"}:
                named.add(path.name)
    assert named == {"sealed.py", "gate.py"}


def test_the_package_imports_nothing_of_ours_and_no_torch():
    root = Path(retouch_safety.__file__).parent
    for path in root.glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            modules = []
            if isinstance(node, ast.Import):
                modules = [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom):
                modules = [node.module or ""]
            for module in modules:
                assert module.split(".")[0] not in {"retouch", "retouch_plugins", "torch"}
