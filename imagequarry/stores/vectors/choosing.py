"""Which engine searches the vectors: the one that is named, or the best that the database has."""

from __future__ import annotations

from typing import Literal

from imagequarry.errors import StorageFailure
from imagequarry.stores.database import Database
from imagequarry.stores.vectors.interface import Vectors
from imagequarry.stores.vectors.memory import MatrixVectors
from imagequarry.stores.vectors.pgvector import PgVectors, extension_schema

EngineChoice = Literal["auto", "memory", "pgvector"]


def choose(
    database: Database,
    engine: EngineChoice = "auto",
    *,
    memory_bytes: int = 2 << 30,
    idle_seconds: float = 1800.0,
    ef_search: int = 200,
) -> Vectors:
    """The engine. ``auto``: pgvector on a PostgreSQL that has it or lets it be added, else memory.

    Raises StorageFailure when pgvector is named and cannot be had, or the database cannot be reached.
    """
    schema = extension_schema(database) if engine != "memory" else None
    if schema is not None:
        return PgVectors(database, schema, ef_search, min(memory_bytes, 256 << 20))
    if engine == "pgvector":
        raise StorageFailure("The vector engine pgvector needs PostgreSQL with the extension vector 0.8 or newer.")
    return MatrixVectors(database, memory_bytes, idle_seconds)
