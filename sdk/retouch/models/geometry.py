"""Sizes and recommendations of an installed model, read from its configuration, without torch."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from retouch.errors import ModelInvalid
from retouch.models.records import ModelRecord, find_model
from retouch.models.weights_file import read_json

if TYPE_CHECKING:
    from retouch.operation import InputLayout

_NATIVE = {"sd1": 512, "sd2": 768, "sdxl": 1024}
_CONFIGS = Path(__file__).parent / "configs"


@dataclass(frozen=True, slots=True)
class ModelGeometry:
    """What a plan needs to know of a model before it is loaded.

    Attributes:
        latent_channels: C.
        in_channels: C, 2C or 2C+1.
        factor: pixels per latent along one side.
        multiple: working sizes must be a multiple of this many pixels.
        native_size: side in pixels it was trained at.
        steps: recommended schedule length.
        sampler: recommended sampler.
        base: name of the model it takes missing components from, or empty.
        grid: steps its schedule was distilled on (``original_inference_steps``); 0: not said.
        guidance: scale of guidance when nobody sets one.
    """

    latent_channels: int
    in_channels: int
    factor: int
    multiple: int
    native_size: int
    steps: int
    sampler: str
    base: str
    grid: int = 0
    guidance: float = 7.5


def default_guidance(scheduler: Mapping[str, Any], *, told: bool) -> float:
    """Return a model's guidance scale when nobody sets one: its own, else the field's custom.

    Args:
        scheduler: its scheduler's configuration.
        told: whether the network is told the scale (LCM) instead of being asked twice.
    """
    few = scheduler.get("_class_name") == "LCMScheduler"
    return float(scheduler.get("retouch_guidance", 8.5 if told else 1.0 if few else 7.5))


def input_layout(in_channels: int, latent_channels: int) -> InputLayout:
    """What the input channels of a network mean, from their number: C, 2C or 2C + 1."""
    layouts: dict[int, InputLayout] = {latent_channels: "plain", 2 * latent_channels: "picture"}
    return layouts.get(in_channels, "inpaint")


def read_geometry(record: ModelRecord) -> ModelGeometry:
    """Read a checkpoint's geometry from its configuration files.

    Raises:
        ModelInvalid: a configuration file is missing or damaged.
    """
    folder = _config_folder(record)
    base = ""
    if (folder / "model_index.json").is_file():
        base = str(read_json(folder / "model_index.json").get("_retouch_base", ""))
    unet = _component(folder, base, "unet", "config.json")
    vae = _component(folder, base, "vae", "config.json")
    scheduler = _component(folder, base, "scheduler", "scheduler_config.json")
    widths = vae.get("block_out_channels") or vae["encoder_block_out_channels"]
    factor = 2 ** (len(widths) - 1)
    sample = unet.get("sample_size")
    native = sample * factor if isinstance(sample, int) else _NATIVE[record.family]
    few = scheduler.get("_class_name") == "LCMScheduler"
    return ModelGeometry(
        latent_channels=int(vae["latent_channels"]),
        in_channels=record.in_channels,
        factor=factor,
        multiple=factor * 2 ** (len(unet["block_out_channels"]) - 1),
        native_size=native,
        steps=int(scheduler.get("retouch_steps", 4 if few else 25)),
        sampler=str(scheduler.get("retouch_sampler", "lcm" if few else "ddim")),
        base=base,
        grid=int(scheduler.get("original_inference_steps", 0)),
        guidance=default_guidance(scheduler, told=bool(unet.get("time_cond_proj_dim"))),
    )


def _config_folder(record: ModelRecord) -> Path:
    if record.config:
        return Path(record.config)
    return record.path if record.path.is_dir() else _CONFIGS / record.family


def _component(folder: Path, base: str, component: str, file: str) -> dict[str, Any]:
    path = folder / component / file
    if path.is_file():
        return read_json(path)
    if base:
        return read_json(find_model(base).path / component / file)
    raise ModelInvalid(str(folder), f"{component}/{file} is missing", "add the model again")
