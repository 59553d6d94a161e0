"""SAM 3's other half: every thing in a picture that a few words name.

Text prompts only: transformers' box exemplars need torchvision.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from imagequarry.domain.geometry import Box
from imagequarry.domain.raster import Raster
from imagequarry.domain.segmenter import Candidate
from imagequarry.engines.huggingface.folders import dtype_of, from_folder, settings_of, tokenizer_of
from imagequarry.engines.huggingface.memory import bounded, held
from imagequarry.engines.huggingface.sam.families import SAM3
from imagequarry.engines.huggingface.sam.preprocess import Frame, pixel_values
from imagequarry.engines.huggingface.sam.upscale import upscaler
from imagequarry.engines.huggingface.sam.weights import configured
from imagequarry.errors import InvalidPrompt, ModelLoadFailed, ModelUnavailable

LONGEST = 32  # tokens the text encoder was trained on
MODEL_TYPES = ("sam3", "sam3_video")

# Masks are enlarged as probabilities, so the offset of the stability is that of one logit there.
_OFFSET = 1 / (1 + math.exp(-1)) - 0.5


@dataclass(frozen=True, slots=True)
class Viewed:
    """What the encoder saw of a picture, (1, N, C); the words come later."""

    frame: Frame
    seen: Tensor

    @property
    def nbytes(self) -> int:
        """Memory held, in bytes."""
        return self.seen.nbytes


class SamWords:
    """SAM 3's detector. Keeps nothing between calls, so any number of threads may call it."""

    def __init__(self, model: Any, tokenizer: Any, device: torch.device, dtype: torch.dtype) -> None:
        self._model = model.eval().requires_grad_(False).to(device, dtype)
        self._tokenizer = tokenizer
        self._device, self._dtype = device, dtype
        self._side = int(model.config.vision_config.backbone_config.image_size)

    @property
    def nbytes(self) -> int:
        """Memory held by the weights, in bytes."""
        return held(self._model)

    def embed(self, image: Raster) -> Viewed:
        """Compute what all words on this picture share."""
        frame = Frame.of(image.height, image.width, self._side, SAM3)
        with bounded(), torch.inference_mode():
            values = pixel_values(image.rgb, frame, SAM3, self._device).to(self._dtype)
            return Viewed(frame, self._model.vision_encoder.backbone(values).last_hidden_state)

    def find(self, view: Viewed, words: str, threshold: float = 0.5) -> list[Candidate]:
        """What the words name, the surest first; ``threshold`` (0..1) is the least sureness, told as predicted IoU."""
        if not words.strip():
            raise InvalidPrompt("There are no words to look for.")
        with bounded(), torch.inference_mode():
            answer = self._answer(view, words)
            sureness = (answer.pred_logits.float().sigmoid() * answer.presence_logits.float().sigmoid())[0]
            order = sureness.argsort(descending=True, stable=True)
            order = order[sureness[order] > threshold]
            # Probabilities are enlarged, as published, not logits.
            masks = (answer.pred_masks[0, order].float().sigmoid() - 0.5).cpu().numpy()
            scores = sureness[order].tolist()
        enlarge = upscaler(view.frame, int(answer.pred_masks.shape[-1]), twice=False)
        whole = Box(0, 0, view.frame.width, view.frame.height)
        found = []
        for score, mask in zip(scores, masks, strict=True):
            traced = enlarge.trace(mask, _OFFSET)
            x0, y0, x1, y1 = traced.box()
            if traced.area:
                found.append(Candidate(traced.mask(), score, traced.stability, Box(x0, y0, x1, y1).centre, whole))
        return found

    def _answer(self, view: Viewed, words: str) -> Any:
        from transformers.models.sam3.modeling_sam3 import Sam3VisionEncoderOutput

        tokens = self._tokenizer(
            words, return_tensors="pt", padding="max_length", max_length=LONGEST, truncation=True
        ).to(self._device)
        # The neck runs again for each text: its maps take five times the memory of what they are made from.
        side = math.isqrt(view.seen.shape[1])
        neck = self._model.vision_encoder.neck(view.seen.mT.unflatten(-1, (side, side)))
        vision = Sam3VisionEncoderOutput(
            last_hidden_state=view.seen, fpn_hidden_states=neck[0], fpn_position_encoding=neck[1]
        )
        return self._model(vision_embeds=vision, input_ids=tokens.input_ids, attention_mask=tokens.attention_mask)


def read(path: Path, device: str, dtype: str) -> SamWords:
    """The detector in a hub folder; see ``imagequarry.engines.huggingface.sam.load_words``."""
    if not path.exists():
        raise ModelUnavailable(f"The weights {path.name!r} are not on this machine.")
    settings = settings_of(path)
    if settings.get("model_type") not in MODEL_TYPES:
        raise ModelLoadFailed(f"The weights in {path.name!r} take no words.")
    from transformers import CLIPTokenizer, Sam3Model

    with bounded():
        model = from_folder(path, Sam3Model, settings, configured)
        tokenizer = tokenizer_of(path, CLIPTokenizer, "vocab.json", int(model.config.text_config.vocab_size))
        return SamWords(model, tokenizer, torch.device(device), dtype_of(device, dtype))
