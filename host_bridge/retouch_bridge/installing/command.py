"""``retouch install``: puts a plugin where its host looks for it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Final

import click

from retouch_bridge.installing import gimp, krita


def _in_krita(daemon: Path | None) -> list[Path]:
    return [krita.install(place, daemon) for place in krita.places()]


def _in_gimp(daemon: Path | None) -> list[Path]:
    return [gimp.install(folder, daemon) for folder in gimp.plugin_folders()]


#: Host -> what installs its plugin, and what to do then.
_HOSTS: Final[Mapping[str, tuple[Callable[[Path | None], list[Path]], str]]] = MappingProxyType(
    {
        "krita": (_in_krita, "Start Krita again, then choose Settings > Dockers > Retouch."),
        "gimp": (_in_gimp, "Start GIMP again, then choose Filters > Retouch."),
    }
)


@click.command()
@click.argument("host", type=click.Choice(list(_HOSTS)))
@click.option(
    "--folder",
    type=click.Path(path_type=Path),
    help="Folder of the daemon, as the host sees it; this user's own by default.",
)
def install(host: str, folder: Path | None) -> int:
    """Put the plugin of HOST where the host looks for it.

    Running it again replaces the plugin by the one of this version. `retouch doctor` says what is
    missing.
    """
    put, then = _HOSTS[host]
    try:
        for where in put(folder):
            click.echo(f"installed {where}")
    except OSError as problem:
        fix = "make that folder writable, or close the host"
        raise click.ClickException(f"{problem}. Fix: {fix}.") from problem
    click.echo(then)
    return 0
