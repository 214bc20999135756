"""CLIP models that rank pictures against words (Radford et al. 2021, arXiv:2103.00020)."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from retouch.errors import ModelInvalid
from retouch.models.clip_pixels import ClipPixels
from retouch.models.filling import OTHER_MODEL, bytes_of, fill, read_tensors
from retouch.models.tokenizing import load_tokenizer
from retouch.models.weights_file import component_files, read_json, sha256_of

if TYPE_CHECKING:
    from transformers import CLIPModel, CLIPTokenizer


@dataclass(frozen=True)
class ClipWeights:
    """A CLIP model that ranks pictures against words.

    Attributes:
        name: of the folder.
        model: transformers' CLIPModel.
        tokenizer: CLIP's.
        pixels: how a picture becomes its input.
        sha256: of its weights.
        source: the folder.
        bytes: size in memory.
    """

    name: str
    model: CLIPModel
    tokenizer: CLIPTokenizer
    pixels: ClipPixels
    sha256: str
    source: Path
    bytes: int

    def similarity(self, pictures: Tensor, prompt: str) -> Tensor:
        """Return the cosine similarity [N], -1..1, of pictures [N, 3, H, W] in 0..1 to a prompt."""
        weight = next(self.model.parameters())
        length = int(self.model.config.text_config.max_position_embeddings)
        ids = self.tokenizer(
            prompt, padding="max_length", truncation=True, max_length=length, return_tensors="pt"
        ).input_ids.to(weight.device)
        with torch.no_grad():
            out = self.model(input_ids=ids, pixel_values=self.pixels(pictures).to(weight))
            similarity: Tensor = (out.image_embeds @ out.text_embeds.T)[:, 0].float()
        return similarity


def load_clip(
    path: Path, *, dtype: torch.dtype = torch.float32, device: str | torch.device = "cpu"
) -> ClipWeights:
    """Load a CLIPModel folder: ``config.json``, ``model.safetensors``, preprocessor, tokenizer.

    A folder without a vocabulary takes the shipped one.

    Raises:
        ModelMissing, ModelInvalid: no such folder or weights; damaged or not finite.
    """
    from transformers import CLIPConfig, CLIPModel

    data = read_json(path / "config.json")
    if data.get("model_type") != "clip":
        raise ModelInvalid(str(path), f"a {data.get('model_type')}, not a CLIP model", OTHER_MODEL)
    config = CLIPConfig.from_dict(data)
    files = component_files(path)
    model: Any = fill(
        lambda: CLIPModel(config), read_tensors(files), str(path), dtype=dtype, device=device
    )
    return ClipWeights(
        name=path.name,
        model=model,
        tokenizer=load_tokenizer(path),
        pixels=ClipPixels.from_folder(path),
        sha256=sha256_of(files, path),
        source=path,
        bytes=bytes_of((model,)),
    )
