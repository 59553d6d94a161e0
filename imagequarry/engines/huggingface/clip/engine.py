"""CLIP (Radford et al. 2021) and SigLIP 2 (Tschannen et al. 2025) as encoder of pictures and words, and as tagger."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
import transformers
from numpy.typing import NDArray
from PIL import Image

from imagequarry.domain.describing import Tag, Vectors
from imagequarry.domain.raster import Raster
from imagequarry.engines.huggingface.clip.vocabulary import words_of
from imagequarry.engines.huggingface.folders import dtype_of, from_folder, settings_of, tokenizer_of
from imagequarry.engines.huggingface.memory import bounded, held
from imagequarry.engines.huggingface.pictures import CLIP_MEAN, CLIP_STD, HALF, Preparation
from imagequarry.engines.huggingface.threads import alone
from imagequarry.errors import InvalidInput, ModelLoadFailed, ModelUnavailable

PROMPT = "a photo of a {}"
PICTURES_AT_ONCE = 16
TEXTS_AT_ONCE = 64
FEW_TEXTS = 8

Scores = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Family:
    """What differs between CLIP and SigLIP 2 around the two transformers.

    ``scores`` turns (N, words) logits into sureness 0..1; ``padded``: texts are always as long as the model reads,
    which SigLIP was trained on and depends upon.
    """

    model: Any
    tokenizer: Any
    preparation: Callable[[int], Preparation]
    scores: Callable[[Scores], Scores]
    threshold: float
    padded: bool


def shares(logits: Scores) -> Scores:
    """Softmax over the words: how they share a picture between them."""
    grown = np.exp(logits - logits.max(axis=1, keepdims=True))
    return np.asarray(grown / grown.sum(axis=1, keepdims=True), np.float32)


def likelihoods(logits: Scores) -> Scores:
    """Sigmoid: how likely each word is, whatever the other words are."""
    return np.asarray(0.5 * (1 + np.tanh(0.5 * logits)), np.float32)


FAMILIES = {
    "clip": Family(
        transformers.CLIPModel,
        transformers.CLIPTokenizer,
        lambda side: Preparation(side, "crop", Image.Resampling.BICUBIC, CLIP_MEAN, CLIP_STD),
        shares,
        threshold=0.05,
        padded=False,
    ),
    # SigLIP 2 of fixed resolution is built like SigLIP, and says so; its words are another matter.
    "siglip": Family(
        transformers.SiglipModel,
        transformers.Siglip2Tokenizer,
        lambda side: Preparation(side, "stretch", Image.Resampling.BILINEAR, HALF, HALF),
        likelihoods,
        threshold=0.05,
        padded=True,
    ),
}


class Clip:
    """A loaded CLIP or SigLIP 2: image vectors, words in the same space, and tags by comparing the two.

    Tags are the words of ``vocabulary`` whose score reaches ``threshold`` (0..1; None: the family's own). Of CLIP the
    score is the word's share of the picture among all words, a softmax: the shares of a picture sum to 1, so a longer
    vocabulary lowers them, and two things seen equally well have half each. Of SigLIP 2 it is the word's own
    probability, a sigmoid. Any number of threads may call it.
    """

    def __init__(
        self,
        model: Any,
        tokenizer: Any,
        family: Family,
        preparation: Preparation,
        device: torch.device,
        dtype: torch.dtype,
        vocabulary: Sequence[str],
        threshold: float | None,
        load_seconds: dict[str, float],
    ) -> None:
        self._vocabulary = words_of(vocabulary)
        self._threshold = family.threshold if threshold is None else threshold
        if not 0 <= self._threshold <= 1:
            raise InvalidInput("The threshold for objects lies between 0 and 1.")
        # In float32: bfloat16 has no digits to spare for what all else is multiplied by.
        model = model.eval().requires_grad_(False)
        self._scale = float(model.logit_scale.exp())
        self._bias = float(getattr(model, "logit_bias", torch.zeros(())))
        self._model = model.to(device, dtype)
        self._tokenizer = tokenizer
        self._family = family
        self._preparation = preparation
        self._device, self._dtype = device, dtype
        self._longest = int(model.config.text_config.max_position_embeddings)
        self._tokenizing, self._reading = threading.Lock(), threading.Lock()
        self._known: Vectors | None = None
        self.load_seconds = load_seconds
        self.dimension: int = self.encode_words(["a"]).shape[1]

    @property
    def nbytes(self) -> int:
        """Memory held by the weights, in bytes."""
        return held(self._model)

    def encode(self, images: Sequence[Raster]) -> Vectors:
        """(N, dimension), a row of length 1 for each picture."""
        vectors = np.empty((len(images), self.dimension), np.float32)
        for start in range(0, len(images), PICTURES_AT_ONCE):
            batch = slice(start, start + PICTURES_AT_ONCE)
            with bounded(), torch.inference_mode():
                values = torch.from_numpy(self._preparation.values(images[batch]))
                features = self._model.get_image_features(pixel_values=values.to(self._device, self._dtype))
                vectors[batch] = _units(features.pooler_output)
        return vectors

    def encode_words(self, texts: Sequence[str]) -> Vectors:
        """(N, dimension), a row of length 1 for each text; what is longer than the model reads is cut."""
        with alone() if len(texts) <= FEW_TEXTS else nullcontext():
            parts = [self._words(texts[i : i + TEXTS_AT_ONCE]) for i in range(0, len(texts), TEXTS_AT_ONCE)]
        return np.concatenate(parts) if parts else np.empty((0, self.dimension), np.float32)

    def tags(self, images: Sequence[Raster]) -> list[list[Tag]]:
        """The words whose score reaches the threshold, for each picture, the surest first."""
        logits = self.encode(images) @ self._vocabulary_vectors().T * self._scale + self._bias
        return [self._tags(row) for row in self._family.scores(logits)]

    def _tags(self, scores: Scores) -> list[Tag]:
        order = [i for i in np.argsort(-scores, kind="stable") if scores[i] >= self._threshold]
        return [Tag(self._vocabulary[i], float(scores[i])) for i in order]

    def _vocabulary_vectors(self) -> Vectors:
        """Vectors of all words, made when they are first needed: not everybody who wants vectors wants tags."""
        with self._reading:
            if self._known is None:
                self._known = self.encode_words([PROMPT.format(word) for word in self._vocabulary])
            return self._known

    def _words(self, texts: Sequence[str]) -> Vectors:
        with bounded(), torch.inference_mode():
            # Two threads in one tokenizer make it fail, since each call sets how it pads.
            with self._tokenizing:
                tokens = self._tokenizer(
                    list(texts),
                    padding="max_length" if self._family.padded else True,
                    padding_side="right",
                    truncation=True,
                    max_length=self._longest,
                    return_tensors="pt",
                )
            # SigLIP attends to what it is padded with.
            mask = None if self._family.padded else tokens.attention_mask.to(self._device)
            ids = tokens.input_ids.to(self._device)
            return _units(self._model.get_text_features(input_ids=ids, attention_mask=mask).pooler_output)


def _units(features: torch.Tensor) -> Vectors:
    return np.asarray(torch.nn.functional.normalize(features.float(), dim=1).cpu().numpy(), np.float32)


def read(path: Path, device: str, dtype: str, vocabulary: Sequence[str], threshold: float | None) -> Clip:
    """The model in a hub folder; see ``imagequarry.engines.huggingface.clip.load``."""
    if not path.is_dir():
        raise ModelUnavailable(f"The weights {path.name!r} are not on this machine.")
    settings = settings_of(path)
    family = FAMILIES.get(str(settings.get("model_type")))
    if family is None:
        raise ModelLoadFailed(f"The weights in {path.name!r} are of no CLIP and of no SigLIP 2 of fixed resolution.")
    started = time.perf_counter()
    with bounded():
        model = from_folder(path, family.model, settings)
        loaded = time.perf_counter()
        tokenizer = tokenizer_of(path, family.tokenizer, "vocab.json", int(model.config.text_config.vocab_size))
        preparation = family.preparation(int(model.config.vision_config.image_size)).as_in(path)
        seconds = {"processor": time.perf_counter() - loaded, "model": loaded - started}
        where, kind = torch.device(device), dtype_of(device, dtype)
        return Clip(model, tokenizer, family, preparation, where, kind, vocabulary, threshold, seconds)
