"""The IP-Adapter's image tokens: published names, and which states they are taught."""

from pathlib import Path

import numpy as np
import pytest
import torch
from training import image_tokens, network
from training.tokenizer import Words
from transformers import CLIPTokenizer, CLIPVisionConfig, CLIPVisionModelWithProjection

import retouch.models
from retouch.evaluation.scenes.vocabulary import NOUNS
from retouch.models.ip_projection import image_projection

SHIPPED = Path(retouch.models.__file__).parent / "embedded" / "retouch-mini" / "tokenizer"


@pytest.fixture(scope="module")
def tokens():
    torch.manual_seed(0)
    sizes = {"hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 2}
    shape = {"num_attention_heads": 2, "image_size": 64, "patch_size": 8}
    vision = CLIPVisionModelWithProjection(CLIPVisionConfig(**sizes, **shape)).vision_model
    return image_tokens.ImageTokens(vision).eval()


@pytest.fixture(scope="module")
def words():
    tokenizer = CLIPTokenizer.from_pretrained(SHIPPED)
    return Words(tokenizer, np.arange(len(tokenizer)))


@torch.no_grad()
def test_published_names_are_those_that_the_product_reads(tokens):
    images = torch.randn(2, 3, 64, 64)
    published = image_tokens.published(tokens.resampler)
    bare = {name.removeprefix("image_proj."): tensor for name, tensor in published.items()}
    read, kind, count = image_projection(bare, "test", torch.float32, "cpu")
    assert (kind, count) == ("plus", image_tokens.TOKENS)
    assert torch.equal(read(tokens.hidden(images)), tokens(images))


def test_tokens_learn_the_states_of_noun_place_and_end(words):
    batch = image_tokens.CaptionedPictures(words, 12).draw(np.random.default_rng(0))
    assert batch["images"].shape == (12, 3, 64, 64)
    assert batch["ids"].shape == (12, image_tokens.POSITIONS)
    found = torch.take_along_dim(batch["ids"], batch["places"][..., 0], dim=1)
    found = words.known[found.numpy() - 1]
    for noun, _, end, after in found:
        assert words.tokenizer.decode([noun]).strip() in " ".join(NOUNS)
        assert end == after == words.tokenizer.eos_token_id


def test_more_centre_is_more_noise():
    latents = torch.zeros(400, 4, 2, 2)
    means = [float(network.Noise(c)(latents)[1].float().mean()) for c in (-1.0, 0.4, 1.5)]
    assert means == sorted(means) and means[2] - means[0] > 200
