"""``retouch demo``: every operation and some combinations, as one sheet."""

from __future__ import annotations

import json
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Any

import click

from retouch.catalog import installed
from retouch.cli.contact_sheet import Panel, draw_sheet
from retouch.cli.operation_text import parse_operation
from retouch.cli.progress import interruptible, step_bar
from retouch.request import EditRequest

PANELS = Path(str(files("retouch"))) / "demo"


@dataclass(frozen=True)
class DemoPanel:
    """One panel of ``panels.json``: an edit, as it would be typed on the command line.

    Pictures and masks are file names beside it; ``model`` is an installed one.
    """

    title: str
    picture: str
    ops: tuple[str, ...]
    prompt: str = ""
    negative: str = ""
    mask: str | None = None
    feather: int = 0
    seed: int = 0
    steps: int | None = None
    model: str = "retouch-mini"

    def request(self, folder: Path) -> EditRequest:
        """The edit, its pictures read from ``folder``."""
        from retouch.imaging.decode import read_image, read_mask

        catalog = installed()
        texts = [op.replace("{pictures}", str(folder)) for op in self.ops]
        return EditRequest(
            image=read_image(folder / self.picture),
            prompt=self.prompt,
            negative_prompt=self.negative,
            operations=tuple(parse_operation(text, catalog) for text in texts),
            mask=None if self.mask is None else read_mask(folder / self.mask),
            feather=self.feather,
            seed=self.seed,
            steps=self.steps,
            model=self.model,
        )

    @property
    def detail(self) -> str:
        """Small print: the prompt and the operations."""
        ops = " + ".join(op.replace("{pictures}/", "") for op in self.ops)
        return f"“{self.prompt}”  {ops}" if self.prompt else ops


@click.command()
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path),
    default=Path("demo"),
    show_default=True,
    help="Folder to write to.",
)
def demo(output: Path) -> None:
    """Write contact-sheet.png: what every operation does, and some combinations."""
    from retouch.models.library import Library
    from retouch.runner import Runner
    from retouch_safety.job import Job
    from retouch_safety.save import save
    from retouch_safety.sealed import Sealed

    output.mkdir(parents=True, exist_ok=True)
    runner = Runner(Library())
    panels = []
    with interruptible() as cancelled:
        for index, panel in enumerate(read_panels(), start=1):
            request = panel.request(PANELS)
            with step_bar(panel.title) as on_step:
                (result,) = runner.run(request, on_step=on_step, cancelled=cancelled)
            assert result.composite is not None
            save(result.composite, output / f"{index:02d}-{_slug(panel.title)}.png")
            before = request.image.pixels
            panels.append(Panel(panel.title, panel.detail, before, result.composite.pixels))
            click.echo(f"{panel.title}")
    admission = runner.gate.admit(Job(operations=("contact_sheet",)))
    sheet = runner.gate.release(Sealed.composite(draw_sheet(panels)), admission)
    save(sheet, output / "contact-sheet.png")
    click.echo(f"{output / 'contact-sheet.png'}  {len(panels)} panels")


def read_panels() -> list[DemoPanel]:
    """The panels that ship with Retouch."""
    entries: list[dict[str, Any]] = json.loads((PANELS / "panels.json").read_text("utf-8"))
    return [DemoPanel(**(entry | {"ops": tuple(entry["ops"])})) for entry in entries]


def _slug(title: str) -> str:
    words = "".join(c if c.isalnum() else " " for c in title.lower()).split()
    return "-".join(words)
