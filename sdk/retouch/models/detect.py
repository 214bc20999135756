"""What a model is, from the names and shapes in its header; nothing is loaded, torch not needed."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, cast

from retouch.errors import ModelInvalid, ModelMissing
from retouch.models.checkpoint import PREDICTION_TYPES, FamilyName
from retouch.models.weights_file import (
    PICKLE_SUFFIXES,
    Header,
    component_files,
    read_header,
    read_json,
    refuse_pickle,
)

Kind = Literal["checkpoint", "ip_adapter", "t2i_adapter", "clip", "preview"]
KINDS: tuple[Kind, ...] = ("checkpoint", "ip_adapter", "t2i_adapter", "clip", "preview")
CONV_IN = "model.diffusion_model.input_blocks.0.0.weight"
SUPPORTED = (
    "use SD 1.x, SD 2.x, SDXL base, an IP-Adapter, a T2I-Adapter, a CLIP model or a TAESD folder"
)
#: Published widths of the text tokens.
FAMILY_OF_WIDTH: tuple[tuple[int, FamilyName], ...] = ((768, "sd1"), (1024, "sd2"), (2048, "sdxl"))


@dataclass(frozen=True)
class Description:
    """What a file or folder holds.

    Attributes:
        kind: ``checkpoint``, ``ip_adapter``, ``t2i_adapter``, ``clip`` or ``preview``.
        family: ``sd1``, ``sd2``, ``sdxl``; empty where an adapter's widths do not tell.
        in_channels: of a checkpoint's network (4, 8, 9); pixels' channels of a T2I-Adapter.
        prediction_type: of a checkpoint, else empty.
        cross_attention_dim: width of the text tokens; 0 where it does not apply.
        base: installed model that lends a folder its missing components, or whose latents a
            preview decoder decodes; empty when none is named.
    """

    kind: Kind
    family: str = ""
    in_channels: int = 0
    prediction_type: str = ""
    cross_attention_dim: int = 0
    base: str = ""


def detect(path: Path) -> Description:
    """Tell what a file or folder holds, by names and shapes only.

    Raises:
        ModelMissing: there is nothing at ``path``.
        ModelInvalid: pickled, damaged, incomplete, or none of the supported kinds.
    """
    if path.is_file():
        return describe_file(path, read_header(path))
    if not path.is_dir():
        raise ModelMissing(str(path), "check the path: there is no such file or folder")
    return _describe_folder(path)


def describe_file(path: Path, header: Header) -> Description:
    """Tell what a single safetensors file holds; see `detect`."""
    if CONV_IN in header.shapes:
        return _describe_original(path, header)
    if header.has("ip_adapter.") and header.has("image_proj."):
        return _describe_ip_adapter(header)
    names = [name.removeprefix("adapter.") for name in header.shapes]
    if any(name.startswith("body.0.") for name in names):
        return _describe_t2i(header)
    if header.has("down_blocks.0.") or header.has("text_model.") or header.has("decoder."):
        fix = "give the folder that holds model_index.json"
        raise ModelInvalid(str(path), "one component of a diffusers folder", fix)
    raise ModelInvalid(str(path), "not a kind of model that Retouch knows", SUPPORTED)


def ip_adapter_file(folder: Path) -> Path | None:
    """Return the adapter's file in a folder laid out like the published ones, if it is one."""
    found = sorted(folder.glob("ip[-_]adapter*.safetensors"))
    return found[0] if found else None


def config_beside(file: Path) -> Path | None:
    """Return the folder of configurations beside a single file, of the same stem, if any."""
    folder = file.with_suffix("")
    return folder if (folder / "unet" / "config.json").is_file() else None


def _describe_original(path: Path, header: Header) -> Description:
    if header.has("conditioner.embedders.1.model."):
        family: FamilyName = "sdxl"
    elif header.has("cond_stage_model.model."):
        family = "sd2"
    elif header.has("cond_stage_model.transformer."):
        family = "sd1"
    else:
        problem = "no text encoder of SD 1.x, SD 2.x or SDXL base in the file"
        raise ModelInvalid(str(path), problem, "use the full checkpoint, not the network alone")
    if len(header.shape(CONV_IN)) != 4:
        raise ModelInvalid(str(path), f"{CONV_IN} is not a convolution", SUPPORTED)
    channels = header.shape(CONV_IN)[1]
    width = next((s[1] for n, s in header.shapes.items() if n.endswith("attn2.to_k.weight")), 0)
    return Description(
        "checkpoint", family, channels, original_prediction(path, header, family), width
    )


def original_prediction(path: Path, header: Header, family: str) -> str:
    """Return what a single file's network predicts.

    The weights do not say. In this order: the publisher's metadata, the ``v_pred`` marker tensor,
    a ``.yaml`` of the same name beside the file (the original repositories' convention), and the
    family's custom: plain SD 2.x predicts v, everything else the noise.
    """
    stated = header.metadata.get("modelspec.prediction_type", "")
    if stated in PREDICTION_TYPES or stated == "v":
        return "v_prediction" if stated.startswith("v") else stated
    if "v_pred" in header.shapes:
        return "v_prediction"
    yaml = path.with_suffix(".yaml")
    if yaml.is_file():
        text = yaml.read_text(encoding="utf-8", errors="replace").replace("'", '"')
        return "v_prediction" if 'parameterization: "v"' in text else "epsilon"
    plain_sd2 = family == "sd2" and header.shape(CONV_IN)[1] == 4
    return "v_prediction" if plain_sd2 else "epsilon"


def _describe_ip_adapter(header: Header) -> Description:
    width = header.shape("ip_adapter.1.to_k_ip.weight")[-1:]
    dim = width[0] if width else 0
    return Description("ip_adapter", _family_of(dim), cross_attention_dim=dim)


def _describe_t2i(header: Header) -> Description:
    return Description("t2i_adapter", "")


def _family_of(width: int) -> str:
    return next((family for known, family in FAMILY_OF_WIDTH if known == width), "")


def _describe_folder(folder: Path) -> Description:
    if (folder / "model_index.json").is_file():
        return _describe_diffusers(folder)
    adapter = ip_adapter_file(folder)
    if adapter is not None:
        return describe_file(adapter, read_header(adapter))
    if (folder / "config.json").is_file():
        config = read_json(folder / "config.json")
        component_files(folder)
        if config.get("_class_name") == "T2IAdapter":
            return Description("t2i_adapter", "", int(config.get("in_channels", 3)))
        if config.get("model_type") == "clip":
            return Description("clip")
        if config.get("_class_name") == "AutoencoderTiny":
            return _describe_preview(folder, config)
    for file in sorted(folder.iterdir()):
        if file.suffix in PICKLE_SUFFIXES:
            refuse_pickle(file)
    raise ModelInvalid(str(folder), "not a kind of model that Retouch knows", SUPPORTED)


def _describe_preview(folder: Path, config: dict[str, Any]) -> Description:
    """Tell whose latents a tiny autoencoder decodes.

    ``_retouch_base`` in its configuration names the model. The published ones do not say, and
    their weights look alike: TAESD is for SD 1.x and 2.x, which share an autoencoder; the one for
    SDXL has ``xl`` in its name. Both read latents unscaled.
    """
    base = str(config.get("_retouch_base", ""))
    published = config.get("latent_channels", 4) == 4 and config.get("scaling_factor", 1) == 1
    family = ("sdxl" if "xl" in folder.name.lower() else "sd1") if published and not base else ""
    return Description("preview", family, base=base)


def _describe_diffusers(folder: Path) -> Description:
    index = read_json(folder / "model_index.json")
    unet = read_json(folder / "unet" / "config.json")
    component_files(folder / "unet")
    base = str(index.get("_retouch_base", ""))
    scheduler = folder / "scheduler" / "scheduler_config.json"
    prediction = ""
    if scheduler.is_file() or not base:
        prediction = str(read_json(scheduler).get("prediction_type", "epsilon"))
    return Description(
        "checkpoint",
        diffusers_family(folder, index, unet),
        int(unet.get("in_channels", 4)),
        prediction,
        _width(unet),
        base,
    )


def _width(unet: dict[str, Any]) -> int:
    value = unet.get("cross_attention_dim", 0)
    return int(value) if isinstance(value, int) else 0


def diffusers_family(folder: Path, index: dict[str, Any], unet: dict[str, Any]) -> FamilyName:
    """Return the family of a diffusers folder.

    Raises:
        ModelInvalid: the folder holds another architecture.
    """
    if unet.get("_class_name", "UNet2DConditionModel") != "UNet2DConditionModel":
        raise ModelInvalid(str(folder), f"its network is a {unet['_class_name']}", SUPPORTED)
    stated = index.get("_retouch_family")
    if stated in ("sd1", "sd2", "sdxl"):
        return cast(FamilyName, stated)
    if unet.get("addition_embed_type") == "text_time":
        if index.get("text_encoder") in (None, [None, None]) and "_retouch_base" not in index:
            problem = "SDXL refiners are not supported"
            raise ModelInvalid(str(folder), problem, "use the SDXL base model")
        return "sdxl"
    if unet.get("cross_attention_dim") == 1024 or unet.get("use_linear_projection"):
        return "sd2"
    return "sd1"
