"""``retouch verify``: where a picture comes from, what was done to it, and whether it is intact."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

if TYPE_CHECKING:
    from retouch_safety.inspection import Inspector, PictureReport

#: Exit codes, worst first: tampered, unreadable, nothing found, recovered, untrusted, trusted.
WORST_FIRST: Final = (6, 2, 5, 4, 3, 0)
_UNREADABLE: Final = 2


@dataclass(frozen=True)
class _Verified:
    """One file and its report, or why there is none."""

    path: Path
    report: PictureReport | None
    problem: str

    @property
    def exit_code(self) -> int:
        return _UNREADABLE if self.report is None else self.report.exit_code

    @property
    def verdict(self) -> str:
        found = "unreadable" if self.report is None else self.report.status.lower()
        return "nothing found" if found == "none" else found


@click.command()
@click.argument("paths", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("--json", "as_json", is_flag=True, help="One JSON object per file and line.")
@click.option("--search", is_flag=True, help="Also if scaled, turned or mirrored; seconds a file.")
@click.option(
    "--public",
    type=click.Path(path_type=Path),
    metavar="KEYFILE",
    help="Use the keys that another installation published, not your own.",
)
def verify(paths: tuple[Path, ...], as_json: bool, search: bool, public: Path | None) -> int:
    """Say where each of PATHS comes from: files, or folders with all pictures in them.

    Of a PSD or an EXR each layer is one picture, if retouch[studio] is installed.

    Exit code, of several files the worst: 6 tampered with, 2 unreadable, 5 nothing found,
    4 recovered by its watermark, 3 intact but not trusted here, 0 intact and trusted.
    """
    inspector = _inspector(public)
    counted: Counter[str] = Counter()
    codes: list[int] = []
    for path in _files(paths):
        for verified in _verified(path, inspector, search=search):
            _show(verified, as_json=as_json)
            counted[verified.verdict] += 1
            codes.append(verified.exit_code)
    if len(codes) > 1 and not as_json:
        found = ", ".join(f"{count} {name}" for name, count in sorted(counted.items()))
        click.echo(f"{len(codes)} files: {found}")
    return min(codes, key=WORST_FIRST.index)


def _inspector(public: Path | None) -> Inspector:
    from retouch.picture_file import content_of
    from retouch_safety.inspection import Inspector, PublishedKeys, chosen_anchors
    from retouch_safety.inspection.published_keys import LARGEST
    from retouch_safety.installation import Installation

    installation = Installation.default()
    if public is None:
        return Inspector.of_installation(installation)
    text = content_of(public)[: LARGEST + 1].decode("ascii", "replace")
    return Inspector.of_published(PublishedKeys.from_text(text), chosen_anchors(installation))


def _files(paths: tuple[Path, ...]) -> Iterator[Path]:
    """Yield files as they are named, and of folders every picture in them, by name."""
    from retouch.batch.formats.opening import FORMATS

    for path in paths:
        if not _is_folder(path):
            yield path
            continue
        inside = sorted(path.rglob("*"))
        pictures = [p for p in inside if p.suffix.lower() in FORMATS and p.is_file()]
        # a folder without pictures is not a verified one: it is shown as unreadable
        yield from pictures or [path]


def _verified(path: Path, inspector: Inspector, *, search: bool) -> Iterator[_Verified]:
    from retouch.batch.formats.opening import CONTAINERS, FORMATS
    from retouch.picture_file import content_of, pixels_of
    from retouch_safety.errors import InvalidInput

    if _is_folder(path):
        yield _Verified(path, None, "no PNG, JPEG, WebP or TIFF file in this folder")
    elif FORMATS.get(path.suffix.lower()) in CONTAINERS:
        yield from _layers(path, inspector, search=search)
    else:
        try:
            report = inspector.inspect(content_of(path), pixels_of, search=search)
        except InvalidInput as problem:
            yield _Verified(path, None, str(problem))
        else:
            yield _Verified(path, report, "")


def _layers(path: Path, inspector: Inspector, *, search: bool) -> Iterator[_Verified]:
    """Yield the layers of a container in which something is found, or else that nothing is.

    Layers of the user's own have no marks, and need none. The file stands before a layer's name.
    """
    from retouch.batch.formats.opening import layers_to_verify
    from retouch.errors import InvalidField
    from retouch_safety.errors import InvalidInput

    bare: PictureReport | None = None
    found = False
    try:
        for name, decoded in layers_to_verify(path):
            report = inspector.inspect_pixels(decoded, search=search)
            if report.marks or report.foreign:
                found = True
                named = path.with_name(f"{path.name}#{name.replace('/', ':')}")
                yield _Verified(named, report, "")
            bare = bare or report
        if not found:
            yield _Verified(path, bare, "no layer of pixels")
    except (InvalidField, InvalidInput, OSError) as problem:
        yield _Verified(path, None, str(problem))


def _is_folder(path: Path) -> bool:
    try:
        return path.is_dir()
    except OSError:  # a name that is too long: reading it says so
        return False


def _show(verified: _Verified, *, as_json: bool) -> None:
    name, report = str(verified.path), verified.report
    # the name of a file can hold what moves a terminal's cursor
    shown = name if name.isprintable() else repr(name)
    if as_json:
        known = report.fields() if report else {"error": verified.problem, "exit_code": _UNREADABLE}
        click.echo(json.dumps({"file": name, **known}, sort_keys=True))
    elif report is None:
        click.echo(f"{shown}: cannot be verified: {verified.problem}", err=True)
    else:
        indented = report.words().replace("\n", "\n  ")
        click.echo(f"{shown}\n  {indented}")
