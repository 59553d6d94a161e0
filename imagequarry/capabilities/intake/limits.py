"""How large a picture may be and of which kinds, and the sentences for one that is not."""

from __future__ import annotations

from dataclasses import dataclass

from imagequarry.errors import FileTooLarge, InvalidPicture, PictureTooLarge

PICTURE_FORMATS = frozenset({"JPEG", "PNG", "WEBP", "BMP", "TIFF"})
JPEG_PNG = frozenset({"JPEG", "PNG"})


@dataclass(frozen=True, slots=True)
class Limits:
    """What a surface takes in: bytes of the file, pixels of the longer side, and formats by content."""

    max_bytes: int = 50 * 1024 * 1024
    max_side: int = 4096
    formats: frozenset[str] = PICTURE_FORMATS

    @property
    def max_base64_chars(self) -> int:
        """Characters that ``max_bytes`` may take as base64: 4 for 3 bytes, a line break every 60, a data URL's head."""
        return self.max_bytes * 4 // 3 + self.max_bytes // 20 + 1024

    def check_bytes(self, size_bytes: int) -> None:
        """Raise for a file of no bytes (InvalidPicture) or of too many (FileTooLarge)."""
        if size_bytes == 0:
            raise InvalidPicture("The file is empty.", size_bytes=0)
        if size_bytes > self.max_bytes:
            raise FileTooLarge(
                f"The file is larger than the {megabytes(self.max_bytes)} allowed.",
                size_bytes=size_bytes,
                max_bytes=self.max_bytes,
            )

    def check_format(self, name: str) -> None:
        """Raise InvalidPicture for a format that is not among ``formats``."""
        if name not in self.formats:
            raise InvalidPicture(
                f"{spoken(name)} files are not accepted here; send {listed(self.formats)}.",
                format=name,
                formats=sorted(self.formats),
            )

    def check_sides(self, width: int, height: int) -> None:
        """Raise InvalidPicture for a side of no pixels, PictureTooLarge for a side of too many."""
        if width < 1 or height < 1:
            raise InvalidPicture("The picture says that it has no pixels.", width=width, height=height)
        if max(width, height) > self.max_side:
            raise PictureTooLarge(
                f"The picture is {width} by {height} pixels; no side may be longer than {self.max_side}.",
                width=width,
                height=height,
                max_side=self.max_side,
            )


DEFAULT_LIMITS = Limits()


def spoken(name: str) -> str:
    """A format's ``name`` as people write it."""
    return "WebP" if name == "WEBP" else name


def listed(formats: frozenset[str]) -> str:
    """``JPEG, PNG or WebP``."""
    names = [spoken(name) for name in sorted(formats)]
    return " or ".join([", ".join(names[:-1]), names[-1]] if len(names) > 1 else names)


def megabytes(size: int) -> str:
    """``50 MB``, or bytes where that is shorter than a megabyte."""
    return f"{size / 2**20:.4g} MB" if size >= 2**20 else f"{size} bytes"
