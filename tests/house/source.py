"""The project's Python files, read and parsed once for all tests of the house."""

from __future__ import annotations

import ast
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True)
class Source:
    """A Python file of the project."""

    path: Path

    def __str__(self) -> str:
        return self.path.relative_to(ROOT).as_posix()

    @cached_property
    def text(self) -> str:
        return self.path.read_text("utf-8")

    @cached_property
    def tree(self) -> ast.Module:
        return ast.parse(self.text, self.path)

    def is_in(self, *places: str) -> bool:
        """Whether the file is one of these files of the package or lies in one of these folders of it."""
        parts = self.path.relative_to(ROOT / "imagequarry").with_suffix("").parts
        return parts[0] in places


def sources(*folders: str) -> list[Source]:
    """The Python files below these folders of the project."""
    return [Source(path) for folder in folders for path in sorted((ROOT / folder).rglob("*.py"))]


PACKAGE = sources("imagequarry")
EVERYTHING = [*PACKAGE, *sources("tests", "training", "examples")]
