"""Entry point of ``retouch``. Commands import what they need when they run."""

from __future__ import annotations

import sys
from importlib.metadata import entry_points
from typing import Any

import click

import retouch
from retouch.errors import Blocked, Cancelled, InvalidRequest, ModelError, RetouchError

EXIT_FAILED = 1
EXIT_REFUSED = 2
EXIT_BLOCKED = 3
EXIT_PARTLY_BLOCKED = 4
EXIT_CANCELLED = 130

#: Entry points of further commands: those of packages that stand on this one.
GROUP = "retouch.commands"
_COMMANDS = {
    "edit": ("retouch.cli.edit", "edit"),
    "batch": ("retouch.cli.batch", "batch"),
    "recipe": ("retouch.cli.recipe", "recipe"),
    "operations": ("retouch.cli.operations", "operations"),
    "demo": ("retouch.cli.demo", "demo"),
    "eval": ("retouch.cli.evaluate", "evaluate"),
    "doctor": ("retouch.cli.doctor", "doctor"),
    "models": ("retouch.cli.models", "models"),
    "verify": ("retouch.cli.verify", "verify"),
    "sign-export": ("retouch.cli.sign_export", "sign_export"),
    "audit": ("retouch.cli.audit", "audit"),
    "keys": ("retouch.cli.keys", "keys"),
}


class _LazyGroup(click.Group):
    """Loads a command's module when it is asked for, so that --help stays fast."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return [*_COMMANDS, *(entry.name for entry in entry_points(group=GROUP))]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in _COMMANDS:
            found = entry_points(group=GROUP, name=cmd_name)
            return next((entry.load() for entry in found), None)
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
    4 some variants blocked and the others written, 130 cancelled. ``retouch verify`` and
    ``retouch audit`` have codes of their own, see their help.
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
        click.echo("cancelled; nothing more was written", err=True)
        return EXIT_CANCELLED
    except Exception as problem:
        code = exit_code(problem)
        if code is None:
            raise
        click.echo(f"error: {problem}", err=True)
        return code


def exit_code(problem: Exception) -> int | None:
    """Exit code of an error, None of one that nobody raises on purpose."""
    from retouch_safety.errors import InvalidInput, Refused, SafetyError  # loads the gate

    if isinstance(problem, InvalidRequest | ModelError | InvalidInput):
        return EXIT_REFUSED
    if isinstance(problem, Blocked | Refused):
        return EXIT_BLOCKED
    return EXIT_FAILED if isinstance(problem, RetouchError | SafetyError) else None
