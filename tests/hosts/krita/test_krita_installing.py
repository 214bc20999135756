"""Where the plugin goes, and what goes there; no Krita is needed."""

import ast
import json
import sys

import pytest
from click.testing import CliRunner

from retouch.cli.doctor import Finding, _further
from retouch_bridge.installing import krita as installing
from retouch_bridge.installing.checks import checks
from retouch_bridge.installing.command import install


@pytest.fixture
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    for name in ("XDG_CONFIG_HOME", "XDG_DATA_HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(installing.sys, "platform", "linux")
    return tmp_path


def test_it_goes_to_every_krita_of_this_user(home):
    usual = home / ".local/share/krita"
    assert [place.resources for place in installing.places()] == [usual]
    flatpak = home / ".var/app/org.kde.krita"
    (flatpak / "config").mkdir(parents=True)
    (flatpak / "config/kritarc").touch()
    assert [place.plugins for place in installing.places()] == [flatpak / "data/krita/pykrita"]


def test_the_plugin_is_whole_and_a_new_one_replaces_it(home):
    (place,) = installing.places()
    for _ in range(2):
        found = installing.install(place, home / "daemon")
        (found / "old.py").touch()
    found = installing.install(place, home / "daemon")
    assert sorted(each.name for each in place.plugins.iterdir()) == ["retouch", "retouch.desktop"]
    assert not (found / "old.py").exists()
    assert (found / "plugin_kit/client.py").exists()
    assert (found / "daemon_folder.txt").read_text().strip() == str(home / "daemon")
    command = json.loads((found / "daemon_command.json").read_text())
    assert command[0] == sys.executable and command[-1] == str(home / "daemon")


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("", "[python]\nenable_retouch=true\n"),
        ("[a]\nb=1\n", "[a]\nb=1\n\n[python]\nenable_retouch=true\n"),
        (
            "[python]\nenable_other=true\nenable_retouch=false\n[z]\n",
            "[python]\nenable_retouch=true\nenable_other=true\n[z]\n",
        ),
    ],
)
def test_it_is_switched_on_and_no_other_setting_changes(home, before, after):
    (place,) = installing.places()
    place.settings.parent.mkdir(parents=True)
    place.settings.write_text(before)
    installing.install(place, home / "daemon")
    assert place.settings.read_text() == after
    installing.install(place, home / "daemon")
    assert place.settings.read_text() == after


def test_what_is_missing_is_said_with_what_to_do(home, monkeypatch):
    monkeypatch.setenv("PATH", str(home))
    words = installing.missing()
    assert len(words) == 2 and all("Fix:" in each for each in words)
    (place,) = installing.places()
    installing.install(place, home / "daemon")
    assert installing.missing() == []
    place.settings.write_text("[python]\nenable_retouch=false\n")
    assert "switched off" in installing.missing()[0]


def test_the_command_installs_and_doctor_sees_it(home, monkeypatch):
    monkeypatch.setenv("PATH", str(home))
    assert ("Krita", "note") in [each[:2] for each in checks()]
    found = CliRunner().invoke(install, ["krita"])
    assert found.exit_code == 0 and "installed" in found.output and "Start Krita" in found.output
    assert ("Krita", "ok", "the plugin is installed") in checks()
    findings = [each for check in _further() for each in check()]
    assert Finding("Krita", "ok", "the plugin is installed") in findings


def test_a_folder_that_cannot_be_written_is_one_error(home):
    (home / ".local").write_text("a file")
    found = CliRunner().invoke(install, ["krita"])
    assert found.exit_code == 1 and "Fix:" in found.output


def test_it_imports_krita_qt_the_kit_and_the_standard_library_only():
    folder = installing.sources() / "retouch"
    allowed = {"krita", "PyQt5", "PyQt6", *sys.stdlib_module_names}
    for path in folder.glob("*.py"):
        tree = ast.parse(path.read_text("utf-8"), feature_version=(3, 8))
        for node in ast.walk(tree):
            names = []
            if isinstance(node, ast.Import):
                names = [each.name for each in node.names]
            elif isinstance(node, ast.ImportFrom) and not node.level:
                names = [node.module]
            assert {name.partition(".")[0] for name in names} <= allowed, path.name


def test_only_the_adapter_touches_documents():
    """Everything else goes through document, capture and result_layer."""
    adapter = {"document.py", "capture.py", "result_layer.py", "color_profiles.py"}
    touching = ("pixelData", "setPixelData", "addChildNode", "createNode", "rootNode", "clone(")
    for path in (installing.sources() / "retouch").glob("*.py"):
        if path.name not in adapter:
            text = path.read_text("utf-8")
            assert not [each for each in touching if each in text], path.name
