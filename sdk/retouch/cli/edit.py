"""``retouch edit``: one picture, any combination of operations."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from rich.console import Console
from rich.table import Table

from retouch.catalog import installed
from retouch.cli.operation_text import parse_operation
from retouch.cli.progress import interruptible, step_bar
from retouch.errors import InvalidField
from retouch.imaging.region import Rect
from retouch.request import EditRequest
from retouch_safety.profiles import PROFILES

if TYPE_CHECKING:
    from retouch.plan import Plan
    from retouch.result import EditResult


@click.command()
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
@click.option("--plan", "plan_only", is_flag=True, help="Print what would run; change nothing.")
@click.option("--json", "as_json", is_flag=True, help="Print receipts or the plan as JSON.")
def edit(picture: Path, output: Path | None, ops: tuple[str, ...], **options: Any) -> int:
    """Edit PICTURE and write the result.

    Without --op: fills the masked area if there is a mask, else redraws the picture (SDEdit).

    Exit code: 0 all written, 1 failed, 2 bad input or missing model, 3 all refused by the gate and
    nothing written, 4 some variants refused and the others written, 130 cancelled.
    """
    if output is None and not options["plan_only"]:
        raise InvalidField("-o", None, "a file name", "say where to write the result")
    request = make_request(picture, ops, options)
    names = output_names(output, request) if output else []
    from retouch.models.library import Library
    from retouch.runner import Runner
    from retouch_safety.gate import Gate

    gate = Gate(profile=options["policy"], compatibility_mark=options["compatibility_mark"])
    runner = Runner(Library(), gate)
    if options["plan_only"]:
        print_plan(runner.plan(request), options["as_json"])
        return 0
    with interruptible() as cancelled, step_bar(picture.name) as on_step:
        results = runner.run(request, on_step=on_step, cancelled=cancelled)
    return write(results, names, as_json=options["as_json"])


def make_request(picture: Path, ops: tuple[str, ...], options: dict[str, Any]) -> EditRequest:
    """The request of the command's options. Raises InvalidRequest."""
    from retouch.imaging.decode import read_image, read_mask

    catalog = installed()
    operations = tuple(
        parse_operation(text, catalog, field=f"--op[{i}]") for i, text in enumerate(ops)
    )
    mask = options["mask"]
    return EditRequest(
        image=read_image(picture, field="picture"),
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
    )


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
    from retouch.cli.main import EXIT_PARTLY_BLOCKED

    for result, name in zip(results, names, strict=True):
        tell = _tell_refused if result.refused else _write_one
        tell(result, name, as_json)
    refused = sum(result.refused is not None for result in results)
    if not refused:
        return 0
    rest = f"the other {len(results) - refused} are written"
    click.echo(f"error: the gate refused {refused} of {len(results)} variants; {rest}", err=True)
    return EXIT_PARTLY_BLOCKED


def _write_one(result: EditResult, name: Path, as_json: bool) -> None:
    from retouch_safety.save import save

    released = result.composite or result.patch
    assert released is not None
    save(released, name)
    if as_json:
        settings = {"file": str(name), "seed": result.seed, "settings": dict(result.settings)}
        receipt = json.loads(released.receipt.to_json())
        click.echo(json.dumps(settings | {"receipt": receipt}, default=str))
    else:
        mark = released.receipt.mark.value.lower().replace("_", " ")
        click.echo(f"{name}  seed {result.seed}  watermark {mark}")


def _tell_refused(result: EditResult, name: Path, as_json: bool) -> None:
    refusal = result.refused
    assert refusal is not None
    if not as_json:
        click.echo(f"{name}  seed {result.seed}  not written: {refusal}")
        return
    told = {key: getattr(refusal, key) for key in ("stage", "category", "score", "threshold")}
    told |= {"advice": refusal.advice, "message": str(refusal)}
    settings = {"file": None, "seed": result.seed, "settings": dict(result.settings)}
    click.echo(json.dumps(settings | {"refused": told}, default=str))


def print_plan(plan: Plan, as_json: bool) -> None:
    """Print a plan as a table or as JSON."""
    described = plan.describe()
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
