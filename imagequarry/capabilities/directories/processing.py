"""Describing whole folders: known files passed over unopened, decoding ahead of the models, memory bounded."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import datetime
from itertools import islice
from typing import TypeVar

from imagequarry.capabilities.description import Describer, Picture
from imagequarry.capabilities.directories.outcome import FailedFile, Outcome, Tally
from imagequarry.capabilities.directories.scanning import scan
from imagequarry.capabilities.roots import shown
from imagequarry.domain.described import ImageFile
from imagequarry.domain.watch import Unwatched, Watch
from imagequarry.errors import InvalidInput, NotFound, QuarryError

# Files that the database is asked about at once.
_ASKED = 256
# Decoded pictures may wait for the models in that much memory, beside those that are being decoded, and a batch may
# take that much.
_WAITING_BYTES = 256 * 2**20

T = TypeVar("T")


class Directories:
    """Finds the pictures in folders below the describer's roots, and describes those that are not yet.

    ``batch`` pictures go to the models at once; ``threads`` decode.
    """

    def __init__(self, describer: Describer, batch: int = 8, threads: int = 2) -> None:
        self._describer = describer
        self._batch = batch
        self._threads = threads

    def scan(self, path: str, recursive: bool = False) -> Iterator[ImageFile | FailedFile]:
        """The pictures in the folder, by name. Raises ``NotFound`` at the first step."""
        return scan(self._describer.roots, path, recursive)

    def process(
        self,
        path: str,
        recursive: bool = False,
        force: bool = False,
        watch: Watch | None = None,
        since: datetime | None = None,
        tally: Tally | None = None,
    ) -> Outcome:
        """Describe the pictures in the folder; files that are known and unchanged are skipped unless ``force``.

        What is done stays done when this ends early. ``since`` is when an earlier try at the same work began: what was
        described after that counts as processed, and is not done again even with ``force``. ``tally`` grows while the
        work goes on. Raises ``NotFound``, ``Cancelled``, and what is no single file's fault: ``ModelUnavailable``,
        ``ModelLoadFailed``, ``StorageFailure``, ``Busy``.
        """
        watch, tally = watch or Unwatched(), tally or Tally()
        total = sum(1 for _ in _checked(self.scan(path, recursive), watch))

        def tell() -> None:
            # The folder may have grown since it was counted.
            most = max(tally.done, total)
            watch.progress(tally.done / most if most else 1.0, f"Processing image {tally.done} of {most}")

        files = self._to_do(_checked(self.scan(path, recursive), watch), force, since, tally, tell)
        pool = ThreadPoolExecutor(self._threads, thread_name_prefix="decode")
        try:
            for batch in self._batches(self._decoded(files, pool, tally, watch)):
                self._describe(batch, force, watch, tally)
                tell()
        finally:
            pool.shutdown(cancel_futures=True)
        tell()
        return tally.outcome()

    def _to_do(
        self,
        found: Iterator[ImageFile | FailedFile],
        force: bool,
        since: datetime | None,
        tally: Tally,
        tell: Callable[[], None],
    ) -> Iterator[ImageFile]:
        """The files that need a description; the others are counted."""
        while some := list(islice(found, _ASKED)):
            files = [file for file in some if isinstance(file, ImageFile)]
            for file in some:
                if isinstance(file, FailedFile):
                    tally.failed(file)
            known = {} if force and since is None else self._describer.unchanged(files)
            for file in files:
                image = known.get(file.path)
                if image is not None and since and image.description and image.description.described_at >= since:
                    tally.processed(image.image.id)
                elif image is not None and not force:
                    tally.skipped()
                else:
                    yield file
            if known:
                tell()

    def _decoded(
        self, files: Iterator[ImageFile], pool: ThreadPoolExecutor, tally: Tally, watch: Watch
    ) -> Iterator[tuple[ImageFile, Picture]]:
        """The files decoded, in their order, some ahead of who asks for them; broken ones are counted."""
        ahead: deque[tuple[ImageFile, Future[Picture]]] = deque()
        more = True
        while more or ahead:
            while more and len(ahead) < self._batch + self._threads and _held(ahead) < _WAITING_BYTES:
                file = next(files, None)
                more = file is not None
                if file is not None:
                    ahead.append((file, pool.submit(self._describer.take, file.path)))
            if not ahead:
                return
            watch.check()
            file, future = ahead.popleft()
            try:
                yield file, future.result()
            except (InvalidInput, NotFound) as error:
                tally.failed(FailedFile(shown(file.path), error.message))

    def _batches(self, taken: Iterator[tuple[ImageFile, Picture]]) -> Iterator[list[tuple[ImageFile, Picture]]]:
        batch: list[tuple[ImageFile, Picture]] = []
        for file, picture in taken:
            batch.append((file, picture))
            if len(batch) == self._batch or sum(picture.raster.nbytes for _, picture in batch) >= _WAITING_BYTES:
                yield batch
                batch = []
        if batch:
            yield batch

    def _describe(self, batch: list[tuple[ImageFile, Picture]], force: bool, watch: Watch, tally: Tally) -> None:
        outcomes = self._describer.describe([picture for _, picture in batch], force, watch)
        for (file, _), outcome in zip(batch, outcomes, strict=True):
            if isinstance(outcome, QuarryError):
                tally.failed(FailedFile(file.path, outcome.message))
            else:
                tally.processed(outcome.id)


def _held(ahead: Iterable[tuple[ImageFile, Future[Picture]]]) -> int:
    """Bytes of the pictures that are decoded already."""
    done = [future for _, future in ahead if future.done() and future.exception() is None]
    return sum(future.result().raster.nbytes for future in done)


def _checked(found: Iterator[T], watch: Watch) -> Iterator[T]:
    for one in found:
        watch.check()
        yield one
