"""Rules of the code that no linter knows: a synchronous core, settings read once, output through one door."""

from __future__ import annotations

import ast
from collections.abc import Iterator

import pytest

from tests.house.source import PACKAGE

SUSPENDS = (ast.Await, ast.AsyncFor, ast.AsyncWith, ast.Yield, ast.YieldFrom)


def own_nodes(function: ast.AsyncFunctionDef) -> Iterator[ast.AST]:
    """All nodes of a function's body, those of functions and classes inside it left out."""
    pending: list[ast.AST] = list(function.body)
    while pending:
        node = pending.pop()
        yield node
        if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda | ast.ClassDef):
            pending.extend(ast.iter_child_nodes(node))


def suspends(function: ast.AsyncFunctionDef) -> bool:
    """Whether the function awaits something or is a generator, which an async iterator must be."""
    return any(
        isinstance(node, SUSPENDS) or (isinstance(node, ast.comprehension) and bool(node.is_async))
        for node in own_nodes(function)
    )


def async_functions(tree: ast.AST) -> list[ast.AsyncFunctionDef]:
    return [node for node in ast.walk(tree) if isinstance(node, ast.AsyncFunctionDef)]


def test_the_core_is_synchronous() -> None:
    core = [source for source in PACKAGE if not source.is_in("app", "studio", "surfaces")]
    assert [f"{source}: {f.name}" for source in core for f in async_functions(source.tree)] == []


def test_an_async_function_awaits() -> None:
    idle = [f"{source}: {f.name}" for source in PACKAGE for f in async_functions(source.tree) if not suspends(f)]
    assert idle == []


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("async def f():\n    return 1", False),
        ("async def f():\n    async def g():\n        await h()\n    return g", False),
        ("async def f():\n    await h()", True),
        ("async def f():\n    yield 1", True),
        ("async def f():\n    async with h():\n        pass", True),
        ("async def f():\n    return [x async for x in h()]", True),
    ],
)
def test_awaiting_is_told_from_not_awaiting(code: str, expected: bool) -> None:
    assert suspends(async_functions(ast.parse(code))[0]) is expected


def test_only_the_commands_print() -> None:
    printing = [
        f"{source}:{node.lineno}"
        for source in PACKAGE
        if not source.is_in("cli")
        for node in ast.walk(source.tree)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "print"
    ]
    assert printing == []


def test_only_the_settings_read_the_environment() -> None:
    reading = [
        f"{source}:{node.lineno}"
        for source in PACKAGE
        if not source.is_in("settings")
        for node in ast.walk(source.tree)
        if isinstance(node, ast.Attribute) and node.attr in {"environ", "environb", "getenv"}
    ]
    assert reading == []
