"""Every wrong file gives one clear typed error."""

import json
import shutil

import pytest
import torch
from safetensors.torch import load_file, save_file

from retouch.errors import InvalidField, ModelInvalid, ModelMissing
from retouch.models.detect import detect
from retouch.models.loading import load_checkpoint
from retouch.models.tokenizing import clip_tokenizer
from retouch.testing.checkpoints import tiny_configs, tiny_sd, write_folder
from retouch.testing.comparing import different_weights, outputs
from retouch.testing.original_layout import write_single_file

UNET = "unet/diffusion_pytorch_model.safetensors"


@pytest.fixture(scope="module")
def made():
    return tiny_sd("sd1")


@pytest.fixture(scope="module")
def written(made, tmp_path_factory):
    root = tmp_path_factory.mktemp("written")
    write_folder(made, root / "folder")
    write_single_file(made, root / "single.safetensors")
    return root


@pytest.fixture
def folder(written, tmp_path):
    return shutil.copytree(written / "folder", tmp_path / "model")


@pytest.fixture
def single(written, tmp_path):
    shutil.copytree(written / "single", tmp_path / "single")
    return shutil.copy(written / "single.safetensors", tmp_path / "single.safetensors")


def edit(path, change):
    weights = dict(load_file(path))
    change(weights)
    save_file(weights, path)


def test_truncated_files(folder, single):
    for path, target in ((single, single), (folder / UNET, folder)):
        data = path.read_bytes()
        path.write_bytes(data[: len(data) // 2])
        with pytest.raises(ModelInvalid, match="truncated or damaged"):
            load_checkpoint(target)
        path.write_bytes(data[:5])
        with pytest.raises(ModelInvalid, match="not a safetensors file, or truncated"):
            load_checkpoint(target)
        path.write_bytes(data[:8] + b"{" * 1000)
        with pytest.raises(ModelInvalid):
            load_checkpoint(target)


@pytest.mark.parametrize("content", [b"", b"\x00" * 64, b"<html>not found</html>" * 20])
def test_files_that_are_something_else(tmp_path, content):
    path = tmp_path / "page.safetensors"
    path.write_bytes(content)
    with pytest.raises(ModelInvalid, match="not a safetensors file"):
        load_checkpoint(path)


@pytest.mark.parametrize("header", [b"[1, 2]", b'{"a": 3}', b'{"a": {"shape": [1]}}', b"nonsense"])
def test_damaged_headers(tmp_path, header):
    path = tmp_path / "model.safetensors"
    path.write_bytes(len(header).to_bytes(8, "little") + header)
    with pytest.raises(ModelInvalid, match="header is damaged"):
        load_checkpoint(path)


@pytest.mark.parametrize("bad", [float("nan"), float("inf")])
def test_weights_that_are_not_finite(folder, single, bad):
    def spoil(name):
        return lambda weights: weights[name].view(-1)[3:4].fill_(bad)

    edit(folder / UNET, spoil("mid_block.resnets.0.conv1.weight"))
    with pytest.raises(ModelInvalid, match=r"mid_block\.resnets\.0\.conv1\.weight has NaN or inf"):
        load_checkpoint(folder)
    edit(single, spoil("first_stage_model.encoder.conv_in.weight"))
    with pytest.raises(ModelInvalid, match=r"\[vae\]: encoder\.conv_in\.weight has NaN"):
        load_checkpoint(single)


def test_weights_too_large_for_the_number_format(folder):
    edit(folder / UNET, lambda weights: weights["conv_in.weight"].fill_(1e6))
    assert load_checkpoint(folder).unet.dtype == torch.float32
    with pytest.raises(ModelInvalid, match=r"infinite values in torch\.float16"):
        load_checkpoint(folder, dtype=torch.float16)


def test_missing_unexpected_and_misshapen_weights(folder, single):
    edit(folder / UNET, lambda weights: weights.pop("conv_out.bias"))
    with pytest.raises(ModelInvalid, match=r"\[unet\]: missing weights: conv_out\.bias"):
        load_checkpoint(folder)
    edit(folder / UNET, lambda weights: weights.update({"conv_out.bias": torch.zeros(5)}))
    with pytest.raises(ModelInvalid, match=r"wrong shapes: conv_out\.bias.*\(5,\).*\(4,\)"):
        load_checkpoint(folder)
    prefix = "model.diffusion_model."
    edit(single, lambda weights: weights.update({prefix + "extra.weight": torch.zeros(2)}))
    with pytest.raises(ModelInvalid, match=r"unexpected weights: model\.diffusion_model\.extra"):
        load_checkpoint(single)
    edit(single, lambda weights: weights.pop(prefix + "extra.weight"))
    edit(single, lambda weights: weights.pop("first_stage_model.quant_conv.bias"))
    with pytest.raises(ModelInvalid, match=r"\[vae\]: missing weights: quant_conv\.bias"):
        load_checkpoint(single)


def test_single_file_without_autoencoder_or_text_encoder(single):
    def drop(prefix):
        def change(weights):
            for name in [name for name in weights if name.startswith(prefix)]:
                del weights[name]

        return change

    edit(single, drop("first_stage_model."))
    with pytest.raises(ModelInvalid, match=r"\[vae\]: missing weights"):
        load_checkpoint(single)
    edit(single, drop("cond_stage_model."))
    with pytest.raises(ModelInvalid, match="no text encoder"):
        load_checkpoint(single)


def test_another_shape_than_published_needs_its_configuration(single, written):
    shutil.rmtree(single.with_suffix(""))
    with pytest.raises(ModelInvalid, match="give its configuration with --config FOLDER"):
        load_checkpoint(single)
    assert load_checkpoint(single, config=written / "folder").family == "sd1"


@pytest.mark.parametrize("name", ["model.ckpt", "model.bin", "model.pt"])
def test_pickles_are_refused_with_the_command_that_converts(tmp_path, name):
    path = tmp_path / name
    torch.save({"state_dict": {}}, path)
    with pytest.raises(ModelInvalid, match=rf"retouch models convert .*{name}"):
        load_checkpoint(path)


def test_pickled_component_of_a_folder(folder):
    (folder / UNET).rename(folder / "unet" / "diffusion_pytorch_model.bin")
    with pytest.raises(ModelInvalid, match="retouch models convert"):
        load_checkpoint(folder)


def test_absent_weights_files_and_names(folder, tmp_path):
    (folder / UNET).unlink()
    with pytest.raises(ModelInvalid, match="unet: no weights in this folder"):
        load_checkpoint(folder)
    (folder / "unet" / "config.json").unlink()
    with pytest.raises(ModelInvalid, match=r"unet: it has no config\.json"):
        load_checkpoint(folder)
    with pytest.raises(ModelMissing, match="no such file or folder"):
        load_checkpoint(tmp_path / "absent.safetensors")
    with pytest.raises(ModelMissing, match="retouch models add PATH --name never-added"):
        load_checkpoint("never-added")


def test_configurations_that_make_no_sense(folder):
    config = folder / "unet" / "config.json"
    config.write_text("{not json")
    with pytest.raises(ModelInvalid, match="not readable as JSON"):
        load_checkpoint(folder)
    config.write_text(json.dumps({"down_block_types": ["NoSuchBlock"]}))
    with pytest.raises(ModelInvalid, match="does not describe"):
        load_checkpoint(folder)
    (folder / "model_index.json").write_text("[]")
    with pytest.raises(ModelInvalid, match="not a JSON object"):
        load_checkpoint(folder)


def test_unknown_prediction_type(folder):
    with pytest.raises(InvalidField, match="prediction_type"):
        load_checkpoint(folder, prediction_type="velocity")
    assert load_checkpoint(folder, prediction_type="v_prediction").prediction_type == "v_prediction"


def test_sharded_and_half_precision_folders(folder, made):
    weights = load_file(folder / UNET)
    names = sorted(weights)
    parts = {"a.safetensors": names[::2], "b.safetensors": names[1::2]}
    for file, chosen in parts.items():
        save_file({name: weights[name] for name in chosen}, folder / "unet" / file)
    index = {"weight_map": {name: file for file, chosen in parts.items() for name in chosen}}
    (folder / UNET).unlink()
    target = folder / "unet" / "diffusion_pytorch_model.safetensors.index.json"
    target.write_text(json.dumps(index))
    assert not different_weights(load_checkpoint(folder), made)
    half = load_checkpoint(folder, dtype=torch.bfloat16)
    assert {p.dtype for p in half.unet.parameters()} == {torch.bfloat16}
    assert half.bytes < made.bytes * 0.6
    (folder / "unet" / "b.safetensors").unlink()
    with pytest.raises(ModelInvalid, match=r"missing files: b\.safetensors"):
        load_checkpoint(folder)


def test_half_precision_keeps_an_autoencoder_that_overflows_in_float32(folder):
    config = folder / "vae" / "config.json"
    config.write_text(json.dumps(json.loads(config.read_text()) | {"force_upcast": True}))
    loaded = load_checkpoint(folder, dtype=torch.float16)
    assert (loaded.vae.dtype, loaded.unet.dtype) == (torch.float32, torch.float16)


def test_old_attention_names_of_autoencoders(folder, made):
    path = folder / "vae" / "diffusion_pytorch_model.safetensors"
    old = {"to_q": "query", "to_k": "key", "to_v": "value", "to_out.0": "proj_attn"}

    def rename(weights):
        for name in list(weights):
            for new, before in old.items():
                if f".{new}." in name:
                    weights[name.replace(f".{new}.", f".{before}.")] = weights.pop(name)

    edit(path, rename)
    assert not different_weights(load_checkpoint(folder), made)


def test_two_text_encoders_of_equal_width_are_told_apart(tmp_path, monkeypatch):
    # diffusers tells SDXL's encoders apart by width alone and loads wrong weights in silence.
    from retouch.testing import checkpoints

    def equal_widths(family, in_channels=4, deep=False):
        configs = tiny_configs(family, in_channels, deep)
        second = configs["text_encoder_2"]
        second |= {"hidden_size": 32, "intermediate_size": 64, "projection_dim": 32}
        configs["unet"] |= {
            "cross_attention_dim": 64,
            "projection_class_embeddings_input_dim": 32 + 6 * 8,
        }
        return configs

    monkeypatch.setattr(checkpoints, "tiny_configs", equal_widths)
    made = tiny_sd("sdxl", seed=5)
    loaded = load_checkpoint(write_single_file(made, tmp_path / "equal.safetensors"))
    assert not different_weights(loaded, made)
    assert all(map(torch.equal, outputs(loaded), outputs(made)))


def test_a_variant_borrows_the_components_it_lacks(tmp_path):
    base, variant = tiny_sd("sd1", 4, seed=1), tiny_sd("sd1", 8, seed=2)
    write_folder(base, tmp_path / "mini")
    instruct = tmp_path / "mini-instruct"
    variant.unet.save_pretrained(str(instruct / "unet"))
    (instruct / "model_index.json").write_text(json.dumps({"_retouch_base": "mini"}))
    loaded = load_checkpoint(instruct)
    assert (loaded.in_channels, loaded.family) == (8, "sd1")
    wanted = tiny_sd("sd1", 8, seed=2)
    object.__setattr__(wanted, "vae", base.vae)
    object.__setattr__(wanted, "text_encoders", base.text_encoders)
    assert not different_weights(loaded, wanted)
    (instruct / "model_index.json").write_text(json.dumps({"_retouch_base": "absent"}))
    with pytest.raises(ModelMissing, match="absent"):
        load_checkpoint(instruct)


def test_a_tiny_autoencoder_in_a_folder(folder):
    from diffusers import AutoencoderTiny

    shutil.rmtree(folder / "vae")
    widths = {
        "encoder_block_out_channels": (8, 8, 8, 8),
        "decoder_block_out_channels": (8, 8, 8, 8),
    }
    vae = AutoencoderTiny(
        **widths, num_encoder_blocks=(1, 1, 1, 1), num_decoder_blocks=(1, 1, 1, 1)
    )
    vae.save_pretrained(str(folder / "vae"))
    loaded = load_checkpoint(folder)
    assert (loaded.vae_factor, loaded.latent_channels) == (8, 4)
    pixels = torch.rand(1, 3, 32, 32)
    assert torch.equal(loaded.vae.encode(pixels).latents, vae.eval().encode(pixels).latents)


def test_what_a_single_file_predicts(tmp_path):
    made = tiny_sd("sd2", 4, "v_prediction")
    path = write_single_file(made, tmp_path / "m.safetensors")
    assert detect(path).prediction_type == "v_prediction"
    path.with_suffix(".yaml").write_text("model:\n  params:\n    timesteps: 1000\n")
    assert detect(path).prediction_type == "epsilon"
    path.with_suffix(".yaml").write_text('model:\n  params:\n    parameterization: "v"\n')
    assert detect(path).prediction_type == "v_prediction"
    write_single_file(made, path, {"modelspec.prediction_type": "epsilon"})
    assert detect(path).prediction_type == "epsilon"
    xl = write_single_file(tiny_sd("sdxl"), tmp_path / "xl.safetensors")
    assert detect(xl).prediction_type == "epsilon"
    edit(xl, lambda weights: weights.update({"v_pred": torch.zeros(1), "ztsnr": torch.zeros(1)}))
    loaded = load_checkpoint(xl)
    assert loaded.prediction_type == "v_prediction"
    assert loaded.scheduler_config["rescale_betas_zero_snr"] is True


@pytest.mark.parametrize(
    ("name", "shape", "message"),
    [
        ("lora_unet_mid_block.lora_up.weight", (2, 2), "not a kind of model"),
        ("control_model.time_embed.0.weight", (2, 2), "not a kind of model"),
        ("down_blocks.0.resnets.0.conv1.weight", (2, 2), "component of a diffusers folder"),
        ("model.diffusion_model.input_blocks.0.0.weight", (2, 4, 3, 3), "no text encoder"),
    ],
)
def test_other_kinds_of_files(tmp_path, name, shape, message):
    save_file({name: torch.zeros(shape)}, tmp_path / "other.safetensors")
    with pytest.raises(ModelInvalid, match=message):
        load_checkpoint(tmp_path / "other.safetensors")


def test_refiners_and_other_architectures(folder, tmp_path):
    refiner = {
        "conditioner.embedders.0.model.positional_embedding": torch.zeros(2, 2),
        "model.diffusion_model.input_blocks.0.0.weight": torch.zeros(2, 4, 3, 3),
    }
    save_file(refiner, tmp_path / "refiner.safetensors")
    with pytest.raises(ModelInvalid, match="no text encoder of SD"):
        load_checkpoint(tmp_path / "refiner.safetensors")
    config = folder / "unet" / "config.json"
    plain = json.loads(config.read_text())
    config.write_text(json.dumps(plain | {"addition_embed_type": "text_time"}))
    index = json.loads((folder / "model_index.json").read_text()) | {"text_encoder": [None, None]}
    (folder / "model_index.json").write_text(json.dumps(index))
    with pytest.raises(ModelInvalid, match="refiners are not supported"):
        load_checkpoint(folder)
    config.write_text(json.dumps(plain | {"_class_name": "SD3Transformer2DModel"}))
    with pytest.raises(ModelInvalid, match="SD3Transformer2DModel"):
        load_checkpoint(folder)


def test_a_tokenizer_of_its_own_and_a_damaged_one(folder):
    clip_tokenizer("!").save_pretrained(str(folder / "tokenizer"))
    tokenizer = load_checkpoint(folder).tokenizers[0]
    assert tokenizer("a photo of a cat").input_ids[1:3] == [320, 1125]
    assert tokenizer.pad_token_id == 0
    for file in (folder / "tokenizer").iterdir():
        file.write_text("{")
    with pytest.raises(ModelInvalid, match="tokenizer cannot be read"):
        load_checkpoint(folder)
