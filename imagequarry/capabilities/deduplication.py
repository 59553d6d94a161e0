"""Duplicates of files and folders of the server: looked for, compared, and removed."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass

from imagequarry.capabilities.description import Describer
from imagequarry.capabilities.directories import Directories
from imagequarry.capabilities.duplicates import Comparison, Duplicates, Group, Groups
from imagequarry.capabilities.gallery import Gallery
from imagequarry.capabilities.intake import Limits, Opened, open_picture
from imagequarry.capabilities.roots import Roots
from imagequarry.errors import ImageNotFound
from imagequarry.stores.descriptions import Descriptions


@dataclass(frozen=True, slots=True)
class Removal:
    """What was removed, or would be.

    ``kept`` are the representatives of the groups, ``deleted_files`` paths, and ``failed_files`` those of removed
    pictures whose files were not deleted: they changed, are gone, or lie outside the roots.
    """

    groups: int
    kept: tuple[str, ...]
    removed: tuple[str, ...]
    deleted_files: tuple[str, ...] = ()
    failed_files: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Compared:
    """How two pictures differ, and their files."""

    pictures: Comparison
    files: tuple[Opened, Opened]


class Deduplication:
    """Looks for duplicates where a caller says; what is not known there yet is described first."""

    def __init__(
        self,
        duplicates: Duplicates,
        describer: Describer,
        directories: Directories,
        descriptions: Descriptions,
        gallery: Gallery,
        roots: Roots,
        limits: Limits,
    ) -> None:
        self._duplicates = duplicates
        self._describer = describer
        self._directories = directories
        self._descriptions = descriptions
        self._gallery = gallery
        self._roots = roots
        self._limits = limits

    def everywhere(self, threshold: float) -> Groups:
        """Groups among all described pictures."""
        return self._duplicates.groups(threshold)

    def in_folder(self, folder: str, threshold: float, *, recursive: bool) -> Groups:
        """Groups among the pictures of a folder. Raises ``NotFound``."""
        return self._duplicates.groups(threshold, among=self._described_below(folder, recursive))

    def of_file(self, path: str, threshold: float, folder: str | None = None) -> Groups:
        """The picture and what is like it in the folder or anywhere, as one group or none. Raises ``NotFound``."""
        among = None if folder is None else self._described_below(folder, recursive=False)
        own = self._describer.file(path).image.image.id
        total = self._gallery.count() if among is None else len({*among, own})
        matches = self._duplicates.of_picture(self._opened(path).raster, threshold, among=among, leave_out=(own,))
        return Groups(total, (Group(own, tuple(matches)),) if matches else ())

    def compare(self, first: str, second: str, threshold: float) -> Compared:
        """Two files compared, neither kept. Raises ``NotFound``, ``InvalidPicture``."""
        files = self._opened(first), self._opened(second)
        return Compared(self._duplicates.compare(files[0].raster, files[1].raster, threshold), files)

    def remove(self, threshold: float, *, dry_run: bool, keep_first: bool, delete_files: bool) -> Removal:
        """Forget every duplicate but the representative of its group, and delete the files if asked to.

        ``keep_first``: the representative is the picture that most are like, else the largest of its group.
        """
        plan = self._duplicates.removal_plan(threshold, keep_first=keep_first)
        if dry_run:
            return Removal(len(plan.groups), plan.stays, plan.goes)
        known = self._descriptions.many(plan.goes)
        removed: list[str] = []
        deleted: list[str] = []
        failed: list[str] = []
        for id in plan.goes:
            with suppress(ImageNotFound):  # somebody else removed it in this moment
                file_deleted = self._gallery.delete(id, delete_file=delete_files)
                removed.append(id)
                file = known[id].file if id in known else None
                if delete_files and file is not None:
                    (deleted if file_deleted else failed).append(file.path)
        return Removal(len(plan.groups), plan.stays, tuple(removed), tuple(deleted), tuple(failed))

    def _described_below(self, folder: str, recursive: bool) -> Sequence[str]:
        self._directories.process(folder, recursive)
        return self._descriptions.ids_below(self._roots.folder(folder), recursive=recursive)

    def _opened(self, path: str) -> Opened:
        with self._roots.open(path) as (_, stream):
            return open_picture(stream, self._limits)
