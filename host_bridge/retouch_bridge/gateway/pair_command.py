"""``retouch pair``: let a client in that cannot read the token's file."""

from __future__ import annotations

import http.client
import json
import time
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

import click
from platformdirs import user_data_path

_PATIENCE: Final = 10.0
_LOOK: Final = 1.0


@click.command()
@click.option("--folder", type=click.Path(path_type=Path), help="The daemon's, if not your own.")
@click.option("--list", "listing", is_flag=True, help="Say who has paired.")
@click.option("--forget", metavar="NAME", default="", help="Let nobody of this name in any more.")
@click.option("--json", "as_json", is_flag=True, help="Print the code as JSON; do not wait.")
def pair(folder: Path | None, listing: bool, forget: str, as_json: bool) -> None:
    """Show a code that lets Photoshop's panel or a web page in.

    The code is good once, for two minutes. Whoever enters it gets a token of its own.
    """
    gateway = _Gateway(folder or user_data_path("retouch", appauthor=False) / "daemon")
    if forget:
        found = gateway.ask("DELETE", f"/v1/paired?name={quote(forget)}")
        click.echo(f"forgotten: {found['forgotten']}")
    elif listing:
        _list(gateway.ask("GET", "/v1/paired")["clients"])
    else:
        _show_code(gateway, as_json=as_json)


def _show_code(gateway: _Gateway, *, as_json: bool) -> None:
    shown = gateway.ask("POST", "/v1/pair/code")
    if as_json:
        click.echo(json.dumps(shown))
        return
    code = shown["code"]
    click.echo(f"code: {code[:4]} {code[4:]}   (for two minutes, once)")
    while shown["code"] == code:
        time.sleep(_LOOK)
        shown = gateway.ask("GET", "/v1/pair/code")
    if not shown["paired"]:
        raise click.ClickException("nobody entered it. Fix: run `retouch pair` again.")
    click.echo(f"paired: {shown['paired']}")


def _list(clients: list[dict[str, Any]]) -> None:
    for each in clients:
        when = time.strftime("%Y-%m-%d %H:%M", time.localtime(each["paired"]))
        click.echo("  ".join((each["name"], when, each["origin"])).rstrip())
    if not clients:
        click.echo("nobody has paired")


class _Gateway:
    """The gateway of a daemon of this user."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def ask(self, method: str, path: str) -> dict[str, Any]:
        """Return what the gateway answers. Raises ClickException."""
        address, token = self._where()
        connection = http.client.HTTPConnection(address, timeout=_PATIENCE)
        headers = {"Authorization": f"Bearer {token}", "Content-Length": "0"}
        try:
            connection.request(method, path, headers=headers)
            answer = connection.getresponse()
            found: dict[str, Any] = json.loads(answer.read())
        except (OSError, ValueError, http.client.HTTPException) as problem:
            raise click.ClickException(
                f"no gateway answers at {address} ({problem}). Fix: start `retouch serve`."
            ) from problem
        finally:
            connection.close()
        if answer.status != http.HTTPStatus.OK:
            raise click.ClickException(str(found.get("message", answer.status)))
        return found

    def _where(self) -> tuple[str, str]:
        try:
            found = json.loads((self._folder / "gateway.json").read_text("utf-8"))
            token = (self._folder / found["token_file"]).read_text("ascii").strip()
            return found["address"], token
        except (OSError, ValueError, KeyError, TypeError) as problem:
            raise click.ClickException(
                f"no gateway in {self._folder} ({problem}). "
                "Fix: start `retouch serve`, or name its --folder."
            ) from problem
