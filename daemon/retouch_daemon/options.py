"""The options of ``retouch serve``, on the command line and, by the same names, in a file."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import click

from retouch.client.finding import DEFAULT_ADDRESS, default_folder
from retouch.errors import InvalidField
from retouch_daemon.front.call_limits import CallLimits
from retouch_daemon.front.settings import Settings
from retouch_daemon.front.worker_options import (
    SILENCE,
    START_SECONDS,
    STEP_SECONDS,
    EngineMemory,
)
from retouch_daemon.storage.blob_limits import BlobLimits
from retouch_daemon.storage.job_limits import JobLimits
from retouch_safety.profiles import PROFILES

#: Those that only the command line has.
_NOT_IN_FILES: Final = ("config", "check", "help")
_UNITS: Final = {"": 1, "K": 1 << 10, "M": 1 << 20, "G": 1 << 30, "T": 1 << 40}
_SIZE: Final = re.compile(r"(\d{1,15}(?:\.\d{1,6})?)\s*(?:([KMGT])(?:i?B)?|B)?", re.IGNORECASE)


class Bytes(click.ParamType[int]):
    """A number of bytes: ``1048576``, ``512MiB``, ``8G``; units are powers of 1024."""

    name = "bytes"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """Return the bytes, or fail."""
        found = _SIZE.fullmatch(str(value))
        if found is None:
            self.fail(f"{value!r} is no number of bytes, as 8GiB is.", param, ctx)
        return int(float(found[1]) * _UNITS[(found[2] or "").upper()])


class Names(click.ParamType[tuple[str, ...]]):
    """Names: separated by commas, or a list in a file."""

    name = "names"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[str, ...]:
        """Return the names."""
        given = value if isinstance(value, list | tuple) else str(value).split(",")
        return tuple(str(name).strip() for name in given if str(name).strip())


_PATH: Final = click.Path(path_type=Path)
_COUNT: Final = click.IntRange(1)
_BYTES: Final = Bytes()
_JOBS: Final = JobLimits()
_CALLS: Final = CallLimits()
DEFAULT_GATEWAY_ADDRESS: Final = "127.0.0.1:7862"
_OPTIONS: Final[tuple[tuple[str, dict[str, Any]], ...]] = (
    ("--address", {"default": DEFAULT_ADDRESS, "help": "Host and port."}),
    ("--no-tcp", {"is_flag": True, "help": "Listen on the Unix socket only."}),
    ("--socket", {"type": _PATH, "help": "Unix socket to listen on, too."}),
    ("--tls-cert", {"type": _PATH, "help": "Certificate (PEM), for other machines to connect."}),
    ("--tls-key", {"type": _PATH, "help": "Its private key (PEM)."}),
    ("--tls-client-ca", {"type": _PATH, "help": "Ask callers for a certificate of these."}),
    ("--status-address", {"default": "", "help": "Metrics and status over HTTP, host and port."}),
    ("--gateway-address", {"help": "HTTP for hosts on this machine; empty: none; by default "
                                   f"{DEFAULT_GATEWAY_ADDRESS}, none with --no-tcp."}),
    ("--folder", {"type": _PATH, "help": "What it keeps, and its token."}),
    ("--device", {"help": "cpu or cuda; CUDA when there is one."}),
    ("--gate-device", {"help": "Where pictures are decoded and checked; the same by default."}),
    ("--silence", {"type": click.FloatRange(0.5), "default": SILENCE, "hidden": True}),
    ("--step-seconds", {"type": click.FloatRange(1.0), "default": STEP_SECONDS,
                        "help": "What takes longer hangs: a network call, an operation's step."}),
    ("--start-seconds", {"type": click.FloatRange(1.0), "default": START_SECONDS,
                         "help": "That engine or gate may start without getting on."}),
    ("--row-cap", {"type": click.IntRange(1, 1024), "default": 16,
                   "help": "Most rows of one network call."}),
    ("--model-bytes", {"type": _BYTES, "default": "12GiB",
                       "help": "Weights kept in memory; what edits use stays beyond that."}),
    ("--model-idle-seconds", {"type": click.FloatRange(0.0), "default": 0.0,
                              "help": "After which an unused model is dropped; 0 keeps it."}),
    ("--cache-bytes", {"type": _BYTES, "default": "256MiB",
                       "help": "Of encoded prompts and pictures kept for later edits; 0: none."}),
    ("--policy", {"type": click.Choice(PROFILES), "default": "standard",
                  "help": "How strict the gate is; none allows what is never allowed."}),
    ("--allow-operations", {"type": Names(), "default": (), "metavar": "NAME,…",
                            "help": "Load these operations only."}),
    ("--models", {"type": _PATH, "multiple": True,
                  "help": "Load models of users from below here only; may be repeated."}),
    ("--keep-days", {"type": click.FloatRange(0.0), "default": 7.0,
                     "help": "How long jobs that are over are kept."}),
    ("--drain-seconds", {"type": click.FloatRange(0.0), "default": 0.0,
                         "help": "How long running edits may go on when it is stopped."}),
    ("--client-jobs", {"type": _COUNT, "default": _JOBS.per_client,
                       "help": "Jobs of a client that are not over."}),
    ("--total-jobs", {"type": _COUNT, "default": _JOBS.of_all,
                      "help": "Jobs of all clients that are not over."}),
    ("--client-pixels", {"type": _COUNT, "default": _JOBS.pixels_per_client,
                         "help": "Pixels in the pictures of those of a client."}),
    ("--client-bytes", {"type": _BYTES, "default": "8GiB", "help": "Stored for a client."}),
    ("--total-bytes", {"type": _BYTES, "default": "16GiB", "help": "Stored for all."}),
    ("--blob-bytes", {"type": _BYTES, "default": "1GiB", "help": "Of one picture's file."}),
    ("--keep-free-bytes", {"type": _BYTES, "default": "256MiB", "help": "Left on the disk."}),
    ("--client-calls-per-second", {"type": click.FloatRange(0.0, min_open=True),
                                   "default": _CALLS.per_second,
                                   "help": "Of a client, in the long run."}),
    ("--client-calls-burst", {"type": click.FloatRange(1.0), "default": _CALLS.burst,
                              "help": "Of a client at once, after it was quiet."}),
    ("--client-calls", {"type": _COUNT, "default": _CALLS.at_once,
                        "help": "Open calls of a client; total-calls is of all."}),
    ("--total-calls", {"type": _COUNT, "default": _CALLS.of_all,
                       "help": "Open calls of all clients."}),
    ("--log-format", {"type": click.Choice(["text", "json"]), "default": "text",
                      "help": "json writes one object per line."}),
    ("--log-level", {"type": click.Choice(["debug", "info", "warning", "error"]),
                     "default": "info", "help": "What is worth a line."}),
)  # fmt: skip


def serve_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command all options, and ``--config FILE``."""
    for name, about in reversed(_OPTIONS):
        shown = bool(about.get("default")) and not about.get("is_flag")
        command = click.option(name, show_default=shown, **about)(command)
    reading = click.option(
        "--config", type=click.Path(path_type=Path, dir_okay=False, exists=True), is_eager=True,
        expose_value=False, callback=_read_config,
        help="TOML file with these options, named as here; what is given here goes first.",
    )  # fmt: skip
    return reading(command)


def settings_of(options: dict[str, Any]) -> Settings:
    """Return the settings that options describe.

    Raises:
        InvalidField: as :class:`Settings` and ``TlsFiles``.
    """
    given = dict(options)
    blobs = BlobLimits(
        blob_bytes=given.pop("blob_bytes"),
        client_bytes=given.pop("client_bytes"),
        total_bytes=given.pop("total_bytes"),
        free_bytes=given.pop("keep_free_bytes"),
    )
    jobs = JobLimits(
        per_client=given.pop("client_jobs"),
        of_all=given.pop("total_jobs"),
        pixels_per_client=given.pop("client_pixels"),
    )
    calls = CallLimits(
        per_second=given.pop("client_calls_per_second"),
        burst=given.pop("client_calls_burst"),
        at_once=given.pop("client_calls"),
        of_all=given.pop("total_calls"),
    )
    memory = EngineMemory(
        model_bytes=given.pop("model_bytes"),
        cache_bytes=given.pop("cache_bytes"),
        model_idle_seconds=given.pop("model_idle_seconds"),
    )
    tls = _tls(given.pop("tls_cert"), given.pop("tls_key"), given.pop("tls_client_ca"))
    no_tcp, address, gateway = (given.pop(n) for n in ("no_tcp", "address", "gateway_address"))
    if gateway is None:
        gateway = "" if no_tcp else DEFAULT_GATEWAY_ADDRESS
    return Settings(
        folder=given.pop("folder") or default_folder(),
        address="" if no_tcp else address,
        gateway_address=gateway,
        tls=tls,
        operations=given.pop("allow_operations"),
        models=tuple(given.pop("models")),
        limits=blobs,
        jobs=jobs,
        calls=calls,
        memory=memory,
        **given,
    )


def _tls(certificate: Path | None, key: Path | None, client_ca: Path | None) -> Any:
    if certificate is None and key is None and client_ca is None:
        return None
    for name, file in (("tls-cert", certificate), ("tls-key", key)):
        if file is None:
            fix = "give --tls-cert and --tls-key together"
            raise InvalidField(name, "", "a PEM file", fix)
    from retouch_daemon.front.tls import TlsFiles

    assert certificate is not None and key is not None
    return TlsFiles(certificate, key, client_ca)


def _read_config(context: click.Context, _: click.Parameter, file: Path | None) -> None:
    if file is None:
        return
    try:
        found = tomllib.loads(file.read_text("utf-8"))
    except (OSError, ValueError) as problem:
        raise click.ClickException(
            f"config: cannot read {file}: {problem}. Fix: write TOML."
        ) from problem
    known = {
        parameter.opts[0].removeprefix("--"): parameter
        for parameter in context.command.params
        if parameter.name not in _NOT_IN_FILES
    }
    context.default_map = {
        str(known[name].name): _value(file, name, value, known[name])
        for name, value in found.items()
        if _is_known(file, name, known)
    }


def _is_known(file: Path, name: str, known: dict[str, click.Parameter]) -> bool:
    if name not in known:
        raise click.ClickException(
            f"config: got {name!r} in {file}; allowed: {', '.join(known)}. Fix: use one of these."
        )
    return True


def _value(file: Path, name: str, value: object, option: click.Parameter) -> object:
    """A value as its option takes it; relative paths are relative to the file."""
    flag = isinstance(option, click.Option) and option.is_flag
    many = option.multiple or isinstance(option.type, Names)
    if isinstance(value, bool) != flag or isinstance(value, list) > many or isinstance(value, dict):
        kind = "true or false" if flag else f"{option.type.name}, as --{name} takes it"
        raise click.ClickException(
            f"config: got {name} = {value!r} in {file}; allowed: {kind}. Fix: give that."
        )
    if isinstance(option.type, click.Path):
        given = value if isinstance(value, list) else [value]
        paths = [str(file.parent / Path(str(each)).expanduser()) for each in given]
        return paths if option.multiple else paths[0]
    return [value] if option.multiple and not isinstance(value, list) else value
