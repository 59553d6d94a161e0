"""The models that settings ask for, and where their weights are."""

from __future__ import annotations

from typing import Any

from imagequarry.capabilities.embeddings import Embeddings
from imagequarry.capabilities.segmentation import SearchKey, Segmentation
from imagequarry.domain.segmenter import Candidates
from imagequarry.domain.timing import Observe, unobserved
from imagequarry.engines.huggingface.clip.vocabulary import VOCABULARY
from imagequarry.engines.huggingface.devices import give_back
from imagequarry.engines.remote.fal.account import Account
from imagequarry.engines.remote.fal.card import CARD as TRIPO3D_CARD
from imagequarry.errors import ModelUnavailable
from imagequarry.models.cache import ByteCache, EmbeddingKey
from imagequarry.models.catalogue import Entry, Hardware, catalogue, remote
from imagequarry.models.embedding_store import EmbeddingFolder
from imagequarry.models.hub import Hub
from imagequarry.models.pool import ModelPool
from imagequarry.models.pulling import Puller
from imagequarry.models.registry import AUTO, Registry
from imagequarry.models.turns import Turns
from imagequarry.models.weights import WeightsFolder
from imagequarry.settings import Settings

_MB = 2**20


def models(settings: Settings, observe: Observe = unobserved) -> tuple[Registry, Segmentation]:
    """The models and segmentation alone: what the command line needs. ``observe`` hears how long models take."""
    embeddings: ByteCache[EmbeddingKey, Any] = ByteCache(settings.embedding_cache_mb * _MB)
    registry = Registry(
        _catalogue(settings),
        weights(settings),
        ModelPool(settings.model_memory_mb * _MB, settings.model_idle_seconds, give_back=give_back),
        embeddings,
        Hardware(settings.device, settings.model_precision),
        settings.default_model,
        {
            "caption": settings.caption_model,
            "objects": settings.objects_model,
            "image-vectors": settings.image_vector_model,
            "text-vectors": settings.text_vector_model,
            "mesh": _mesh_model(settings),
        },
        observe,
    )
    folder = settings.embedding_cache_dir
    disk = EmbeddingFolder(folder, settings.embedding_disk_mb * _MB) if folder else None
    searches: ByteCache[SearchKey, Candidates] = ByteCache(settings.candidate_cache_mb * _MB)
    return registry, Segmentation(registry, Embeddings(embeddings, disk), searches, Turns())


def weights(settings: Settings) -> WeightsFolder:
    """The folder of weights."""
    named = {"blip": settings.local_blip_model_path, "clip": settings.local_clip_model_path}
    chosen = {name: path for name, path in named.items() if path is not None}
    return WeightsFolder(settings.models, settings.sam_checkpoint_path, chosen)


def puller(settings: Settings) -> Puller:
    """What brings weights into that folder. Raises ``ModelUnavailable`` where the settings forbid it."""
    if settings.use_local_files_only:
        raise ModelUnavailable("USE_LOCAL_FILES_ONLY is set, so nothing is pulled: put the weights there yourself.")
    token = settings.hf_token.get_secret_value() if settings.hf_token else ""
    return Puller(settings.models, Hub(settings.hf_endpoint, token))


def _catalogue(settings: Settings) -> tuple[Entry, ...]:
    entries = catalogue(settings.object_vocabulary or VOCABULARY, settings.object_threshold, _fal(settings))
    if not settings.sam_api_url:
        return entries
    token = settings.sam_api_token.get_secret_value() if settings.sam_api_token else ""
    return (*entries, remote(settings.sam_api_url, token, settings.sam_api_timeout))


def _fal(settings: Settings) -> Account:
    """The account at fal.ai; without a key nothing is ever sent there."""
    key = settings.fal_key.get_secret_value().strip() if settings.fal_key else ""
    return Account(key, settings.fal_endpoint, settings.fal_queue_url, settings.fal_rest_url, settings.fal_timeout)


def _mesh_model(settings: Settings) -> str:
    """Who gives a key wants it used: "auto" is then the model that is paid for."""
    return TRIPO3D_CARD.name if settings.mesh_model == AUTO and settings.fal_key else settings.mesh_model
