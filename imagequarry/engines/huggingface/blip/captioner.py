"""BLIP as a ``Captioner`` (Li et al. 2022): a vision transformer that a text decoder attends to, word by word."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from PIL import Image
from transformers import BertTokenizer, BlipForConditionalGeneration, GenerationConfig

from imagequarry.domain.raster import Raster
from imagequarry.engines.huggingface.folders import dtype_of, from_folder, settings_of, tokenizer_of
from imagequarry.engines.huggingface.memory import bounded, held
from imagequarry.engines.huggingface.pictures import CLIP_MEAN, CLIP_STD, Preparation
from imagequarry.errors import ModelLoadFailed, ModelUnavailable

LONGEST = 40  # tokens of a caption
BATCH = 8


class BlipCaptioner:
    """A loaded BLIP. Keeps nothing between calls, so any number of threads may call it."""

    def __init__(
        self,
        model: Any,
        tokenizer: Any,
        preparation: Preparation,
        device: torch.device,
        dtype: torch.dtype,
        load_seconds: dict[str, float],
    ) -> None:
        self._model = model.eval().requires_grad_(False).to(device, dtype)
        self._tokenizer = tokenizer
        self._preparation = preparation
        self._device, self._dtype = device, dtype
        self.load_seconds = load_seconds
        # Greedy, as the published configuration says; what else a folder may wish for is not obeyed.
        model.text_decoder.generation_config = GenerationConfig(do_sample=False, num_beams=1)  # type: ignore[no-untyped-call]

    @property
    def nbytes(self) -> int:
        """Memory held by the weights, in bytes."""
        return held(self._model)

    def captions(self, images: Sequence[Raster]) -> list[str]:
        """One sentence for each picture, without a full stop, in their order. OutOfMemory where there is none."""
        with bounded(), torch.inference_mode():
            return [
                caption
                for start in range(0, len(images), BATCH)
                for caption in self._batch(images[start : start + BATCH])
            ]

    def _batch(self, images: Sequence[Raster]) -> list[str]:
        values = torch.from_numpy(self._preparation.values(images)).to(self._device, self._dtype)
        tokens = self._model.generate(pixel_values=values, max_new_tokens=LONGEST)
        # The first token only says that a sentence begins, and the tokenizer does not know it as special.
        texts = self._tokenizer.batch_decode(tokens[:, 1:], skip_special_tokens=True)
        return [sentence(text) for text in texts]


def sentence(text: str) -> str:
    """What the model wrote, without the blanks around it and the full stop that some releases end with."""
    return text.strip().rstrip(". ")


def read(path: Path, device: str, dtype: str) -> BlipCaptioner:
    """The captioner in a hub folder; see ``imagequarry.engines.huggingface.blip.load``."""
    if not path.is_dir():
        raise ModelUnavailable(f"The weights {path.name!r} are not on this machine.")
    settings = settings_of(path)
    if settings.get("model_type") != "blip":
        raise ModelLoadFailed(f"The weights in {path.name!r} are of no BLIP model.")
    started = time.perf_counter()
    with bounded():
        model = from_folder(path, BlipForConditionalGeneration, settings)
        loaded = time.perf_counter()
        tokenizer = tokenizer_of(path, BertTokenizer, "vocab.txt", int(model.config.text_config.vocab_size))
        side = int(model.config.vision_config.image_size)
        preparation = Preparation(side, "stretch", Image.Resampling.BICUBIC, CLIP_MEAN, CLIP_STD).as_in(path)
        seconds = {"processor": time.perf_counter() - loaded, "model": loaded - started}
        return BlipCaptioner(model, tokenizer, preparation, torch.device(device), dtype_of(device, dtype), seconds)
