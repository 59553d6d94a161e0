"""A file fits in one sitting, says what it is for, and has a name that says where to look."""

from __future__ import annotations

import ast

from tests.house.source import EVERYTHING, ROOT

LONGEST = 400
SAY_NOTHING = {"base", "common", "core", "helper", "helpers", "misc", "util", "utils"}


def test_the_house_is_found() -> None:
    assert {"imagequarry/errors.py", "tests/house/test_files.py"} <= {str(source) for source in EVERYTHING}


def test_no_file_is_longer_than_one_sitting() -> None:
    lengths = {str(source): len(source.text.splitlines()) for source in EVERYTHING}
    assert {name: lines for name, lines in lengths.items() if lines > LONGEST} == {}


def test_every_file_opens_with_a_docstring() -> None:
    assert [str(source) for source in EVERYTHING if not ast.get_docstring(source.tree)] == []


def test_no_name_is_a_junk_drawer() -> None:
    drawers = [
        str(source)
        for source in EVERYTHING
        if SAY_NOTHING & set(source.path.relative_to(ROOT).with_suffix("").parts)
        or source.path.stem.split("_")[-1] in SAY_NOTHING
    ]
    assert drawers == []
