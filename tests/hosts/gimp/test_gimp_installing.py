"""Where the plug-in goes, and what goes there; no GIMP is needed."""

import ast
import json
import os

import pytest
from google.protobuf.json_format import MessageToDict

from retouch_bridge.installing import gimp as installing
from retouch_daemon.front.catalog_service import describe


@pytest.fixture
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    for name in ("GIMP3_DIRECTORY", "XDG_CONFIG_HOME", "XDG_DATA_HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(installing.sys, "platform", "linux")
    return tmp_path


def test_it_goes_to_every_gimp_3_of_this_user(home):
    assert installing.plugin_folders() == [home / ".config/GIMP/3.0/plug-ins"]
    flatpak = home / ".var/app/org.gimp.GIMP/config/GIMP/3.0"
    flatpak.mkdir(parents=True)
    assert installing.plugin_folders() == [flatpak / "plug-ins"]
    (home / ".config/GIMP/3.2").mkdir(parents=True)
    both = [home / ".config/GIMP/3.2/plug-ins", flatpak / "plug-ins"]
    assert installing.plugin_folders() == both


def test_gimps_own_variable_says_where(home, monkeypatch):
    monkeypatch.setenv("GIMP3_DIRECTORY", str(home / "elsewhere"))
    assert installing.plugin_folders() == [home / "elsewhere/plug-ins"]


def test_the_plug_in_is_whole_and_a_new_one_replaces_it(home):
    plugins = home / "plug-ins"
    for _ in range(2):
        found = installing.install(plugins, home / "daemon")
        (found / "old.py").touch()
    assert found == plugins / "retouch"
    found = installing.install(plugins, home / "daemon")
    assert [each.name for each in plugins.iterdir()] == ["retouch"]
    assert not (found / "old.py").exists()
    assert os.access(found / "retouch.py", os.X_OK)
    assert (found / "daemon_folder.txt").read_text("utf-8").strip() == str(home / "daemon")
    assert (found / "plugin_kit/client.py").exists() and (found / "catalogue.json").exists()


def test_what_is_missing_is_said_with_what_to_do(home, monkeypatch):
    monkeypatch.setenv("PATH", str(home))
    words = installing.missing()
    assert len(words) == 2 and all("Fix:" in each for each in words)
    installing.install(installing.plugin_folders()[0], home / "daemon")
    assert installing.missing() == []


def test_it_imports_gimp_the_kit_and_the_standard_library_only():
    own = {path.stem for path in installing.sources().glob("*.py")}
    allowed = own | {"gi", "plugin_kit", *installing.sys.stdlib_module_names}
    for path in installing.sources().glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            names = []
            if isinstance(node, ast.Import):
                names = [each.name for each in node.names]
            elif isinstance(node, ast.ImportFrom):
                names = [node.module or ""]
            for name in names:
                assert name.partition(".")[0] in allowed, (path.name, name)


def test_the_catalogue_that_comes_along_is_this_versions():
    """Procedures are made from it before any daemon was seen."""
    kept = json.loads((installing.sources() / "catalogue.json").read_text("utf-8"))
    found = MessageToDict(describe())
    for operation in found["operations"]:
        operation.pop("providedBy", None)
    ours = [each for each in found["operations"] if each["name"] in BUILT_IN]
    assert kept["operations"] == ours, "write it anew from Describe"
    assert kept["limits"] == found["limits"] and kept["samplers"] == found["samplers"]


BUILT_IN = (
    *("best_of", "guidance", "instruct_pix2pix", "ip_adapter"),
    *("prompt_to_prompt", "sdedit", "soft_mask", "t2i_adapter"),
)
