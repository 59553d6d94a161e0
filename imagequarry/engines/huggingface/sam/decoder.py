"""SAM's mask decoder, rewritten: the same numbers as the published one, from less than half of its products.

The published decoder (``SamMaskDecoder`` of transformers, ``mask_decoder.py`` of segment-anything) repeats for every
prompt what depends on the picture or on the weights alone. Here

* the positional encoding of the image tokens meets its projections once per model (``W(k + P) + b = Wk + (WP + b)``);
* keys, values and queries of the first block, which every prompt of a picture shares, are made once per picture;
* no later key, value, query or output projection touches the 4096 image tokens: with few prompt tokens it is cheaper
  to carry the projection over to their side (``(Wk)·q = k·(Wᵀq)``, ``Σ a Wv = W Σ a v``);
* the IoU head answers first, and only prompts with a promising candidate are upscaled;
* upscaling is two matrix products, since a transposed convolution of kernel and stride 2 has no overlap, and the
  mask of token 0, which three-mask output throws away, is never made.

Shapes: B prompts, T tokens each, N = grid² image tokens of width C, H heads of width d.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as functional
from torch import Tensor


@dataclass(frozen=True, slots=True)
class Shared:
    """What all prompts on one picture share.

    Image tokens ``x`` (1, N, C), the first block's ``keys`` and ``values`` (1, H, N, d) and ``queries`` (N, H·d), and,
    but for SAM, the finer features ``s1`` (N, 4, C/4) and ``s0`` (N, 4, 4, C/8).
    """

    x: Tensor
    keys: Tensor
    values: Tensor
    queries: Tensor
    s1: Tensor | None = None
    s0: Tensor | None = None

    @property
    def nbytes(self) -> int:
        tensors = (self.x, self.keys, self.values, self.queries, self.s1, self.s0)
        return sum(t.nbytes for t in tensors if t is not None)


@dataclass(frozen=True, slots=True)
class Attended:
    """Prompts after the transformer: predicted ``iou`` (B, 3) in float32, ``tokens`` (B, T, C), ``image`` (B, N, C)."""

    iou: Tensor
    tokens: Tensor
    image: Tensor


class _Attention:
    """One attention layer of the decoder with its weights cut by heads."""

    def __init__(self, layer: Any) -> None:
        self.heads = int(layer.num_attention_heads)
        self.scaling = float(layer.scaling)
        self.q, self.k, self.v = layer.q_proj, layer.k_proj, layer.v_proj
        self.out = layer.out_proj if hasattr(layer, "out_proj") else layer.o_proj

    def split(self, projected: Tensor) -> Tensor:
        """(..., N, H·d) -> (..., H, N, d)."""
        heads: Tensor = projected.unflatten(-1, (self.heads, -1)).transpose(-3, -2)
        return heads

    def by_head(self, weight: Tensor) -> Tensor:
        """(H·d, C) -> (H, d, C)."""
        heads: Tensor = weight.unflatten(0, (self.heads, -1))
        return heads

    def plain(self, query: Tensor, key: Tensor, value: Tensor) -> Tensor:
        """Attention among few tokens, as written in the paper."""
        q, k, v = self.split(self.q(query)), self.split(self.k(key)), self.split(self.v(value))
        return self._join(functional.scaled_dot_product_attention(q, k, v, scale=self.scaling))

    def over_shared(self, query: Tensor, keys: Tensor, values: Tensor) -> Tensor:
        """Tokens (B, T, C) look at image keys and values that all prompts share: one long list of queries."""
        flat = self.split(self.q(query).flatten(0, 1)[None])
        found = functional.scaled_dot_product_attention(flat, keys, values, scale=self.scaling)
        return self._join(found).view(*query.shape[:2], -1)

    def over_image(self, query: Tensor, image: Tensor, table: Tensor) -> Tensor:
        """Tokens (B, T, C) look at image tokens (B, N, C); ``table`` (N, H·d) holds the keys' positional part."""
        batch, count, _ = query.shape
        q = self.split(self.q(query)) * self.scaling
        scores = self._scores(q, self.by_head(self.k.weight), image, table).softmax(-1)
        seen = (scores @ image).view(batch, self.heads, count, -1)
        # The weights of a row sum to one, so the values' bias comes through the attention unchanged.
        found = torch.einsum("bhtc,hdc->bthd", seen, self.by_head(self.v.weight)).flatten(2) + self.v.bias
        return self.out(found)  # type: ignore[no-any-return]

    def into_image(self, image: Tensor, key: Tensor, value: Tensor, table: Tensor, *, shared: bool) -> Tensor:
        """Image tokens look at tokens (B, T, C): returns image + attention, (B, N, C), in place where it is not shared.

        ``table`` (N, H·d) holds the queries' positional part, or all of the queries where they are ``shared``.
        """
        batch, count, _ = key.shape
        k = self.split(self.k(key)) * self.scaling
        scores = self._scores(k, self.by_head(self.q.weight), None if shared else image, table)
        shares = scores.view(batch, self.heads, count, -1).softmax(2).flatten(1, 2)
        out = self.out.weight.unflatten(1, (self.heads, -1))
        # Each head's weights sum to one, so a share of the output's bias in every row adds up to the bias.
        carried = torch.einsum("bhtd,chd->bhtc", self.split(self.v(value)), out) + self.out.bias / self.heads
        if shared:
            return torch.baddbmm(image.expand(batch, -1, -1), shares.mT, carried.flatten(1, 2))
        return image.baddbmm_(shares.mT, carried.flatten(1, 2))

    def _scores(self, small: Tensor, weight: Tensor, image: Tensor | None, table: Tensor) -> Tensor:
        """(B, H·T, N) products of projected tokens (B, H, T, d) with projected image tokens, not projecting those."""
        batch, heads, count, width = small.shape
        diagonal = small.new_zeros(batch, heads, count, heads, width)
        diagonal.diagonal(dim1=1, dim2=3).copy_(small.permute(0, 2, 3, 1))
        scores = (diagonal.view(batch * heads * count, -1) @ table.mT).view(batch, heads * count, -1)
        if image is None:
            return scores
        carried = torch.einsum("bhtd,hdc->bhtc", small, weight).flatten(1, 2)
        return scores.baddbmm_(carried, image.expand(batch, -1, -1).mT)

    def _join(self, found: Tensor) -> Tensor:
        return self.out(found.transpose(-3, -2).flatten(-2))  # type: ignore[no-any-return]


class Decoder:
    """The mask decoder of a loaded model; holds the model's own weights and the tables made from them."""

    def __init__(self, model: Any) -> None:
        own = model.mask_decoder
        weight = own.iou_token.weight
        self._own = own
        self._first = 1 if hasattr(own, "obj_score_token") else 0
        tokens = [own.iou_token.weight, own.mask_tokens.weight]
        self.start = torch.cat([own.obj_score_token.weight, *tokens] if self._first else tokens)
        # Sines of large arguments: made in float32 also where the weights are not.
        self.positions = model.get_image_wide_positional_embeddings().to(weight.dtype)
        self.no_mask = model.prompt_encoder.no_mask_embed.weight.to(weight.dtype)
        self.grid = int(self.positions.shape[-1])
        self.side = 4 * self.grid
        self.scales = 3 if self._first else 1
        p = self.positions.flatten(2).mT[0]
        self._blocks = [_Block(layer, p) for layer in own.transformer.layers]
        self._last = _Attention(own.transformer.final_attn_token_to_image)
        self._last_keys = functional.linear(p, self._last.k.weight, self._last.k.bias)
        self._up1, self._up1_bias = _as_product(own.upscale_conv1)
        self._up2, self._up2_bias = _as_product(own.upscale_conv2)

    @property
    def nbytes(self) -> int:
        """Memory of the tables, beyond the model's own weights."""
        tables: list[Tensor] = [self._last_keys, self._up1, self._up2, self.positions]
        tables += [table for block in self._blocks for table in (block.keys, block.queries)]
        return sum(table.nbytes for table in tables)

    def share(self, features: tuple[Tensor, ...]) -> Shared:
        """What the prompts on a picture share, from its features (1, C, grid, grid), finer ones before it."""
        x = features[-1].flatten(2).mT + self.no_mask
        if len(features) == 1:
            return self.complete(x.contiguous(), None, None)
        g = self.grid
        s0, s1 = features[0][0], features[1][0]
        s1 = s1.reshape(-1, g, 2, g, 2).permute(1, 3, 2, 4, 0).reshape(g * g, 4, -1)
        s0 = s0.reshape(-1, g, 2, 2, g, 2, 2).permute(1, 4, 2, 5, 3, 6, 0).reshape(g * g, 4, 4, -1)
        return self.complete(x.contiguous(), s1, s0)

    def complete(self, x: Tensor, s1: Tensor | None, s0: Tensor | None) -> Shared:
        """The same from image tokens with the no-mask embedding added, and from finer features in token layout."""
        block = self._blocks[0]
        keys = block.to_image.split(functional.linear(x, block.to_image.k.weight) + block.keys)
        values = block.to_image.split(block.to_image.v(x))
        queries = functional.linear(x[0], block.from_image.q.weight) + block.queries
        return Shared(x, keys.contiguous(), values.contiguous(), queries, s1, s0)

    def attend(self, shared: Shared, prompts: Tensor) -> Attended:
        """Run the transformer for (B, n, C) embedded prompts of equal length."""
        e = torch.cat([self.start.expand(prompts.shape[0], -1, -1), prompts.to(self.start.dtype)], dim=1)
        q, k = e, shared.x
        for block in self._blocks:
            first = block is self._blocks[0]
            q = block.tokens(q, e, k, shared if first else None)
            k = block.image(q, e, k, shared if first else None)
        q = q + self._last.over_image(q + e, k, self._last_keys)
        q = self._own.transformer.layer_norm_final_attn(q)
        iou = self._own.iou_prediction_head(q[:, self._first])[:, 1:]
        return Attended(iou.float(), q, k)

    def masks(self, shared: Shared, attended: Attended, rows: slice | Tensor) -> Tensor:
        """The three masks of each of these n prompts, (n, 3, side, side), as float32 logits."""
        own = self._own
        u = functional.linear(attended.image[rows], self._up1, self._up1_bias).unflatten(-1, (4, -1))
        if shared.s1 is not None:
            u += shared.s1
        u = functional.gelu(_norm(own.upscale_layer_norm, u))
        u = functional.linear(u, self._up2, self._up2_bias).unflatten(-1, (4, -1))
        if shared.s0 is not None:
            u += shared.s0
        u = functional.gelu(u)
        first = self._first + 1
        heads = own.output_hypernetworks_mlps
        tokens = attended.tokens[rows]
        hyper = torch.stack([heads[i](tokens[:, first + i]) for i in range(1, len(heads))], dim=1)
        logits = (u.flatten(1, 3) @ hyper.mT).float()
        n, g, side = len(logits), self.grid, self.side
        # (y, x, dy, dx, ey, ex, m) -> (m; y, dy, ey; x, dx, ex)
        return logits.view(n, g, g, 2, 2, 2, 2, -1).permute(0, 7, 1, 3, 5, 2, 4, 6).reshape(n, -1, side, side)

    def published(self, features: tuple[Tensor, ...], prompts: Tensor, dense: Tensor) -> tuple[Tensor, Tensor]:
        """Masks (B, 3, side, side) and IoU (B, 3) by transformers' own decoder, for what the rewrite leaves out:
        mask prompts, embedded as ``dense`` (1, C, grid, grid)."""
        finer = {"high_resolution_features": list(features[:-1])} if len(features) > 1 else {}
        answer = self._own(
            image_embeddings=features[-1],
            image_positional_embeddings=self.positions,
            sparse_prompt_embeddings=prompts[None].to(self.start.dtype),
            dense_prompt_embeddings=dense.to(self.start.dtype),
            multimask_output=True,
            **finer,
        )
        return answer[0][0].float(), answer[1][0].float()


class _Block:
    """One two-way block: tokens look at each other and at the image, then the image at the tokens."""

    def __init__(self, layer: Any, positions: Tensor) -> None:
        self._layer = layer
        self.among = _Attention(layer.self_attn)
        self.to_image = _Attention(layer.cross_attn_token_to_image)
        self.from_image = _Attention(layer.cross_attn_image_to_token)
        self.keys = functional.linear(positions, self.to_image.k.weight, self.to_image.k.bias)
        self.queries = functional.linear(positions, self.from_image.q.weight, self.from_image.q.bias)

    def tokens(self, q: Tensor, e: Tensor, k: Tensor, shared: Shared | None) -> Tensor:
        layer = self._layer
        if layer.skip_first_layer_pe:
            q = layer.layer_norm1(self.among.plain(q, q, q))
        else:
            q = layer.layer_norm1(q + self.among.plain(q + e, q + e, q))
        if shared is not None:
            seen = self.to_image.over_shared(q + e, shared.keys, shared.values)
        else:
            seen = self.to_image.over_image(q + e, k, self.keys)
        q = layer.layer_norm2(q + seen)
        return layer.layer_norm3(q + layer.mlp(q))  # type: ignore[no-any-return]

    def image(self, q: Tensor, e: Tensor, k: Tensor, shared: Shared | None) -> Tensor:
        table = self.queries if shared is None else shared.queries
        k = self.from_image.into_image(k, q + e, q, table, shared=shared is not None)
        return self._layer.layer_norm4(k)  # type: ignore[no-any-return]


def _as_product(layer: Any) -> tuple[Tensor, Tensor]:
    """Weight (4·C_out, C_in), rows (dy, dx, channel), and bias of a transposed convolution of kernel and stride 2."""
    weight = layer.weight.permute(2, 3, 1, 0).flatten(0, 2).contiguous()
    return weight, layer.bias.repeat(4)


def _norm(layer: Any, u: Tensor) -> Tensor:
    """The layer norm over the last axis, whatever axis the layer itself would take."""
    return functional.layer_norm(u, layer.normalized_shape, layer.weight, layer.bias, layer.eps)
