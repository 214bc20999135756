"""The kit is copied into hosts: it stands on the standard library, in Python 3.8's grammar."""

import ast
import subprocess
import sys
from pathlib import Path
from shutil import copytree

import pytest

import retouch_bridge.plugin_kit

KIT = Path(retouch_bridge.plugin_kit.__file__).parent
FILES = sorted(KIT.glob("*.py"))
#: Names that came after 3.8, where they are called or subscripted while the program runs.
NEWER_METHODS = {"removeprefix", "removesuffix", "is_relative_to", "with_stem", "bit_count"}
NEWER_MODULES = {"tomllib", "zoneinfo", "graphlib"}
GENERIC_SINCE_39 = {"list", "dict", "tuple", "set", "frozenset", "type", "array", "deque"}


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.name)
def test_a_module_is_of_python_38(file):
    tree = ast.parse(file.read_text("utf-8"), feature_version=(3, 8))
    known = sys.stdlib_module_names - NEWER_MODULES
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            assert {alias.name.partition(".")[0] for alias in node.names} <= known
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            assert (node.module or "").partition(".")[0] in known
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 1, "only modules beside it are copied, too"
        elif isinstance(node, ast.Attribute):
            assert node.attr not in NEWER_METHODS
    futures = [n for n in tree.body if isinstance(n, ast.ImportFrom) and n.module == "__future__"]
    bare = all(isinstance(node, ast.Expr) for node in tree.body)
    assert futures or bare, "annotations are of a newer Python"
    for node in _while_running(tree):
        if isinstance(node, ast.Subscript) and isinstance(node.value, ast.Name):
            assert node.value.id not in GENERIC_SINCE_39, f"line {node.lineno}"
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.BitOr):
            flags = all(isinstance(s, ast.Constant | ast.Name) for s in (node.left, node.right))
            assert not flags, f"line {node.lineno}: not a union, and not a dict's"


def _while_running(node):
    """Everything but annotations, which are text."""
    for name, value in ast.iter_fields(node):
        if name in ("annotation", "returns"):
            continue
        for each in value if isinstance(value, list) else [value]:
            if isinstance(each, ast.AST):
                yield each
                yield from _while_running(each)


def test_a_copy_of_it_runs_without_any_package(tmp_path):
    copytree(KIT, tmp_path / "retouch_kit", ignore=lambda *_: ["__pycache__"])
    names = ", ".join(f"retouch_kit.{f.stem}" for f in FILES if f.stem != "__init__")
    code = f"import sys; sys.path.insert(0, {str(tmp_path)!r}); import {names}"
    # -S: without installed packages, as inside a host
    subprocess.run([sys.executable, "-I", "-S", "-c", code], check=True, timeout=30)


def test_no_module_is_long():
    assert [f.name for f in FILES if len(f.read_text("utf-8").splitlines()) > 300] == []
