"""SAM's encoder attention for bfloat16, without the matrices of relative positions.

The published layer adds to the scores of every pair of tokens a term for their rows and one for their columns: for
4096 tokens and 12 heads 400 MB a layer, written and read again. Both terms are products of the query with a table, so
they ride along as more features of the query, the key marking its row and column: ``[q, q·R, q·C]·[k, row, column]``
is the score, inside the fused kernel. In float32, where the wider products cost more than the memory, it does not pay.
"""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as functional
from torch import Tensor, nn

_MULTIPLE = 32  # head widths the kernels like


class RelativeAttention(nn.Module):
    """One attention layer of SAM's encoder on a (height, width) grid of tokens, or on windows of that size."""

    marks: Tensor
    rows: Tensor
    columns: Tensor

    def __init__(self, layer: Any, height: int, width: int) -> None:
        super().__init__()
        self.qkv, self.proj = layer.qkv, layer.proj
        self.heads, self.scale = int(layer.num_attention_heads), float(layer.scale)
        place = torch.arange(height * width, device=layer.rel_pos_h.device)
        marks = [functional.one_hot(place // width, height), functional.one_hot(place % width, width)]
        own = layer.qkv.out_features // 3 // self.heads
        self.padding = -(own + height + width) % _MULTIPLE
        self.extra = height + width + self.padding
        marked = functional.pad(torch.cat(marks, dim=1), (0, self.padding)).to(layer.rel_pos_h.dtype)
        self.register_buffer("marks", marked, persistent=False)
        self.register_buffer("rows", layer.get_rel_pos(height, height, layer.rel_pos_h), persistent=False)
        self.register_buffer("columns", layer.get_rel_pos(width, width, layer.rel_pos_w), persistent=False)

    def forward(self, hidden_states: Tensor) -> tuple[Tensor, None]:
        """(B, height, width, C) to the same; nobody asks for the weights."""
        batch, height, width, _ = hidden_states.shape
        projected = self.qkv(hidden_states).view(batch, height * width, 3, self.heads, -1)
        q, k, v = projected.permute(2, 0, 3, 1, 4).unbind(0)
        grid = q.unflatten(2, (height, width))
        down = torch.einsum("bnhwc,hkc->bnhwk", grid, self.rows).flatten(2, 3)
        across = torch.einsum("bnhwc,wkc->bnhwk", grid, self.columns).flatten(2, 3)
        q = functional.pad(torch.cat([q * self.scale, down, across], dim=-1), (0, self.padding))
        k = torch.cat([k, self.marks.expand(batch, self.heads, -1, -1)], dim=-1)
        found = functional.scaled_dot_product_attention(q, k, functional.pad(v, (0, self.extra)), scale=1.0)
        found = found[..., : -self.extra].transpose(1, 2).reshape(batch, height, width, -1)
        return self.proj(found), None


def quicken(encoder: Any) -> None:
    """Give the layers of a SAM encoder the attention above, where heads are wide enough for it to pay."""
    grid = encoder.config.image_size // encoder.config.patch_size
    for layer in encoder.layers:
        side = layer.window_size or grid
        width = layer.attn.qkv.in_features // layer.attn.num_attention_heads
        if layer.attn.use_rel_pos and side <= width:
            layer.attn = RelativeAttention(layer.attn, side, side)
