"""Vectors of pictures and the search among them: one interface, one table, an engine for each scale."""

from imagequarry.stores.vectors.choosing import EngineChoice, choose
from imagequarry.stores.vectors.interface import EngineName, Matrix, Vectors
from imagequarry.stores.vectors.memory import MatrixVectors
from imagequarry.stores.vectors.pgvector import PgVectors

__all__ = ["EngineChoice", "EngineName", "Matrix", "MatrixVectors", "PgVectors", "Vectors", "choose"]
