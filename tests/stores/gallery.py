"""Pictures that stay where they lie, described in one line."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from imagequarry.domain.described import Description, ImageFile
from imagequarry.domain.describing import Tag
from imagequarry.domain.records import StoredImage
from imagequarry.stores.descriptions import keep
from imagequarry.stores.library import Library
from tests.stores.samples import image


def description(caption: str = "", *objects: str, **changes: bytes | str | None) -> Description:
    """A description whose first object is the surest."""
    tags = tuple(Tag(name, 0.9 - position / 100) for position, name in enumerate(objects))
    values: dict[str, object] = {"captioned_by": "captioner", "tagged_by": "tagger"}
    return Description(caption, tags, **(values | changes))  # type: ignore[arg-type]


@dataclass
class Gallery:
    """Describes pictures at paths: of files that are there, or of paths that nobody reads."""

    library: Library

    def hang(self, id: str, path: str, caption: str = "", *objects: str, data: bytes = b"picture") -> StoredImage:
        """Describe the picture at that path; the picture as it is kept."""
        picture = image(id, data, filename=Path(path).name)
        said = description(caption, *objects)
        file = ImageFile(path, len(data), 1)
        return self.library.add_file(picture, file, lambda connection, kept: keep(connection, kept.id, said))
