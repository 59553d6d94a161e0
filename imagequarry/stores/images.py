"""The pictures that are kept: reading their rows. ``Library`` writes them, because a row and its file go together."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from sqlalchemy import Connection, Row, Select, func, select
from sqlalchemy.exc import IntegrityError

from imagequarry.domain.records import ImageKind, ListedImage, Operation, Origin, StoredImage, is_digest, is_id
from imagequarry.errors import Conflict, ImageNotFound
from imagequarry.stores.database import Database
from imagequarry.stores.tables import image_files, images, masks, segmentations


class Images:
    """Reads the rows of pictures."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def get(self, id: str) -> StoredImage:
        """The picture with that id. Raises ImageNotFound."""
        if not is_id(id):
            raise ImageNotFound
        with self._database.read() as connection:
            row = connection.execute(select(images).where(images.c.id == id)).first()
        if row is None:
            raise ImageNotFound
        return image_of(row)

    def page(
        self,
        limit: int = 100,
        offset: int = 0,
        *,
        kind: ImageKind | None = None,
        origin: Origin | None = None,
        operation: Operation | None = None,
    ) -> list[ListedImage]:
        """Pictures, newest first, each with the number of masks in its newest segmentation (of that operation)."""
        newest = select(segmentations.c.id).where(segmentations.c.image_id == images.c.id)
        if operation is not None:
            newest = newest.where(segmentations.c.operation == operation)
        newest = newest.order_by(segmentations.c.created_at.desc(), segmentations.c.id.desc()).limit(1)
        count = (
            select(func.count())
            .select_from(masks)
            .where(masks.c.segmentation_id == newest.correlate(images).scalar_subquery())
            .correlate(images)
            .scalar_subquery()
        )
        query = _filtered(select(images, count.label("mask_count")), kind, origin)
        query = (
            query.order_by(images.c.created_at.desc(), images.c.id.desc()).limit(bounded(limit)).offset(bounded(offset))
        )
        with self._database.read() as connection:
            return [ListedImage(image_of(row), row.mask_count) for row in connection.execute(query)]

    def count(self, *, kind: ImageKind | None = None, origin: Origin | None = None) -> int:
        """How many pictures ``page`` would list in all."""
        with self._database.read() as connection:
            query = _filtered(select(func.count()).select_from(images), kind, origin)
            total: int = connection.execute(query).scalar_one()
            return total

    def digest_in_use(self, digest: str) -> bool:
        """Whether any picture has that content among the blobs."""
        with self._database.read() as connection:
            return is_digest(digest) and uses(connection, digest)


def insert(connection: Connection, image: StoredImage) -> None:
    """Add the row. Raises Conflict when the id is taken."""
    try:
        connection.execute(images.insert(), asdict(image))
    except IntegrityError as error:
        raise Conflict("There is an image with that id already.", image_id=image.id) from error


def locked(connection: Connection, id: str) -> StoredImage | None:
    """The picture with that id, if there is one, kept from changing until the transaction ends."""
    row = connection.execute(select(images).where(images.c.id == id).with_for_update()).first()
    return None if row is None else image_of(row)


def remove(connection: Connection, id: str) -> str:
    """Delete the row, and with it its segmentations. Returns its digest. Raises ImageNotFound."""
    statement = images.delete().where(images.c.id == id).returning(images.c.digest)
    digest: str | None = connection.execute(statement).scalar() if is_id(id) else None
    if digest is None:
        raise ImageNotFound
    return digest


def uses(connection: Connection, digest: str) -> bool:
    """Whether any picture has that content among the blobs; one that stays where it lies has its own file."""
    elsewhere = select(image_files.c.image_id).where(image_files.c.image_id == images.c.id).exists()
    query = select(images.c.id).where(images.c.digest == digest, ~elsewhere).limit(1)
    return connection.execute(query).first() is not None


def _filtered(
    query: Select[*tuple[Any, ...]], kind: ImageKind | None, origin: Origin | None
) -> Select[*tuple[Any, ...]]:
    if kind is not None:
        query = query.where(images.c.kind == kind)
    if origin is not None:
        query = query.where(images.c.origin == origin)
    return query


def bounded(number: int) -> int:
    """What a database takes as a limit, nearest to what the caller wished."""
    return max(0, min(number, 2**31 - 1))


def image_of(row: Row[*tuple[Any, ...]]) -> StoredImage:
    """The picture in a row that has all columns of ``images``."""
    return StoredImage(**{column.name: row._mapping[column] for column in images.columns})
