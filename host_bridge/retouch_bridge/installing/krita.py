"""Krita: where it looks for plugins, and how ours gets there."""

from __future__ import annotations

import importlib.machinery
import json
import os
import re
import shutil
import sys
from pathlib import Path
from typing import Final, NamedTuple

from platformdirs import user_data_path

#: Name of our plugin: of its package and of its ``.desktop`` file.
NAME: Final = "retouch"
_PACKAGE: Final = Path(__file__).resolve().parents[1]
_START: Final = "from retouch.cli.main import main; main()"
_ENABLED: Final = f"enable_{NAME}=true"
#: Where Debian and its kin keep the modules of their own Python, which their Krita embeds.
_DEBIAN_MODULES: Final = Path("/usr/lib/python3/dist-packages")


class Place(NamedTuple):
    """Where one Krita keeps its things.

    Attributes:
        settings: the file ``kritarc``.
        resources: the folder with ``pykrita`` in it.
    """

    settings: Path
    resources: Path

    @property
    def plugins(self) -> Path:
        """The folder of plugins."""
        return self.resources / "pykrita"


def sources() -> Path:
    """Return the folder of the plugin's files: beside the package, or in a checkout."""
    packed = _PACKAGE / "krita_plugin"
    return packed if packed.is_dir() else _PACKAGE.parent / "krita_plugin"


def known_places() -> list[Place]:
    """Return where Krita may keep its things on this machine, the usual place first.

    Programs from Flathub and Snap have a home of their own.
    """
    home = Path.home()
    if sys.platform == "win32":
        local, roaming = os.environ.get("LOCALAPPDATA"), os.environ.get("APPDATA")
        settings = Path(local) if local else home / "AppData/Local"
        resources = Path(roaming) if roaming else home / "AppData/Roaming"
        return [Place(settings / "kritarc", resources / "krita")]
    if sys.platform == "darwin":
        library = home / "Library"
        return [Place(library / "Preferences/kritarc", library / "Application Support/krita")]
    config, data = os.environ.get("XDG_CONFIG_HOME"), os.environ.get("XDG_DATA_HOME")
    usual = (
        Path(config) if config else home / ".config",
        Path(data) if data else home / ".local/share",
    )
    boxed, snap = home / ".var/app/org.kde.krita", home / "snap/krita/current"
    folders = [usual, (boxed / "config", boxed / "data"), (snap / ".config", snap / ".local/share")]
    return [Place(settings / "kritarc", resources / "krita") for settings, resources in folders]


def places() -> list[Place]:
    """Return where the plugin belongs: in every Krita that was started here once.

    Where there is none yet, in the usual place.
    """
    known = known_places()
    return [each for each in known if each.settings.exists()] or known[:1]


def install(place: Place, daemon_folder: Path | None = None) -> Path:
    """Put the plugin where a Krita looks for it, and switch it on; return its folder.

    An earlier version of it is replaced. Nothing is left half-done: the new folder is complete
    before it takes the old one's place, and of ``kritarc`` only our own line changes.

    Args:
        place: where that Krita keeps its things.
        daemon_folder: the daemon's, as Krita sees it; None = this user's own.

    Raises:
        OSError: something cannot be written.
    """
    place.plugins.mkdir(parents=True, exist_ok=True)
    new, old = place.plugins / f".{NAME}-new", place.plugins / NAME
    shutil.rmtree(new, ignore_errors=True)
    ignored = shutil.ignore_patterns("__pycache__", "*.pyc")
    shutil.copytree(sources() / NAME, new, ignore=ignored)
    shutil.copytree(_PACKAGE / "plugin_kit", new / "plugin_kit", ignore=ignored)
    daemon = daemon_folder or user_data_path("retouch", appauthor=False) / "daemon"
    (new / "daemon_folder.txt").write_text(f"{daemon}\n", "utf-8")
    start = [sys.executable, "-c", _START, "serve", "--folder", str(daemon)]
    (new / "daemon_command.json").write_text(json.dumps(start), "utf-8")
    if old.exists():
        shutil.rmtree(old)
    new.rename(old)
    shutil.copy(sources() / f"{NAME}.desktop", place.plugins)
    _switch_on(place.settings)
    return old


def missing() -> list[str]:
    """Return what keeps the plugin from working, each one sentence with what to do."""
    found = []
    program, here = shutil.which("krita"), places()
    if program is None and not any(each.settings.exists() for each in known_places()):
        found.append("Krita is not installed here. Fix: install Krita 5.1 or newer.")
    if program == "/usr/bin/krita" and _DEBIAN_MODULES.is_dir() and not _debian_has_qt():
        fix = "run `sudo apt install python3-pyqt5 python3-sip`"
        found.append(f"Krita's Python has no PyQt5, so no plugin of it works. Fix: {fix}.")
    if not any((each.plugins / NAME / "__init__.py").exists() for each in here):
        found.append("Krita has no Retouch. Fix: run `retouch install krita`.")
    elif not any(is_switched_on(each.settings) for each in here):
        fix = "choose Settings > Configure Krita > Python Plugin Manager > Retouch"
        found.append(f"Retouch is switched off in Krita. Fix: {fix}.")
    return found


def is_switched_on(settings: Path) -> bool:
    """Tell whether a ``kritarc`` says that Krita loads the plugin."""
    return settings.exists() and _ENABLED in settings.read_text("utf-8").splitlines()


def _debian_has_qt() -> bool:
    where = [str(_DEBIAN_MODULES)]
    finder = importlib.machinery.PathFinder
    return finder.find_spec("PyQt5", where) is not None


def _switch_on(settings: Path) -> None:
    """Write our line below ``[python]``; every other line stays as it is."""
    if is_switched_on(settings):
        return
    text = settings.read_text("utf-8") if settings.exists() else ""
    text = re.sub(rf"^enable_{NAME}=.*\n?", "", text, flags=re.MULTILINE)
    if re.search(r"^\[python\]$", text, flags=re.MULTILINE):
        text = re.sub(r"^\[python\]$", f"[python]\n{_ENABLED}", text, count=1, flags=re.MULTILINE)
    else:
        text = f"{text.rstrip()}\n\n[python]\n{_ENABLED}\n".lstrip()
    settings.parent.mkdir(parents=True, exist_ok=True)
    beside = settings.with_name(settings.name + ".retouch")
    beside.write_text(text, "utf-8")
    beside.replace(settings)
