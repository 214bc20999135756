"""Checkpoints from disk: found, converted, filled strictly, verified; never from the network."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any, Final, Protocol, cast

import torch
from torch import Tensor, nn

from retouch.errors import InvalidField, ModelInvalid
from retouch.models.checkpoint import PREDICTION_TYPES, Checkpoint, FamilyName
from retouch.models.detect import (
    SUPPORTED,
    Description,
    config_beside,
    describe_file,
    detect,
    diffusers_family,
)
from retouch.models.diffusers_folder import DiffusersFolder, base_folder
from retouch.models.filling import align_prefix, bytes_of, fill, state_names
from retouch.models.records import ModelRecord, find_model, is_installed, is_unchanged
from retouch.models.single_file import TEXT_FOLDERS, SingleFile
from retouch.models.tokenizing import CONFIGS, load_tokenizer
from retouch.models.weights_file import read_header, read_json, sha256_of

TOKENIZER_FOLDERS = ("tokenizer", "tokenizer_2")
#: Bytes of weights after which it is worth telling how far loading is.
_TELL_BYTES: Final = 16 << 20


class Components(Protocol):
    """Where the components of a checkpoint come from, by diffusers folder name."""

    @property
    def files(self) -> tuple[Path, ...]:
        """The weight files read so far."""
        ...

    def settings(self, component: str) -> Path:
        """Return the folder with a component's configuration."""
        ...

    def config(self, component: str) -> dict[str, Any]:
        """Return a component's configuration."""
        ...

    def weights(self, component: str) -> dict[str, Tensor]:
        """Return a component's weights by the current names."""
        ...


def load_checkpoint(
    installed_or_path: str | Path | ModelRecord,
    *,
    device: str | torch.device = "cpu",
    dtype: torch.dtype = torch.float32,
    config: Path | None = None,
    prediction_type: str | None = None,
    on_bytes: Callable[[int], None] | None = None,
) -> Checkpoint:
    """Load and verify a Stable Diffusion checkpoint, offline.

    Args:
        installed_or_path: an installed model's name or record, a diffusers folder, or a single
            ``.safetensors`` file in the original layout.
        device: of all networks.
        dtype: of all networks; an autoencoder that asks for it (``force_upcast``) stays in
            float32 when ``dtype`` is float16.
        config: folder of configurations (``unet/config.json``, ...) for a single file whose shape
            is not the published one; by default a folder beside the file with the file's stem as
            its name, if there is one, else the configuration shipped for its family.
        prediction_type: ``epsilon`` or ``v_prediction``, where the file does not say.
        on_bytes: told how many bytes of weights, as they are on the disk, are in memory, after
            every few of them.

    Raises:
        ModelMissing: nothing of that name or path.
        ModelInvalid: pickled, damaged, incomplete, unexpected or not finite weights, or another
            kind of model.
        InvalidField: ``prediction_type`` is not one of the known ones.
    """
    record = resolve(installed_or_path)
    path = record.path
    prediction = _checked(prediction_type or record.prediction_type)
    if path.is_dir():
        parts, family = _open_folder(path)
    else:
        chosen = config or (Path(record.config) if record.config else None)
        parts, family, found = _open_file(path, chosen)
        prediction = prediction or found.prediction_type
    made = _assemble(record.name, path, family, parts, prediction, device, dtype, on_bytes)
    # A record's hash holds while size and time do: gigabytes need not be read twice.
    known = record.sha256 if is_unchanged(record) and not _borrows(path) else ""
    return replace(made, sha256=known or sha256_of(dict.fromkeys(parts.files), path))


def load_decoding(record: ModelRecord) -> Any:
    """Load what decodes a checkpoint's latents, its autoencoder without the encoder, in float32.

    Nothing else of the model is read: who only looks at latents needs a tenth of its memory.

    Raises:
        ModelMissing, ModelInvalid: as :func:`load_checkpoint`.
    """
    path = record.path
    if path.is_dir():
        parts, _ = _open_folder(path)
    else:
        parts, _, _ = _open_file(path, Path(record.config) if record.config else None)
    vae = _vae(parts, Placing(path, "cpu", torch.float32, _Counted(None)))
    for encoding in ("encoder", "quant_conv"):
        setattr(vae, encoding, None)
    return vae


def _borrows(path: Path) -> bool:
    index = path / "model_index.json"
    return index.is_file() and "_retouch_base" in read_json(index)


def resolve(installed_or_path: str | Path | ModelRecord) -> ModelRecord:
    """Return a model's record; a path that is not installed gets one with its path and kind only.

    Raises:
        ModelMissing: neither an installed name nor an existing path.
    """
    if isinstance(installed_or_path, ModelRecord):
        return installed_or_path
    text = str(installed_or_path)
    is_name = isinstance(installed_or_path, str) and Path(text).name == text
    if is_name and (is_installed(text) or not Path(text).exists()):
        return find_model(text)
    path = Path(installed_or_path).expanduser()
    found = detect(path)
    return ModelRecord(name=path.stem if path.is_file() else path.name, kind=found.kind, path=path)


def _checked(prediction_type: str) -> str:
    if prediction_type and prediction_type not in PREDICTION_TYPES:
        allowed = ", ".join(PREDICTION_TYPES)
        raise InvalidField("prediction_type", prediction_type, allowed, "choose one of these")
    return prediction_type


def _open_file(path: Path, config: Path | None) -> tuple[Components, FamilyName, Description]:
    found = describe_file(path, read_header(path))
    family = found.family
    if found.kind != "checkpoint" or family not in ("sd1", "sd2", "sdxl"):
        raise ModelInvalid(str(path), f"not a checkpoint but a {found.kind}", SUPPORTED)
    config = config or config_beside(path) or CONFIGS / family
    return SingleFile(path, family, config), cast(FamilyName, family), found


def _open_folder(path: Path) -> tuple[Components, FamilyName]:
    found = detect(path)
    if found.kind != "checkpoint":
        raise ModelInvalid(str(path), f"not a checkpoint but a {found.kind}", SUPPORTED)
    base = base_folder(path, found.base)
    parts = DiffusersFolder(path, base)
    lender = base or path
    family = diffusers_family(lender, read_json(lender / "model_index.json"), parts.config("unet"))
    return parts, family


def _assemble(
    name: str,
    path: Path,
    family: FamilyName,
    parts: Components,
    prediction: str,
    device: str | torch.device,
    dtype: torch.dtype,
    on_bytes: Callable[[int], None] | None,
) -> Checkpoint:
    count = 2 if family == "sdxl" else 1
    placing = Placing(path, device, dtype, _Counted(on_bytes))
    unet = _unet(parts, placing)
    vae = _vae(parts, placing)
    folders = TEXT_FOLDERS[:count]
    texts = tuple(_text(parts, placing, folder) for folder in folders)
    placing.counted.tell()
    scheduler: Mapping[str, Any] = parts.config("scheduler")
    if prediction:
        scheduler = dict(scheduler, prediction_type=prediction)
    modules: tuple[nn.Module, ...] = (unet, vae, *texts)
    return Checkpoint(
        name=name,
        family=family,
        unet=unet,
        vae=vae,
        text_encoders=texts,
        tokenizers=tuple(
            load_tokenizer(parts.settings(TOKENIZER_FOLDERS[i])) for i in range(count)
        ),
        scheduler_config=scheduler,
        source=path,
        bytes=bytes_of(modules),
    )


class _Counted:
    """Adds up bytes that are placed, and tells of them every now and then."""

    def __init__(self, on_bytes: Callable[[int], None] | None) -> None:
        self._on_bytes, self._there, self._told = on_bytes, 0, 0

    def __call__(self, count: int) -> None:
        self._there += count
        if self._there - self._told >= _TELL_BYTES:
            self.tell()

    def tell(self) -> None:
        self._told = self._there
        if self._on_bytes is not None:
            self._on_bytes(self._there)


@dataclass(frozen=True, slots=True)
class Placing:
    """Where weights go.

    Attributes:
        path: of the model, for errors.
        device: of the networks.
        dtype: of the networks.
        counted: told the bytes of every tensor that is placed.
    """

    path: Path
    device: str | torch.device
    dtype: torch.dtype
    counted: _Counted

    def fill(self, build: Callable[[], Any], tensors: Mapping[str, Tensor], component: str) -> Any:
        """Build a network with these weights; see ``retouch.models.filling.fill``."""
        where = f"{self.path} [{component}]"
        return fill(
            build, tensors, where, dtype=self.dtype, device=self.device, on_placed=self.counted
        )


def _unet(parts: Components, placing: Placing) -> Any:
    from diffusers import UNet2DConditionModel

    config = parts.config("unet")
    where = f"{placing.path} [unet]"
    build = partial(_built, UNet2DConditionModel, config, where)
    return placing.fill(build, parts.weights("unet"), "unet")


def _vae(parts: Components, placing: Placing) -> Any:
    from diffusers import AutoencoderKL, AutoencoderTiny

    config = parts.config("vae")
    tiny = config.get("_class_name") == "AutoencoderTiny"
    if tiny:  # it saves this duplicate of its decoder's widths and does not take it back
        config.pop("block_out_channels", None)
    if config.get("force_upcast") and placing.dtype == torch.float16:
        placing = replace(placing, dtype=torch.float32)
    kind = AutoencoderTiny if tiny else AutoencoderKL
    build = partial(_built, kind, config, f"{placing.path} [vae]")
    return placing.fill(build, parts.weights("vae"), "vae")


def _text(parts: Components, placing: Placing, folder: str) -> Any:
    from transformers import CLIPTextConfig, CLIPTextModel, CLIPTextModelWithProjection

    where = f"{placing.path} [{folder}]"
    data = parts.config(folder)
    if data.get("model_type", "clip_text_model") != "clip_text_model":
        raise ModelInvalid(where, f"its text encoder is a {data['model_type']}", SUPPORTED)
    pooled = folder == "text_encoder_2"
    kind = CLIPTextModelWithProjection if pooled else CLIPTextModel

    def build() -> nn.Module:
        module: nn.Module = kind(CLIPTextConfig.from_dict(data))
        return module

    tensors = align_prefix(parts.weights(folder), state_names(build), "text_model.")
    return placing.fill(build, tensors, folder)


def _built(kind: Any, config: dict[str, Any], where: str) -> Any:
    try:
        return kind.from_config(config)
    except (TypeError, ValueError, KeyError, IndexError) as error:
        problem = f"its configuration does not describe a {kind.__name__} ({error})"
        raise ModelInvalid(where, problem, "restore the publisher's config.json") from error
