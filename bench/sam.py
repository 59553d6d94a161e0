"""SAM here against SAM as published: encoder, decoder and the mask generator, side by side in one run.

``python -m bench.sam`` prints the tables and writes them into docs/benchmarks.md; ``--quick`` leaves out what takes
minutes. Weights are random, so times are true and masks are not: the generator runs on drawn logits instead.
``--device cuda`` measures on a GPU instead, and has a section of its own.
"""

from __future__ import annotations

import argparse
import time
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
import torch
from transformers import SamConfig, SamMaskDecoderConfig, SamModel, SamPromptEncoderConfig, SamVisionConfig

from bench import page, published, sam_on_gpu
from bench.measuring import Cost, cost, machine, peak
from bench.scenes import Replay, discs
from imagequarry.domain.geometry import Point
from imagequarry.domain.raster import Raster
from imagequarry.domain.segmenter import Everything, Prompt
from imagequarry.domain.watch import Unwatched
from imagequarry.engines.huggingface.sam.attention import quicken
from imagequarry.engines.huggingface.sam.engine import SamSegmenter
from imagequarry.engines.huggingface.sam.families import SAM
from imagequarry.engines.huggingface.sam.generator import generate
from imagequarry.engines.huggingface.sam.network import Network
from imagequarry.engines.huggingface.sam.preprocess import Frame
from imagequarry.engines.huggingface.sam.weights import Loaded, settled

PROMPTS = 8
SIZES = ((866, 1154), (1224, 1632), (3000, 4000))
DTYPES = {"float32": torch.float32, "bfloat16": torch.bfloat16}

Table = list[tuple[str, ...]]

_WORK = "the same as seconds of all cores together: on a busy machine the truer figure."


def vit_b() -> Any:
    """ViT-B with the sizes of the published one."""
    return SamModel(SamConfig(vision_config=SamVisionConfig()))


def tiny() -> Any:
    """A model of the same shape but for its widths."""
    vision = SamVisionConfig(hidden_size=96, num_hidden_layers=4, num_attention_heads=3, output_channels=64)
    vision.num_pos_feats = 32
    return SamModel(
        SamConfig(
            vision_config=vision,
            prompt_encoder_config=SamPromptEncoderConfig(hidden_size=64),
            mask_decoder_config=SamMaskDecoderConfig(hidden_size=64, mlp_dim=256),
        )
    )


def plain(make: Any, dtype: torch.dtype) -> Any:
    """The model as transformers runs it, with random weights."""
    torch.manual_seed(0)
    model = make()
    with torch.no_grad():
        for weight in model.parameters():
            torch.nn.init.normal_(weight, std=0.05)
    return model.eval().to(dtype)


def loaded(make: Any, dtype: torch.dtype) -> Loaded:
    model = plain(make, dtype)
    return Loaded(SAM, settled(model, torch.device("cpu"), dtype), torch.device("cpu"), dtype)


def ceiling(dtype: torch.dtype) -> Cost:
    """Seconds of one GFLOP in the encoder's largest product."""
    a, b = torch.randn(4096, 768).to(dtype), torch.randn(768, 3072).to(dtype)
    found = cost(lambda: a @ b, times=10)
    gflop = 2 * 4096 * 768 * 3072 / 1e9
    return Cost(found.wall / gflop, found.work / gflop)


def encoder_gflop(config: Any) -> float:
    """Multiplications and additions of the encoder's products."""
    grid, width, window = 64, config.hidden_size, config.window_size
    tokens = grid * grid
    padded = (-(-grid // window) * window) ** 2
    total: float = 2.0 * tokens * width * 3 * config.patch_size**2
    for i in range(config.num_hidden_layers):
        whole = i in config.global_attn_indexes
        seen = tokens if whole else padded
        total += 8 * seen * width**2 + 4 * tokens * width * config.mlp_dim
        total += 4 * seen * width * (tokens if whole else window**2)
    total += 2 * tokens * config.output_channels * (width + 9 * config.output_channels)
    return total / 1e9


def encoders(quick: bool) -> Table:
    rows: Table = [("encoder", "published", "here", "times faster", "times the matmul ceiling")]
    for name, make in (("tiny", tiny),) if quick else (("tiny", tiny), ("vit_b", vit_b)):
        for word, dtype in DTYPES.items():
            per_gflop = ceiling(dtype)
            model = plain(make, dtype)
            pixels = torch.randn(1, 3, 1024, 1024).to(dtype)
            with torch.inference_mode():
                theirs = cost(partial(model.get_image_embeddings, pixels), times=1)
                model = settled(model, torch.device("cpu"), dtype)
                if dtype == torch.bfloat16:
                    quicken(model.vision_encoder)
                ours = cost(partial(model.get_image_embeddings, pixels), times=1)
            gflop = encoder_gflop(model.config.vision_config)
            least = Cost(per_gflop.wall * gflop, per_gflop.work * gflop)
            share = f"{ours.wall / least.wall:.1f} ({ours.work / least.work:.1f})"
            rows.append((f"{name} {word}", _ms(theirs), _ms(ours), ours.over(theirs), share))
    return rows


def decoders(quick: bool) -> Table:
    rows: Table = [("decoder, a prompt", "published", "here, all masks", "here, masks of 1 in 4", "times faster")]
    for name, make in (("tiny", tiny), ("vit_b", vit_b)):
        for word, dtype in DTYPES.items():
            found = loaded(make, dtype)
            network, model = Network(found), found.model
            width, grid = model.mask_decoder.hidden_size, network.decoder.grid
            features = torch.randn(1, width, grid, grid).to(dtype)
            points = torch.rand(1, PROMPTS, 1, 2) * 1024
            labels = torch.ones(1, PROMPTS, 1, dtype=torch.int64)
            with torch.inference_mode():
                prompts, dense = model.prompt_encoder(points, labels, None, None)
                shared = network.decoder.share((features,))

                def theirs() -> object:
                    return network.decoder.published((features,), prompts[0], dense)  # noqa: B023

                def ours(masks: int) -> object:
                    attended = network.decoder.attend(shared, prompts[0])  # noqa: B023
                    return [network.decoder.masks(shared, attended, slice(row, row + 1)) for row in range(masks)]  # noqa: B023

                costs = cost(theirs), cost(lambda: ours(PROMPTS)), cost(lambda: ours(PROMPTS // 4))
            each = [_ms(Cost(c.wall / PROMPTS, c.work / PROMPTS)) for c in costs]
            faster = f"{costs[1].over(costs[0])}, {costs[2].over(costs[0])}"
            rows.append((f"{name} {word}", *each, faster))
    return rows


def generators(quick: bool) -> Table:
    """After the decoder, a batch of 64 points. The published order takes part of the batch where all of it would not
    fit into memory; its time is scaled up, its memory too."""
    rows: Table = [
        ("64 points", "published order", "here", "times faster", "memory, published", "memory, here", "same masks")
    ]
    logits = discs(64)
    wish = Everything(points_per_side=8, pred_iou_thresh=0.88, stability_score_thresh=0.85, crop_n_layers=0)
    wish = replace(wish, min_mask_region_area=0)
    for height, width in SIZES[:2] if quick else SIZES:
        rgb = np.zeros((height, width, 3), dtype=np.uint8)
        replay: Any = Replay(logits)
        frame = Frame.of(height, width, 1024, SAM)
        part = 64 if height < 1000 else 16 if height < 2000 else 4
        scale = 64 / part

        def theirs() -> list[dict[str, list[int]]]:
            return published.batch(logits[:part], replay.iou[:part], frame, 0.88, 0.85)  # noqa: B023

        def ours() -> Any:
            return generate(replay, rgb, replay.embed(rgb), wish, Unwatched()).answer(wish)  # noqa: B023

        # Memory first: what a first call fetched from the system a second one may find still there.
        memory = peak(ours), peak(theirs) * scale
        slow, quick_one = cost(theirs, times=1), cost(ours, times=3)
        slow = Cost(slow.wall * scale, slow.work * scale)
        small: Any = Replay(logits[:part])
        small.iou = replay.iou[:part]
        few = generate(small, rgb, small.embed(rgb), replace(wish, points_per_side=round(part**0.5)), Unwatched())
        same = len(few.answer(wish).candidates) == len(theirs())
        name = f"{height * width / 1e6:.0f} MP"
        sizes = f"{memory[1]:.0f} MiB", f"{memory[0]:.0f} MiB"
        rows.append((name, _ms(slow), _ms(quick_one), quick_one.over(slow), *sizes, "yes" if same else "NO"))
    return rows


def clicks(quick: bool) -> Table:
    """Everything of a repeated click but the decoder, and other thresholds on kept candidates, at 2 megapixels."""
    height, width = SIZES[1]
    rgb = np.zeros((height, width, 3), dtype=np.uint8)
    segmenter = SamSegmenter(loaded(tiny, torch.float32))
    embedding = segmenter.embed(Raster(rgb, "blank"))
    network: Any = segmenter._network
    shown = discs(64)
    spent = 0.0

    def masks(*arguments: Any) -> Any:
        nonlocal spent
        start = time.perf_counter()
        network.masks(*arguments)
        spent += time.perf_counter() - start
        return shown[len(overheads) % 64]

    def prompted(*arguments: Any) -> Any:
        nonlocal spent
        start = time.perf_counter()
        found = Network.prompted(network, *arguments)
        spent += time.perf_counter() - start
        return found

    network.logits, network.prompted = masks, prompted
    overheads: list[float] = []
    for i in range(100 if quick else 400):
        spent, start = 0.0, time.perf_counter()
        segmenter.predict(embedding, Prompt((Point(3.0 * i, 2.0 * i),), (1,)))
        overheads.append((time.perf_counter() - start - spent) * 1e3)
    p50, p99 = np.percentile(overheads, [50, 99])
    replay: Any = Replay(discs(256 if quick else 1024))
    wish = Everything(points_per_side=16 if quick else 32, pred_iou_thresh=0.8, stability_score_thresh=0.8)
    wish = replace(wish, crop_n_layers=0)
    kept = generate(replay, rgb, replay.embed(rgb), wish, Unwatched())
    first = len(kept.answer(wish).candidates)
    again = cost(lambda: kept.answer(replace(wish, pred_iou_thresh=0.9)))
    lower = min(_fresh(kept, wish) for _ in range(3))
    return [
        ("at 2 MP", "milliseconds"),
        ("repeated click but for the decoder, median", f"{p50:.1f}"),
        ("repeated click but for the decoder, 99th percentile", f"{p99:.1f}"),
        (f"other thresholds on {len(kept.kept)} candidates ({first} masks)", f"{again.wall * 1e3:.1f}"),
        ("first answer from them, every mask cleaned", f"{lower * 1e3:.1f}"),
    ]


def _fresh(kept: Any, wish: Everything) -> float:
    kept = replace(kept)
    start = time.perf_counter()
    kept.answer(wish)
    return time.perf_counter() - start


def _ms(found: Cost) -> str:
    return f"{found.wall * 1e3:.1f} ms ({found.work * 1e3:.1f})"


def markdown(rows: Table) -> str:
    head, *body = rows
    lines = ["| " + " | ".join(row) + " |" for row in (head, ("---",) * len(head), *body)]
    return "\n".join(lines) + "\n"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="leave out what takes minutes")
    parser.add_argument("--threads", type=int, help="of PyTorch; one gives steady figures on a busy machine")
    parser.add_argument("--device", choices=("cpu", "cuda"), default="cpu", help="where to measure; default: cpu")
    wanted = parser.parse_args()
    quick: bool = wanted.quick
    if wanted.threads:
        torch.set_num_threads(wanted.threads)
    if wanted.device == "cuda":
        heading, told = sam_on_gpu.HEADING, f"On {sam_on_gpu.named()}. {sam_on_gpu.NOTE}\n"
        found = sam_on_gpu.tables(quick, encoder_gflop)
    else:
        heading, told = "SAM", f"On {machine()}. In brackets {_WORK}\n"
        found = (table(quick) for table in (decoders, generators, clicks, encoders))
    parts = [told]
    for table in found:
        parts.append(markdown(table))
        print(parts[-1], flush=True)
    if not quick:
        page.write(heading, "\n".join(parts))


if __name__ == "__main__":
    main()
