"""Model weights on disk: which are there, and where."""

from __future__ import annotations

import hashlib
from pathlib import Path

from imagequarry.domain.card import ModelCard
from imagequarry.errors import ModelUnavailable


class WeightsFolder:
    """The folder of model weights: one sub-folder per model, in the layout of the Hugging Face hub.

    Original SAM checkpoints (``sam_vit_b_01ec64.pth``) count as well when they lie in the folder itself under their
    released names, or when ``checkpoint`` names one.
    """

    def __init__(self, root: Path, checkpoint: Path | None = None) -> None:
        self._root = root
        self._checkpoint = checkpoint

    def find(self, card: ModelCard) -> Path | None:
        """The model's folder or checkpoint file, or None when its weights are not on this machine."""
        folder = self._root / card.name
        if (folder / "config.json").is_file() and any(folder.glob("*.safetensors")):
            return folder
        if card.checkpoint:
            # SAM_CHECKPOINT_PATH may have any name that still tells the variant, as in "my_sam_vit_b.pth".
            named = self._checkpoint
            if named is not None and card.name in named.name and named.is_file():
                return named
            if (released := self._root / card.checkpoint).is_file():
                return released
        return None

    def require(self, card: ModelCard) -> Path:
        """Like ``find``, but absent weights are an error that says how to get them."""
        found = self.find(card)
        if found is None:
            how = f"imagequarry models pull {card.name}"
            raise ModelUnavailable(
                f"The weights of {card.name!r} are not on this machine. To get them: {how}",
                model=card.name,
                command=how,
            )
        return found

    def digest(self, weights: Path) -> str:
        """SHA-256 (hex) over the names and contents of a model's weights and configuration."""
        total = hashlib.sha256()
        parts = [weights] if weights.is_file() else sorted([*weights.glob("*.safetensors"), weights / "config.json"])
        for part in parts:
            with part.open("rb") as file:
                total.update(f"{part.name}:{hashlib.file_digest(file, 'sha256').hexdigest()}\n".encode())
        return total.hexdigest()
