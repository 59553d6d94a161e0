"""The form of an upload, read while it streams in: files go to disk as they come, and a limit acts where it is passed.

FastAPI's own forms know no limit for the size of each file: a client could send one of the size of all together.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header

from imagequarry.capabilities.files import label_of
from imagequarry.capabilities.intake import Limits
from imagequarry.errors import FileTooLarge, InvalidInput, StorageFailure

FILES = "files"
_MOST_TEXTS = 50
_LONGEST_TEXT = 1000


@dataclass
class IncomingFile:
    """A file as it comes: the name its sender gave it, and its bytes on disk."""

    name: str
    bytes: BinaryIO = field(repr=False)
    size: int = 0


class IncomingForm:
    """Takes the bytes of a multipart body as they come; for one thread at a time.

    ``files`` are those of the field "files", ``texts`` the other fields by name; files of other fields are passed
    over. Files lie in ``folder`` without a name, so they are gone with the process. Raises InvalidInput for what is
    no form and for more than ``most`` files, FileTooLarge as soon as a file has more bytes than ``limits`` allow.
    """

    def __init__(self, content_type: str, folder: Path, most: int, limits: Limits) -> None:
        self.files: list[IncomingFile] = []
        self.texts: dict[str, str] = {}
        self._folder = folder
        self._most = most
        self._limits = limits
        self._read_texts: dict[str, bytearray] = {}
        self._header, self._value, self._disposition = b"", b"", b""
        self._write: Callable[[bytes], None] = _pass_over
        self._whole = False
        kind, options = parse_options_header(content_type)
        if kind != b"multipart/form-data" or not options.get(b"boundary"):
            raise InvalidInput(f"{FILES}: Send the pictures as multipart/form-data, in the field {FILES!r}.")
        with _readable():
            self._parser = MultipartParser(
                options[b"boundary"],
                {
                    "on_part_begin": self._begin_part,
                    "on_header_field": self._add_to_header,
                    "on_header_value": self._add_to_value,
                    "on_header_end": self._end_header,
                    "on_headers_finished": self._open_part,
                    "on_part_data": self._add_data,
                    "on_end": self._end,
                },
            )

    def write(self, chunk: bytes) -> None:
        """Take the next bytes."""
        with _readable():
            self._parser.write(chunk)

    def finish(self) -> None:
        """Everything came: what was read can be used now. Raises InvalidInput when the end is missing."""
        if not self._whole:
            raise InvalidInput("The form is cut short.")
        # What a browser sends for a field that nothing was chosen in.
        self.files = [file for file in self.files if file.name or file.size]
        for file in self.files:
            file.bytes.seek(0)
        self.texts = {name: _decoded(text) for name, text in self._read_texts.items()}

    def close(self) -> None:
        """Give the files back."""
        for file in self.files:
            file.bytes.close()

    def _begin_part(self) -> None:
        self._disposition = b""
        self._write = _pass_over

    def _add_to_header(self, data: bytes, start: int, end: int) -> None:
        self._header += data[start:end]

    def _add_to_value(self, data: bytes, start: int, end: int) -> None:
        self._value += data[start:end]

    def _end_header(self) -> None:
        if self._header.lower() == b"content-disposition":
            self._disposition = self._value
        self._header, self._value = b"", b""

    def _open_part(self) -> None:
        options = parse_options_header(self._disposition)[1]
        name = _decoded(options.get(b"name", b""))
        if b"filename" in options:
            if name == FILES:
                self._write = self._new_file(_decoded(options[b"filename"]))
        else:
            self._write = self._new_text(name)

    def _new_file(self, name: str) -> Callable[[bytes], None]:
        if len(self.files) == self._most:
            raise InvalidInput(f"{FILES}: {self._most} files may be sent at once.", max_files=self._most)
        self._folder.mkdir(parents=True, exist_ok=True)
        file = IncomingFile(name, tempfile.TemporaryFile(dir=self._folder))  # noqa: SIM115 - closed with the form
        self.files.append(file)

        def write(data: bytes) -> None:
            file.size += len(data)
            try:
                self._limits.check_bytes(file.size)
            except FileTooLarge as error:
                raise FileTooLarge(error.message, file=label_of(name), max_bytes=self._limits.max_bytes) from error
            file.bytes.write(data)

        return write

    def _new_text(self, name: str) -> Callable[[bytes], None]:
        text = self._read_texts[name] = bytearray()  # a field that comes twice means what was said last
        if len(self._read_texts) > _MOST_TEXTS:
            raise InvalidInput(f"A form may have {_MOST_TEXTS} fields beside its files.")

        def write(data: bytes) -> None:
            if len(text) + len(data) > _LONGEST_TEXT:
                raise InvalidInput(f"{label_of(name[:64])}: A text may have {_LONGEST_TEXT} bytes.")
            text.extend(data)

        return write

    def _add_data(self, data: bytes, start: int, end: int) -> None:
        self._write(data[start:end])

    def _end(self) -> None:
        self._whole = True


def _pass_over(data: bytes) -> None:
    pass


def _decoded(text: bytes | bytearray) -> str:
    try:
        return text.decode()
    except UnicodeDecodeError:
        return text.decode("latin-1")


@contextmanager
def _readable() -> Iterator[None]:
    try:
        yield
    except FormParserError as error:
        raise InvalidInput("The form cannot be read: its parts do not begin and end as they should.") from error
    except OSError as error:
        raise StorageFailure("The upload could not be written.") from error
