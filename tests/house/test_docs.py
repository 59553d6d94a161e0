"""The documents tell of the project as it is: its commands, its settings, its files."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Literal, get_args, get_origin

from imagequarry.settings import Settings
from tests.house.source import ROOT

SETTINGS_PAGE = ROOT / "docs" / "settings.md"
DOCUMENTS = [*sorted(ROOT.glob("*.md")), *sorted((ROOT / "docs").rglob("*.md"))]
CODE = re.compile(r"^```.*?^```|`[^`\n]+`", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"\]\((?!https?://|#|mailto:)([^)#\s]+)")


def setting_rows() -> dict[str, str]:
    """The row of the settings table that each variable should have: name, default, meaning, choices."""
    rows = {}
    for name, field in Settings.model_fields.items():
        default = str(field.default).lower() if isinstance(field.default, bool) else str(field.default)
        shown = f"`{default}`" if field.default not in (None, ()) else ""
        choices = get_args(field.annotation) if get_origin(field.annotation) is Literal else ()
        meaning = f"{field.description} {' / '.join(f'`{choice}`' for choice in choices)}".strip()
        rows[name.upper()] = f"| `{name.upper()}` | {shown} | {meaning} |"
    return rows


def named(document: Path) -> str:
    return document.relative_to(ROOT).as_posix()


def test_every_make_target_that_is_named_exists() -> None:
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE))
    wanted = {
        (named(document), target)
        for document in DOCUMENTS
        for code in CODE.findall(document.read_text("utf-8"))
        for target in re.findall(r"\bmake ([a-z]+)\b", code)
    }
    assert {"run", "test"} <= {target for document, target in wanted if document == "README.md"}
    assert {(document, target) for document, target in wanted if target not in targets} == set()


def test_every_file_that_is_linked_exists() -> None:
    broken = [
        f"{named(document)}: {target}"
        for document in DOCUMENTS
        for target in LINK.findall(document.read_text("utf-8"))
        if not (document.parent / target).exists()
    ]
    assert broken == []


def test_every_setting_is_documented_with_its_default_and_meaning() -> None:
    table = [line for line in SETTINGS_PAGE.read_text("utf-8").splitlines() if line.startswith("| `")]
    wanted = list(setting_rows().values())
    missing, stale = [row for row in wanted if row not in table], [row for row in table if row not in wanted]
    assert not missing, "docs/settings.md lacks:\n" + "\n".join(missing)
    assert not stale, "docs/settings.md should not have:\n" + "\n".join(stale)
    assert len(table) == len(wanted)
