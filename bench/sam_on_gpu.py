"""SAM on a GPU, here against as published on the same card: encoder, decoder, and a whole search of 64 × 64 points.

Run by ``python -m bench.sam --device cuda``. Every time is the median of several calls between two points at which the
GPU has nothing left to do, after calls that are not counted. Weights are random, so a search computes all that the
network would, and then goes on with drawn logits in place of its noise.
"""

from __future__ import annotations

import gc
import statistics
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from types import SimpleNamespace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor
from transformers import SamConfig, SamModel, SamVisionConfig
from transformers.models.sam.image_processing_pil_sam import SamImageProcessorPil

from bench import published
from bench.measuring import machine
from bench.scenes import discs
from imagequarry.domain.geometry import Point
from imagequarry.domain.raster import Raster
from imagequarry.domain.segmenter import Everything, Prompt
from imagequarry.domain.watch import Unwatched
from imagequarry.engines.huggingface.sam.attention import quicken
from imagequarry.engines.huggingface.sam.engine import SamSegmenter
from imagequarry.engines.huggingface.sam.families import SAM
from imagequarry.engines.huggingface.sam.generator import generate
from imagequarry.engines.huggingface.sam.network import Network, SamEmbedding
from imagequarry.engines.huggingface.sam.preprocess import Frame
from imagequarry.engines.huggingface.sam.weights import Loaded, settled

HEADING = "SAM on a GPU"
SIZES = ((1224, 1632), (3000, 4000))
PROMPTS = 64  # at once, as the published generator asks
IOU, STABILITY = 0.88, 0.85
# Of the 64 batches of a search, how many the published order is timed for; the rest is as many times the same.
PUBLISHED_BATCHES = 2
NOTE = (
    "Medians; weights are random. A search computes all that its network would and goes on with drawn logits; the "
    f"published order is timed for {PUBLISHED_BATCHES} of its 64 batches, and scaled up. "
    "Renewed by `python -m bench.sam --device cuda`."
)
DTYPES = {"float32": torch.float32, "bfloat16": torch.bfloat16}
_LARGE = {"hidden_size": 1024, "num_hidden_layers": 24, "num_attention_heads": 16}
CONFIGS: dict[str, dict[str, Any]] = {
    "vit_b": {},
    "vit_l": _LARGE | {"mlp_dim": 4096, "global_attn_indexes": [5, 11, 17, 23]},
}

Table = list[tuple[str, ...]]


def median(call: Callable[[], object], times: int = 15) -> float:
    """Seconds of a call, the GPU waited for."""
    call()
    call()
    found = []
    for _ in range(times):
        torch.cuda.synchronize()
        start = time.perf_counter()
        call()
        torch.cuda.synchronize()
        found.append(time.perf_counter() - start)
    return statistics.median(found)


@contextmanager
def as_published() -> Iterator[None]:
    """PyTorch's own rounding of convolutions in float32, which is to ten bits on a GPU."""
    torch.backends.cudnn.allow_tf32 = True
    try:
        yield
    finally:
        torch.backends.cudnn.allow_tf32 = False


def plain(name: str, dtype: torch.dtype) -> Any:
    """The model as transformers runs it, with random weights, on the GPU."""
    torch.manual_seed(0)
    model: Any = SamModel(SamConfig(vision_config=SamVisionConfig(**CONFIGS[name])))
    model.cuda()
    with torch.no_grad():
        for weight in model.parameters():
            torch.nn.init.normal_(weight, std=0.05)
    return model.eval().requires_grad_(False).to(dtype)


def ours(model: Any, dtype: torch.dtype) -> Loaded:
    """The same as this server runs it."""
    device = torch.device("cuda")
    model = settled(model, device, dtype)
    if dtype == torch.bfloat16:
        quicken(model.vision_encoder)
    return Loaded(SAM, model, device, dtype)


def ceiling(dtype: torch.dtype) -> float:
    """Seconds of one GFLOP in a large product."""
    a = torch.randn(8192, 8192, device="cuda", dtype=dtype)
    return median(lambda: a @ a, 7) / (2 * 8192**3 / 1e9)


def encoders(names: list[str], gflop: Callable[[Any], float]) -> Table:
    rows: Table = [
        ("encoder", "published", "here", "times faster", "times the matmul ceiling", "with a picture of 2 MP")
    ]
    for name in names:
        for word, dtype in DTYPES.items():
            model = plain(name, dtype)
            pixels = torch.randn(1, 3, 1024, 1024, device="cuda", dtype=dtype)
            rgb = np.random.default_rng(0).integers(0, 256, (*SIZES[0], 3)).astype(np.uint8)
            processor: Any = SamImageProcessorPil()

            def whole() -> Any:
                values = processor(Image.fromarray(rgb), return_tensors="pt")["pixel_values"]  # noqa: B023
                return model.get_image_embeddings(values.to("cuda", dtype))  # noqa: B023

            with torch.inference_mode(), as_published():
                theirs, their_picture = median(partial(model.get_image_embeddings, pixels)), median(whole, 5)
            network = Network(ours(model, dtype))
            with torch.inference_mode():
                mine = median(partial(network._model.get_image_embeddings, pixels))
                my_picture = median(partial(network.embed, rgb), 5)
            share = mine / (ceiling(dtype) * gflop(model.config.vision_config))
            picture = f"{_ms(their_picture)} published, {_ms(my_picture)} here"
            rows.append((f"{name} {word}", _ms(theirs), _ms(mine), _times(theirs, mine), f"{share:.1f}", picture))
    return rows


def decoders(name: str = "vit_b") -> Table:
    rows: Table = [
        ("decoder", "published, 1 prompt", "here", "times faster", "published, each of 64", "here", "times faster")
    ]
    for word, dtype in DTYPES.items():
        found = ours(plain(name, dtype), dtype)
        network, model = Network(found), found.model
        features = torch.randn(1, 256, 64, 64, device="cuda", dtype=dtype)
        cells = []
        with torch.inference_mode():
            shared = network.decoder.share((features,))
            for count in (1, PROMPTS):
                points = torch.rand(1, count, 1, 2, device="cuda") * 1024
                labels = torch.ones(1, count, 1, dtype=torch.int64, device="cuda")
                prompts, dense = model.prompt_encoder(points, labels, None, None)

                def theirs() -> object:
                    return network.decoder.published((features,), prompts[0], dense)  # noqa: B023

                def mine() -> object:
                    attended = network.decoder.attend(shared, prompts[0])  # noqa: B023
                    return [network.decoder.masks(shared, attended, slice(i, i + 16)) for i in range(0, count, 16)]  # noqa: B023

                slow, quick = median(theirs) / count, median(mine) / count
                cells += [_ms(slow), _ms(quick), _times(slow, quick)]
        rows.append((f"{name} {word}", *cells))
    return rows


class Drawn:
    """A network that computes all that it would, and answers with drawn logits and scores instead."""

    at_once = True

    def __init__(self, network: Network, logits: Tensor, iou: Tensor) -> None:
        self.exact, self.tracer = network.exact, network.tracer
        self._network, self._logits, self._iou = network, logits, iou
        self._next = 0

    def begin(self) -> None:
        self._next = 0

    def pointed(self, embedding: SamEmbedding, points: NDArray[np.float64]) -> Any:
        found = self._network.pointed(embedding, points)
        at = torch.arange(self._next, self._next + len(points), device="cuda") % len(self._logits)
        self._next += len(points)
        return SimpleNamespace(iou=self._iou[at], at=at, found=found)

    def several(self, embedding: SamEmbedding, attended: Any, rows: NDArray[np.intp]) -> Tensor:
        self._network.several(embedding, attended.found, rows)
        return self._logits[attended.at[torch.from_numpy(rows).cuda()]]


def scores(count: int, kept: float = 0.25, seed: int = 0) -> Tensor:
    """(count, 3): as many above 0.9 as the share says."""
    drawn = np.random.default_rng(seed).uniform(0, 1, (count, 3)).astype(np.float32)
    drawn = np.where(drawn < kept, 0.9 + 0.1 * drawn / kept, 0.88 * drawn).astype(np.float32)
    return torch.from_numpy(drawn).cuda()


def generators(quick: bool, name: str = "vit_b") -> Table:
    side = 16 if quick else 64
    rows: Table = [
        (
            f"{side} × {side} points",
            "published",
            "here",
            "times faster",
            "GPU memory, published",
            "GPU memory, here",
            "candidates kept",
        )
    ]
    logits, iou = torch.from_numpy(discs(PROMPTS)).cuda(), scores(PROMPTS)
    wish = Everything(points_per_side=side, pred_iou_thresh=IOU, stability_score_thresh=STABILITY, crop_n_layers=0)
    wish = replace(wish, min_mask_region_area=0)
    batches = side**2 // PROMPTS
    for word, dtype in DTYPES.items():
        network = Network(ours(plain(name, dtype), dtype))
        drawn: Any = Drawn(network, logits, iou)
        for height, width in SIZES:
            rgb = np.zeros((height, width, 3), dtype=np.uint8)
            embedding = network.embed(rgb)
            kept: list[Any] = []

            def mine() -> Any:
                drawn.begin()  # noqa: B023
                kept.append(generate(drawn, rgb, embedding, wish, Unwatched()))  # noqa: B023
                return kept[-1].answer(wish)  # noqa: B023

            theirs = partial(_published, network, logits, iou, Frame.of(height, width, 1024, SAM))
            memory = _peak(theirs), _peak(mine)
            slow, fast = median(theirs, 3) * batches / PUBLISHED_BATCHES, median(mine, 3)
            found = str(len(kept[-1].kept))
            sizes = [f"{m:.1f} GiB" for m in memory]
            rows.append(
                (f"{word}, {height * width / 1e6:.0f} MP", _s(slow), _s(fast), _times(slow, fast), *sizes, found)
            )
    return rows


def _published(network: Network, logits: Tensor, iou: Tensor, frame: Frame) -> object:
    """Some batches in the published order: all three masks of all prompts, enlarged, then filtered."""
    found = []
    features = torch.zeros(1, 256, 64, 64, device="cuda", dtype=network.decoder.start.dtype)
    for _ in range(PUBLISHED_BATCHES):
        points = torch.rand(1, PROMPTS, 1, 2, device="cuda") * 1024
        labels = torch.ones(1, PROMPTS, 1, dtype=torch.int64, device="cuda")
        with torch.inference_mode():
            prompts, dense = network._model.prompt_encoder(points, labels, None, None)
            network.decoder.published((features,), prompts[0], dense)
            found.append(published.batch(logits, iou, frame, IOU, STABILITY))
    return found


def clicks() -> Table:
    """A repeated click, from the prompt to three masks."""
    rows: Table = [("click", "float32", "bfloat16")]
    found: dict[tuple[int, int], list[str]] = {size: [] for size in SIZES}
    for dtype in DTYPES.values():
        segmenter = SamSegmenter(ours(plain("vit_b", dtype), dtype))
        for height, width in SIZES:
            embedding = segmenter.embed(Raster(np.zeros((height, width, 3), np.uint8), "blank"))
            network: Any = segmenter._network
            shown = torch.from_numpy(discs(1)).cuda()

            def several(*arguments: Any) -> Tensor:
                Network.several(network, *arguments)  # noqa: B023
                return shown  # noqa: B023

            network.several = several
            click = partial(segmenter.predict, embedding, Prompt((Point(300.0, 200.0),), (1,)))
            found[height, width].append(_ms(median(click, 50)))
            del network.several
    rows += [(f"{height * width / 1e6:.0f} MP", *cells) for (height, width), cells in found.items()]
    return rows


def tables(quick: bool, gflop: Callable[[Any], float]) -> Iterator[Table]:
    """Each table as soon as it is measured."""
    measured: list[Callable[[], Table]] = [
        lambda: encoders(["vit_b"] if quick else list(CONFIGS), gflop),
        decoders,
        partial(generators, quick),
        clicks,
    ]
    for table in measured:
        yield table()
        gc.collect()
        torch.cuda.empty_cache()


def named() -> str:
    """The card and what ran on it, in a line."""
    memory = torch.cuda.get_device_properties(0).total_memory / 2**30
    return f"{torch.cuda.get_device_name(0)}, {memory:.0f} GiB, CUDA {torch.version.cuda}, beside {machine()}"


def _peak(call: Callable[[], object]) -> float:
    """GiB by which the GPU's memory in use rose."""
    gc.collect()
    torch.cuda.empty_cache()
    torch.cuda.reset_peak_memory_stats()
    before = torch.cuda.memory_allocated()
    call()
    return float(torch.cuda.max_memory_allocated() - before) / 2**30


def _ms(seconds: float) -> str:
    return f"{seconds * 1e3:.2f} ms"


def _s(seconds: float) -> str:
    return f"{seconds:.2f} s"


def _times(slow: float, fast: float) -> str:
    return f"{slow / fast:.1f}"
