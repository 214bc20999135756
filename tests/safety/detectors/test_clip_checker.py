"""The CLIP safety checker: diffusers' verdicts on the same weights, and refusals of bad weights."""

import hashlib
import subprocess
import sys

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from transformers.models.clip.image_processing_pil_clip import CLIPImageProcessorPil

from retouch_safety import Box, DetectorFailed
from retouch_safety.detectors import ClipSafetyChecker
from retouch_safety.detectors.clip_preprocessing import inputs
from retouch_safety.detectors.clip_weights import published
from retouch_safety.errors import InvalidInput

TENSORS = (
    *("concept_embeds", "special_care_embeds"),
    *("concept_embeds_weights", "special_care_embeds_weights"),
)
PHOTOGRAPHS = ("astronaut.png", "coffee.png", "page.png")


def square(rgb):
    side = min(rgb.shape[:2])
    return np.ascontiguousarray(rgb[:side, :side])


def diffusers_margin(reference, pixels):
    """The margin by the formula of diffusers' forward, without its rounding."""
    with torch.no_grad():
        embedding = reference.visual_projection(reference.vision_model(pixels)[1])
    near = torch.nn.functional.cosine_similarity
    special = near(embedding, reference.special_care_embeds) - reference.special_care_embeds_weights
    step = 0.01 if bool((special > 0).any()) else 0.0
    concepts = near(embedding, reference.concept_embeds) - reference.concept_embeds_weights
    return float(concepts.max()) + step


def diffusers_verdict(reference, pixels):
    _, verdicts = reference(pixels, np.zeros((1, 8, 8, 3), np.float32))
    return verdicts[0]


def with_thresholds(weights, value, special=0.99):
    changed = dict(weights)
    changed["concept_embeds_weights"] = torch.full((17,), value)
    changed["special_care_embeds_weights"] = torch.full((3,), special)
    return changed


@pytest.mark.parametrize("offset", [0.002, -0.002])
@pytest.mark.parametrize("special", [0.99, -0.99])
def test_verdicts_flip_where_diffusers_own_do(
    reference, weights, pinned, photograph, offset, special
):
    """Thresholds just above and below the nearest concept of each picture: 12 verdicts."""
    verdicts = []
    for name in PHOTOGRAPHS:
        rgb = square(photograph(name))
        pixels = torch.from_numpy(inputs(rgb, 56))
        reference.concept_embeds_weights.data = torch.zeros(17)
        reference.special_care_embeds_weights.data = torch.full((3,), special)
        border = diffusers_margin(reference, pixels) + offset
        reference.concept_embeds_weights.data = torch.full((17,), border)
        score = pinned(with_thresholds(weights, border, special)).score(rgb, None)["whole"]
        verdicts.append(score >= 0.5)
        assert verdicts[-1] == diffusers_verdict(reference, pixels)
    assert set(verdicts) == {offset < 0}


def test_score_is_the_margin_on_a_logistic(reference, weights, pinned, photograph):
    rgb = square(photograph("coffee.png"))
    reference.concept_embeds_weights.data = torch.full((17,), 0.3)
    reference.special_care_embeds_weights.data = torch.full((3,), 0.99)
    margin = diffusers_margin(reference, torch.from_numpy(inputs(rgb, 56)))
    for moved in (-0.02, -0.01, 0.0, 0.01):
        detector = pinned(with_thresholds(weights, 0.3 + margin - moved))
        expected = 1 / (1 + np.exp(-moved / 0.01 * np.log(7 / 3)))
        assert abs(detector.score(rgb, None)["whole"] - expected) < 0.002
    # one step of special care below the border is the strict profile's threshold
    assert abs(1 / (1 + np.exp(np.log(7 / 3))) - 0.3) < 1e-9


def test_nothing_is_blackened(weights, pinned, astronaut):
    given = astronaut.copy()
    assert pinned(with_thresholds(weights, -0.99)).score(given, None)["whole"] > 0.99
    assert np.array_equal(given, astronaut)


@pytest.mark.parametrize("name", ["coffee.png", "page.png", "rocket.jpg"])
def test_preprocessing_is_clips_own(photograph, name):
    rgb = photograph(name)
    processor = CLIPImageProcessorPil(
        size={"shortest_edge": 56}, crop_size={"height": 56, "width": 56}
    )
    expected = processor(rgb, return_tensors="np")["pixel_values"]
    ours = inputs(rgb, 56)[:1]
    # one grey level is 0.015; where the crop starts between two pixels, sampling differs by few
    assert np.abs(ours - expected).max() < 0.05 and np.abs(ours - expected).mean() < 0.002


@pytest.mark.parametrize("shape", [(1, 16384), (16384, 1), (40, 4000), (1, 1)])
def test_any_shape_is_prepared(shape):
    made = inputs(np.full((*shape, 3), 128, np.uint8), 56)
    assert made.shape == (1 if shape[0] == shape[1] else 2, 3, 56, 56)
    assert np.isfinite(made).all()


def test_ends_of_a_long_picture_are_in_sight(weights, pinned):
    """CLIP's own crop does not see them."""
    detector, plain = pinned(weights), np.full((56, 112, 3), 90, np.uint8)
    changed = plain.copy()
    changed[:, :20] = (250, 200, 20)
    before, after = detector._view_margins(plain), detector._view_margins(changed)
    assert before[0] == after[0] and before[1] != after[1]


def test_regions_and_tiles_are_scored(weights, pinned):
    scores = pinned(weights).score(np.zeros((300, 1500, 3), np.uint8), Box(0, 0, 100, 100))
    assert set(scores) == {"whole", "region"}


def test_self_test_passes_and_nothing_loads_before(weights, pinned):
    detector = pinned(weights)
    assert detector._checker is None
    detector.self_test()


def test_self_test_notices_an_encoder_that_answers_the_same_for_all(weights, pinned):
    weights["visual_projection.weight"] = torch.zeros_like(weights["visual_projection.weight"])
    with pytest.raises(DetectorFailed, match="two different pictures"):
        pinned(weights).self_test()


def test_self_test_notices_a_concept_that_is_not_found(weights, pinned):
    detector = pinned(weights)
    detector._loaded().concepts.thresholds[3] = 1.5  # past the check of the file
    with pytest.raises(DetectorFailed, match="concept 3"):
        detector.self_test()


def test_random_numbers_of_the_caller_stay(weights, pinned, astronaut):
    torch.manual_seed(1)
    expected = torch.rand(1)
    torch.manual_seed(1)
    pinned(weights).self_test()
    assert torch.equal(torch.rand(1), expected)


@pytest.mark.parametrize("name", TENSORS)
@pytest.mark.parametrize("damage", ["missing", "nan", "zero", "shape"])
def test_damaged_concepts_are_refused(weights, pinned, name, damage):
    if damage == "missing":
        del weights[name]
    elif damage == "nan":
        weights[name].view(-1)[1] = float("nan")
    elif damage == "zero":
        weights[name].zero_()
    else:
        weights[name] = weights[name][:-1].clone()
    with pytest.raises(DetectorFailed, match=name):
        pinned(weights).score(np.zeros((8, 8, 3), np.uint8), None)


def test_one_zero_concept_or_unreachable_threshold_is_refused(weights, pinned):
    damaged = {k: v.clone() for k, v in weights.items()}
    damaged["concept_embeds"][4] = 0
    with pytest.raises(DetectorFailed, match="never found"):
        pinned(damaged).self_test()
    weights["concept_embeds_weights"][2] = 1.0
    with pytest.raises(DetectorFailed, match="no cosine"):
        pinned(weights).self_test()


@pytest.mark.parametrize(
    "change",
    [
        lambda w: w.pop("vision_model.vision_model.encoder.layers.1.mlp.fc1.weight"),
        lambda w: w.pop("vision_model.vision_model.embeddings.patch_embedding.weight"),
        lambda w: w.pop("visual_projection.weight"),
        lambda w: w.update({"vision_model.vision_model.more": torch.ones(1)}),
        lambda w: w.update({"visual_projection.weight": torch.ones(24, 7)}),
        lambda w: w["vision_model.vision_model.post_layernorm.bias"].fill_(float("inf")),
    ],
)
def test_a_damaged_encoder_is_refused(weights, pinned, change):
    change(weights)
    with pytest.raises(DetectorFailed, match="published weights"):
        pinned(weights).self_test()


def test_random_weights_are_refused_without_a_pin(weights, write):
    path, sha256 = write(weights)
    with pytest.raises(DetectorFailed, match=f"{sha256}.*pinned_sha256"):
        ClipSafetyChecker(path)
    with pytest.raises(DetectorFailed, match="pinned is 0000"):
        ClipSafetyChecker(path, pinned_sha256="0" * 64)


def test_a_file_that_changes_after_the_check_is_refused(weights, write):
    path, sha256 = write(weights)
    detector = ClipSafetyChecker(path, pinned_sha256=sha256)
    write(with_thresholds(weights, 0.99))
    with pytest.raises(DetectorFailed, match="changed"):
        detector.self_test()


def test_what_is_no_safetensors_file_is_refused(tmp_path):
    path = tmp_path / "model.safetensors"
    path.write_bytes(b"no weights")
    sha256 = hashlib.sha256(b"no weights").hexdigest()
    with pytest.raises(DetectorFailed, match="no safetensors file"):
        ClipSafetyChecker(path, pinned_sha256=sha256).self_test()


@pytest.mark.parametrize("name", ["model.safetensors", "model.fp16.safetensors"])
@pytest.mark.parametrize("folder", ["", "safety_checker"])
def test_folders_are_searched(weights, tmp_path, name, folder):
    (tmp_path / folder).mkdir(exist_ok=True)
    half = "fp16" in name
    path = tmp_path / folder / name
    save_file({k: v.half() if half else v for k, v in weights.items()}, path)
    sha256 = hashlib.sha256(path.read_bytes()).hexdigest()
    detector = ClipSafetyChecker(tmp_path, pinned_sha256=sha256)
    assert detector.name == f"clip-safety-checker {sha256[:12]}"
    detector.self_test()


def test_wrong_input_says_what_is_allowed(tmp_path, weights, write):
    with pytest.raises(InvalidInput, match=r"path: got .*allowed: a \.safetensors file.*Fix"):
        ClipSafetyChecker(tmp_path / "absent")
    path, _ = write(weights)
    with pytest.raises(InvalidInput, match=r"pinned_sha256: got 'ABC'.*64 hexadecimal.*Fix"):
        ClipSafetyChecker(path, pinned_sha256="ABC")


@pytest.mark.parametrize("dtype", [np.float32, np.uint16, np.float64, np.int8])
def test_wrong_depth_never_reads_as_safe(weights, pinned, dtype):
    with pytest.raises(DetectorFailed, match="uint8"):
        pinned(weights).score(np.zeros((64, 64, 3), dtype), None)


def test_nan_of_the_encoder_survives(weights, pinned, monkeypatch):
    """diffusers' checker calls it safe."""
    detector = pinned(weights)
    for answers in ([np.nan, -0.2], [-0.2, np.nan]):
        monkeypatch.setattr(detector, "_view_margins", lambda view, a=answers: np.array(a))
        assert np.isnan(detector.score(np.zeros((8, 16, 3), np.uint8), None)["whole"])


def test_published_sums_are_sums():
    assert len(published()) >= 2
    assert all(len(sha) == 64 and int(sha, 16) for sha in published())


def test_torch_and_transformers_load_at_first_use():
    code = (
        "import sys, retouch_safety.detectors\n"
        "sys.exit(bool({'torch', 'transformers', 'onnxruntime'} & set(sys.modules)))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
