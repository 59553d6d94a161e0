"""Pictures that came in to be made models of and that nothing needs any more.

Such a picture was stored by surface E before a given time, was never described or segmented, and no job works on it
that waits, runs or ended later than that: neither the job with the picture's own id nor one that names it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, Connection, Text, and_, exists, func, literal, or_, select, type_coerce

from imagequarry.domain.job import ENDED
from imagequarry.domain.records import StoredImage
from imagequarry.stores.database import Database
from imagequarry.stores.images import image_of
from imagequarry.stores.lists import listed
from imagequarry.stores.tables import descriptions, image_files, images, jobs, segmentations

_ORIGIN = "image2model"


@dataclass(frozen=True, slots=True)
class Unused:
    """An unused picture, and how many pictures share its file among the blobs, itself included."""

    image: StoredImage
    sharing: int


class UnusedImages:
    """Finds them; ``Library.delete_unused`` removes them, one by one, after another look."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def find(self, before: datetime, ids: Sequence[str] | None = None) -> list[Unused]:
        """The unused pictures, all or those among ``ids``, the oldest first."""
        other = images.alias()
        elsewhere = exists().where(image_files.c.image_id == other.c.id)
        sharing = (
            select(func.count()).select_from(other).where(other.c.digest == images.c.digest, ~elsewhere)
        ).scalar_subquery()
        query = select(images, sharing.label("sharing")).where(_unused(before)).order_by(images.c.created_at)
        with self._database.read() as connection:
            if ids is not None:
                query = query.where(images.c.id.in_(listed(connection, ids)))
            return [Unused(image_of(row), row.sharing) for row in connection.execute(query)]


def is_unused(connection: Connection, id: str, before: datetime) -> bool:
    """Whether the picture is one of them; its row is kept from changing until the transaction ends."""
    query = select(images.c.id).where(images.c.id == id, _unused(before)).with_for_update()
    return connection.execute(query).first() is not None


def _unused(before: datetime) -> ColumnElement[bool]:
    named = type_coerce(jobs.c.params, Text).like(literal('%"') + images.c.id + literal('"%'))
    needed = or_(jobs.c.state.not_in(ENDED), jobs.c.finished >= before)
    return and_(
        images.c.origin == _ORIGIN,
        images.c.created_at < before,
        ~exists().where(image_files.c.image_id == images.c.id),
        ~exists().where(descriptions.c.image_id == images.c.id),
        ~exists().where(segmentations.c.image_id == images.c.id),
        ~exists().where(needed, or_(jobs.c.id == images.c.id, named)),
    )
