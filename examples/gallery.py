"""Make docs/gallery.md: what every operation and every combination does, with the exact commands.

python examples/gallery.py [--only TEXT] [--docs FOLDER]

Every picture is made by the command that stands beneath it, run as typed, in a folder with the
pictures that ship with Retouch; the strips of pictures then pass the gate once more, like any
other picture. An entry that needs a model which is not installed is left out.
"""

import argparse
import os
import shlex
import shutil
import tempfile
import tomllib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

import numpy as np
from PIL import Image as Pillow
from PIL import ImageDraw, ImageFont

from retouch.catalog import installed
from retouch.cli.edit import parse_rect
from retouch.cli.main import run
from retouch.cli.operation_text import parse_operation
from retouch.imaging.control import extract
from retouch.imaging.decode import read_image
from retouch.models.geometry import read_geometry
from retouch.models.records import find_model, is_installed
from retouch_plugins.ip_adapter import IPAdapter
from retouch_plugins.t2i_adapter import T2IAdapter
from retouch_safety.gate import Gate
from retouch_safety.job import Job
from retouch_safety.save import save
from retouch_safety.sealed import Sealed

HERE = Path(__file__).resolve().parent
DOCS = HERE.parent / "docs"
SIDE, GAP, LABEL = 160, 8, 20
PAPER, INK = (250, 250, 248), (70, 70, 74)
Pane = tuple[str, np.ndarray]


@dataclass(frozen=True)
class Entry:
    """One strip: what ``gallery.toml`` says of it."""

    section: str
    title: str
    text: str
    commands: tuple[str, ...]
    labels: tuple[str, ...] = ("after",)
    needs: tuple[str, ...] = ()

    @property
    def slug(self) -> str:
        """The title as a file name."""
        return "-".join("".join(c if c.isalnum() else " " for c in self.title.lower()).split())


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--only", default="", help="entries whose title contains this; no page")
    parser.add_argument("--docs", type=Path, default=DOCS)
    options = parser.parse_args()
    chosen = [entry for entry in available() if options.only.lower() in entry.title.lower()]
    pictures = options.docs / "images" / "gallery"
    pictures.mkdir(parents=True, exist_ok=True)
    gate = Gate()
    admission = gate.admit(Job(operations=("gallery",)))
    with shipped_pictures():
        for entry in chosen:
            strip = gate.release(Sealed.composite(draw(panes(entry))), admission)
            save(strip, pictures / f"{entry.slug}.webp")
            print(entry.title)
    if not options.only:
        for stale in {*pictures.glob("*.webp")} - {pictures / f"{e.slug}.webp" for e in chosen}:
            stale.unlink()
        (options.docs / "gallery.md").write_text(page(chosen), "utf-8")


def entries() -> list[Entry]:
    """All entries, in order."""
    listed = tomllib.loads((HERE / "gallery.toml").read_text("utf-8"))["entry"]
    made = []
    for known in listed:
        commands = tuple(command.strip() for command in known.pop("commands"))
        text = " ".join(known.pop("text").split())
        lists = {key: tuple(v) if isinstance(v, list) else v for key, v in known.items()}
        made.append(Entry(commands=commands, text=text, **lists))
    return made


def available() -> list[Entry]:
    """The entries whose models are installed."""
    return [entry for entry in entries() if all(map(is_installed, entry.needs))]


@contextmanager
def shipped_pictures() -> Iterator[Path]:
    """Work in a new folder that holds the pictures that ship."""
    before = Path.cwd()
    with tempfile.TemporaryDirectory() as name:
        for picture in Path(str(files("retouch"))).glob("demo/*.png"):
            shutil.copy(picture, name)
        os.chdir(name)
        try:
            yield Path(name)
        finally:
            os.chdir(before)


def panes(entry: Entry) -> list[Pane]:
    """Before, what guides the edit, and what each command makes."""
    first = words(entry.commands[0])
    found = [("before", pixels(Path(first[2]))), *guides(first)]
    for command, label in zip(entry.commands, entry.labels, strict=True):
        if run(words(command)[1:]) != 0:
            raise SystemExit(f"{entry.title}: failed: {command}")
        found.append((label, pixels(Path("out.png"))))
    return found


def words(command: str) -> list[str]:
    """The command as a shell would split it."""
    return shlex.split(command.replace("\\\n", ""))


def guides(command: list[str]) -> Iterator[Pane]:
    """The mask, the rectangle, the control pictures and the references of a command."""
    source = read_image(Path(command[2]))
    given = list(zip(command[3::2], command[4::2], strict=True))
    for option, value in given:
        if option == "--mask":
            yield "mask", pixels(Path(value))
        elif option == "--region":
            drawn = np.zeros((*source.pixels.shape[:2], 3), np.uint8)
            drawn[parse_rect(value).slices] = 255
            yield "region", drawn
    for operation in (parse_operation(v, installed()) for o, v in given if o == "--op"):
        if isinstance(operation, IPAdapter):
            yield from (("reference", image.pixels) for image in operation.images)
        elif isinstance(operation, T2IAdapter):
            native = read_geometry(find_model("retouch-mini")).native_size
            seen = (operation.image or source).unit()
            control = extract(operation.kind, seen, native_size=native)
            yield operation.kind, as_rgb(control)


def as_rgb(unit: np.ndarray) -> np.ndarray:
    """H x W or H x W x 3 in [0, 1] as 8-bit RGB."""
    grey = np.rint(unit * 255).astype(np.uint8)
    return np.repeat(grey[..., None], 3, axis=2) if grey.ndim == 2 else grey


def pixels(path: Path) -> np.ndarray:
    """8-bit RGB of a file."""
    return np.asarray(Pillow.open(path).convert("RGB"))


def draw(shown: list[Pane]) -> np.ndarray:
    """All panes side by side, labelled."""
    sheet = Pillow.new("RGB", (len(shown) * (SIDE + GAP) - GAP, SIDE + LABEL), PAPER)
    write = ImageDraw.Draw(sheet)
    for index, (label, picture) in enumerate(shown):
        x = index * (SIDE + GAP)
        tile = Pillow.fromarray(picture).resize((SIDE, SIDE), Pillow.Resampling.LANCZOS)
        sheet.paste(tile, (x, 0))
        write.text((x + 2, SIDE + 3), label, INK, ImageFont.load_default(12))
    return np.asarray(sheet)


def page(chosen: list[Entry]) -> str:
    """The text of docs/gallery.md."""
    lines = [tomllib.loads((HERE / "gallery.toml").read_text("utf-8"))["introduction"].strip(), ""]
    for section in dict.fromkeys(entry.section for entry in chosen):
        lines += [f"## {section}", ""]
        for entry in (entry for entry in chosen if entry.section == section):
            commands = "\n".join(entry.commands)
            lines += [f"### {entry.title}", "", entry.text, ""]
            lines += [f"![{entry.title}](images/gallery/{entry.slug}.webp)", ""]
            lines += ["```sh", commands, "```", ""]
    return "\n".join(lines).rstrip() + "\n"


if __name__ == "__main__":
    main()
