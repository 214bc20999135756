"""The guide "Write an operation" is true: its files, installed, do what it says.

The package is built and installed into a folder of its own, and everything runs in processes that
have nothing but that folder in addition: the way in of any third party.
"""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

GUIDE = Path(__file__).resolve().parents[2] / "docs/write-an-operation.md"
FILE = re.compile(r"^`(?P<path>[\w./-]+)`\n\n```\w+\n(?P<text>.*?)^```$", re.MULTILINE | re.DOTALL)
SHELL = re.compile(r"^```sh\n(?P<text>.*?)^```$", re.MULTILINE | re.DOTALL)


def call(*command, **options):
    done = subprocess.run(
        command, capture_output=True, text=True, timeout=240, **options, check=False
    )
    assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
    return done.stdout


@pytest.fixture(scope="module")
def package(tmp_path_factory):
    """Folder with the guide's files."""
    folder = tmp_path_factory.mktemp("guide")
    for file in FILE.finditer(GUIDE.read_text(encoding="utf-8")):
        path = folder / file["path"]
        path.parent.mkdir(exist_ok=True)
        path.write_text(file["text"], encoding="utf-8")
    assert sorted(path.name for path in folder.rglob("*.*")) == [
        "pyproject.toml",
        "retouch_mirror.py",
        "test_mirror.py",
    ]
    return folder / "retouch-mirror"


@pytest.fixture(scope="module")
def installed(package, tmp_path_factory):
    """Environment of a process that sees the installed package."""
    target = tmp_path_factory.mktemp("site")
    call(
        *(sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"),
        *("--no-deps", "--no-build-isolation", "--no-index", "--target", str(target)),
        str(package),
    )
    return {**os.environ, "PYTHONPATH": str(target)}


def retouch(*arguments, **options):
    code = "from retouch.cli.main import main; main()"
    return call(sys.executable, "-c", code, *arguments, **options)


def test_operations_lists_it(installed):
    listed = retouch("operations", env=installed)
    assert re.search(r"\bmirror\b", listed)
    assert "Make the picture the same left and right" in " ".join(listed.split())
    assert "strength" in listed


def test_it_is_not_there_when_it_is_not_installed():
    assert not re.search(r"\bmirror\b", retouch("operations"))


def test_an_edit_with_it_runs(package, installed, tmp_path):
    told = call(
        *(sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "test_mirror.py"),
        cwd=package,
        env=installed,
    )
    assert "3 passed" in told


def test_the_commands_of_the_guide_run(package, installed, tmp_path):
    """The guide's `retouch edit`, on the model that ships, with fewer steps."""
    from PIL import Image

    (shell,) = SHELL.findall(GUIDE.read_text(encoding="utf-8"))
    *_, edit = shell.strip().splitlines()
    words = [word.strip('"') for word in re.findall(r'"[^"]*"|\S+', edit)]
    assert words[:3] == ["retouch", "edit", "cat.png"]
    Image.linear_gradient("L").convert("RGB").resize((128, 128)).save(tmp_path / "cat.png")
    retouch(*words[1:], "--steps", "4", cwd=tmp_path, env=installed)
    with Image.open(tmp_path / "cats.png") as result:
        assert result.size == (128, 128)


def test_a_bad_parameter_of_it_ends_with_exit_code_2(installed, tmp_path):
    from PIL import Image

    Image.new("RGB", (64, 64)).save(tmp_path / "in.png")
    code = "from retouch.cli.main import main; main()"
    words = ["edit", "in.png", "-o", "out.png", "--prompt", "a cat", "--op", "mirror:strength=2"]
    done = subprocess.run(
        [sys.executable, "-c", code, *words],
        cwd=tmp_path,
        env=installed,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 2, done.stderr
    assert "mirror.strength" in done.stderr and "[0, 1]" in done.stderr
    assert not (tmp_path / "out.png").exists()
