"""What was said of pictures: keeping it, and reading it with the picture and the file it belongs to."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Row, Select, func, select

from imagequarry.domain.described import DescribedImage, Description, ImageFile
from imagequarry.domain.describing import Tag
from imagequarry.domain.records import StoredImage, is_id
from imagequarry.errors import ImageNotFound, InvalidInput
from imagequarry.stores import image_files
from imagequarry.stores.database import Database
from imagequarry.stores.images import bounded, image_of, locked
from imagequarry.stores.lists import listed
from imagequarry.stores.tables import descriptions, image_objects, images
from imagequarry.stores.tables import image_files as files
from imagequarry.stores.wording import object_name, plain, searchable

HASH_BYTES = 32
_LONGEST_CAPTION = 4096
_LONGEST_MODEL = 128


@dataclass(frozen=True, slots=True)
class KnownFile:
    """A file that is kept as a picture, as it was then, and whether there is a description of it."""

    image: StoredImage
    file: ImageFile
    described: bool


def keep(connection: Connection, image_id: str, description: Description) -> None:
    """Keep what was said of a picture, in place of what was said before. Belongs into ``Library``'s transactions.

    Names of objects are put into lower case and cut to 128 characters, the surest of each is kept; a caption is cut
    to 4,096. Raises ImageNotFound, InvalidInput for a mask or a perceptual hash of another length than 32 bytes.
    """
    if description.perceptual_hash is not None and len(description.perceptual_hash) != HASH_BYTES:
        raise InvalidInput("A perceptual hash has 32 bytes.")
    # Locked, so that of two who describe it at once the second finds what the first one kept.
    image = locked(connection, image_id) if is_id(image_id) else None
    if image is None:
        raise ImageNotFound
    if image.kind != "original":
        raise InvalidInput("Masks are not described, only originals.")
    tags = _distinct(description.objects)
    values = {
        "filename": searchable(description.filename or image.filename),
        "caption": plain(description.caption)[:_LONGEST_CAPTION],
        "objects": searchable(" ".join(tag.name for tag in tags)),
        "captioned_by": plain(description.captioned_by)[:_LONGEST_MODEL],
        "tagged_by": plain(description.tagged_by)[:_LONGEST_MODEL],
        "perceptual_hash": description.perceptual_hash,
        "described_at": description.described_at,
    }
    if connection.execute(descriptions.update().where(descriptions.c.image_id == image_id), values).rowcount == 0:
        connection.execute(descriptions.insert(), {"image_id": image_id, **values})
    connection.execute(image_objects.delete().where(image_objects.c.image_id == image_id))
    rows = [
        {"image_id": image_id, "name": tag.name, "position": position, "score": tag.score}
        for position, tag in enumerate(tags)
    ]
    if rows:
        connection.execute(image_objects.insert(), rows)


def with_objects(names: Iterable[str]) -> Select[str]:
    """The ids of the pictures in which any of these objects was seen, for ``in_``."""
    wanted = {object_name(name) for name in names}
    return select(image_objects.c.image_id).where(image_objects.c.name.in_(wanted))


class Descriptions:
    """Reads pictures with what was said of them."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def get(self, image_id: str) -> DescribedImage:
        """The picture with that id, whoever stored it and whether it is described or not. Raises ImageNotFound."""
        found = self.many([image_id])
        if image_id not in found:
            raise ImageNotFound
        return found[image_id]

    def many(self, ids: Sequence[str]) -> dict[str, DescribedImage]:
        """These of the pictures that there are, in their order, by id."""
        with self._database.read() as connection:
            wanted = images.c.id.in_(listed(connection, filter(is_id, ids)))
            query = _joined(select(images, files, descriptions)).where(wanted)
            found = {known.image.id: known for known in _described(connection, query)}
        return {id: found[id] for id in ids if id in found}

    def page(
        self, limit: int = 100, offset: int = 0, *, objects: Sequence[str] = (), below: str | None = None
    ) -> list[DescribedImage]:
        """Described pictures with any of these objects, in that folder or below it; the latest described first."""
        latest = descriptions.c.number.desc()
        # Numbers first: then what is sorted or skipped is small, and only the page is joined.
        numbers = _filtered(select(descriptions.c.number), objects, below)
        numbers = numbers.order_by(latest).limit(bounded(limit)).offset(bounded(offset))
        query = select(images, files, descriptions).select_from(descriptions.join(images).outerjoin(files))
        query = query.where(descriptions.c.number.in_(numbers))
        with self._database.read() as connection:
            return _described(connection, query.order_by(latest))

    def count(self, *, objects: Sequence[str] = (), below: str | None = None) -> int:
        """How many pictures ``page`` would list in all."""
        query = _filtered(select(func.count(descriptions.c.number)), objects, below)
        with self._database.read() as connection:
            return int(connection.execute(query).scalar_one())

    def ids_with_objects(self, names: Sequence[str]) -> list[str]:
        """The pictures in which any of these objects was seen."""
        with self._database.read() as connection:
            return list(connection.execute(with_objects(names).distinct()).scalars())

    def ids_below(self, folder: str, *, recursive: bool = True) -> list[str]:
        """The pictures whose files lie in that folder (or below it), described or not, in the order of their paths."""
        query = select(files.c.image_id).where(image_files.below(folder, recursive))
        with self._database.read() as connection:
            return list(connection.execute(query.order_by(files.c.beginning, files.c.path)).scalars())

    def object_counts(self, limit: int = 100) -> list[tuple[str, int]]:
        """How many pictures show each object, the commonest first."""
        count = func.count().label("count")
        query = select(image_objects.c.name, count).group_by(image_objects.c.name)
        with self._database.read() as connection:
            ordered = query.order_by(count.desc(), image_objects.c.name).limit(bounded(limit))
            return [(row[0], row[1]) for row in connection.execute(ordered)]

    def captions(self, ids: Sequence[str]) -> dict[str, str]:
        """What was said of these pictures; those that are not described are left out."""
        query = select(descriptions.c.image_id, descriptions.c.caption)
        with self._database.read() as connection:
            wanted = descriptions.c.image_id.in_(listed(connection, filter(is_id, ids)))
            return {row[0]: row[1] for row in connection.execute(query.where(wanted))}

    def latest_of_contents(self, digests: Sequence[str]) -> dict[str, str]:
        """Of the described pictures with these SHA-256 the one described last of each, its id by digest."""
        number = func.max(descriptions.c.number)
        with self._database.read() as connection:
            wanted = images.c.digest.in_(listed(connection, digests))
            latest = select(number).select_from(images.join(descriptions)).where(wanted).group_by(images.c.digest)
            query = select(images.c.digest, images.c.id).join(descriptions).where(descriptions.c.number.in_(latest))
            return {row.digest: row.id for row in connection.execute(query)}

    def file_of(self, image_id: str) -> ImageFile | None:
        """Where the picture's file lies, None for one whose bytes are among the blobs. Raises ImageNotFound."""
        with self._database.read() as connection:
            return image_files.located(connection, image_id)[1]

    def known_file(self, path: str) -> KnownFile | None:
        """The picture that is kept of the file at that path."""
        return self.known_files([path]).get(path)

    def known_files(self, paths: Sequence[str]) -> dict[str, KnownFile]:
        """The pictures that are kept of the files at these paths, by path."""
        query = _joined(select(images, files, descriptions.c.number))
        with self._database.read() as connection:
            wanted = files.c.path_key.in_(listed(connection, map(image_files.key, paths)))
            rows = connection.execute(query.where(wanted)).all()
        known = {}
        for row in rows:
            file = image_files.file_of(row)
            assert file is not None
            known[file.path] = KnownFile(image_of(row), file, row._mapping[descriptions.c.number] is not None)
        return known


def _joined(query: Select[*tuple[Any, ...]]) -> Select[*tuple[Any, ...]]:
    """Over all pictures."""
    return query.select_from(images.outerjoin(files).outerjoin(descriptions))


def _filtered(query: Select[*tuple[Any, ...]], objects: Sequence[str], below: str | None) -> Select[*tuple[Any, ...]]:
    """Over descriptions, of pictures with any of these objects and below that folder."""
    if objects:
        query = query.where(descriptions.c.image_id.in_(with_objects(objects)))
    if below is not None:
        query = query.join(files, files.c.image_id == descriptions.c.image_id).where(image_files.below(below))
    return query


def _described(connection: Connection, query: Select[*tuple[Any, ...]]) -> list[DescribedImage]:
    """The pictures of a query over everything; their objects take one query more, however many there are."""
    rows = connection.execute(query).all()
    tags: dict[str, list[Tag]] = {row._mapping[images.c.id]: [] for row in rows}
    wanted = image_objects.c.image_id.in_(listed(connection, tags))
    seen = select(image_objects).where(wanted).order_by(image_objects.c.image_id, image_objects.c.position)
    for row in connection.execute(seen):
        tags[row.image_id].append(Tag(row.name, row.score))
    return [
        DescribedImage(image_of(row), image_files.file_of(row), _description(row, tags[row._mapping[images.c.id]]))
        for row in rows
    ]


def _description(row: Row[*tuple[Any, ...]], tags: list[Tag]) -> Description | None:
    values = row._mapping
    if values[descriptions.c.number] is None:
        return None
    return Description(
        caption=values[descriptions.c.caption],
        objects=tuple(tags),
        captioned_by=values[descriptions.c.captioned_by],
        tagged_by=values[descriptions.c.tagged_by],
        # The column holds its words, in forms to be searched.
        filename=values[images.c.filename],
        perceptual_hash=values[descriptions.c.perceptual_hash],
        described_at=values[descriptions.c.described_at],
    )


def _distinct(tags: Iterable[Tag]) -> list[Tag]:
    """Each object once, the surest first, with plain numbers: SQLite would keep NumPy's as raw bytes."""
    surest: dict[str, Tag] = {}
    for tag in sorted(tags, key=lambda tag: -tag.score):
        if name := object_name(tag.name):
            surest.setdefault(name, Tag(name, float(tag.score)))
    return list(surest.values())
