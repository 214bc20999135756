"""GIMP 3: where it looks for plug-ins, and how ours gets there."""

from __future__ import annotations

import json
import os
import shutil
import stat
import sys
from pathlib import Path
from typing import Final

from platformdirs import user_data_path

#: The folder of our plug-in, and the file in it that GIMP starts.
NAME: Final = "retouch"
#: Versions of GIMP that have the libraries which the plug-in speaks to.
VERSIONS: Final = ("3.2", "3.0")
_PACKAGE: Final = Path(__file__).resolve().parents[1]
_START: Final = "from retouch.cli.main import main; main()"
_PROGRAMS: Final = ("gimp-3.2", "gimp-3.0", "gimp-3", "gimp")


def sources() -> Path:
    """Return the folder of the plug-in's files: beside the package, or in a checkout."""
    packed = _PACKAGE / "gimp_plugin"
    return packed if packed.is_dir() else _PACKAGE.parent / "gimp_plugin"


def settings_folders() -> list[Path]:
    """Return where GIMP 3 may keep its settings on this machine, the likeliest first.

    Programs from Flathub and Snap have a home of their own.
    """
    named, home = os.environ.get("GIMP3_DIRECTORY"), Path.home()
    if named:
        return [Path(named)]
    if sys.platform == "win32":
        data = os.environ.get("APPDATA")
        bases = [(Path(data) if data else home / "AppData/Roaming") / "GIMP"]
    elif sys.platform == "darwin":
        bases = [home / "Library/Application Support/GIMP"]
    else:
        own = os.environ.get("XDG_CONFIG_HOME")
        bases = [
            (Path(own) if own else home / ".config") / "GIMP",
            home / ".var/app/org.gimp.GIMP/config/GIMP",
            home / "snap/gimp/current/.config/GIMP",
        ]
    return [base / version for base in bases for version in VERSIONS]


def plugin_folders() -> list[Path]:
    """Return where the plug-in belongs: in every GIMP 3 that was started here once.

    Where there is none yet, in the likeliest place.
    """
    known = settings_folders()
    usual = next((folder for folder in known if folder.name == VERSIONS[-1]), known[0])
    found = [folder for folder in known if folder.is_dir()] or [usual]
    return [folder / "plug-ins" for folder in found]


def install(plugins: Path, daemon_folder: Path | None = None) -> Path:
    """Put the plug-in into a folder of plug-ins; return its own folder.

    An earlier version of it is replaced; the catalogue that it has learnt from a daemon is not
    kept. Nothing is left half-done: the new folder is complete before it takes the old one's place.

    Args:
        plugins: GIMP's folder ``plug-ins``; made where it is not there.
        daemon_folder: the daemon's, as GIMP sees it; None = this user's own.

    Raises:
        OSError: the folder cannot be written.
    """
    plugins.mkdir(parents=True, exist_ok=True)
    new, old = plugins / f".{NAME}-new", plugins / NAME
    shutil.rmtree(new, ignore_errors=True)
    ignored = shutil.ignore_patterns("__pycache__", "*.pyc")
    shutil.copytree(sources(), new, ignore=ignored)
    shutil.copytree(_PACKAGE / "plugin_kit", new / "plugin_kit", ignore=ignored)
    daemon = daemon_folder or user_data_path("retouch", appauthor=False) / "daemon"
    (new / "daemon_folder.txt").write_text(f"{daemon}\n", "utf-8")
    start = [sys.executable, "-c", _START, "serve", "--folder", str(daemon)]
    (new / "daemon_command.json").write_text(json.dumps(start), "utf-8")
    started = new / f"{NAME}.py"
    started.chmod(started.stat().st_mode | stat.S_IXUSR | stat.S_IXGRP | stat.S_IXOTH)
    if old.exists():
        shutil.rmtree(old)
    new.rename(old)
    return old


def missing() -> list[str]:
    """Return what keeps the plug-in from working, each one sentence with what to do."""
    found = []
    if not any(folder.is_dir() for folder in settings_folders()) and not _program():
        found.append("GIMP 3 is not installed here. Fix: install GIMP 3.0 or newer, start it once.")
    if not any((folder / NAME / f"{NAME}.py").exists() for folder in plugin_folders()):
        found.append("GIMP has no Retouch. Fix: run `retouch install gimp`.")
    return found


def _program() -> str | None:
    return next((found for found in map(shutil.which, _PROGRAMS) if found), None)
