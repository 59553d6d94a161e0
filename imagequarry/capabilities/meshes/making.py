"""From a picture to a model in a folder, and from that to other formats."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from weakref import WeakValueDictionary

from imagequarry.capabilities.files import write_atomically
from imagequarry.capabilities.meshes import formats, preview, received, written
from imagequarry.capabilities.meshes.results import MODEL, PREVIEW, MadeModel
from imagequarry.capabilities.meshes.shape import Shape
from imagequarry.capabilities.meshes.subject import subject_of
from imagequarry.capabilities.segmentation import Segmentation
from imagequarry.domain.card import Geometry, ModelCard
from imagequarry.domain.mesh import FORMATS, Mesh, MeshOptions, MeshWatch
from imagequarry.domain.raster import Raster
from imagequarry.domain.watch import Share
from imagequarry.errors import InvalidInput, NotFound, QuarryError, StorageFailure
from imagequarry.models.registry import Registry

# How far the work is when the subject is found, and when the mesh is made.
_FOUND, _MADE = 0.4, 0.8


@dataclass(frozen=True, slots=True)
class Available:
    """A maker of models as it stands: whether it can be asked now, and if not, why."""

    card: ModelCard
    ready: bool
    reason: str
    geometry: Geometry
    formats: tuple[str, ...]


class Meshes:
    """Leases a maker, shows it the picture and its subject, and keeps what it makes."""

    def __init__(self, registry: Registry, segmentation: Segmentation) -> None:
        self._registry = registry
        self._segmentation = segmentation
        self._locks: WeakValueDictionary[Path, _Lock] = WeakValueDictionary()
        self._guard = threading.Lock()

    def ready(self, model: str | None) -> ModelCard:
        """The card of the maker that would be asked, refused now rather than later when it cannot be.

        Raises ``ModelNotFound``, ``ModelUnavailable``, ``RemoteNotSetUp``.
        """
        card = self._registry.choose(model, "mesh")
        self._registry.require(card)
        return card

    def available(self) -> list[Available]:
        """Every maker, the preferred ones first."""
        return [self._available(state.card) for state in self._registry.states("mesh")]

    def make(
        self, raster: Raster, options: MeshOptions, model: str | None, folder: Path, watch: MeshWatch
    ) -> MadeModel:
        """Make a model of what the picture shows, and put it into the folder as ``model.glb`` with ``preview.png``.

        Both appear whole, and in place of what an earlier attempt left. Raises what ``ready`` raises,
        ``RemoteFailure``, ``ModelFailure``, ``StorageFailure``, and what ``watch`` raises.
        """
        card = self.ready(model)
        with self._registry.lease(card) as leased:
            subject = None
            if leased.engine.wants_subject:
                watch.progress(0.0, "looking for the subject")
                subject = subject_of(raster, self._segmentation, Share(watch, 0.0, _FOUND))
                watch.progress(_FOUND, "making the model" if subject else "no clear subject: making a relief")
            with leased.timed("mesh"):
                made = leased.engine.make(raster, subject, options, watch)
            geometry: Geometry = leased.engine.geometry
        watch.progress(_MADE, "writing the files")
        if isinstance(made, Mesh):
            shape = Shape.of(made)
            model_file, picture = written.of_shape(shape), preview.of_shape(shape)
        else:
            model_file, picture = received.of_ready(made, options)
        self._keep(folder, {MODEL: model_file.glb, PREVIEW: picture})
        return MadeModel(
            card.name,
            geometry,
            model_file.faces,
            model_file.vertices,
            options.face_limit is None or model_file.faces <= options.face_limit,
            model_file.textured,
            (MODEL, PREVIEW),
            model_file.notes,
        )

    def converted(self, folder: Path, format: str) -> Path:
        """The folder's model in a format of ``FORMATS``; the first who asks has it converted, and it is kept.

        An OBJ with a texture is a zip of OBJ, MTL and picture. Raises ``InvalidInput`` for another format,
        ``NotFound`` where the folder holds no model, ``ModelFailure`` where it cannot be read, ``StorageFailure``.
        """
        wanted = format.lower()
        if wanted not in FORMATS:
            raise InvalidInput(
                f"There is no format {format[:32]!r}. There are: {', '.join(FORMATS)}.", formats=list(FORMATS)
            )
        model = folder / MODEL
        with self._locked(folder):
            if not model.is_file():
                raise NotFound("There is no model yet.")
            if wanted == "glb":
                return model
            kept = next((folder / name for name in formats.names(wanted) if (folder / name).is_file()), None)
            if kept is not None:
                return kept
            name, data = formats.convert(model.read_bytes(), wanted)
            write_atomically(folder / name, data)
            return folder / name

    def _available(self, card: ModelCard) -> Available:
        reason = ""
        try:
            self._registry.require(card)
        except QuarryError as error:
            reason = error.message
        return Available(card, not reason, reason, card.geometry or "2.5d", tuple(FORMATS))

    def _keep(self, folder: Path, files: dict[str, bytes]) -> None:
        """Write the files, the model last, and drop what was converted from an earlier one."""
        with self._locked(folder):
            try:
                folder.mkdir(parents=True, exist_ok=True)
                for format in FORMATS:
                    for name in formats.names(format):
                        (folder / name).unlink(missing_ok=True)
            except OSError as error:
                raise StorageFailure("The folder of the model cannot be written.") from error
            for name in sorted(files, reverse=True):
                write_atomically(folder / name, files[name], durable=True)

    @contextmanager
    def _locked(self, folder: Path) -> Iterator[None]:
        """Nobody else in this process writes into that folder; other processes replace whole files by their equals."""
        with self._guard:
            lock = self._locks.setdefault(folder.absolute(), _Lock())
        with lock.held:
            yield


class _Lock:
    """A lock that goes when nobody holds it."""

    def __init__(self) -> None:
        self.held = threading.Lock()
