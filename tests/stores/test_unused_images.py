"""Which pictures nothing needs any more, on both databases; and that they are looked at again before they go."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from imagequarry.domain.job import JobLimits, JobOrder
from imagequarry.errors import ImageNotFound
from imagequarry.stores.images import Images
from imagequarry.stores.library import Library
from imagequarry.stores.unused_images import UnusedImages
from tests.stores.books import Books
from tests.stores.samples import image, segmentation

OLD = datetime.now(UTC) - timedelta(days=3)
YESTERDAY = datetime.now(UTC) - timedelta(days=1)


def keep(library: Library, id: str, data: bytes = b"picture", **changes: Any) -> None:
    library.add(image(id, data, **{"origin": "image2model", "created_at": OLD, **changes}), data)


def unused(books: Books, ids: list[str] | None = None) -> dict[str, int]:
    """The unused pictures, and how many share the file of each."""
    return {one.image.id: one.sharing for one in UnusedImages(books.database).find(YESTERDAY, ids)}


def test_only_old_pictures_that_came_in_for_models_are_unused(books: Books, library: Library) -> None:
    keep(library, "one")
    keep(library, "two", b"another")
    keep(library, "theirs", origin="context")
    keep(library, "young", created_at=datetime.now(UTC))
    assert unused(books) == {"one": 3, "two": 1}
    assert unused(books, ["two", "theirs"]) == {"two": 1}
    assert unused(books, []) == {}


def test_a_picture_with_masks_is_in_use(books: Books, library: Library) -> None:
    kept = image("seen", origin="image2model", created_at=OLD)
    library.store_with_masks(kept, b"picture", segmentation("found", image_id="seen"))
    assert unused(books) == {}
    assert not library.delete_unused("seen", YESTERDAY)


def test_a_picture_is_in_use_while_a_job_that_names_it_has_not_long_ended(books: Books, library: Library) -> None:
    keep(library, "named")
    keep(library, "name")
    order = JobOrder("nap", {"image_id": "named", "more": {"deep": [1]}})
    job, _ = books.ledger.add(order, JobLimits())
    assert unused(books) == {"name": 2}
    assert not library.delete_unused("named", YESTERDAY)
    books.ledger.cancel(job.id)
    assert unused(books) == {"name": 2}  # it ended today
    later = datetime.now(UTC) + timedelta(seconds=5)
    assert library.delete_unused("named", later) is False  # its file is still the other's
    assert library.delete_unused("name", later) is True
    for id in ("named", "name"):
        with pytest.raises(ImageNotFound):
            Images(books.database).get(id)


def test_a_job_at_rest_cannot_start_while_it_is_looked_at(books: Books) -> None:
    job, _ = books.ledger.add(JobOrder("nap", {}), JobLimits())
    books.ledger.cancel(job.id)
    assert books.ledger.at_rest(job.id, lambda held: held.state) == "cancelled"
