"""Real models through the registry: whole or not at all, once for all callers, and never at the cost of the others."""

from __future__ import annotations

import pickle
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
import torch

from imagequarry.engines.huggingface.devices import give_back
from imagequarry.errors import ModelFailure, ModelLoadFailed, ModelUnavailable
from imagequarry.models import manifest
from imagequarry.models.cache import ByteCache, EmbeddingKey
from imagequarry.models.catalogue import ALIASES, CATALOGUE, Hardware
from imagequarry.models.manifest import Manifest
from imagequarry.models.pool import ModelPool
from imagequarry.models.registry import Registry
from imagequarry.models.weights import WeightsFolder
from tests.engines.huggingface.devices import DEVICES
from tests.engines.huggingface.sam import tiny


def registry(root: Path, default: str = "auto", hardware: Hardware | None = None) -> Registry:
    embeddings: ByteCache[EmbeddingKey, Any] = ByteCache(10**6)
    weights = WeightsFolder(root)
    return Registry(CATALOGUE, weights, ModelPool(10**9), embeddings, hardware or Hardware("cpu", "exact"), default)


@pytest.fixture(scope="session")
def tiny_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tiny SAM with seeded weights, as the hub would hand it out."""
    return tiny.saved(tiny.sam(), tmp_path_factory.mktemp("tiny"))


@pytest.fixture
def root(tiny_folder: Path, tmp_path: Path) -> Path:
    """A folder of weights with the tiny model as vit_b, recorded as a pull records it."""
    folder = tmp_path / "vit_b"
    shutil.copytree(tiny_folder, folder)
    files = tuple(manifest.recorded(folder / name) for name in ("config.json", "model.safetensors"))
    manifest.write(folder, Manifest("vit_b", "facebook/sam-vit-base", "0" * 40, files))
    return tmp_path


def test_a_loaded_model_tells_what_it_holds_in_memory(root: Path) -> None:
    models = registry(root)
    assert models.state("vit_b").memory_bytes == 0
    state = models.load("vit_b")
    assert (state.loaded, state.cached, len(state.digest)) == (True, True, 64)
    # float32 weights: as many bytes as the file, but for its header and what is computed from them.
    size = (root / "vit_b" / "model.safetensors").stat().st_size
    assert 0.5 * size < state.memory_bytes < 2 * size
    assert models.unload("vit_b") is True
    assert models.state("vit_b").memory_bytes == 0


def test_precision_reaches_the_engine_and_the_key_of_what_is_cached(root: Path) -> None:
    with registry(root).lease(registry(root).card("vit_b")) as leased:
        assert leased.engine.exact is True
        exact = leased.key("a" * 64)
    assert exact.version.endswith("+exact")
    auto = registry(root, hardware=Hardware("auto", "auto"))
    with auto.lease(auto.card("vit_b")) as leased:
        assert leased.key("a" * 64) != exact
    assert auto.device() in ("cpu", "cuda", "mps")


def test_a_caller_may_choose_the_precision_and_both_are_counted_and_unloaded(root: Path) -> None:
    models = registry(root, hardware=Hardware("cpu", "auto"))
    card = models.card("vit_b")
    with models.lease(card, "exact") as exact, models.lease(card, "fast") as fast, models.lease(card) as default:
        assert exact.engine.exact is True
        assert default.engine is fast.engine is not exact.engine
        assert exact.key("a" * 64) != fast.key("a" * 64)
        assert models.state("vit_b").memory_bytes == exact.engine.nbytes + fast.engine.nbytes
    assert models.unload("vit_b") is True
    assert models.state("vit_b").loaded is False


def test_a_device_that_is_not_there_is_an_error_and_embedded_models_run_all_the_same(root: Path) -> None:
    import torch

    absent = "mps" if torch.cuda.is_available() else "cuda"
    models = registry(root, hardware=Hardware(absent, "auto"))
    with pytest.raises(ModelUnavailable, match=f"DEVICE={absent}"):
        models.load("vit_b")
    assert models.load("region-tree").loaded is True


def test_fifty_callers_at_once_load_once(root: Path) -> None:
    models = registry(root)
    engines = set()

    def use(number: int) -> None:
        with models.lease(models.card("vit_b")) as leased:
            engines.add(id(leased.engine))

    with ThreadPoolExecutor(50) as threads:
        list(threads.map(use, range(50)))
    assert len(engines) == 1


def test_auto_chooses_the_best_whose_weights_are_present(root: Path, tiny_folder: Path) -> None:
    models = registry(root)
    assert models.choose(None, "segment").name == "vit_b"
    shutil.copytree(tiny_folder, root / "vit_h")
    assert models.choose(None, "segment").name == "vit_h"
    shutil.rmtree(root / "vit_h")
    shutil.rmtree(root / "vit_b")
    assert models.choose(None, "segment").name == "region-tree"


WITHOUT_TORCH = """
import importlib.util, sys
from pathlib import Path

class NoTorch:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in ("torch", "transformers"):
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)

for name in ("torch", "transformers"):
    assert name not in sys.modules
found = importlib.util.find_spec
importlib.util.find_spec = lambda name: None if name in ("torch", "transformers") else found(name)
sys.meta_path.insert(0, NoTorch())
from imagequarry.errors import ModelUnavailable
from imagequarry.models.cache import ByteCache
from imagequarry.models.catalogue import CATALOGUE, Hardware
from imagequarry.models.pool import ModelPool
from imagequarry.models.registry import Registry
from imagequarry.models.weights import WeightsFolder
models = Registry(CATALOGUE, WeightsFolder(Path(sys.argv[1])), ModelPool(10**9), ByteCache(10), Hardware())
print(models.choose(None, "segment").name, models.device())
try:
    models.load("vit_b")
except ModelUnavailable as error:
    print(error.message)
"""


def test_without_torch_auto_is_the_embedded_engine_and_a_named_model_says_what_to_install(root: Path) -> None:
    done = subprocess.run([sys.executable, "-c", WITHOUT_TORCH, str(root)], capture_output=True, text=True, timeout=60)
    assert done.stdout.splitlines() == [
        "region-tree cpu",
        "'vit_b' needs torch, transformers. To install: pip install 'imagequarry[models]'",
    ], done.stderr


class Trap:
    """Leaves a file behind when it is unpickled."""

    def __init__(self, file: Path) -> None:
        self.file = file

    def __reduce__(self) -> tuple[Any, ...]:
        return (Path.touch, (self.file,))


@pytest.mark.parametrize("damage", ["truncated", "another architecture", "no json", "trap"])
def test_what_cannot_be_loaded_leaves_nothing_behind_and_is_tried_anew(
    root: Path, tiny_folder: Path, tmp_path: Path, damage: str
) -> None:
    folder, sprung = root / "vit_b", tmp_path / "sprung"
    (folder / manifest.MANIFEST).unlink()
    match damage:
        case "truncated":
            with (folder / "model.safetensors").open("r+b") as file:
                file.truncate(5000)
        case "another architecture":
            (folder / "config.json").write_text('{"model_type": "bert"}')
        case "no json":
            (folder / "config.json").write_text("{")
        case "trap":
            shutil.rmtree(folder)
            (root / "sam_vit_b_01ec64.pth").write_bytes(pickle.dumps(Trap(sprung), protocol=2))
    models = registry(root)
    for _ in range(2):
        with pytest.raises(ModelLoadFailed) as refusal:
            models.load("vit_b")
        assert str(root) not in refusal.value.message
        assert models.state("vit_b").loaded is False
    assert not sprung.exists()
    # Another model is served all the while, and the mended one afterwards.
    assert models.load("region-tree").loaded is True
    (root / "sam_vit_b_01ec64.pth").unlink(missing_ok=True)
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(tiny_folder, folder)
    assert models.load("vit_b").loaded is True


def test_weights_that_changed_since_they_were_checked_are_not_loaded(root: Path) -> None:
    with (root / "vit_b" / "model.safetensors").open("r+b") as file:
        file.seek(-4, 2)
        file.write(b"\x00\x00\xc0\x7f")
    with pytest.raises(ModelFailure, match=r"damaged\. To mend them"):
        registry(root).load("vit_b")


def test_other_weights_under_the_same_name_are_another_version(root: Path) -> None:
    models = registry(root)
    with models.lease(models.card("vit_b")) as leased:
        before = leased.version
    models.unload("vit_b")
    shutil.rmtree(root / "vit_b")
    tiny.saved(tiny.sam(seed=1), root / "vit_b")
    with models.lease(models.card("vit_b")) as leased:
        assert leased.version != before


@pytest.mark.parametrize("device", DEVICES)
def test_memory_comes_back_when_a_model_goes(root: Path, device: str) -> None:
    embeddings: ByteCache[EmbeddingKey, Any] = ByteCache(10**6)
    pool = ModelPool(10**9, give_back=give_back)
    models = Registry(CATALOGUE, WeightsFolder(root), pool, embeddings, Hardware(device, "exact"))
    # Once for what a GPU's libraries keep from the first time on.
    models.load("vit_b")
    models.unload("vit_b")
    before = allocated()
    models.load("vit_b")
    assert models.device() == device
    assert (allocated() > before) is (device == "cuda")
    assert models.unload("vit_b") is True
    assert allocated() == before


def allocated() -> int:
    """Bytes of the GPU's memory that tensors of this process hold; 0 where there is none."""
    return torch.cuda.memory_allocated() if torch.cuda.is_available() else 0


OUT_OF_MEMORY = """
import resource, sys
from pathlib import Path
import torch, transformers
from safetensors.torch import load_file, save_file
from imagequarry.errors import OutOfMemory
from imagequarry.models.catalogue import Hardware
from tests.models.test_loading import registry
root = Path(sys.argv[1])
device = sys.argv[2]

def limit(more):
    if device == "cuda":
        total = torch.cuda.get_device_properties(0).total_memory
        cap = 1.0 if more is None else (torch.cuda.memory_reserved() + more) / total
        torch.cuda.set_per_process_memory_fraction(cap)
        return
    used = int(open("/proc/self/statm").read().split()[0]) * resource.getpagesize()
    cap = resource.RLIM_INFINITY if more is None else used + more
    resource.setrlimit(resource.RLIMIT_AS, (cap, resource.RLIM_INFINITY))

models = registry(root, hardware=Hardware(device, "exact"))
models.load("vit_b")
models.unload("vit_b")
limit(48 * 2**20)
for _ in range(2):
    try:
        models.load("vit_l")
    except OutOfMemory as error:
        print("out of memory:", error.message)
print(models.state("vit_l").loaded, models.load("region-tree").loaded, models.load("vit_b").loaded)
limit(None)
print(models.load("vit_l").loaded)
"""


@pytest.mark.parametrize("device", DEVICES)
def test_out_of_memory_is_told_and_other_models_are_served_all_the_same(root: Path, device: str) -> None:
    from transformers import SamConfig, SamMaskDecoderConfig, SamModel, SamPromptEncoderConfig, SamVisionConfig

    large = SamConfig(
        vision_config=SamVisionConfig(
            hidden_size=1024,
            num_hidden_layers=2,
            num_attention_heads=8,
            mlp_dim=8192,
            image_size=128,
            global_attn_indexes=[1],
            window_size=3,
            output_channels=32,
            num_pos_feats=16,
        ),
        prompt_encoder_config=SamPromptEncoderConfig(hidden_size=32, image_size=128),
        mask_decoder_config=SamMaskDecoderConfig(hidden_size=32, mlp_dim=64, iou_head_hidden_dim=32),
    )
    tiny.saved(SamModel(large), root / "vit_l")
    assert (root / "vit_l" / "model.safetensors").stat().st_size > 150 * 10**6
    command = [sys.executable, "-c", OUT_OF_MEMORY, str(root), device]
    done = subprocess.run(command, capture_output=True, text=True, timeout=100)
    assert [line.split(":")[0] for line in done.stdout.splitlines()] == [
        "out of memory",
        "out of memory",
        "False True True",
        "True",
    ], done.stdout + done.stderr[-3000:]


def test_every_alias_is_another_name_of_a_model_there_is() -> None:
    names = {entry.card.name for entry in CATALOGUE}
    assert set(ALIASES.values()) <= names
    assert set(ALIASES).isdisjoint(names)


@pytest.mark.parametrize("alias", ["sam_vit_b", "sam-vit-base"])
def test_a_model_is_known_by_its_other_names(root: Path, alias: str) -> None:
    models = registry(root, default=alias)
    assert models.choose(None, "segment").name == "vit_b"
    assert models.load(alias).card.name == "vit_b"
    assert models.unload(alias) is True
    assert models.state("vit_b").loaded is False


def test_every_card_tells_size_licence_and_source() -> None:
    for entry in CATALOGUE:
        card = entry.card
        assert card.licence
        assert card.description
        if card.family == "huggingface":
            assert card.size_mb > 0
            assert card.source == f"https://huggingface.co/{card.hub}"
            assert bool(card.checkpoint) == bool(card.checkpoint_sha256)
    assert [entry.card.name for entry in CATALOGUE if entry.card.gated] == ["sam3", "sam3-words"]
