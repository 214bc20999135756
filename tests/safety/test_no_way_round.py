"""What cannot be sealed, and what the package may import. The rest is in ``tests/gate``."""

import ast
from pathlib import Path

import numpy as np
import pytest

import retouch_safety
from retouch_safety import InvalidContent, Sealed


def picture():
    return np.linspace(0, 255, 64 * 64 * 3).reshape(64, 64, 3).astype(np.uint8)


@pytest.mark.parametrize(
    "make",
    [
        lambda: Sealed.composite(np.zeros((4, 4), np.uint8)),
        lambda: Sealed.composite(np.zeros((4, 0, 3), np.uint8)),
        lambda: Sealed.composite(np.zeros((4, 4, 4), np.uint8)),
        lambda: Sealed.composite(np.zeros((4, 4, 3), np.float64)),
        lambda: Sealed.composite(picture(), np.ones((4, 4), np.float32)),
        lambda: Sealed.composite(picture(), alpha=np.zeros((64, 64), np.uint16)),
        lambda: Sealed.composite(picture(), alpha=np.zeros((4, 4), np.uint8)),
        lambda: Sealed.patch(picture(), np.ones((4, 4), np.float32), x=0, y=0),
        lambda: Sealed.preview(picture(), np.ones((4, 4), np.float32), x=0, y=0),
    ],
)
def test_wrong_shapes_cannot_be_sealed(make):
    with pytest.raises(InvalidContent, match="need"):
        make()


def imported(statements):
    for node in statements:
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield node.module or ""


def test_the_package_imports_nothing_of_ours_and_torch_only_when_needed():
    root = Path(retouch_safety.__file__).parent
    for path in root.rglob("*.py"):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        anywhere = {module.split(".")[0] for module in imported(ast.walk(tree))}
        at_once = {module.split(".")[0] for module in imported(tree.body)}
        assert not anywhere & {"retouch", "retouch_plugins", "retouch_bridge"}, path
        assert not at_once & {"torch", "transformers", "c2pa", "onnxruntime"}, path
