"""Loading from hub folders and original checkpoints, and refusing everything else."""

from __future__ import annotations

import json
import pickle
import re
import shutil
from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import EdgeTamModel

from imagequarry.domain.geometry import Point
from imagequarry.domain.segmenter import Prompt
from imagequarry.engines.huggingface.sam import load
from imagequarry.engines.huggingface.sam.original import config_of, renamed
from imagequarry.engines.huggingface.sam.repvit import edgetam_config
from imagequarry.errors import ModelLoadFailed, ModelUnavailable
from tests.engines.huggingface.sam import tiny

CLICK = Prompt((Point(40, 30),), (1,))


def original_names(model: Any) -> dict[str, torch.Tensor]:
    """The state dict in the words of the original release: the mapping read backwards."""
    words = (
        (r"^vision_encoder\.layers\.", "image_encoder.blocks."),
        (r"^vision_encoder\.", "image_encoder."),
        (r"patch_embed\.projection\.", "patch_embed.proj."),
        (r"neck\.conv1\.", "neck.0."),
        (r"neck\.layer_norm1\.", "neck.1."),
        (r"neck\.conv2\.", "neck.2."),
        (r"neck\.layer_norm2\.", "neck.3."),
        (r"mask_embed\.conv1\.", "mask_downscaling.0."),
        (r"mask_embed\.layer_norm1\.", "mask_downscaling.1."),
        (r"mask_embed\.conv2\.", "mask_downscaling.3."),
        (r"mask_embed\.layer_norm2\.", "mask_downscaling.4."),
        (r"mask_embed\.conv3\.", "mask_downscaling.6."),
        (r"(?<!not_a_)point_embed\.", "point_embeddings."),
        (r"shared_embedding\.positional_embedding", "pe_layer.positional_encoding_gaussian_matrix"),
        (r"upscale_conv1\.", "output_upscaling.0."),
        (r"upscale_layer_norm\.", "output_upscaling.1."),
        (r"upscale_conv2\.", "output_upscaling.3."),
        (r"\.layer_norm", ".norm"),
        (r"(mlps\.\d+|iou_prediction_head)\.proj_out\.", r"\1.layers.2."),
        (r"(mlps\.\d+|iou_prediction_head)\.layers\.0\.", r"\1.layers.1."),
        (r"(mlps\.\d+|iou_prediction_head)\.proj_in\.", r"\1.layers.0."),
    )
    found = {}
    for name, value in model.state_dict().items():
        if name.startswith("shared_image_embedding"):
            continue
        for pattern, word in words:
            name = re.sub(pattern, word, name)
        found[name] = value.clone()
    return found | {"pixel_mean": torch.zeros(3, 1, 1), "pixel_std": torch.ones(3, 1, 1)}


@pytest.fixture(scope="module")
def model() -> Any:
    return tiny.sam()


@pytest.fixture
def checkpoint(model: Any, tmp_path: Path) -> Path:
    torch.save(original_names(model), tmp_path / "sam_vit_x.pth")
    return tmp_path / "sam_vit_x.pth"


def test_an_original_checkpoint_answers_like_the_hub_folder(model: Any, checkpoint: Path, tmp_path: Path) -> None:
    hub = load(tiny.saved(model, tmp_path / "hub"))
    original = load(checkpoint)
    image = tiny.picture(90, 120)
    assert original.predict(original.embed(image), CLICK) == hub.predict(hub.embed(image), CLICK)
    assert original.nbytes == hub.nbytes


def test_sizes_are_read_off_the_shapes(model: Any) -> None:
    config = config_of(original_names(model))
    for part in ("vision_config", "prompt_encoder_config", "mask_decoder_config"):
        read, true = getattr(config, part).to_dict(), getattr(model.config, part).to_dict()
        assert {k: read[k] for k in read if isinstance(true[k], int)} == {
            k: true[k] for k in read if isinstance(true[k], int)
        }
    assert list(config.vision_config.global_attn_indexes) == list(model.config.vision_config.global_attn_indexes)


def test_names_of_the_release_are_known_by_heart() -> None:
    assert renamed("image_encoder.blocks.3.norm1.weight") == "vision_encoder.layers.3.layer_norm1.weight"
    assert renamed("image_encoder.neck.3.bias") == "vision_encoder.neck.layer_norm2.bias"
    assert renamed("prompt_encoder.not_a_point_embed.weight") == "prompt_encoder.not_a_point_embed.weight"
    assert renamed("prompt_encoder.point_embeddings.2.weight") == "prompt_encoder.point_embed.2.weight"
    transformer = "mask_decoder.transformer."
    assert renamed(transformer + "norm_final_attn.weight") == transformer + "layer_norm_final_attn.weight"
    assert renamed(transformer + "layers.0.mlp.lin1.bias") == transformer + "layers.0.mlp.lin1.bias"
    heads = "mask_decoder.output_hypernetworks_mlps.2."
    assert renamed(heads + "layers.0.weight") == heads + "proj_in.weight"
    assert renamed(heads + "layers.1.weight") == heads + "layers.0.weight"
    assert renamed(heads + "layers.2.weight") == heads + "proj_out.weight"


def test_a_truncated_checkpoint_is_refused(checkpoint: Path) -> None:
    checkpoint.write_bytes(checkpoint.read_bytes()[:-5000])
    with pytest.raises(ModelLoadFailed, match=r"'sam_vit_x.pth' is damaged or incomplete"):
        load(checkpoint)


class Harmful:
    """Writes a file when it is unpickled."""

    def __init__(self, proof: Path) -> None:
        self.proof = proof

    def __reduce__(self) -> tuple[Any, tuple[Any, ...]]:
        return Path.touch, (self.proof,)


@pytest.mark.parametrize("plain", [True, False], ids=["plain pickle", "PyTorch's archive"])
def test_a_pickle_with_code_is_refused_and_not_run(plain: bool, tmp_path: Path) -> None:
    path, proof = tmp_path / "sam_vit_b.pth", tmp_path / "proof"
    if plain:
        path.write_bytes(pickle.dumps(Harmful(proof)))
    else:
        torch.save({"image_encoder.pos_embed": Harmful(proof)}, path)
    with pytest.raises(ModelLoadFailed, match=r"nothing of it was run|damaged"):
        load(path)
    assert not proof.exists()
    if not plain:
        torch.load(path, weights_only=False)
        assert proof.exists(), "the trap must be one"


@pytest.mark.parametrize("state", [{}, {"weight": torch.zeros(3)}, [1, 2], {"a": 1}], ids=str)
def test_other_checkpoints_are_refused(state: Any, tmp_path: Path) -> None:
    torch.save(state, tmp_path / "other.pth")
    with pytest.raises(ModelLoadFailed, match="is no original SAM checkpoint"):
        load(tmp_path / "other.pth")


def test_a_checkpoint_that_lacks_a_tensor_is_refused(model: Any, tmp_path: Path) -> None:
    state = original_names(model)
    del state["mask_decoder.transformer.layers.1.norm4.bias"]
    torch.save(state, tmp_path / "sam.pth")
    with pytest.raises(ModelLoadFailed, match="do not fit together"):
        load(tmp_path / "sam.pth")


def test_a_folder_of_another_model_is_refused(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text(json.dumps({"model_type": "bert"}))
    with pytest.raises(ModelLoadFailed, match="are of no SAM model"):
        load(tmp_path)


@pytest.mark.parametrize("text", ["", "{", "[]", '{"model_type": 7}'])
def test_a_folder_with_a_strange_config_is_refused(text: str, tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text(text)
    with pytest.raises(ModelLoadFailed):
        load(tmp_path)


def test_truncated_safetensors_are_refused(model: Any, tmp_path: Path) -> None:
    weights = tiny.saved(model, tmp_path) / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-5000])
    with pytest.raises(ModelLoadFailed, match="damaged or of another model"):
        load(tmp_path)


def test_a_folder_that_lacks_tensors_is_refused(model: Any, tmp_path: Path) -> None:
    from safetensors.torch import load_file, save_file

    weights = tiny.saved(model, tmp_path) / "model.safetensors"
    tensors = load_file(weights)
    del tensors["vision_encoder.neck.conv1.weight"]
    save_file(tensors, weights, metadata={"format": "pt"})
    with pytest.raises(ModelLoadFailed, match="incomplete"):
        load(tmp_path)


def test_weights_under_another_config_are_refused(model: Any, tmp_path: Path) -> None:
    tiny.saved(model, tmp_path)
    config = json.loads((tmp_path / "config.json").read_text())
    config["vision_config"]["hidden_size"] = 64
    (tmp_path / "config.json").write_text(json.dumps(config))
    with pytest.raises(ModelLoadFailed):
        load(tmp_path)


def test_absent_weights_say_so(model: Any, tmp_path: Path) -> None:
    with pytest.raises(ModelUnavailable):
        load(tmp_path / "nothing")
    with pytest.raises(ModelUnavailable, match=r"config\.json"):
        load(tmp_path)
    tiny.saved(model, tmp_path)
    (tmp_path / "model.safetensors").unlink()
    with pytest.raises(ModelUnavailable, match="no safetensors"):
        load(tmp_path)


def test_pickled_weights_in_a_folder_are_never_read(model: Any, tmp_path: Path) -> None:
    folder = tiny.saved(model, tmp_path / "hub")
    (folder / "model.safetensors").unlink()
    proof = tmp_path / "proof"
    torch.save({"x": Harmful(proof)}, folder / "pytorch_model.bin")
    with pytest.raises(ModelUnavailable):
        load(folder)
    shutil.copy(folder / "config.json", folder / "other.safetensors")
    with pytest.raises(ModelLoadFailed):
        load(folder)
    assert not proof.exists()


def test_edgetam_takes_the_encoder_its_published_config_names() -> None:
    named = {"model_type": "timm_wrapper", "architecture": "timm/repvit_m1.dist_in1k"}
    config = edgetam_config({"model_type": "edgetam_video", "vision_config": {"backbone_config": named}})
    model = EdgeTamModel(config)
    names = set(model.state_dict())
    # As they stand in the published file.
    backbone = "vision_encoder.backbone.timm_model."
    assert backbone + "stem.conv1.c.weight" in names
    assert backbone + "stages_0.blocks.0.token_mixer.conv1.bn.running_var" in names
    assert backbone + "stages_1.downsample.pre_block.channel_mixer.conv2.bn.bias" in names
    assert backbone + "stages_2.blocks.12.se.fc2.weight" in names
    assert backbone + "stages_2.blocks.13.se.fc2.weight" not in names
    assert model.state_dict()[backbone + "stages_3.downsample.channel_downsample.c.weight"].shape == (384, 192, 1, 1)


def test_edgetam_on_an_unknown_encoder_is_refused(tmp_path: Path) -> None:
    folder = tiny.saved(tiny.edgetam(), tmp_path)
    config = json.loads((folder / "config.json").read_text())
    config["vision_config"]["backbone_config"] = {"model_type": "timm_wrapper", "architecture": "resnet50"}
    (folder / "config.json").write_text(json.dumps(config))
    with pytest.raises(ModelLoadFailed, match="damaged or of another model"):
        load(folder)
