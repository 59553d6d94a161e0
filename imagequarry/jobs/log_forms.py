"""The forms of exported logs: JSON, a table for spreadsheets, lines for people."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Literal, TextIO

from imagequarry.domain.log import LogType
from imagequarry.stores.log_files import Entry

ExportForm = Literal["json", "csv", "txt"]
Write = Callable[[LogType, Entry], None]

COLUMNS = ("timestamp", "level", "log_type", "logger", "event", "request_id", "job_id", "details")
# Columns of their own; the rest of an entry is its details.
_NAMED = frozenset({"timestamp", "level", "logger", "event", "request_id", "job_id"})
# A spreadsheet takes a cell that begins with one of these for a formula, and runs it.
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n")


@contextmanager
def writer(form: ExportForm, file: TextIO) -> Iterator[Write]:
    """What writes entries in that form, one by one; the file is whole when this ends."""
    if form == "json":
        with _json(file) as write:
            yield write
    else:
        yield _csv(file) if form == "csv" else _text(file)


@contextmanager
def _json(file: TextIO) -> Iterator[Write]:
    """One list, an entry on each line."""
    separator = "[\n"

    def write(type: LogType, entry: Entry) -> None:
        nonlocal separator
        file.write(separator + json.dumps({**entry, "log_type": type}))
        separator = ",\n"

    yield write
    file.write("[]\n" if separator == "[\n" else "\n]\n")


def _csv(file: TextIO) -> Write:
    rows = csv.writer(file)
    rows.writerow(COLUMNS)

    def write(type: LogType, entry: Entry) -> None:
        details = {name: value for name, value in entry.items() if name not in _NAMED}
        values = {**entry, "log_type": type, "details": json.dumps(details) if details else ""}
        rows.writerow([_cell(values.get(name)) for name in COLUMNS])

    return write


def _cell(value: Any) -> str:
    """A cell that no spreadsheet computes."""
    text = "" if value is None else value if isinstance(value, str) else json.dumps(value)
    text = text.replace("\0", "")
    return f"'{text}" if text.lstrip(" ").startswith(_FORMULA) else text


def _text(file: TextIO) -> Write:
    def write(type: LogType, entry: Entry) -> None:
        level = str(entry.get("level", "")).upper()
        details = " ".join(
            f"{name}={value if isinstance(value, str) else json.dumps(value)}"
            for name, value in entry.items()
            if name not in ("timestamp", "level", "logger", "event")
        )
        line = f"{entry['timestamp']} {level:<8} {type} {entry.get('logger', '')}: {entry.get('event', '')} {details}"
        file.write(_on_one_line(line.rstrip()) + "\n")

    return write


def _on_one_line(text: str) -> str:
    """The text without what begins a new line or steers a terminal: a forged line would look like any other."""
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)
