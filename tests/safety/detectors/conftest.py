import hashlib

import pytest
import torch
from diffusers.pipelines.stable_diffusion import StableDiffusionSafetyChecker
from safetensors.torch import save_file
from transformers import CLIPConfig, CLIPVisionConfig

from retouch_safety.detectors import ClipSafetyChecker


def published_layout(checker):
    """The checker's tensors under the names of the published file."""
    layout = {}
    for name, value in checker.state_dict().items():
        if name.startswith("vision_model.") and not name.startswith("vision_model.vision_model."):
            name = f"vision_model.{name}"  # transformers 5 has dropped this level
        layout[name] = value.detach().clone().contiguous()
    return layout


@pytest.fixture(scope="session")
def reference():
    """diffusers' own checker, tiny and random, whose verdicts differ between pictures."""
    torch.manual_seed(5)
    vision = CLIPVisionConfig(
        hidden_size=128,
        intermediate_size=96,
        num_hidden_layers=2,
        num_attention_heads=2,
        image_size=56,
        patch_size=14,
        initializer_factor=5.0,
    )
    config = CLIPConfig(vision_config=vision.to_dict(), projection_dim=24)
    checker = StableDiffusionSafetyChecker(config).eval()
    checker.concept_embeds.data = torch.randn(17, 24)
    checker.special_care_embeds.data = torch.randn(3, 24)
    return checker


@pytest.fixture
def weights(reference):
    """What the published file would hold; a test may change it before it writes it."""
    layout = published_layout(reference)
    layout["concept_embeds_weights"] = torch.full((17,), 0.3)
    layout["special_care_embeds_weights"] = torch.full((3,), 0.3)
    return layout


@pytest.fixture
def write(tmp_path):
    def written(tensors, name="model.safetensors"):
        path = tmp_path / name
        save_file(tensors, path)
        return path, hashlib.sha256(path.read_bytes()).hexdigest()

    return written


@pytest.fixture
def pinned(write):
    """A detector of given tensors, pinned to the file they were just written to."""

    def made(tensors):
        path, sha256 = write(tensors)
        return ClipSafetyChecker(path, pinned_sha256=sha256)

    return made
