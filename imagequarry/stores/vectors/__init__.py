"""Vectors of pictures and the search among them: one interface, one table, an engine for each scale."""

from imagequarry.stores.vectors.interface import EngineName, Matrix, Vectors
from imagequarry.stores.vectors.memory import MatrixVectors

__all__ = ["EngineName", "Matrix", "MatrixVectors", "Vectors"]
