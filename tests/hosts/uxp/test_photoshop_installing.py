"""Where the plugin goes, and what goes there; no Photoshop is needed."""

import json
import stat
import sys
import zipfile

import pytest
from click.testing import CliRunner

from retouch_bridge.installing import photoshop as installing
from retouch_bridge.installing.checks import checks
from retouch_bridge.installing.command import install

ID = "org.retouch.photoshop"


@pytest.fixture
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("APPDATA", str(tmp_path / "AppData/Roaming"))
    monkeypatch.delenv("XDG_DATA_HOME", raising=False)
    monkeypatch.setattr(installing, "agent", lambda: None)
    return tmp_path


@pytest.fixture(params=["darwin", "win32"])
def place(home, request, monkeypatch):
    monkeypatch.setattr(installing.sys, "platform", request.param)
    return installing.place()


def test_it_goes_where_uxp_looks(home, monkeypatch):
    where = {
        "darwin": "Library/Application Support/Adobe/UXP",
        "win32": "AppData/Roaming/Adobe/UXP",
    }
    for platform, folder in where.items():
        monkeypatch.setattr(installing.sys, "platform", platform)
        plugins, registry = installing.place()
        assert plugins == home / folder / "Plugins/External"
        assert registry == home / folder / "PluginsInfo/v1/PS.json"


def test_the_plugin_is_whole_listed_and_replaced(home, place):
    other = {"pluginId": "com.other", "status": "enabled", "path": "$localPlugins/External/x"}
    place.registry.parent.mkdir(parents=True)
    place.registry.write_text(json.dumps({"plugins": [other]}))
    place.plugins.mkdir(parents=True)
    (place.plugins / f"{ID}_0.0.1").mkdir()
    for _ in range(2):
        (packed, folder), then = installing.install(home / "out")
        (folder / "old.js").touch()
    (_, folder), _ = installing.install(home / "out")
    assert [each.name for each in place.plugins.iterdir()] == [folder.name]
    assert folder.name.startswith(f"{ID}_") and not (folder / "old.js").exists()
    names = sorted(each.relative_to(folder).as_posix() for each in folder.rglob("*.*"))
    assert {"manifest.json", "index.html", "panel.js", "icons/panel_dark.png"} <= set(names)
    first, entry = json.loads(place.registry.read_text())["plugins"]
    assert first == other
    slash = "\\" if sys.platform == "win32" else "/"
    assert entry == {
        "hostMinVersion": "24.4.0",
        "name": "Retouch",
        "path": slash.join(("$localPlugins", "External", folder.name)),
        "pluginId": ID,
        "status": "enabled",
        "type": "uxp",
        "versionString": "0.1.0",
    }
    assert "retouch pair" in then and installing.missing() == [] and installing.installed(place)
    with zipfile.ZipFile(packed) as archive:
        assert sorted(archive.namelist()) == names
        assert archive.read("panel.js") == (folder / "panel.js").read_bytes()


def test_a_registry_that_is_not_understood_stays_as_it_is(home, place):
    place.registry.parent.mkdir(parents=True)
    place.registry.write_text("{damaged")
    done = CliRunner().invoke(install, ["photoshop", "--output", str(home / "out")])
    assert done.exit_code == 1 and "PS.json cannot be understood" in done.output
    assert "Fix:" in done.output and place.registry.read_text() == "{damaged"


def test_the_port_of_the_running_daemon_is_asked_for(home):
    daemon = home / "daemon"
    daemon.mkdir()
    (daemon / "gateway.json").write_text('{"address": "127.0.0.1:9100", "token_file": "token"}')
    with zipfile.ZipFile(installing.package(home / "out", daemon)) as archive:
        domains = json.loads(archive.read("manifest.json"))["requiredPermissions"]["network"]
        assert "http://127.0.0.1:9100" in domains["domains"] and "7862" not in str(domains)
        assert b'"127.0.0.1:9100"' in archive.read("daemon_address.js")
    (daemon / "gateway.json").write_text("[]")
    with zipfile.ZipFile(installing.package(home / "out", daemon)) as archive:
        assert b"7862" in archive.read("manifest.json")


def test_the_same_files_make_the_same_package(home):
    first = installing.package(home / "one").read_bytes()
    assert installing.package(home / "two").read_bytes() == first


@pytest.mark.skipif(sys.platform == "win32", reason="a shell script stands in for Adobe's program")
@pytest.mark.parametrize(("answer", "by_hand"), [("Installation Successful", 0), ("Failed", 1)])
def test_adobes_own_installer_goes_first(home, monkeypatch, answer, by_hand):
    monkeypatch.setattr(installing.sys, "platform", "darwin")
    program, told = home / "agent", home / "told"
    program.write_text(f'#!/bin/sh\necho "$@" > "{told}"\necho "{answer}"\n')
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setattr(installing, "agent", lambda: program)
    written, _ = installing.install(home / "out")
    assert told.read_text().split()[0] == "--install" and written[0].suffix == ".ccx"
    assert len(written) == 1 + by_hand


def test_where_there_is_no_photoshop_it_says_so(home, monkeypatch):
    monkeypatch.setattr(installing.sys, "platform", "linux")
    done = CliRunner().invoke(install, ["photoshop", "--output", str(home / "out")])
    assert done.exit_code == 0, done.output
    first, second = done.output.splitlines()
    assert first == f"wrote {home / 'out/retouch-photoshop-0.1.0.ccx'}"
    assert second.startswith("There is no Photoshop for this system. Copy the file")
    notes = [detail for host, state, detail in checks() if (host, state) == ("Photoshop", "note")]
    assert len(notes) == 1 and notes[0].startswith("There is no Photoshop for this system. Fix:")


def test_doctor_says_what_is_missing(place, home):
    assert installing.missing() == [
        "Photoshop has no Retouch. Fix: run `retouch install photoshop`."
    ]
    installing.install(home / "out")
    assert ("Photoshop", "ok", "the plugin is installed") in checks()
