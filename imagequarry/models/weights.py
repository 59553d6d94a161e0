"""Model weights on disk: which are there, where, whether they are whole, and how to be rid of them."""

from __future__ import annotations

import hashlib
import importlib.util
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from imagequarry.domain.card import ModelCard
from imagequarry.errors import InvalidInput, ModelLoadFailed, ModelUnavailable, StorageFailure
from imagequarry.models import manifest
from imagequarry.models.manifest import FileRecord
from imagequarry.models.pulling import locked, old_of, part_of

Verdict = Literal["ok", "damaged", "missing", "unknown"]

# The one file of weights in a package that carries some.
_PACKAGED = "model.safetensors"


@dataclass(frozen=True, slots=True)
class FileCheck:
    """A file compared with what is known of it; "unknown" where nothing is, and then ``sha256`` is what it has."""

    file: str
    verdict: Verdict
    sha256: str = ""


class WeightsFolder:
    """The folder of model weights: one sub-folder per model, in the layout of the Hugging Face hub.

    A folder with a manifest counts when every file of it is there in its size; one that somebody put there without,
    when it holds a configuration and safetensors. Original SAM checkpoints (``sam_vit_b_01ec64.pth``) count as well
    when they lie in the folder itself under their released names, or when ``checkpoint`` names one, which then goes
    before all others of its variant. ``named`` are folders elsewhere that the settings name for a model: used or
    refused, never replaced by another. Weights that come in a Python package count last.
    """

    def __init__(self, root: Path, checkpoint: Path | None = None, named: Mapping[str, Path] | None = None) -> None:
        self._root = root
        self._checkpoint = checkpoint
        self._named = dict(named or {})
        # Files without a record, hashed once: path, size and time of the last change tell whether they changed since.
        self._hashed: dict[tuple[Path, int, int], str] = {}

    def find(self, card: ModelCard) -> Path | None:
        """The model's folder or checkpoint file, or None when its weights are not on this machine."""
        if card.folder in self._named:
            return None if self.named_fault(card.folder) else self._named[card.folder]
        if self._is_named(card) and self._checkpoint is not None and self._checkpoint.is_file():
            return self._checkpoint
        folder = self._root / card.folder
        if self._is_whole(folder):
            return folder
        released = self._root / card.checkpoint
        if card.checkpoint and released.is_file():
            return released
        packaged = _packaged(card)
        return packaged if packaged is not None and self._is_whole(packaged) else None

    def require(self, card: ModelCard) -> Path:
        """Like ``find``, but absent weights are an error that says how to get them."""
        found = self.find(card)
        if found is None and card.folder in self._named:
            raise ModelUnavailable(self.named_fault(card.folder), model=card.name)
        if found is None:
            how = f"imagequarry models pull {card.folder}"
            known = manifest.read(self._root / card.folder)
            what = "are incomplete. To mend them" if known else "are not on this machine. To get them"
            fault = f" {self.checkpoint_fault()}" if card.checkpoint and self.checkpoint_fault() else ""
            raise ModelUnavailable(f"The weights of {card.name!r} {what}: {how}{fault}", model=card.name, command=how)
        return found

    def checkpoint_fault(self) -> str:
        """What is wrong with the checkpoint that the settings name, as a sentence; empty when nothing is."""
        if self._checkpoint is None:
            return ""
        if not any(variant in self._checkpoint.name for variant in ("vit_h", "vit_l", "vit_b")):
            return "SAM_CHECKPOINT_PATH names a file whose name tells no variant: it must hold vit_h, vit_l or vit_b."
        return "" if self._checkpoint.is_file() else "SAM_CHECKPOINT_PATH names a file that is not there."

    def named_fault(self, folder: str) -> str:
        """What is wrong with the folder that the settings name for a model, as a sentence; empty when nothing is."""
        named = self._named.get(folder)
        if named is None or self._is_whole(named):
            return ""
        which = f"The folder that the settings name for the weights of {folder!r}"
        if not named.is_dir():
            return f"{which} is not there."
        if not (named / "config.json").is_file():
            return f"{which} holds no config.json."
        if not any(named.glob("*.safetensors")):
            return f"{which} holds no weights in the safetensors format."
        return f"{which} is incomplete."

    def digest(self, weights: Path, card: ModelCard) -> str:
        """SHA-256 (hex) over the names and digests of a model's weights and configuration.

        Files that did not change since they were checked are not read. Raises ``ModelLoadFailed`` for one that did
        and no longer is what it was, and for a Python package that carries other weights than it should.
        """
        records = _records(weights)
        digests = {}
        for name, part in _parts(weights).items():
            record = records.get(name)
            if record is not None and record.is_untouched(weights):
                digests[name] = record.sha256
                continue
            digests[name] = self._sha256(part)
            if record is not None and digests[name] != record.sha256:
                how = f"imagequarry models pull {weights.name}"
                raise ModelLoadFailed(f"The weights of {weights.name!r} are damaged. To mend them: {how}", command=how)
        if weights == _packaged(card) and digests.get(_PACKAGED) != card.packaged_sha256:
            package = card.packaged.partition("/")[0]
            raise ModelLoadFailed(f"The package {package!r} carries other weights of {card.name!r} than it should.")
        return _total(digests)

    def known_digest(self, weights: Path) -> str:
        """The same where it is known without reading the weights, else empty."""
        records = _records(weights)
        digests = {}
        for name, part in _parts(weights).items():
            record = records.get(name)
            if record is not None and record.is_untouched(weights):
                digests[name] = record.sha256
            elif (identity := _identity(part)) in self._hashed:
                digests[name] = self._hashed[identity]
            else:
                return ""
        return _total(digests)

    def has_files(self, card: ModelCard) -> bool:
        """Whether there is anything of the model's weights, whole or not."""
        return bool(card.hub) and ((self._root / card.folder).is_dir() or self.find(card) is not None)

    def verify(self, card: ModelCard) -> list[FileCheck]:
        """Read every file of the model's weights and compare it with the manifest, or with the released digest.

        Raises ``InvalidInput`` for a model without weights, ``StorageFailure``.
        """
        _require_weights(card)
        folder, found = self._named.get(card.folder, self._root / card.folder), self.find(card)
        try:
            if found is not None and found.is_file():
                return [_checkpoint_check(found, card)]
            if found is not None and found == _packaged(card):
                return [_released_check(found / _PACKAGED, card.packaged_sha256)]
            if (known := manifest.read(folder)) is not None:
                return [_check(folder, record) for record in known.files]
            if found is None:
                return [FileCheck(f"{card.name}/", "missing")]
            parts = _parts(found).items()
            return [FileCheck(name, "unknown", manifest.recorded(part).sha256) for name, part in parts]
        except OSError as error:
            raise StorageFailure(f"The weights of {card.name!r} could not be read ({error.strerror}).") from error

    def remove(self, card: ModelCard) -> int:
        """Free the disk of the model's weights, whole or begun; the bytes that were freed.

        Nothing outside the folder of weights is touched. Raises ``InvalidInput`` for a model without weights,
        ``ModelUnavailable`` when there are none, ``Conflict`` while they are being pulled, ``StorageFailure``.
        """
        _require_weights(card)
        places = [self._root / card.folder, part_of(self._root, card.folder), old_of(self._root, card.folder)]
        if card.checkpoint:
            places.append(self._root / card.checkpoint)
        present = [place for place in places if place.is_symlink() or place.exists()]
        if not present:
            raise ModelUnavailable(f"The weights of {card.name!r} {self._elsewhere(card)}.", model=card.name)
        try:
            return sum(_removed(place) for place in present)
        except OSError as error:
            raise StorageFailure(f"The weights of {card.name!r} could not be removed ({error.strerror}).") from error

    def _elsewhere(self, card: ModelCard) -> str:
        """Where weights are that are not in the folder of weights."""
        found = self.find(card)
        if found is None:
            return "are not on this machine"
        if found == self._checkpoint:
            return "lie at SAM_CHECKPOINT_PATH, which is yours to remove"
        if card.folder in self._named:
            return "lie in a folder that the settings name, which is yours to remove"
        return "come with an installed Python package"

    def _is_named(self, card: ModelCard) -> bool:
        # SAM_CHECKPOINT_PATH may have any name that still tells the variant, as in "my_sam_vit_b.pth".
        return bool(card.checkpoint) and self._checkpoint is not None and card.name in self._checkpoint.name

    def _is_whole(self, folder: Path) -> bool:
        if not (folder / "config.json").is_file() or not any(folder.glob("*.safetensors")):
            return False
        known = manifest.read(folder)
        # A manifest that cannot be read vouches for nothing.
        return known.is_complete(folder) if known else not (folder / manifest.MANIFEST).exists()

    def _sha256(self, path: Path) -> str:
        known = _identity(path)
        if known not in self._hashed:
            self._hashed[known] = manifest.recorded(path).sha256
        return self._hashed[known]


def _total(digests: dict[str, str]) -> str:
    return hashlib.sha256("".join(f"{name}:{digest}\n" for name, digest in digests.items()).encode()).hexdigest()


def _parts(weights: Path) -> dict[str, Path]:
    """The files that say what a model computes, by their names in its folder."""
    if weights.is_file():
        return {weights.name: weights}
    parts = {weights / "config.json"}
    for kind in ("*.safetensors", "modules.json", "[0-9]_*/config.json"):
        parts.update(weights.glob(kind))
    return {part.relative_to(weights).as_posix(): part for part in sorted(parts)}


def _records(weights: Path) -> dict[str, FileRecord]:
    known = manifest.read(weights)
    return {record.name: record for record in known.files} if known else {}


def _identity(path: Path) -> tuple[Path, int, int]:
    try:
        stat = path.stat()
    except OSError:
        return path, -1, -1
    return path, stat.st_size, stat.st_mtime_ns


def _check(folder: Path, record: FileRecord) -> FileCheck:
    if not (folder / record.name).is_file():
        return FileCheck(record.name, "missing")
    found = manifest.recorded(folder / record.name).sha256
    return FileCheck(record.name, "ok" if found == record.sha256 else "damaged", found)


def _checkpoint_check(path: Path, card: ModelCard) -> FileCheck:
    if path.name != card.checkpoint or not card.checkpoint_sha256:
        # A file under another name may well hold other weights than the released ones.
        return FileCheck(path.name, "unknown", manifest.recorded(path).sha256)
    return _released_check(path, card.checkpoint_sha256)


def _released_check(path: Path, sha256: str) -> FileCheck:
    found = manifest.recorded(path).sha256
    return FileCheck(path.name, "ok" if found == sha256 else "damaged", found)


def _packaged(card: ModelCard) -> Path | None:
    """The folder of an installed package that carries the model's weights; nothing of the package is imported."""
    package, _, folder = card.packaged.partition("/")
    found = importlib.util.find_spec(package) if package else None
    if found is None or not found.submodule_search_locations:
        return None
    return Path(found.submodule_search_locations[0]) / folder


def _require_weights(card: ModelCard) -> None:
    if not card.hub and not card.checkpoint:
        raise InvalidInput(f"{card.name!r} needs no weights; there is nothing on disk.")


def _removed(place: Path) -> int:
    """Remove a folder, a file, or a link without what it points to; the bytes that were freed."""
    if place.is_symlink():
        place.unlink()
        return 0
    if place.is_file():
        freed = place.stat().st_size
        place.unlink()
        return freed
    with locked(place):
        freed = sum(file.lstat().st_size for file in place.rglob("*") if file.is_file())
        shutil.rmtree(place)
    return freed
