"""Entry point of ``retouch``. Commands import what they need when they run."""

from __future__ import annotations

import sys
from typing import Any

import click

import retouch
from retouch.errors import Blocked, Cancelled, InvalidRequest, ModelError, RetouchError
from retouch_safety.errors import CannotSave

EXIT_FAILED = 1
EXIT_REFUSED = 2
EXIT_BLOCKED = 3
EXIT_CANCELLED = 130

_COMMANDS = {
    "edit": ("retouch.cli.edit", "edit"),
    "operations": ("retouch.cli.operations", "operations"),
    "demo": ("retouch.cli.demo", "demo"),
    "eval": ("retouch.cli.evaluate", "evaluate"),
    "doctor": ("retouch.cli.doctor", "doctor"),
    "models": ("retouch.cli.models", "models"),
}


class _LazyGroup(click.Group):
    """Loads a command's module when it is asked for, so that --help stays fast."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in _COMMANDS:
            return None
        import importlib

        module, attribute = _COMMANDS[cmd_name]
        command: click.Command = getattr(importlib.import_module(module), attribute)
        return command


@click.group(cls=_LazyGroup)
@click.version_option(retouch.__version__, prog_name="retouch")
def cli() -> None:
    """Edit pictures with composable diffusion operations.

    Every result is checked and watermarked before it is written.
    """


def main(arguments: list[str] | None = None) -> None:
    """Run the command line; every expected error is one clear line and an exit code.

    Exit codes: 0 done, 1 failed, 2 bad input or missing model, 3 blocked by the gate,
    130 cancelled.
    """
    sys.exit(run(arguments))


def run(arguments: list[str] | None = None) -> int:
    """Run the command line and return its exit code."""
    try:
        outcome: Any = cli.main(args=arguments, prog_name="retouch", standalone_mode=False)
        return outcome if isinstance(outcome, int) else 0
    except click.ClickException as problem:
        problem.show()
        return EXIT_REFUSED
    except (Cancelled, KeyboardInterrupt, click.Abort):
        click.echo("cancelled; nothing was written", err=True)
        return EXIT_CANCELLED
    except CannotSave as problem:
        click.echo(f"error: {problem}", err=True)
        return EXIT_REFUSED
    except RetouchError as problem:
        click.echo(f"error: {problem}", err=True)
        return exit_code(problem)


def exit_code(problem: RetouchError) -> int:
    """Exit code of an error."""
    if isinstance(problem, InvalidRequest | ModelError):
        return EXIT_REFUSED
    return EXIT_BLOCKED if isinstance(problem, Blocked) else EXIT_FAILED
