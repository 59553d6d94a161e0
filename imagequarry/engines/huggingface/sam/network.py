"""A loaded SAM as three functions: picture to embedding, prompts to scores, scores to masks."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache, partial

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from imagequarry.domain.raster import Pixels
from imagequarry.domain.segmenter import Prompt
from imagequarry.engines.huggingface.sam.decoder import Attended, Decoder, Shared
from imagequarry.engines.huggingface.sam.preprocess import Frame, pixel_values
from imagequarry.engines.huggingface.sam.tracing import Tracer
from imagequarry.engines.huggingface.sam.upscale import Logits, Upscaler, upscaler
from imagequarry.engines.huggingface.sam.weights import Loaded


@dataclass(frozen=True, slots=True)
class SamEmbedding:
    """What the decoder needs of one picture (or one crop of it), ready for any number of prompts."""

    frame: Frame
    shared: Shared

    @property
    def nbytes(self) -> int:
        """Memory held, in bytes."""
        return self.shared.nbytes


class Network:
    """The model behind a segmenter. Keeps nothing between calls, so any number of threads may call it."""

    def __init__(self, loaded: Loaded) -> None:
        self.family = loaded.family
        self.exact = loaded.dtype == torch.float32
        self._model = loaded.model
        self._device, self._dtype = loaded.device, loaded.dtype
        # Masks are filtered and traced where they are made, many at once; on the CPU one after the other is faster.
        self.at_once = loaded.device.type == "cuda"
        with torch.inference_mode():
            self.decoder = Decoder(loaded.model)
        self.side = int(loaded.model.prompt_encoder.input_image_size)
        # Kept for the next prompt by the model, since they hold memory of its device.
        twice = self.family.fit == "pad"
        self._tracer = lru_cache(maxsize=8)(partial(Tracer, side=self.decoder.side, device=self._device, twice=twice))

    @property
    def nbytes(self) -> int:
        """Memory of weights, buffers and decoder tables, in bytes; shared tensors are counted once."""
        tensors: list[Tensor] = [*self._model.parameters(), *self._model.buffers()]
        return sum({t.data_ptr(): t.nbytes for t in tensors}.values()) + self.decoder.nbytes

    def embed(self, rgb: Pixels) -> SamEmbedding:
        """Encode an (H, W, 3) picture."""
        frame = Frame.of(rgb.shape[0], rgb.shape[1], self.side, self.family)
        self.upscaler(frame)  # made now, so that the first click need not wait for it
        with torch.inference_mode():
            values = pixel_values(rgb, frame, self.family, self._device).to(self._dtype)
            features = self._model.get_image_embeddings(values)
            tensors = tuple(features) if isinstance(features, (list, tuple)) else (features,)
            return SamEmbedding(frame, self.decoder.share(tensors))

    def prompted(self, embedding: SamEmbedding, prompt: Prompt) -> Attended:
        """One prompt of points, a box or both."""
        points = [embedding.frame.point(point) for point in prompt.points]
        boxes = None
        if prompt.box is not None:
            boxes = torch.tensor([[embedding.frame.box(prompt.box)]], dtype=torch.float32)
        positions = torch.tensor([[points]], dtype=torch.float32) if points else None
        labels = torch.tensor([[prompt.labels]], dtype=torch.int64) if points else None
        return self._attend(embedding, positions, labels, boxes)

    def pointed(self, embedding: SamEmbedding, points: NDArray[np.float64]) -> Attended:
        """As many prompts as (B, 2) points x, y of the picture, each of one foreground point."""
        positions = torch.from_numpy(embedding.frame.scaled(points)).float()[None, :, None]
        return self._attend(embedding, positions, torch.ones(1, len(points), 1, dtype=torch.int64), None)

    def masks(self, embedding: SamEmbedding, attended: Attended, row: int) -> Tensor:
        """Logits (3, low, low) of one of the prompts, float32 on the CPU."""
        with torch.inference_mode():
            return self.decoder.masks(embedding.shared, attended, slice(row, row + 1))[0].cpu()

    def logits(self, embedding: SamEmbedding, attended: Attended, row: int) -> Logits:
        """The same as an array."""
        return self.masks(embedding, attended, row).numpy()

    def several(self, embedding: SamEmbedding, attended: Attended, rows: NDArray[np.intp]) -> Tensor:
        """Logits (n, 3, low, low) of several of the prompts, float32 on the model's device."""
        with torch.inference_mode():
            return self.decoder.masks(embedding.shared, attended, torch.from_numpy(rows).to(self._device))

    def upscaler(self, frame: Frame) -> Upscaler:
        """What enlarges this model's logits to that frame, one after the other."""
        return upscaler(frame, self.decoder.side, twice=self.family.fit == "pad")

    def tracer(self, frame: Frame) -> Tracer:
        """What enlarges them many at once, on the model's device."""
        return self._tracer(frame)

    def pack(self, embedding: SamEmbedding) -> bytes:
        """The embedding as bytes for the disk; what one product makes again is left out."""
        from safetensors.torch import save

        frame, shared = embedding.frame, embedding.shared
        tensors = {"size": torch.tensor([frame.height, frame.width]), "x": shared.x}
        if shared.s0 is not None and shared.s1 is not None:
            tensors |= {"s0": shared.s0, "s1": shared.s1}
        return save({name: value.cpu().contiguous() for name, value in tensors.items()})

    def unpack(self, data: bytes) -> SamEmbedding:
        """The embedding that ``pack`` wrote; ValueError where it is damaged or of another model."""
        from safetensors import SafetensorError
        from safetensors.torch import load

        d = self.decoder
        n, width = d.grid**2, d.start.shape[1]
        shapes = {"x": (1, n, width), "s1": (n, 4, width // 4), "s0": (n, 4, 4, width // 8)}
        try:
            tensors = load(data)
        except (SafetensorError, ValueError, KeyError) as error:
            raise ValueError("The stored embedding cannot be read.") from error
        size = tensors.pop("size", torch.zeros(0)).flatten().tolist()
        wanted = {"x"} if d.scales == 1 else set(shapes)
        fits = set(tensors) == wanted and all(tensors[name].shape == shapes[name] for name in wanted)
        if not fits or len(size) != 2 or min(size) < 1 or any(t.dtype != self._dtype for t in tensors.values()):
            raise ValueError("The stored embedding is of another model.")
        on = {name: value.to(self._device) for name, value in tensors.items()}
        frame = Frame.of(int(size[0]), int(size[1]), self.side, self.family)
        with torch.inference_mode():
            return SamEmbedding(frame, d.complete(on["x"], on.get("s1"), on.get("s0")))

    def _attend(
        self, embedding: SamEmbedding, points: Tensor | None, labels: Tensor | None, boxes: Tensor | None
    ) -> Attended:
        on = [t.to(self._device) if t is not None else None for t in (points, labels, boxes)]
        with torch.inference_mode():
            prompts, _ = self._model.prompt_encoder(on[0], on[1], on[2], None)
            return self.decoder.attend(embedding.shared, prompts[0])
