"""``retouch studio``: open the studio in a browser, paired; start a daemon where none answers."""

from __future__ import annotations

import http.client
import json
import subprocess
import sys
import time
import webbrowser
from pathlib import Path
from typing import IO, Any, Final

import click
from platformdirs import user_data_path

from retouch_bridge.plugin_kit.daemon_address import Found, find_daemon
from retouch_bridge.plugin_kit.failures import NotRunning

#: Seconds for one answer, between two looks, and until a started daemon must answer.
_PATIENCE: Final = 10.0
_PAUSE: Final = 0.1
_START_SECONDS: Final = 60.0
_COMMAND: Final = "from retouch.cli.main import main; main()"
#: What a daemon says that came too late: another one has the folder.
_TAKEN: Final = "another daemon uses"


@click.command()
@click.option("--folder", type=click.Path(path_type=Path), help="The daemon's, if not your own.")
@click.option("--no-browser", is_flag=True, help="Print the address, do not open it.")
@click.option("--no-start", is_flag=True, help="Do not start a daemon where none answers.")
@click.argument("serve_options", nargs=-1, type=click.UNPROCESSED)
def studio(
    folder: Path | None, no_browser: bool, no_start: bool, serve_options: tuple[str, ...]
) -> None:
    """Open the studio in a browser: edit a picture without any other program.

    The address holds a code that lets this browser in; it is good once, for two minutes. What
    follows `--` is for `retouch serve`, where it is started: `retouch studio -- --device cuda`.
    """
    found = _answering(folder)
    if found is None:
        if no_start:
            raise click.ClickException("no daemon answers. Fix: start `retouch serve`.")
        click.echo("starting the daemon")
        found = _started(folder, serve_options)
    page = f"http://{found.address}/studio/"
    paired = f"{page}#pair={_code(found)}"
    if not no_browser and webbrowser.open(paired):
        click.echo(f"the studio is open in your browser: {page}")
    else:
        click.echo(f"open this within two minutes: {paired}")


def _answering(folder: Path | None) -> Found | None:
    """Return the daemon of a folder, or of this user; None where none answers."""
    try:
        found = find_daemon(str(folder) if folder else None)
        about = _ask(found, "GET", "/v1/hello")
    except (NotRunning, OSError, ValueError, http.client.HTTPException):
        return None
    return found if about.get("product") == "retouch" else None


def _started(folder: Path | None, options: tuple[str, ...]) -> Found:
    """Start a daemon that goes on when this ends. Raises ClickException."""
    place = folder or user_data_path("retouch", appauthor=False) / "daemon"
    place.mkdir(parents=True, exist_ok=True, mode=0o700)
    with (place / "serve.log").open("a+", encoding="utf-8") as log:
        began = log.seek(0, 2)
        process = subprocess.Popen(
            [sys.executable, "-c", _COMMAND, "serve", "--folder", str(place), *options],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,  # it outlives this terminal
        )
        ends = time.monotonic() + _START_SECONDS
        while time.monotonic() < ends:
            if (found := _answering(place)) is not None:
                return found
            if process.poll() is not None and _TAKEN not in (said := _said(log, began)):
                raise click.ClickException(f"the daemon ended at its start: {said}")
            time.sleep(_PAUSE)
        said = _said(log, began)
    if process.poll() is None:
        process.terminate()
        fix = "name another place: `retouch studio -- --gateway-address 127.0.0.1:0`"
    else:
        fix = "stop the daemon of that folder; start it with its gateway (--gateway-address)"
    words = f"no gateway answers in {place} after {_START_SECONDS:g} s ({said})"
    raise click.ClickException(f"{words}. Fix: {fix}.")


def _said(log: IO[str], began: int) -> str:
    log.seek(began)
    lines = log.read().strip().splitlines()
    about = [line for line in lines if " gateway " in line or line.startswith("Error")] or lines
    return about[-1][:500] if about else "it said nothing"


def _code(found: Found) -> str:
    """Return a code that is good once. Raises ClickException."""
    try:
        return str(_ask(found, "POST", "/v1/pair/code")["code"])
    except (OSError, ValueError, KeyError, http.client.HTTPException) as problem:
        words = f"the daemon at {found.address} gives no code ({problem})"
        raise click.ClickException(f"{words}. Fix: restart `retouch serve`.") from problem


def _ask(found: Found, method: str, path: str) -> dict[str, Any]:
    """Return what the gateway answers. Raises OSError, ValueError, HTTPException."""
    connection = http.client.HTTPConnection(found.address, timeout=_PATIENCE)
    headers = {"Authorization": f"Bearer {found.token}", "Content-Length": "0"}
    try:
        connection.request(method, path, headers=headers)
        answer = connection.getresponse()
        body: dict[str, Any] = json.loads(answer.read())
    finally:
        connection.close()
    if answer.status != http.HTTPStatus.OK:
        raise ValueError(str(body.get("message", answer.status)))
    return body
