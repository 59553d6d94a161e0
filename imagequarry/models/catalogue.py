"""Every model the server can run: a visible list, the preferred ones of a task first."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from imagequarry.domain.card import ModelCard
from imagequarry.engines.embedded import region_tree
from imagequarry.engines.remote.card import CARD as REMOTE_CARD
from imagequarry.errors import ModelUnavailable


@dataclass(frozen=True, slots=True)
class Hardware:
    """Where models run: device "auto", "cpu", "cuda" or "mps"; precision "auto" or "exact" (float32)."""

    device: str = "auto"
    precision: str = "auto"


@dataclass(frozen=True, slots=True)
class Entry:
    """A model's card and how to load it; ``weights`` is its folder or checkpoint, None for embedded models."""

    card: ModelCard
    load: Callable[[Path | None, Hardware], Any]
    needs: tuple[str, ...] = ()

    def missing_libraries(self) -> tuple[str, ...]:
        """Libraries the engine needs that are not installed."""
        return tuple(name for name in self.needs if importlib.util.find_spec(name) is None)

    def require_libraries(self) -> None:
        """Raise ``ModelUnavailable`` with the remedy when a library is missing."""
        if missing := self.missing_libraries():
            raise ModelUnavailable(
                f"{self.card.name!r} needs {', '.join(missing)}. To install: pip install 'imagequarry[models]'",
                model=self.card.name,
                command="pip install 'imagequarry[models]'",
            )


def _sam(weights: Path | None, hardware: Hardware) -> Any:
    from imagequarry.engines.huggingface import sam

    assert weights is not None
    return sam.load(weights, hardware.device, "float32" if hardware.precision == "exact" else "auto")


def remote(url: str, token: str, timeout: float) -> Entry:
    """The SAM API at that address, as a model among the others."""

    def connected(weights: Path | None, hardware: Hardware) -> Any:
        from imagequarry.engines.remote.sam_api import SamApi

        return SamApi(url, token, timeout)

    return Entry(REMOTE_CARD, connected)


def _huggingface(
    name: str, description: str, size_mb: int, hub: str, checkpoint: str = "", licence: str = "Apache-2.0"
) -> Entry:
    source = f"https://huggingface.co/{hub}"
    card = ModelCard(
        name, "segment", "huggingface", description, "1", licence, source, size_mb, hub=hub, checkpoint=checkpoint
    )
    return Entry(card, _sam, needs=("torch", "transformers"))


CATALOGUE: tuple[Entry, ...] = (
    _huggingface("sam3", "SAM 3, prompted by points and boxes", 3440, "facebook/sam3", licence="SAM License"),
    _huggingface("vit_h", "SAM ViT-Huge model", 2560, "facebook/sam-vit-huge", "sam_vit_h_4b8939.pth"),
    _huggingface("vit_l", "SAM ViT-Large model", 1250, "facebook/sam-vit-large", "sam_vit_l_0b3195.pth"),
    _huggingface("sam2.1-large", "SAM 2.1 Hiera-Large model", 898, "facebook/sam2.1-hiera-large"),
    _huggingface("sam2.1-base-plus", "SAM 2.1 Hiera-Base-Plus model", 323, "facebook/sam2.1-hiera-base-plus"),
    _huggingface("vit_b", "SAM ViT-Base model", 375, "facebook/sam-vit-base", "sam_vit_b_01ec64.pth"),
    _huggingface("sam2.1-small", "SAM 2.1 Hiera-Small model", 184, "facebook/sam2.1-hiera-small"),
    _huggingface("sam2.1-tiny", "SAM 2.1 Hiera-Tiny model", 156, "facebook/sam2.1-hiera-tiny"),
    _huggingface("edgetam", "EdgeTAM, a small SAM 2 for weak machines", 56, "yonigozlan/EdgeTAM-hf"),
    Entry(region_tree.CARD, lambda weights, hardware: region_tree.RegionTree()),
)
