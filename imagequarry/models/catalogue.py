"""Every model the server can run: a visible list, the preferred ones of a task first."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from imagequarry.domain.card import ModelCard
from imagequarry.engines.embedded import region_tree
from imagequarry.engines.huggingface import devices
from imagequarry.engines.remote.card import CARD as REMOTE_CARD
from imagequarry.errors import ModelUnavailable


@dataclass(frozen=True, slots=True)
class Hardware:
    """Where models run: device "auto", "cpu", "cuda" or "mps"; precision "auto" or "exact" (float32)."""

    device: str = "auto"
    precision: str = "auto"

    def chosen_device(self) -> str:
        """The device that "auto" means here. Raises ``ModelUnavailable`` where the named one is not there."""
        return devices.chosen(self.device)


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
    return sam.load(weights, hardware.chosen_device(), "float32" if hardware.precision == "exact" else "auto")


def _sam_words(weights: Path | None, hardware: Hardware) -> Any:
    from imagequarry.engines.huggingface import sam

    assert weights is not None
    return sam.load_words(weights, hardware.chosen_device(), "float32" if hardware.precision == "exact" else "auto")


def remote(url: str, token: str, timeout: float) -> Entry:
    """The SAM API at that address, as a model among the others."""

    def connected(weights: Path | None, hardware: Hardware) -> Any:
        from imagequarry.engines.remote.sam_api import SamApi

        return SamApi(url, token, timeout)

    return Entry(REMOTE_CARD, connected)


def _huggingface(name: str, description: str, size_mb: int, hub: str, checkpoint: tuple[str, str] = ("", "")) -> Entry:
    card = ModelCard(
        name=name,
        task="segment",
        family="huggingface",
        description=description,
        version="1",
        licence="SAM License" if hub in _GATED else "Apache-2.0",
        source=f"https://huggingface.co/{hub}",
        size_mb=size_mb,
        hub=hub,
        checkpoint=checkpoint[0],
        checkpoint_sha256=checkpoint[1],
        gated=hub in _GATED,
    )
    return Entry(card, _sam, needs=_LIBRARIES)


def _words(name: str, description: str, shares: str, size_mb: int, hub: str) -> Entry:
    card = replace(_huggingface(name, description, size_mb, hub).card, task="segment-by-words", shares=shares)
    return Entry(card, _sam_words, needs=_LIBRARIES)


_GATED = {"facebook/sam3"}
_LIBRARIES = ("torch", "transformers", "safetensors")

# The files of the first release, and their SHA-256.
_VIT_H = ("sam_vit_h_4b8939.pth", "a7bf3b02f3ebf1267aba913ff637d9a2d5c33d3173bb679e46d9f338c26f262e")
_VIT_L = ("sam_vit_l_0b3195.pth", "3adcc4315b642a4d2101128f611684e8734c41232a17c648ed1693702a49a622")
_VIT_B = ("sam_vit_b_01ec64.pth", "ec2df62732614e57411cdcf32a23ffdf28910380d03139ee0f4fcbe91eb8c912")

CATALOGUE: tuple[Entry, ...] = (
    _huggingface("sam3", "SAM 3, prompted by points and boxes", 3440, "facebook/sam3"),
    _huggingface("vit_h", "SAM ViT-Huge model", 2560, "facebook/sam-vit-huge", _VIT_H),
    _huggingface("vit_l", "SAM ViT-Large model", 1250, "facebook/sam-vit-large", _VIT_L),
    _huggingface("sam2.1-large", "SAM 2.1 Hiera-Large model", 898, "facebook/sam2.1-hiera-large"),
    _huggingface("sam2.1-base-plus", "SAM 2.1 Hiera-Base-Plus model", 323, "facebook/sam2.1-hiera-base-plus"),
    _huggingface("vit_b", "SAM ViT-Base model", 375, "facebook/sam-vit-base", _VIT_B),
    _huggingface("sam2.1-small", "SAM 2.1 Hiera-Small model", 184, "facebook/sam2.1-hiera-small"),
    _huggingface("sam2.1-tiny", "SAM 2.1 Hiera-Tiny model", 156, "facebook/sam2.1-hiera-tiny"),
    _huggingface("edgetam", "EdgeTAM, a small SAM 2 for weak machines", 56, "yonigozlan/EdgeTAM-hf"),
    _words("sam3-words", "SAM 3, prompted by words", "sam3", 3440, "facebook/sam3"),
    Entry(region_tree.CARD, lambda weights, hardware: region_tree.RegionTree()),
)

# Names that other programs, the hub and the original releases use.
ALIASES: Mapping[str, str] = {
    "sam_vit_h": "vit_h",
    "sam_vit_l": "vit_l",
    "sam_vit_b": "vit_b",
    "sam-vit-huge": "vit_h",
    "sam-vit-large": "vit_l",
    "sam-vit-base": "vit_b",
    "sam2.1_hiera_large": "sam2.1-large",
    "sam2.1_hiera_base_plus": "sam2.1-base-plus",
    "sam2.1_hiera_small": "sam2.1-small",
    "sam2.1_hiera_tiny": "sam2.1-tiny",
    "sam2.1-hiera-large": "sam2.1-large",
    "sam2.1-hiera-base-plus": "sam2.1-base-plus",
    "sam2.1-hiera-small": "sam2.1-small",
    "sam2.1-hiera-tiny": "sam2.1-tiny",
    "EdgeTAM": "edgetam",
}
