"""From a picture, wherever it lies, to its description: models asked once for each content, answers kept whole."""

from __future__ import annotations

import copy
import threading
import time
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from imagequarry.capabilities.description import pictures
from imagequarry.capabilities.description.claims import Claims
from imagequarry.capabilities.description.findings import DescribingModels, Findings
from imagequarry.capabilities.description.pictures import Picture
from imagequarry.capabilities.description.renewal import Renewal
from imagequarry.capabilities.duplicates import perceptual_hash
from imagequarry.capabilities.intake import Limits, Opened, open_picture
from imagequarry.capabilities.roots import Roots
from imagequarry.domain.described import DescribedImage, Description, ImageFile
from imagequarry.domain.raster import Raster
from imagequarry.domain.records import StoredImage
from imagequarry.domain.watch import Unwatched, Watch
from imagequarry.errors import Conflict, ImageNotFound, InvalidInput, QuarryError
from imagequarry.models.registry import Registry
from imagequarry.models.turns import Turns
from imagequarry.stores import descriptions as rows
from imagequarry.stores.description_scans import DescriptionScans
from imagequarry.stores.descriptions import Descriptions
from imagequarry.stores.library import Library
from imagequarry.stores.vectors import Vectors

_POLL_SECONDS = 0.2


@dataclass(frozen=True, slots=True)
class Described:
    """A picture with its description; ``was_duplicate``: the same content was described before, here or elsewhere."""

    image: DescribedImage
    was_duplicate: bool
    seconds: float


@dataclass(frozen=True, slots=True)
class Settled:
    """The same of one picture of many: its id only."""

    id: str
    was_duplicate: bool


class Describer:
    """Describes pictures with the models of the day, and keeps what they say.

    A content that was described by these models is not given to them again unless ``force``: what is known is copied.
    Models work on one batch at a time; a single picture goes before the batches of a folder. All methods raise
    ``ModelFailure`` when a model could not do its work, ``StorageFailure`` and ``Busy``.
    """

    def __init__(
        self,
        registry: Registry,
        library: Library,
        descriptions: Descriptions,
        scans: DescriptionScans,
        vectors: Vectors,
        roots: Roots,
        limits: Limits,
        turns: Turns | None = None,
    ) -> None:
        self._models = DescribingModels(registry)
        self._library = library
        self._descriptions = descriptions
        self._vectors = vectors
        self._limits = limits
        self._turns = turns or Turns()
        self._claims = Claims()
        self._at_models = threading.Lock()
        self.roots = roots
        self.renewal = Renewal(self._models, library, descriptions, scans, vectors, limits, self._turns)

    def below(self, roots: Roots) -> Describer:
        """The same describer, for other folders."""
        other = copy.copy(self)
        other.roots = roots
        return other

    def file(self, path: str, force: bool = False) -> Described:
        """Describe a file below the roots. Raises ``NotFound``, ``InvalidPicture``."""
        began = time.monotonic()
        with self.roots.open(path) as (file, stream):
            known = None if force else self.unchanged([file]).get(file.path)
            if known is not None:
                return Described(known, True, time.monotonic() - began)
            picture = pictures.from_file(file, stream, self._limits)
        return self._one(picture, force, began)

    def uploaded(self, opened: Opened, path: str, force: bool = False) -> Described:
        """Describe a file that was written just now, from the bytes that were written. Raises ``NotFound``."""
        began = time.monotonic()
        return self._one(self._written(opened, path), force, began)

    def registered(self, opened: Opened, path: str) -> DescribedImage:
        """Keep the record of such a file without describing it yet. Raises ``NotFound``."""
        picture = self._written(opened, path)
        assert picture.file is not None
        kept = self._library.add_file(picture.image, picture.file, lambda connection, image: None)
        return self._descriptions.get(kept.id)

    def kept(self, id: str, force: bool = False) -> Described:
        """Describe a picture that any surface keeps; one that lies where it lay is read there, below the roots.

        Raises ``NotFound``, ``InvalidPicture``.
        """
        began = time.monotonic()
        known = self._descriptions.get(id)
        if known.file is not None:
            return self.file(known.file.path, force)
        if not force and self._by_todays_models([known]):
            return Described(known, True, time.monotonic() - began)
        image, data = self._library.read(id)
        raster = open_picture(data, self._limits).raster
        return self._one(Picture(raster, image, None, perceptual_hash(raster)), force, began)

    def take(self, path: str) -> Picture:
        """Decode a file below the roots for ``describe``. Raises ``NotFound``, ``InvalidPicture``."""
        with self.roots.open(path) as (file, stream):
            return pictures.from_file(file, stream, self._limits)

    def describe(
        self, batch: Sequence[Picture], force: bool = False, watch: Watch | None = None
    ) -> list[Settled | QuarryError]:
        """Describe pictures together: for each what became of it. One that fails leaves the others as they are.

        Raises what is no single picture's fault: ``ModelUnavailable``, ``ModelLoadFailed``, ``StorageFailure``,
        ``Busy``, and what ``watch`` raises.
        """
        self._turns.give_way()
        return self._describe(batch, force, watch or Unwatched())

    def unchanged(self, files: Sequence[ImageFile]) -> dict[str, DescribedImage]:
        """Those of the files, by path, that today's models described and whose size and time are still the same."""
        known = self._descriptions.known_files([file.path for file in files])
        ids = {
            file.path: known[file.path].image.id
            for file in files
            if file.path in known and known[file.path].described and known[file.path].file == file
        }
        if not ids:
            return {}
        described = self._descriptions.many(list(ids.values()))
        current = self._by_todays_models(described.values())
        return {path: described[id] for path, id in ids.items() if id in current}

    def _written(self, opened: Opened, path: str) -> Picture:
        with self.roots.open(path) as (file, stream):
            if file.size_bytes != opened.size_bytes:  # replaced in this moment
                return pictures.from_file(file, stream, self._limits)
            return pictures.from_opened(opened, file)

    def _one(self, picture: Picture, force: bool, began: float) -> Described:
        with self._turns.click():
            (settled,) = self._describe([picture], force, Unwatched())
        if isinstance(settled, QuarryError):
            raise settled
        return Described(self._descriptions.get(settled.id), settled.was_duplicate, time.monotonic() - began)

    def _describe(self, batch: Sequence[Picture], force: bool, watch: Watch) -> list[Settled | QuarryError]:
        outcomes: dict[int, Settled | QuarryError] = {}
        waiting = {picture.raster.digest for picture in batch}
        while waiting:
            with self._claims.of(waiting, watch) as mine:
                ours = {n: picture for n, picture in enumerate(batch) if picture.raster.digest in mine}
                outcomes |= self._settled(ours, force, watch)
            waiting -= mine
        return [outcomes[n] for n in range(len(batch))]

    def _settled(self, batch: Mapping[int, Picture], force: bool, watch: Watch) -> dict[int, Settled | QuarryError]:
        rasters = {picture.raster.digest: picture.raster for picture in batch.values()}
        known = self._known(list(rasters))
        new = list(rasters.values()) if force else [rasters[digest] for digest in rasters if digest not in known]
        found: dict[str, Findings | QuarryError] = {**known, **self._found(new, watch)}
        outcomes: dict[int, Settled | QuarryError] = {}
        before = set(known)
        for n, picture in batch.items():
            findings = found[picture.raster.digest]
            if isinstance(findings, QuarryError):
                outcomes[n] = findings
                continue
            try:
                id = self._keep(picture, findings)
            except (InvalidInput, ImageNotFound, Conflict) as error:
                outcomes[n] = error
                continue
            outcomes[n] = Settled(id, picture.raster.digest in before)
            before.add(picture.raster.digest)
        return outcomes

    def _found(self, rasters: Sequence[Raster], watch: Watch) -> dict[str, Findings | QuarryError]:
        if not rasters:
            return {}
        with self._turn(watch):
            findings = self._models.find(rasters)
        return {raster.digest: found for raster, found in zip(rasters, findings, strict=True)}

    @contextmanager
    def _turn(self, watch: Watch) -> Iterator[None]:
        while not self._at_models.acquire(timeout=_POLL_SECONDS):
            watch.check()
        try:
            yield
        finally:
            self._at_models.release()

    def _known(self, digests: Sequence[str]) -> dict[str, Findings]:
        """What today's models said of these contents before."""
        ids = self._descriptions.latest_of_contents(digests)
        described = self._descriptions.many(list(ids.values())) if ids else {}
        current = self._by_todays_models(described.values())
        vectors = {space: self._vectors.fetch(space, current) for space in self._models.spaces()} if current else {}
        known: dict[str, Findings] = {}
        for digest, id in ids.items():
            said = described[id].description if id in current else None
            if said is not None and all(id in rows for rows in vectors.values()):  # it may go in this moment
                own = tuple((space, rows[id]) for space, rows in vectors.items())
                known[digest] = Findings(said.caption, said.objects, said.captioned_by, said.tagged_by, own)
        return known

    def _by_todays_models(self, images: Iterable[DescribedImage]) -> Collection[str]:
        """The ids of those whose words and vectors today's models made."""
        speakers = self._models.speakers()
        ids = [
            known.image.id
            for known in images
            if known.description and (known.description.captioned_by, known.description.tagged_by) == speakers
        ]
        for space in self._models.spaces() if ids else ():
            vectors = self._vectors.fetch(space, ids)
            ids = [id for id in ids if id in vectors]
        return dict.fromkeys(ids)

    def _keep(self, picture: Picture, findings: Findings) -> str:
        """Record, file, words and vectors in one transaction; the picture's id."""
        description = Description(
            findings.caption,
            findings.objects,
            findings.captioned_by,
            findings.tagged_by,
            perceptual_hash=picture.perceptual_hash,
        )

        def also(connection: Any, kept: StoredImage) -> None:
            rows.keep(connection, kept.id, description)
            for space, vector in findings.vectors:
                self._vectors.put(connection, space, [(kept.id, vector)])

        if picture.file is None:
            self._library.describe(picture.image, also)
            return picture.image.id
        return self._library.add_file(picture.image, picture.file, also).id
