"""The page that the benchmarks renew, a section for each."""

from __future__ import annotations

from pathlib import Path

_PAGE = Path(__file__).parent.parent / "docs" / "benchmarks.md"


def write(heading: str, text: str) -> None:
    """Put the text under its heading in the page, leaving other sections as they are."""
    page = _PAGE.read_text(encoding="utf-8") if _PAGE.exists() else "# Benchmarks\n\n`make bench` renews this page.\n"
    section = f"## {heading}"
    before, found, rest = page.partition(f"\n{section}\n")
    after = rest[rest.find("\n## ") :] if found and "\n## " in rest else ""
    _PAGE.write_text(f"{before.rstrip()}\n\n{section}\n\n{text.rstrip()}\n{after}", encoding="utf-8")
