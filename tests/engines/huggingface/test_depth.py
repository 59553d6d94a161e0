"""Depth becomes closed meshes without sheets across its edges, and what is no Depth Anything model is refused."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from transformers import (
    AutoModelForDepthEstimation,
    DepthAnythingConfig,
    DepthAnythingForDepthEstimation,
    Dinov2Config,
)
from transformers.models.dpt.image_processing_pil_dpt import DPTImageProcessorPil

from imagequarry.domain.mask import Mask
from imagequarry.domain.mesh import MeshOptions, Unwatched
from imagequarry.domain.raster import Raster
from imagequarry.engines.huggingface import depth
from imagequarry.engines.huggingface.depth.engine import DepthSolids, relief_of
from imagequarry.engines.huggingface.depth.layers import layers_over
from imagequarry.engines.huggingface.depth.network import DepthNetwork, prepared, read, working_size
from imagequarry.engines.solids.outline import outline_of
from imagequarry.errors import ModelFailure, ModelLoadFailed, ModelUnavailable
from tests.engines.huggingface.damage import DAMAGES, configured
from tests.engines.huggingface.tiny_describers import picture
from tests.engines.solids.shapes import SHAPES, SIDE, solid


def tiny(folder: Path, seed: int = 0) -> Path:
    """Depth Anything of four layers with seeded weights."""
    stages: dict[str, Any] = {"out_features": ["stage1", "stage2", "stage3", "stage4"]}
    backbone = Dinov2Config(
        hidden_size=24,
        num_hidden_layers=4,
        num_attention_heads=2,
        image_size=70,
        patch_size=14,
        reshape_hidden_states=False,
        apply_layernorm=True,
        **stages,
    )
    config = DepthAnythingConfig(
        backbone_config=backbone,
        reassemble_hidden_size=24,
        neck_hidden_sizes=[8, 8, 16, 16],
        fusion_hidden_size=8,
        head_hidden_size=8,
    )
    model = DepthAnythingForDepthEstimation(config)
    draw = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for weight in model.parameters():
            if weight.dim() > 1:
                weight.copy_(torch.randn(weight.shape, generator=draw) * 0.2)
    model.save_pretrained(folder)
    return folder


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny(tmp_path_factory.mktemp("depth"))


@pytest.fixture(scope="module")
def network(folder: Path, device: str) -> DepthNetwork:
    return read(folder, device, "float32")


@pytest.fixture
def copy(folder: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(folder, tmp_path / "depth"))


def test_depth_is_that_of_transformers_own_parts(folder: Path, network: DepthNetwork) -> None:
    image = picture(120, 200)
    # As the published preprocessor_config.json says.
    processor = DPTImageProcessorPil(
        size={"height": 518, "width": 518},
        keep_aspect_ratio=True,
        ensure_multiple_of=14,
        resample=3,
        image_mean=[0.485, 0.456, 0.406],
        image_std=[0.229, 0.224, 0.225],
    )
    values = processor(Image.fromarray(image.rgb), return_tensors="pt")["pixel_values"]
    model = AutoModelForDepthEstimation.from_pretrained(folder)
    with torch.inference_mode():
        published = model(pixel_values=values).predicted_depth[0].numpy()
    published = (published - published.min()) / np.ptp(published)
    near = network.nearness(image)
    assert near.shape == published.shape
    assert (near.min(), near.max()) == (0, 1)
    assert np.abs(near - published).max() < 1e-3


@pytest.mark.parametrize(
    ("size", "expected"),
    [((518, 518), (518, 518)), ((640, 480), (686, 518)), ((3000, 2000), (784, 518)), ((1, 1), (518, 518))],
)
def test_pictures_are_worked_on_in_the_published_size(size: tuple[int, int], expected: tuple[int, int]) -> None:
    assert working_size(*size) == expected


@pytest.mark.parametrize("size", [(1, 4096), (4096, 1), (12_000, 40), (2, 300)])
def test_no_strip_is_worked_on_in_a_size_that_memory_does_not_hold(size: tuple[int, int]) -> None:
    width, height = working_size(*size)
    assert 14 <= min(width, height) <= max(width, height) <= 1554
    assert width % 14 == height % 14 == 0


def test_a_picture_is_prepared_in_the_colours_of_its_training() -> None:
    white = prepared(Raster(np.full((30, 40, 3), 255, np.uint8), "0" * 64))
    assert white[:, 0, 0] == pytest.approx([(1 - 0.485) / 0.229, (1 - 0.456) / 0.224, (1 - 0.406) / 0.225])


@pytest.mark.parametrize("subject", [None, SHAPES["disc"], SHAPES["ring"], Mask.empty(SIDE, SIDE)])
@pytest.mark.parametrize("limit", [12, 23, 24, 200, 20_000])
def test_it_makes_closed_meshes_within_the_limit(folder: Path, subject: Mask | None, limit: int) -> None:
    maker = depth.load(folder)
    mesh = maker.make(picture(SIDE, SIDE), subject, MeshOptions(limit), Unwatched())
    solid(mesh)
    assert len(mesh.faces) <= limit


def test_no_face_crosses_an_edge_of_depth() -> None:
    near = np.full((200, 300), 0.1, np.float32)
    near[60:140, 100:200] = 0.9
    mesh = layers_over(picture(200, 300), near, MeshOptions(30_000))
    found = solid(mesh)
    assert found.body_count == 2
    # Faces are level or upright, and none leans from one layer to the other.
    lean = np.abs(found.face_normals[:, 2])
    assert ((lean < 0.05) | (lean > 0.9)).mean() > 0.99
    assert 28_000 < len(mesh.faces) <= 30_000


def test_depth_without_edges_is_one_slab() -> None:
    slope = np.linspace(0, 1, 300, dtype=np.float32)[None].repeat(200, axis=0)
    mesh = layers_over(picture(200, 300), slope, MeshOptions(2000))
    assert solid(mesh).euler_number == 2
    right, left = mesh.vertices[mesh.vertices[:, 0] > 0.45], mesh.vertices[mesh.vertices[:, 0] < -0.45]
    assert right[:, 2].max() > left[:, 2].max() + 0.02


def test_what_lies_behind_the_subject_has_no_say_in_its_relief() -> None:
    subject = SHAPES["disc"]
    near = np.where(subject.array(), np.linspace(0.5, 0.6, SIDE, dtype=np.float32), 0).astype(np.float32)
    outline = outline_of(subject)
    relief = relief_of(near, picture(SIDE, SIDE), outline)
    middle = relief[relief.shape[0] // 2]
    inside = middle[outline.distance[relief.shape[0] // 2] > 3]
    assert inside[0] == pytest.approx(-1, abs=0.1)
    assert inside[-1] == pytest.approx(1, abs=0.1)
    assert (np.diff(inside) > -1e-3).all()


def test_in_bfloat16_depth_is_nearly_the_same(folder: Path, network: DepthNetwork, device: str) -> None:
    image = picture(120, 200)
    fast = read(folder, device, "bfloat16")
    assert fast.nbytes < 0.6 * network.nbytes
    assert np.abs(fast.nearness(image) - network.nearness(image)).mean() < 0.05


def test_even_depth_is_even(network: DepthNetwork) -> None:
    flat = network.nearness(Raster(np.full((40, 40, 3), 90, np.uint8), "0" * 64))
    assert np.isfinite(flat).all()


def test_a_model_that_answers_no_numbers_fails_clearly(copy: Path) -> None:
    broken = read(copy, "cpu", "float32")
    with torch.no_grad():
        for weight in broken._model.head.parameters():
            weight.fill_(float("nan"))
    with pytest.raises(ModelFailure, match="no usable depth"):
        broken.nearness(picture(40, 40))


@pytest.mark.parametrize("damage", [name for name in DAMAGES if "tokenizer" not in name])
def test_what_is_not_whole_is_refused(copy: Path, damage: str) -> None:
    act, expected = DAMAGES[damage]
    act(copy)
    with pytest.raises(ModelFailure) as refusal:
        depth.load(copy)
    assert isinstance(refusal.value, expected)
    assert str(copy) not in refusal.value.message
    assert not (copy / "sprung").exists()


@pytest.mark.parametrize(
    "changes",
    [
        {"backbone_config": None},
        {"backbone_config": {"model_type": "timm_backbone"}},
        {"backbone": "someone/else"},
        {"backbone_config": {"hidden_size": 10**9}},
        {"backbone_config": {"num_hidden_layers": 10**9}},
        {"fusion_hidden_size": "wide"},
    ],
)
def test_a_hostile_configuration_is_refused(copy: Path, changes: dict[str, object]) -> None:
    configured(copy, **changes)
    with pytest.raises(ModelFailure):
        depth.load(copy)


def test_a_configuration_chooses_no_code(copy: Path) -> None:
    (copy / "evil.py").write_text("raise SystemExit('run')")
    configured(copy, auto_map={"AutoModel": "evil.Evil"}, quantization_config={"quant_method": "evil"})
    assert isinstance(depth.load(copy), DepthSolids)


def test_a_folder_that_is_not_there_is_said_so(tmp_path: Path) -> None:
    with pytest.raises(ModelUnavailable, match="not on this machine"):
        depth.load(tmp_path / "nowhere")


def test_a_depth_model_of_another_kind_is_refused(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text('{"model_type": "dpt"}')
    with pytest.raises(ModelLoadFailed, match="no Depth Anything"):
        depth.load(tmp_path)


def test_transformers_got_along_without_torchvision(network: DepthNetwork) -> None:
    assert network.nbytes > 0
    assert "torchvision" not in sys.modules
