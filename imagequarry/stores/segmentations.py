"""What segmentations found, mask by mask, so that a caller decodes only the masks it needs."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import fields
from typing import Any

from sqlalchemy import Column, ColumnElement, Connection, Row, Select, func, select

from imagequarry.domain.geometry import Box, Point
from imagequarry.domain.mask import Mask
from imagequarry.domain.records import Operation, Segmentation, is_id
from imagequarry.domain.segmenter import Candidate
from imagequarry.errors import Conflict, ImageNotFound, InvalidInput, JobNotFound
from imagequarry.stores.database import Database
from imagequarry.stores.tables import images, jobs, masks, segmentations

# What one query may name; PostgreSQL and SQLite both take more, but a caller's list has no end.
_MOST_POSITIONS = 500


class Segmentations:
    """Keeps segmentations and their masks. Masks come back as {position: candidate}."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def add(self, segmentation: Segmentation) -> None:
        """Keep it with its masks. Raises Conflict when the id is taken, ImageNotFound when its image is gone."""
        with self._database.write() as connection:
            _insert_with_image(connection, segmentation)

    def keep(self, segmentation: Segmentation) -> None:
        """Like ``add``, but in place of what an earlier try at the same job left. Raises ImageNotFound."""
        with self._database.write() as connection:
            connection.execute(segmentations.delete().where(segmentations.c.id == segmentation.id))
            _insert_with_image(connection, segmentation)

    def mask_counts(self, ids: Sequence[str]) -> dict[str, int]:
        """How many masks each of these segmentations has; those without any are left out."""
        return self._counted(masks.c.segmentation_id, ids, select(masks.c.segmentation_id, func.count()))

    def mask_counts_of_batches(self, ids: Sequence[str]) -> dict[str, int]:
        """How many masks the jobs of each of these batches found together; batches without any are left out."""
        query = select(jobs.c.parent_id, func.count()).join(masks, masks.c.segmentation_id == jobs.c.id)
        return self._counted(jobs.c.parent_id, ids, query)

    def _counted(self, by: Column[Any], ids: Sequence[str], query: Select[*tuple[Any, ...]]) -> dict[str, int]:
        counts: dict[str, int] = {}
        with self._database.read() as connection:
            for start in range(0, len(ids), _MOST_POSITIONS):
                some = query.where(by.in_(ids[start : start + _MOST_POSITIONS])).group_by(by)
                for id, count in connection.execute(some):
                    counts[id] = count
        return counts

    def get(self, id: str, *, with_masks: bool = True) -> Segmentation:
        """The segmentation, whole or without its candidates. Raises JobNotFound."""
        found = self._first(segmentations.c.id == id, with_masks) if is_id(id) else None
        if found is None:
            raise JobNotFound
        return found

    def latest_of_image(
        self, image_id: str, *, operation: Operation | None = None, with_masks: bool = True
    ) -> Segmentation | None:
        """The newest segmentation of a picture (by that operation), or None where there is none."""
        if not is_id(image_id):
            return None
        wanted = segmentations.c.image_id == image_id
        if operation is not None:
            wanted &= segmentations.c.operation == operation
        return self._first(wanted, with_masks)

    def masks(self, id: str, positions: Iterable[int]) -> dict[int, Candidate]:
        """Those of the named masks that exist, by position."""
        wanted = {position for position in positions if 0 <= position < 2**31}
        condition = masks.c.position.in_(wanted) if len(wanted) <= _MOST_POSITIONS else masks.c.position >= 0
        found = self._candidates(id, condition, masks.c.position)
        return {position: candidate for position, candidate in found.items() if position in wanted}

    def masks_with_box_at(self, id: str, x: int, y: int) -> dict[int, Candidate]:
        """The masks whose box holds that pixel, the smallest area first; whether the mask does is for the caller."""
        if not (0 <= x < 2**31 and 0 <= y < 2**31):
            return {}
        holds = (masks.c.x <= x) & (masks.c.x + masks.c.width > x) & (masks.c.y <= y) & (masks.c.y + masks.c.height > y)
        return self._candidates(id, holds, masks.c.area)

    def delete(self, id: str) -> None:
        """Remove it with its masks. Raises JobNotFound."""
        with self._database.write() as connection:
            statement = segmentations.delete().where(segmentations.c.id == id)
            if not is_id(id) or connection.execute(statement).rowcount == 0:
                raise JobNotFound

    def _first(self, condition: ColumnElement[bool], with_masks: bool) -> Segmentation | None:
        newest = segmentations.c.created_at.desc(), segmentations.c.id.desc()
        query = select(segmentations).where(condition).order_by(*newest).limit(1)
        with self._database.read() as connection:
            row = connection.execute(query).first()
            if row is None:
                return None
            rows = _mask_rows(connection, row.id, masks.c.position >= 0, masks.c.position) if with_masks else []
        candidates = tuple(_candidate(row.width, row.height, mask) for mask in rows)
        return Segmentation(candidates=candidates, **{column.name: row._mapping[column] for column in segmentations.c})

    def _candidates(self, id: str, condition: ColumnElement[bool], order: ColumnElement[int]) -> dict[int, Candidate]:
        if not is_id(id):
            return {}
        size = select(segmentations.c.width, segmentations.c.height).where(segmentations.c.id == id)
        with self._database.read() as connection:
            row = connection.execute(size).first()
            if row is None:
                return {}
            rows = _mask_rows(connection, id, condition, order)
        return {mask.position: _candidate(row.width, row.height, mask) for mask in rows}


def _insert_with_image(connection: Connection, segmentation: Segmentation) -> None:
    """Insert what was found while its image stays."""
    if segmentation.image_id is not None:
        image = select(images.c.id).where(images.c.id == segmentation.image_id)
        if connection.execute(image.with_for_update(read=True, key_share=True)).first() is None:
            raise ImageNotFound
    insert(connection, segmentation)


def insert(connection: Connection, segmentation: Segmentation) -> None:
    """Add the segmentation and all its masks. Raises Conflict when the id is taken, InvalidInput for odd numbers."""
    mask_rows = [_values(segmentation, *numbered) for numbered in enumerate(segmentation.candidates)]
    taken = select(segmentations.c.id).where(segmentations.c.id == segmentation.id)
    if connection.execute(taken).first() is not None:
        raise Conflict("There is a segmentation with that id already.", id=segmentation.id)
    values = {field.name: getattr(segmentation, field.name) for field in fields(segmentation)}
    del values["candidates"]
    if segmentation.error is not None:  # what a failed model said may hold anything; PostgreSQL takes no NUL
        values["error"] = segmentation.error.encode(errors="replace").decode().replace("\0", "")
    connection.execute(segmentations.insert(), values)
    if mask_rows:
        connection.execute(masks.insert(), mask_rows)


def remove_of_image(connection: Connection, image_id: str) -> None:
    """Delete every segmentation of that picture."""
    connection.execute(segmentations.delete().where(segmentations.c.image_id == image_id))


def _mask_rows(
    connection: Connection, id: str, condition: ColumnElement[bool], order: ColumnElement[int]
) -> list[Row[*tuple[Any, ...]]]:
    query = select(masks).where(masks.c.segmentation_id == id, condition).order_by(order, masks.c.position)
    return list(connection.execute(query).all())


def _values(segmentation: Segmentation, position: int, candidate: Candidate) -> dict[str, Any]:
    mask, crop = candidate.mask, candidate.crop_box
    if (mask.width, mask.height) != (segmentation.width, segmentation.height):
        raise InvalidInput("A mask has not the size of its picture.")
    # Plain numbers: an engine may hand out NumPy's, which SQLite would keep as raw bytes.
    measures = {
        "predicted_iou": float(candidate.predicted_iou),
        "stability_score": float(candidate.stability_score),
        "point_x": float(candidate.point.x),
        "point_y": float(candidate.point.y),
        "crop_x": float(crop.x0),
        "crop_y": float(crop.y0),
        "crop_width": float(crop.width),
        "crop_height": float(crop.height),
    }
    if not all(map(math.isfinite, measures.values())):
        raise InvalidInput("A mask's scores and coordinates must be finite numbers.")
    return {
        "segmentation_id": segmentation.id,
        "position": position,
        "counts": mask.counts,
        "area": mask.area,
        "x": int(mask.box.x0),
        "y": int(mask.box.y0),
        "width": int(mask.box.width),
        "height": int(mask.box.height),
        **measures,
    }


def _candidate(width: int, height: int, row: Row[*tuple[Any, ...]]) -> Candidate:
    return Candidate(
        mask=Mask(height, width, row.counts),
        predicted_iou=row.predicted_iou,
        stability_score=row.stability_score,
        point=Point(row.point_x, row.point_y),
        crop_box=Box.of_size(row.crop_x, row.crop_y, row.crop_width, row.crop_height),
    )
