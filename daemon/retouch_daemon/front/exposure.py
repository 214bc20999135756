"""What a setup exposes to whom, in words: what ``retouch serve --check`` says."""

from __future__ import annotations

from collections.abc import Iterator
from importlib.metadata import entry_points

from retouch.catalog import GROUP
from retouch_daemon.front.addresses import is_loopback
from retouch_daemon.front.settings import Settings


def exposure(settings: Settings) -> list[str]:
    """Return what a setup exposes to whom, one sentence each."""
    return [
        *_ways_in(settings),
        *_gateway(settings),
        *_status(settings),
        *_code(settings),
        *_kept(settings),
        *_limits(settings),
        f"Every picture leaves through the gate, profile {settings.policy}.",
        "Only health probes are answered without the token.",
    ]


def _ways_in(settings: Settings) -> Iterator[str]:
    token = f"only those that can read {settings.token_file} (mode 0600) are served"
    if settings.address:
        machine = "every program of every user of this machine can connect"
        who = "every machine that reaches this one can connect" if settings.remote else machine
        safely = " with TLS" if settings.tls is not None else ""
        yield f"TCP {settings.address}: {who}{safely}; {token}."
    if settings.tls is not None:
        names = ", ".join(settings.tls.names) or "no host"
        yield f"The certificate is for {names}, until {settings.tls.ends:%Y-%m-%d}."
        if settings.tls.client_ca is not None:
            authority = settings.tls.client_ca
            yield (
                f"Over TCP, only those with a certificate of {authority} are served, under the "
                "name in it."
            )
        else:
            yield "No certificate is asked of callers: whoever has the token is served."
        yield from settings.tls.warnings()
    if settings.socket is not None:
        yield (
            f"Unix socket {settings.socket} (mode 0600): only this user can connect; "
            "the token is asked for, too."
        )
    if settings.remote:
        yield "Reflection is off: the contract is not told to strangers."
    else:
        yield "No other machine can connect."


def _gateway(settings: Settings) -> Iterator[str]:
    if settings.gateway_address:
        yield (
            f"http://{settings.gateway_address}: every program of every user of this machine can "
            f"connect; only those that can read {settings.token_file} or have paired are served, "
            "and pages of other origins only if they have paired. That it is Retouch, and the "
            "studio's page, it says to all."
        )


def _status(settings: Settings) -> Iterator[str]:
    if settings.status_socket is not None:
        yield f"Status for this user alone: {settings.status_socket} (mode 0600)."
    if settings.status_address:
        where = settings.status_address
        if is_loopback(where):
            yield (
                f"http://{where}/metrics: numbers without names, prompts or pictures, for every "
                "program of this machine; /status.json needs the token."
            )
        else:
            yield f"https://{where}: metrics and status, for those that have the token."


def _code(settings: Settings) -> Iterator[str]:
    if settings.operations:
        yield f"Only these operations are loaded: {', '.join(settings.operations)}."
    else:
        points = entry_points(group=GROUP)
        packages = sorted({point.dist.name for point in points if point.dist is not None})
        yield f"The operations of every installed package are loaded: {', '.join(packages)}."
    if settings.models:
        roots = ", ".join(str(root) for root in settings.models)
        yield f"Only models below {roots} are loaded, and those that ship with Retouch."
    else:
        yield "Models are loaded from wherever this user added them; no request can name a path."


def _kept(settings: Settings) -> Iterator[str]:
    most = settings.limits.total_bytes / 2**30
    yield (
        f"Pictures and jobs are kept in {settings.folder} (mode 0700): jobs that are over for "
        f"{settings.keep_days:g} days, at most {most:g} GiB of pictures."
    )


def _limits(settings: Settings) -> Iterator[str]:
    jobs, calls, blobs = settings.jobs, settings.calls, settings.limits
    yield (
        f"One client may have {jobs.per_client} jobs that are not over, with "
        f"{jobs.pixels_per_client / 1e6:g} megapixels, and {blobs.client_bytes / 2**30:g} GiB of "
        f"pictures; it may make {calls.per_second:g} calls a second, {calls.at_once} at a time."
    )
