"""Duplicates among 50,000 pictures against comparing every pair: ``python -m bench.duplicates`` prints the tables and
writes them into docs/benchmarks.md; ``--quick`` takes 10,000 and prints only.

Vectors are drawn: clusters of every tightness round a common direction, as models make them, and one picture in fifty
a copy of another with a little noise, whose hash agrees.
"""

from __future__ import annotations

import argparse
import time
from datetime import UTC, datetime
from functools import partial

import cv2
import numpy as np
from numpy.typing import NDArray

from bench import page
from bench.measuring import Cost, cost, machine, peak
from imagequarry.capabilities.duplicates import Pictures, grouped, near_pairs, perceptual_hash
from imagequarry.capabilities.duplicates.hashing import Words, turned_hashes
from imagequarry.domain.describing import Vectors
from imagequarry.domain.raster import Raster
from imagequarry.domain.records import StoredImage

DIMENSION = 512
# Comparing this many pictures pair by pair is timed; the rest is arithmetic.
IN_PYTHON = 1200
ROWS = 100

Table = list[tuple[str, ...]]


def drawn(count: int, seed: int = 0) -> tuple[Vectors, Words]:
    """(N, 512) unit vectors, the cosines of most pairs from 0.2 to 0.6, and (N, 4) hashes."""
    rng = np.random.default_rng(seed)
    common = rng.normal(size=DIMENSION) / DIMENSION**0.5
    kinds = rng.normal(size=(80, DIMENSION)) / DIMENSION**0.5 * np.linspace(1, 0.2, 80)[:, None]
    centres = rng.normal(size=(count // 25, 80)) @ kinds
    which = rng.integers(0, len(centres), count)
    vectors = 1.2 * common + 0.25 * centres[which] + 0.08 * rng.normal(size=(count, 80)) @ kinds
    spread = rng.uniform(0.25, 0.6, (len(centres), 1))[which]
    vectors += spread * rng.normal(size=(count, DIMENSION)) / DIMENSION**0.5
    copies, of = rng.choice(count, count // 50, replace=False), rng.integers(0, count, count // 50)
    noise = rng.normal(size=(len(copies), DIMENSION)) / DIMENSION**0.5
    vectors[copies] = vectors[of] + rng.uniform(0, 0.5, (len(copies), 1)) * noise
    hashes = rng.integers(0, 256, (count, 32), dtype=np.uint8)
    hashes[copies] = hashes[of] ^ np.uint8(1)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    return vectors.astype(np.float32), hashes.view(np.uint64)


def pictures(vectors: Vectors, hashes: Words) -> Pictures:
    made = datetime(2026, 1, 1, tzinfo=UTC)
    images = [
        StoredImage(f"{row:06}", f"{row:064x}", "x.jpg", "JPEG", 640, 480, 100_000 + row % 7, created_at=made)
        for row in range(len(vectors))
    ]
    return Pictures(images, vectors, hashes)


def pairwise(vectors: Vectors, threshold: float) -> int:
    """Every pair in Python, a product of two vectors each."""
    found = 0
    for i in range(len(vectors)):
        one = vectors[i]
        for j in range(i + 1, len(vectors)):
            found += float(np.dot(one, vectors[j])) >= threshold
    return found


def by_rows(vectors: Vectors, rows: int, threshold: float) -> int:
    """One product of all vectors with one for each picture."""
    return sum(np.flatnonzero(vectors @ vectors[row] >= threshold).size for row in range(rows))


def plainly(vectors: Vectors, threshold: float, block: int = 1024) -> NDArray[np.intp]:
    """Every pair by products of whole blocks at full length, as i * N + j, sorted."""
    found = []
    for start in range(0, len(vectors), block):
        products = vectors[start : start + block] @ vectors[start:].T
        first, second = np.nonzero(products >= threshold)
        later = second > first
        found.append((first[later] + start) * len(vectors) + second[later] + start)
    return np.sort(np.concatenate(found))


def grouping(count: int) -> Table:
    vectors, hashes = drawn(count)
    all_of_them = pictures(vectors, hashes)
    pairs = count * (count - 1) / 2
    rows: Table = [
        ("threshold", "pairs", "groups", "here", "every pair in Python", "a product for each picture", "memory")
    ]
    for threshold in (0.98, 0.95, 0.9, 0.85):
        call = partial(grouped, all_of_them, threshold)
        memory = peak(call)
        ours = cost(call, times=2)
        part = cost(partial(pairwise, vectors[:IN_PYTHON], threshold), times=1)
        python = _scaled(part, pairs / (IN_PYTHON * (IN_PYTHON - 1) / 2))
        each = _scaled(cost(partial(by_rows, vectors, ROWS, threshold), times=1), count / ROWS)
        found = grouped(all_of_them, threshold)
        listed = near_pairs(vectors, threshold, hashes, most=10**8)
        rows.append(
            (
                f"{threshold}",
                f"{len(listed):,}",
                f"{len(found.groups):,}",
                _seconds(ours),
                f"{_seconds(python)}: {python.wall / ours.wall:.0f} times ({python.work / ours.work:.0f})",
                f"{_seconds(each)}: {each.wall / ours.wall:.0f} times ({each.work / ours.work:.0f})",
                f"{memory:.0f} MiB",
            )
        )
    return rows


def exactness(count: int) -> Table:
    """Vectors alone, against the plain product: pairs nearer to the threshold than rounding do not count."""
    vectors, _ = drawn(count)
    rows: Table = [("threshold", "here", "plain product in blocks", "times faster", "pairs missed", "pairs too many")]
    for threshold in (0.95, 0.9):
        ours = cost(partial(near_pairs, vectors, threshold, None, 10**8), times=1)
        start, work = time.perf_counter(), time.process_time()
        sure = plainly(vectors, threshold + 1e-6)
        plain = Cost(time.perf_counter() - start, time.process_time() - work)
        possible = plainly(vectors, threshold - 1e-6)
        found = near_pairs(vectors, threshold, None, 10**8)
        keys = found.first * count + found.second
        missed, added = np.setdiff1d(sure, keys).size, np.setdiff1d(keys, possible).size
        rows.append((f"{threshold}", _seconds(ours), _seconds(plain), ours.over(plain), str(missed), str(added)))
    return rows


def floods(count: int) -> Table:
    """What has too many pairs to list them."""
    rows: Table = [("flood", "groups", "here", "memory")]
    vectors, hashes = drawn(count)
    same = pictures(np.repeat(vectors[:1], count, axis=0), hashes)
    for name, flood, threshold in (
        ("everything one picture, saved differently", same, 0.95),
        ("all pairs at a threshold of 0.5", pictures(vectors, hashes), 0.5),
    ):
        call = partial(grouped, flood, threshold)
        memory = peak(call)
        ours = cost(call, times=1)
        rows.append((name, f"{len(grouped(flood, threshold).groups):,}", _seconds(ours), f"{memory:.0f} MiB"))
    return rows


def hashing() -> Table:
    rows: Table = [("perceptual hash", "upright", "in all eight positions")]
    rng = np.random.default_rng(0)
    small = rng.integers(0, 255, (24, 32, 3)).astype(np.uint8)
    for name, size in (("0.3 MP", (640, 480)), ("2 MP", (1632, 1224)), ("12 MP", (4000, 3000))):
        pixels = cv2.resize(small, size, interpolation=cv2.INTER_CUBIC).astype(np.uint8)
        raster = Raster(pixels, "0" * 64)
        costs = [cost(partial(hashed, raster), times=5) for hashed in (perceptual_hash, turned_hashes)]
        rows.append((name, *(f"{found.wall * 1e3:.1f} ms ({found.work * 1e3:.1f})" for found in costs)))
    return rows


def _scaled(found: Cost, times: float) -> Cost:
    return Cost(found.wall * times, found.work * times)


def _seconds(found: Cost) -> str:
    return f"{found.wall:.1f} s ({found.work:.1f})"


def _markdown(rows: Table) -> str:
    head, *body = rows
    return "\n".join("| " + " | ".join(row) + " |" for row in (head, ("---",) * len(head), *body)) + "\n"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="10,000 pictures; nothing is written")
    quick: bool = parser.parse_args().quick
    count = 10_000 if quick else 50_000
    parts = [
        f"{count:,} pictures, vectors of {DIMENSION} numbers, on {machine()}. In brackets the seconds of all cores "
        f"together. Comparing every pair in Python was timed on {IN_PYTHON:,} pictures and a product for each picture "
        f"on {ROWS}; both are scaled up to all. Memory is what came on top of vectors and hashes, which take "
        f"{count * (DIMENSION * 4 + 32) / 2**20:.0f} MiB; what an earlier row left to the process "
        "is not counted again.\n"
    ]
    print(parts[0], flush=True)
    for table in (partial(grouping, count), partial(exactness, count), partial(floods, count), hashing):
        parts.append(_markdown(table()))
        print(parts[-1], flush=True)
    if not quick:
        page.write("Duplicates", "\n".join(parts))


if __name__ == "__main__":
    main()
