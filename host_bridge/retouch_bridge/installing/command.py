"""``retouch install``: puts a plugin where its host looks for it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Final

import click

from retouch_bridge.installing import gimp, krita, photoshop

#: What was written, and what to do then.
_Done = tuple[list[Path], str]


def _in_krita(daemon: Path | None, _output: Path) -> _Done:
    done = [krita.install(place, daemon) for place in krita.places()]
    return done, "Start Krita again, then choose Settings > Dockers > Retouch."


def _in_gimp(daemon: Path | None, _output: Path) -> _Done:
    done = [gimp.install(folder, daemon) for folder in gimp.plugin_folders()]
    return done, "Start GIMP again, then choose Filters > Retouch."


def _in_photoshop(daemon: Path | None, output: Path) -> _Done:
    return photoshop.install(output, daemon)


#: Host -> what installs its plugin.
_HOSTS: Final[Mapping[str, Callable[[Path | None, Path], _Done]]] = MappingProxyType(
    {"krita": _in_krita, "gimp": _in_gimp, "photoshop": _in_photoshop}
)


@click.command()
@click.argument("host", type=click.Choice(list(_HOSTS)))
@click.option(
    "--folder",
    type=click.Path(path_type=Path),
    help="Folder of the daemon, as the host sees it; this user's own by default.",
)
@click.option(
    "--output",
    type=click.Path(path_type=Path, file_okay=False),
    default=".",
    help="Folder that Photoshop's plugin is packaged into, too; where you are by default.",
)
def install(host: str, folder: Path | None, output: Path) -> int:
    """Put the plugin of HOST where the host looks for it.

    Running it again replaces the plugin by the one of this version. `retouch doctor` says what is
    missing.
    """
    try:
        written, then = _HOSTS[host](folder, output)
        for where in written:
            click.echo(f"{'wrote' if where.suffix == '.ccx' else 'installed'} {where}")
    except OSError as problem:
        fix = "make that folder writable, or close the host"
        raise click.ClickException(f"{problem}. Fix: {fix}.") from problem
    click.echo(then)
    return 0
