"""The rules of the house that no linter checks: light imports, rooms, names, the wheel."""

import re
import subprocess
import sys
import zipfile
from importlib import metadata
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
ROOMS = {
    "sdk": "retouch",
    "plugins": "retouch_plugins",
    "safety": "retouch_safety",
    "host_bridge": "retouch_bridge",
    "daemon": "retouch_daemon",
}
OPERATIONS = {
    "guidance",
    "sdedit",
    "instruct_pix2pix",
    "soft_mask",
    "prompt_to_prompt",
    "ip_adapter",
    "t2i_adapter",
    "best_of",
}
HEAVY = ("torch", "diffusers", "transformers", "onnxruntime")
FORBIDDEN = re.compile(r"(^|_)(utils?|helpers?|managers?|contexts?|pipelines?|workflows?)(_|$)")


def run_and_report_heavy(code: str) -> subprocess.CompletedProcess[str]:
    """Run code in a fresh interpreter; fail there if anything heavy was imported."""
    tail = (
        f"\nimport sys\nheavy = [name for name in {HEAVY!r} if name in sys.modules]\n"
        "assert not heavy, f'imported: {heavy}'\n"
    )
    return subprocess.run(
        [sys.executable, "-c", code + tail], capture_output=True, text=True, timeout=120
    )


def command_line(*arguments: str) -> str:
    """Code that runs the command line as the installed script does."""
    return (
        "import sys\n"
        f"sys.argv = ['retouch', *{list(arguments)!r}]\n"
        "from retouch.cli.main import main\n"
        "try:\n    main()\n"
        "except SystemExit as stop:\n    assert stop.code in (0, None), stop.code\n"
    )


@pytest.mark.parametrize(
    "module",
    [
        "retouch",
        "retouch.operation",
        "retouch.errors",
        "retouch.client",
        "retouch_plugins",
        "retouch_bridge",
        "retouch_daemon.front.server",
        "retouch_daemon.serve",
    ],
)
def test_import_is_light(module):
    done = run_and_report_heavy(f"import {module}")
    assert done.returncode == 0, done.stderr


def test_every_operation_imports_without_torch():
    done = run_and_report_heavy(
        "from importlib.metadata import entry_points\n"
        "for entry in entry_points(group='retouch.operations'):\n    entry.load()\n"
    )
    assert done.returncode == 0, done.stderr


def test_the_public_names_are_lazy_but_listed():
    done = run_and_report_heavy("import retouch\nassert 'Operation' in dir(retouch), dir(retouch)")
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(
    "arguments", [["--help"], ["edit", "--help"], ["operations"], ["serve", "--check"]]
)
def test_command_line_is_light(arguments):
    done = run_and_report_heavy(command_line(*arguments))
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip()


def test_operations_command_lists_all_of_them():
    done = run_and_report_heavy(command_line("operations"))
    missing = [name for name in OPERATIONS if name not in done.stdout]
    assert not missing, done.stdout + done.stderr


def test_entry_points_name_every_operation():
    entries = {
        entry.name
        for entry in metadata.entry_points(group="retouch.operations")
        if entry.dist is not None and entry.dist.name == "retouch"
    }
    assert entries == OPERATIONS


#: Folders of the bridge that are copied into hosts or built for them.
COPIED = {"gimp_plugin", "krita_plugin", "photoshop_plugin", "javascript_kit", "web_studio"}


@pytest.mark.parametrize(("room", "package"), ROOMS.items())
def test_a_room_exposes_one_importable_package(room, package):
    # An editable install puts the room itself on sys.path: a folder called `krita` in it would
    # pose as the host's own module. What is copied into hosts has names that no host has.
    entries = [
        path.name
        for path in (ROOT / room).iterdir()
        if path.name.split(".")[0].isidentifier() and path.name != "__pycache__"
    ]
    assert set(entries) - COPIED == {package}


def test_no_file_is_named_for_nothing_in_particular():
    bad = [
        str(path.relative_to(ROOT))
        for room, package in ROOMS.items()
        for path in (ROOT / room / package).rglob("*.py")
        if FORBIDDEN.search(path.stem) or FORBIDDEN.search(path.parent.name)
    ]
    assert not bad


def tracked() -> list[str]:
    """Files under version control, or none outside a checkout."""
    done = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True)
    return done.stdout.split("\n") if done.returncode == 0 else []


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    out = tmp_path_factory.mktemp("wheel")
    done = subprocess.run(
        [
            *(sys.executable, "-m", "build", "--wheel", "--no-isolation"),
            *("--skip-dependency-check", "--outdir", str(out), str(ROOT)),
        ],
        capture_output=True,
        text=True,
        timeout=280,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    (path,) = out.glob("*.whl")
    with zipfile.ZipFile(path) as archive:
        yield archive


def test_wheel_holds_the_packages_and_nothing_else(wheel):
    top = {name.split("/")[0] for name in wheel.namelist()}
    dist_info = {name for name in top if name.endswith(".dist-info")}
    assert len(dist_info) == 1
    assert top - dist_info == set(ROOMS.values())


def test_wheel_holds_every_tracked_file_of_the_packages(wheel):
    names = set(wheel.namelist())
    prefixes = {f"{room}/{package}/": package + "/" for room, package in ROOMS.items()}
    expected = [
        path.replace(prefix, package, 1)
        for path in tracked()
        for prefix, package in prefixes.items()
        if path.startswith(prefix) and (ROOT / path).is_file()
    ]
    assert not [path for path in expected if path not in names]


def test_wheel_holds_what_an_offline_machine_needs(wheel):
    names = wheel.namelist()
    for package in ROOMS.values():
        assert f"{package}/__init__.py" in names
        assert f"{package}/py.typed" in names
    assert any(re.fullmatch(r"retouch/models/configs/sd1/unet/config\.json", n) for n in names)
    assert any(re.fullmatch(r"retouch/models/configs/.*/vocab\.json", n) for n in names)
    assert "retouch/v1/edit_pb2.py" in names
    weights = [n for n in names if n.startswith("retouch/") and n.endswith(".safetensors")]
    assert weights, "the embedded model's weights are not in the wheel"
    assert any(name.endswith("licenses/LICENSE") for name in names)
    (entries,) = (n for n in names if n.endswith("entry_points.txt"))
    assert "[retouch.operations]" in wheel.read(entries).decode()
