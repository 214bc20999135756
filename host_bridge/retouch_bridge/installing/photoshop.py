"""Photoshop: where UXP looks for plugins, and how ours gets there."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any, Final, NamedTuple

from platformdirs import user_data_path

#: What is asked of UXP where the daemon says nothing else; the plugin's files have it.
DEFAULT_PORT: Final = "7862"
_PACKAGE: Final = Path(__file__).resolve().parents[1]
#: Adobe's program that installs plugins, below the folder of its shared files.
_AGENT: Final = "Adobe/Adobe Desktop Common/RemoteComponents/UPI/UnifiedPluginInstallerAgent"
_SUCCESS: Final = "Installation Successful"
_PATIENCE: Final = 120
#: When files in a package were made, so that the same files give the same package.
_EPOCH: Final = (1980, 1, 1, 0, 0, 0)
#: Files that name the gateway's port.
_ADDRESSED: Final = ("manifest.json", "daemon_address.js")


class Place(NamedTuple):
    """Where UXP keeps plugins of one user.

    Attributes:
        plugins: the folder with one folder a plugin.
        registry: the file in which Photoshop's plugins are listed.
    """

    plugins: Path
    registry: Path


def sources() -> Path:
    """Return the folder of the plugin's files: beside the package, or in a checkout."""
    packed = _PACKAGE / "photoshop_plugin"
    return packed if packed.is_dir() else _PACKAGE.parent / "photoshop_plugin/plugin"


def place() -> Place | None:
    """Return where UXP keeps plugins on this machine; None where there is no Photoshop."""
    home, data = Path.home(), os.environ.get("APPDATA")
    folders = {
        "win32": Path(data) if data else home / "AppData/Roaming",
        "darwin": home / "Library/Application Support",
    }
    if sys.platform not in folders:
        return None
    uxp = folders[sys.platform] / "Adobe/UXP"
    return Place(uxp / "Plugins/External", uxp / "PluginsInfo/v1/PS.json")


def agent() -> Path | None:
    """Return Adobe's own installer of plugins; None where it is not there."""
    shared = Path(os.environ.get("COMMONPROGRAMW6432") or "C:/Program Files/Common Files")
    mac = Path("/Library/Application Support") / _AGENT / "UnifiedPluginInstallerAgent.app"
    programs = {
        "win32": shared / _AGENT / "UnifiedPluginInstallerAgent.exe",
        "darwin": mac / "Contents/MacOS/UnifiedPluginInstallerAgent",
    }
    found = programs.get(sys.platform)
    return found if found is not None and found.exists() else None


def package(folder: Path, daemon_folder: Path | None = None) -> Path:
    """Write the plugin as one file for Creative Cloud; return it. The same files give the same.

    Args:
        folder: where it goes; made where it is not there.
        daemon_folder: the daemon's, whose gateway the plugin asks; None = this user's own.

    Raises:
        OSError: something cannot be written.
    """
    folder.mkdir(parents=True, exist_ok=True)
    port = _port(daemon_folder)
    found = folder / f"retouch-photoshop-{_manifest()['version']}.ccx"
    beside = found.with_name(found.name + ".new")
    with zipfile.ZipFile(beside, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in _names():
            info = zipfile.ZipInfo(name, _EPOCH)
            info.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(info, _content(name, port))
    beside.replace(found)
    return found


def install(folder: Path, daemon_folder: Path | None = None) -> tuple[list[Path], str]:
    """Package the plugin and put it where Photoshop looks for it.

    Adobe's own installer is asked where it is there; else, or where it fails, the files are put
    into UXP's folder and listed in its registry, in which no other plugin's entry changes.

    Args:
        folder: where the package goes, which can be kept.
        daemon_folder: as of ``package``.

    Returns:
        What was written, and what to do then.

    Raises:
        OSError: something cannot be written.
    """
    packed, where = package(folder, daemon_folder), place()
    if where is None:
        words = "There is no Photoshop for this system. Copy the file to a computer with Photoshop"
        return [packed], f"{words} and open it there; Creative Cloud installs it."
    then = "Start Photoshop again, then choose Plugins > Retouch; `retouch pair` shows the code."
    if _by_agent(packed):
        return [packed], then
    return [packed, _by_hand(where, daemon_folder)], then


def installed(where: Place) -> bool:
    """Tell whether Photoshop's registry lists the plugin as enabled, and its files are there."""
    try:
        entry = next(each for each in _entries(where.registry) if each["pluginId"] == _id())
    except (StopIteration, ValueError, KeyError, TypeError):
        return False
    name = str(entry.get("path", "")).replace("\\", "/").rpartition("/")[2]
    return entry.get("status") == "enabled" and (where.plugins / name / "manifest.json").exists()


def missing() -> list[str]:
    """Return what keeps the plugin from working, each one sentence with what to do."""
    where = place()
    if where is None:
        fix = "run `retouch install photoshop` and open the file that it writes on another computer"
        return [f"There is no Photoshop for this system. Fix: {fix}."]
    if not installed(where):
        return ["Photoshop has no Retouch. Fix: run `retouch install photoshop`."]
    return []


def _by_agent(packed: Path) -> bool:
    program = agent()
    if program is None:
        return False
    option = "/install" if sys.platform == "win32" else "--install"
    command = [str(program), option, str(packed)]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=_PATIENCE)
    except (OSError, subprocess.TimeoutExpired):
        return False
    return _SUCCESS in done.stdout


def _by_hand(where: Place, daemon_folder: Path | None) -> Path:
    """The folder is complete before it takes the old one's place, and is listed after that."""
    manifest, port = _manifest(), _port(daemon_folder)
    name = f"{manifest['id']}_{manifest['version']}"
    new, target = where.plugins / f".{name}-new", where.plugins / name
    shutil.rmtree(new, ignore_errors=True)
    for each in _names():
        (new / each).parent.mkdir(parents=True, exist_ok=True)
        (new / each).write_bytes(_content(each, port))
    for old in where.plugins.glob(f"{manifest['id']}_*"):
        shutil.rmtree(old)
    new.rename(target)
    _list(where.registry, manifest, name)
    return target


def _list(registry: Path, manifest: dict[str, Any], name: str) -> None:
    separator = "\\" if sys.platform == "win32" else "/"
    entry = {
        "hostMinVersion": manifest["host"]["minVersion"],
        "name": manifest["name"],
        "path": separator.join(("$localPlugins", "External", name)),
        "pluginId": manifest["id"],
        "status": "enabled",
        "type": "uxp",
        "versionString": manifest["version"],
    }
    try:
        others = [each for each in _entries(registry) if each.get("pluginId") != manifest["id"]]
    except (ValueError, KeyError, TypeError, AttributeError) as problem:
        fix = "rename that file, then run `retouch install photoshop` again"
        raise OSError(f"{registry} cannot be understood ({problem}); {fix}") from problem
    registry.parent.mkdir(parents=True, exist_ok=True)
    beside = registry.with_name(registry.name + ".retouch")
    beside.write_text(json.dumps({"plugins": [*others, entry]}), "utf-8")
    beside.replace(registry)


def _entries(registry: Path) -> list[dict[str, Any]]:
    """The plugins in a registry; none where it is not there. Raises ValueError, KeyError."""
    if not registry.exists():
        return []
    return list(json.loads(registry.read_text("utf-8"))["plugins"])


def _names() -> list[str]:
    root = sources()
    files = (path for path in root.rglob("*") if path.is_file())
    return sorted(path.relative_to(root).as_posix() for path in files)


def _content(name: str, port: str) -> bytes:
    data = (sources() / name).read_bytes()
    return data.replace(DEFAULT_PORT.encode(), port.encode()) if name in _ADDRESSED else data


def _manifest() -> dict[str, Any]:
    found: dict[str, Any] = json.loads((sources() / "manifest.json").read_text("utf-8"))
    return found


def _id() -> str:
    return str(_manifest()["id"])


def _port(daemon_folder: Path | None) -> str:
    """UXP must be told beforehand which port a plugin asks: the running daemon's, or the usual."""
    folder = daemon_folder or user_data_path("retouch", appauthor=False) / "daemon"
    try:
        address = json.loads((folder / "gateway.json").read_text("utf-8"))["address"]
    except (OSError, ValueError, KeyError, TypeError):
        return DEFAULT_PORT
    port = str(address).rpartition(":")[2]
    return port if port.isdecimal() else DEFAULT_PORT
