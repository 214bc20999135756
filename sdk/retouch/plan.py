"""From a request to what will run: pure, without torch, before anything is loaded."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from retouch.catalog import Catalog
from retouch.errors import CannotCombine, InvalidField, ModelError, UnknownName
from retouch.imaging.convert import converted
from retouch.imaging.image import Mask
from retouch.imaging.patch import feather
from retouch.imaging.region import RegionPlan, plan_region
from retouch.models.geometry import ModelGeometry, input_layout, read_geometry
from retouch.models.records import ModelRecord, find_model, list_models
from retouch.operation import InputLayout, Operation
from retouch.parameters import parameters_of
from retouch.request import EditRequest
from retouch.sampling.schedulers import SAMPLERS, executed_steps
from retouch_safety.color_profile import is_reversible

#: Price of the largest request: 16 variants of 4 candidates, 100 steps, 6 rows and some more.
MAX_ROW_STEPS = 50_000
#: Pixels of the largest working size that is chosen by itself, as a multiple of the model's own.
_LARGEST = 1.5**2


@dataclass(frozen=True, eq=False)
class Plan:
    """What will run, with every default filled in.

    Attributes:
        request: as asked for; its image at the depth and in the profile of the results.
        operations: in the order they act, implied ones included.
        model: the installed model that will answer, perhaps a sibling of the one asked for.
        geometry: its sizes.
        region: crop and working size; None when nothing can change.
        mask: strength over the canvas after feathering, or None for everywhere.
        steps: length of the schedule.
        sampler: name of the sampler.
        repeats: how often the schedule runs (SDEdit's K).
        candidates: trajectories made for every variant.
        rows: rows of one forward of one trajectory.
        calls: forwards one trajectory needs.
    """

    request: EditRequest
    operations: tuple[Operation, ...]
    model: ModelRecord
    geometry: ModelGeometry
    region: RegionPlan | None
    mask: Mask | None
    steps: int
    sampler: str
    repeats: int
    candidates: int
    rows: int
    calls: int

    @property
    def row_steps(self) -> int:
        """Price of the whole request: rows times forwards times trajectories."""
        return self.rows * self.calls * self.candidates * self.request.variants

    @property
    def memory_bytes(self) -> int:
        """Estimate of the memory it needs: weights in two bytes each, and activations.

        A rule of thumb, not a measurement: about 3000 numbers per latent pixel and row are taken to
        be alive at the network's widest.
        """
        if self.region is None:
            return 0
        width, height = self.region.working
        latents = width * height // self.geometry.factor**2
        rows = self.rows * self.candidates * self.request.variants
        return self.model.bytes + latents * rows * 3000 * 2

    def describe(self) -> Mapping[str, object]:
        """The plan in words and numbers, for ``--plan``."""
        region = self.region
        return {
            "model": self.model.name,
            "operations": {
                operation.name: {
                    known.name: _readable(getattr(operation, known.name))
                    for known in parameters_of(type(operation))
                }
                for operation in self.operations
            },
            "sampler": self.sampler,
            "steps": self.steps,
            "seed": self.request.seed,
            "variants": self.request.variants,
            "candidates per variant": self.candidates,
            "crop": "nothing changes" if region is None else str(region.crop),
            "working size": "-" if region is None else "{}x{}".format(*region.working),
            "rows per step": self.rows,
            "network calls": self.calls,
            "row-steps in all": self.row_steps,
            "memory": f"about {self.memory_bytes / 2**20:.0f} MiB",
        }


def make_plan(request: EditRequest, catalog: Catalog) -> Plan:
    """Choose the model, the region and the defaults, and refuse what cannot work.

    Raises:
        InvalidRequest: one clear error before anything runs.
        ModelMissing: the model is not installed.
    """
    image = converted(request.image, request.depth, request.profile)
    if image is not request.image:
        request = replace(request, image=image)
    if not is_reversible(image.icc):
        fix = "convert the picture to sRGB first"
        allowed = "a profile that colours can be converted to"
        raise InvalidField("image.icc", "one that only describes a device", allowed, fix)
    mask = _mask(request)
    operations = _complete(request, mask, catalog)
    for operation in operations if mask is None else ():
        if operation.needs_mask:
            allowed = f"a mask or a region, which {operation.name} needs"
            fix = f"select an area, or leave out {operation.name}"
            raise InvalidField("mask", "unset", allowed, fix)
    preferred = [layout for known in operations for layout in known.prefers(request, operations)]
    record, geometry = choose_model(request.model, operations, preferred)
    area = None if mask is None else mask.bbox()
    nothing = mask is not None and area is None
    region = None
    if not nothing:
        region = plan_region(
            request.image.size,
            area,
            native_size=geometry.native_size,
            multiple=geometry.multiple,
            padding=request.padding,
            working=request.working_size,
        )
    sampler = request.sampler or geometry.sampler
    steps = request.steps or geometry.steps
    order = _check_sampling(sampler, steps)
    strength, repeats = _start(operations)
    executed = executed_steps(steps, strength, sampler, geometry.grid)
    calls = max(0, executed * order - (order - 1)) * repeats
    calls += sum(operation.extra_calls(executed) for operation in operations)
    lanes = max(operation.lanes() for operation in operations)
    branches = 1 + sum(operation.branches() for operation in operations)
    plan = Plan(
        request=request,
        operations=operations,
        model=record,
        geometry=geometry,
        region=region,
        mask=mask,
        steps=steps,
        sampler=sampler,
        repeats=repeats,
        candidates=max(operation.candidates() for operation in operations),
        rows=lanes * branches,
        calls=calls,
    )
    price = round(plan.row_steps * _enlarged(plan))
    if price > MAX_ROW_STEPS:
        allowed = f"at most {MAX_ROW_STEPS} rows times network calls"
        fix = "ask for fewer steps, variants, candidates or repeats, or a smaller working size"
        raise InvalidField("request", f"{price} row-steps", allowed, fix)
    for operation in operations:
        operation.check(plan)
    return plan


def _enlarged(plan: Plan) -> float:
    """How many times the pixels of the largest size that is chosen by itself the edit has."""
    if plan.region is None:
        return 1.0
    width, height = plan.region.working
    return max(1.0, width * height / (_LARGEST * plan.geometry.native_size**2))


def choose_model(
    name: str, operations: tuple[Operation, ...], preferred: Sequence[InputLayout] = ()
) -> tuple[ModelRecord, ModelGeometry]:
    """The model asked for, or its sibling with the input channels the operations need.

    Args:
        name: of the model asked for.
        operations: all that will act.
        preferred: input layouts that a sibling is taken for although the model itself would do.

    Raises:
        CannotCombine: the operations need different input channels, or no sibling has them.
        ModelMissing: no such model.
        InvalidField: the name is an adapter's.
    """
    record = find_model(name)
    if record.kind != "checkpoint":
        fix = "name a checkpoint; adapters are named in their operation's `model` parameter"
        raise InvalidField("model", name, "an installed checkpoint", fix)
    allowed = set.intersection(*(set(operation.layouts) for operation in operations))
    names = " and ".join(operation.name for operation in operations)
    if not allowed:
        raise CannotCombine(
            names, "they need networks with different input channels", "leave one of them out"
        )
    usable = []
    for candidate, geometry in _with_siblings(record):
        layout = layout_of(geometry)
        provided = layout == "plain" or any(layout in op.provides for op in operations)
        if layout in allowed and provided:
            usable.append((candidate, geometry))
    liked = [found for found in usable if layout_of(found[1]) in preferred]
    if usable:
        return (liked or usable)[0]
    channels = {"plain": "C", "picture": "2C (state and picture)", "inpaint": "2C+1"}
    wanted = " or ".join(channels[layout] for layout in sorted(allowed))
    raise CannotCombine(
        f"{names} with model {name!r}",
        f"they need a network with {wanted} input channels, it has {record.in_channels}",
        "name another model, or add one with `retouch models add PATH`",
    )


def layout_of(geometry: ModelGeometry) -> InputLayout:
    """What the input channels of a network mean."""
    return input_layout(geometry.in_channels, geometry.latent_channels)


def _with_siblings(record: ModelRecord) -> Iterator[tuple[ModelRecord, ModelGeometry]]:
    """The model itself, then those that share components with it."""
    yield record, read_geometry(record)
    for other in list_models("checkpoint"):
        if other.name == record.name:
            continue
        try:
            geometry = read_geometry(other)
        except ModelError:
            continue  # another model's damage is not this request's business
        if geometry.base == record.name:
            yield other, geometry


def _mask(request: EditRequest) -> Mask | None:
    mask = request.mask
    if request.region is not None:
        inside = request.region.clip(request.image.bounds)
        if inside.area == 0 or inside != request.region:
            size = "{}x{}".format(*request.image.size)
            allowed = f"a rectangle inside the {size} picture"
            raise InvalidField("region", request.region, allowed, "move or shrink it")
        mask = Mask.rectangle(request.image.size, inside)
    return mask if mask is None else feather(mask, request.feather)


def _complete(request: EditRequest, mask: Mask | None, catalog: Catalog) -> tuple[Operation, ...]:
    """Add what the request implies: the mask's operation, a start, guidance."""
    operations = list(request.operations)
    names = {operation.name for operation in operations}
    if mask is not None and "soft_mask" not in names:
        operations.append(catalog.make("soft_mask", {}))
    elif not operations:
        operations.append(catalog.make("sdedit", {}))
    if "guidance" not in names:
        operations.append(catalog.make("guidance", {}))
    return tuple(sorted(operations, key=lambda operation: operation.stage))


def _start(operations: tuple[Operation, ...]) -> tuple[float, int]:
    """Share of the schedule that runs, and how often."""
    for operation in operations:
        share = operation.schedule()
        if share is not None:
            return share
    return 1.0, 1


def _check_sampling(sampler: str, steps: int) -> int:
    if sampler not in SAMPLERS:
        raise UnknownName("sampling.sampler", sampler, ", ".join(SAMPLERS), "use one of these")
    recipe = SAMPLERS[sampler]
    if steps > recipe.most_steps:
        allowed = f"int in [1, {recipe.most_steps}] for {sampler}"
        raise InvalidField("sampling.steps", steps, allowed, "choose fewer steps")
    return recipe.order


def _readable(value: object) -> object:
    if isinstance(value, tuple):
        return [_readable(item) for item in value]
    return value if isinstance(value, str | int | float | bool | None) else type(value).__name__
