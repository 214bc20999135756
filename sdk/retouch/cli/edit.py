"""``retouch edit``: one picture, any combination of operations."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Protocol

import click
from rich.console import Console
from rich.table import Table

from retouch.batch.saved_recipe import save_recipe
from retouch.catalog import installed
from retouch.cli.operation_text import parse_operation
from retouch.cli.progress import interruptible, step_bar
from retouch.errors import Blocked, InvalidField
from retouch.imaging.convert import SRGB, depth_for
from retouch.imaging.region import Rect, Size
from retouch.request import EditRequest
from retouch_safety.profiles import PROFILES

if TYPE_CHECKING:
    from retouch.result import EditResult

#: Words of ``--depth`` -> depths of pictures.
_DEPTHS: Final = {"8": "uint8", "16": "uint16", "float": "float32"}


class Variant(Protocol):
    """What is told of a variant, whether it was made here or by a daemon."""

    @property
    def seed(self) -> int:
        """What made it."""
        ...

    @property
    def settings(self) -> Mapping[str, object]:
        """Effective settings."""
        ...

    @property
    def refused(self) -> Blocked | None:
        """Why there is no picture."""
        ...


class _Command(click.Command):
    """``--remote`` may stand alone: without a value it takes none of the other arguments."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        return super().parse_args(ctx, ["--remote=" if a == "--remote" else a for a in args])


@click.command(cls=_Command)
@click.argument("picture", type=click.Path(path_type=Path))
@click.option("-o", "--output", type=click.Path(path_type=Path), help="File to write.")
@click.option("--prompt", default="", help="What the result should show, or the instruction.")
@click.option("--negative", default="", help="What it should not show.")
@click.option(
    "--op",
    "ops",
    multiple=True,
    metavar="NAME[:P=V,...]",
    help="An operation, for example sdedit:strength=0.6. Repeat to combine.",
)
@click.option("--mask", type=click.Path(path_type=Path), help="White edits, black keeps, soft.")
@click.option("--region", metavar="X,Y,W,H", help="Rectangle to edit instead of a mask.")
@click.option("--feather", default=0, show_default=True, help="Soften the mask's edge, px.")
@click.option("--model", default="retouch-mini", show_default=True, help="Installed model.")
@click.option("--steps", type=int, help="Length of the schedule. Default: the model's own.")
@click.option("--sampler", help="ddim, euler, euler_ancestral, dpmpp_2m, unipc, heun, lcm.")
@click.option("--seed", default=0, show_default=True, help="Of all noise.")
@click.option("--variants", default=1, show_default=True, help="How many results.")
@click.option("--patch", is_flag=True, help="Write the changed piece with alpha, as PNG or TIFF.")
@click.option("--depth", type=click.Choice(list(_DEPTHS)), help="Of the result. Default: as is.")
@click.option(
    "--profile", metavar="srgb|FILE", help="Colour profile of the result, or an .icc file."
)
@click.option("--working-size", metavar="N|WxH", help="Size at which the network works.")
@click.option("--exact", is_flag=True, help="Never share a network call: reproducible bits.")
@click.option(
    "--policy",
    type=click.Choice(PROFILES),
    default="standard",
    show_default=True,
    help="How strict the gate is; none allows what is never allowed.",
)
@click.option(
    "--compatibility-mark",
    is_flag=True,
    help="Write Stable Diffusion XL's public watermark, too.",
)
@click.option("--remote", metavar="[ADDRESS]", help="Edit in the daemon, by default your own.")
@click.option("--plan", "plan_only", is_flag=True, help="Print what would run; change nothing.")
@click.option("--json", "as_json", is_flag=True, help="Print receipts or the plan as JSON.")
@click.option("--save-recipe", metavar="FILE", help="Keep these options for `retouch batch`.")
def edit(picture: Path, output: Path | None, ops: tuple[str, ...], **options: Any) -> int:
    """Edit PICTURE and write the result.

    Without --op: fills the masked area if there is a mask, else redraws the picture (SDEdit).

    Exit code: 0 all written, 1 failed, 2 bad input or missing model, 3 all refused by the gate and
    nothing written, 4 some variants refused and the others written, 130 cancelled.
    """
    if output is None and not options["plan_only"]:
        raise InvalidField("-o", None, "a file name", "say where to write the result")
    request = make_request(picture, ops, options, output)
    if options["save_recipe"]:
        save_recipe(Path(options["save_recipe"]), ops, options)
    names = output_names(output, request) if output else []
    if options["remote"] is not None:
        _refuse_gate_options(options)
        from retouch.cli.remote_edit import edit_remotely

        return edit_remotely(request, picture.name, names, options)
    from retouch.models.library import Library
    from retouch.runner import Runner
    from retouch_safety.gate import Gate

    gate = Gate(profile=options["policy"], compatibility_mark=options["compatibility_mark"])
    runner = Runner(Library(), gate)
    if options["plan_only"]:
        print_plan(runner.plan(request).describe(), options["as_json"])
        return 0
    with interruptible() as cancelled, step_bar(picture.name) as on_step:
        results = runner.run(request, on_step=on_step, cancelled=cancelled)
    return write(results, names, as_json=options["as_json"])


def make_request(
    picture: Path, ops: tuple[str, ...], options: dict[str, Any], output: Path | None = None
) -> EditRequest:
    """The request of the command's options. Raises InvalidRequest."""
    from retouch.imaging.decode import read_image, read_mask

    catalog = installed()
    operations = tuple(
        parse_operation(text, catalog, field=f"--op[{i}]") for i, text in enumerate(ops)
    )
    mask, profile = options["mask"], options["profile"]
    image = read_image(picture, field="picture")
    return EditRequest(
        image=image,
        prompt=options["prompt"],
        negative_prompt=options["negative"],
        operations=operations,
        mask=None if mask is None else read_mask(mask, field="--mask"),
        region=None if options["region"] is None else parse_rect(options["region"]),
        feather=options["feather"],
        model=options["model"],
        steps=options["steps"],
        sampler=options["sampler"],
        seed=options["seed"],
        variants=options["variants"],
        output="patch" if options["patch"] else "composite",
        exact=options["exact"],
        working_size=parse_size(options["working_size"]),
        depth=_depth(image.depth, options["depth"], output),
        profile=profile if profile in (None, SRGB) else _read_profile(Path(profile)),
    )


def _depth(own: str, chosen: str | None, output: Path | None) -> str | None:
    """The depth of the result: as asked for, else the nearest that the file can hold."""
    from retouch_safety.encode import SUFFIXES

    depth = None if chosen is None else _DEPTHS[chosen]
    kind = SUFFIXES.get(output.suffix.lower()) if output is not None else None
    return depth if kind is None else depth_for(kind, own, depth, "-o")


def _read_profile(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as problem:
        allowed = f"{SRGB}, or an ICC profile's file"
        given = f"{path}: {problem.strerror}"
        raise InvalidField("--profile", given, allowed, "check the path") from problem


def parse_size(text: str | None) -> int | Size | None:
    """``N``, the longer side, or ``WxH``, in working pixels. Raises InvalidField."""
    if text is None:
        return None
    sides = text.lower().split("x")
    if len(sides) > 2 or not all(side.isdecimal() for side in sides):
        raise InvalidField("--working-size", text, "N or WxH", "for example 512, or 512x384")
    return int(text) if len(sides) == 1 else Size(int(sides[0]), int(sides[1]))


def _refuse_gate_options(options: dict[str, Any]) -> None:
    """The daemon's gate is as strict as whoever started it chose."""
    source = click.get_current_context().get_parameter_source
    for name in ("policy", "compatibility_mark"):
        if source(name) is not click.core.ParameterSource.DEFAULT:
            flag, fix = f"--{name.replace('_', '-')}", "start the daemon with it, or edit here"
            raise InvalidField(flag, options[name], "unset with --remote", fix)


def parse_rect(text: str) -> Rect:
    """``X,Y,W,H`` in canvas pixels. Raises InvalidField."""
    try:
        x, y, width, height = (int(part) for part in text.split(","))
    except ValueError:
        allowed = "four whole numbers X,Y,W,H"
        raise InvalidField("--region", text, allowed, "for example 10,20,64,64") from None
    return Rect(x, y, width, height)


def output_names(output: Path, request: EditRequest) -> list[Path]:
    """One file per variant: ``out.png``, or ``out-1.png``, ``out-2.png``, ...

    Raises:
        InvalidField: a name that cannot be written, said before the long work begins.
    """
    from retouch_safety.errors import CannotSave
    from retouch_safety.save import check_path

    names = [output]
    if request.variants > 1:
        numbers = range(1, request.variants + 1)
        names = [output.with_stem(f"{output.stem}-{number}") for number in numbers]
    for name in names:
        try:
            check_path(name, request.image.size)
        except CannotSave as problem:
            raise InvalidField(
                f"-o ({problem.field})", problem.value, problem.allowed, problem.fix
            ) from problem
    return names


def write(results: tuple[EditResult, ...], names: list[Path], *, as_json: bool) -> int:
    """Write every released variant, say of each what became of it, and return the exit code."""
    from retouch_safety.save import save

    for result, name in zip(results, names, strict=True):
        if result.refused:
            tell_refused(result, name, as_json)
            continue
        released = result.composite or result.patch
        assert released is not None
        save(released, name)
        tell_written(result, name, released.receipt.to_json(), as_json)
    return told_refusals(results)


def told_refusals(results: Sequence[Variant]) -> int:
    """Say how many variants the gate refused, and return the exit code."""
    from retouch.cli.main import EXIT_PARTLY_BLOCKED

    refused = sum(result.refused is not None for result in results)
    if not refused:
        return 0
    rest = f"the other {len(results) - refused} are written"
    click.echo(f"error: the gate refused {refused} of {len(results)} variants; {rest}", err=True)
    return EXIT_PARTLY_BLOCKED


def tell_written(result: Variant, name: Path, receipt: str, as_json: bool) -> None:
    """Say what a file holds that was written; ``receipt`` is JSON."""
    known = json.loads(receipt)
    if as_json:
        settings = {"file": str(name), "seed": result.seed, "settings": dict(result.settings)}
        click.echo(json.dumps(settings | {"receipt": known}, default=str))
    else:
        mark = known["mark"].lower().replace("_", " ")
        click.echo(f"{name}  seed {result.seed}  watermark {mark}")


def tell_refused(result: Variant, name: Path, as_json: bool) -> None:
    """Say why there is no file."""
    refusal = result.refused
    assert refusal is not None
    if not as_json:
        click.echo(f"{name}  seed {result.seed}  not written: {refusal}")
        return
    told = {key: getattr(refusal, key) for key in ("stage", "category", "score", "threshold")}
    told |= {"advice": refusal.advice, "message": str(refusal)}
    settings = {"file": None, "seed": result.seed, "settings": dict(result.settings)}
    click.echo(json.dumps(settings | {"refused": told}, default=str))


def print_plan(described: Mapping[str, object], as_json: bool) -> None:
    """Print a plan, as ``Plan.describe`` says it, as a table or as JSON."""
    if as_json:
        click.echo(json.dumps(described, default=str))
        return
    table = Table(box=None, show_header=False)
    for key, value in described.items():
        if isinstance(value, dict):
            for name, parameters in value.items():
                table.add_row(key, f"{name} {parameters}")
                key = ""
        else:
            table.add_row(key, str(value))
    Console().print(table)
