"""Keys and values of a growing batch of sequences, in buffers that are seldom copied.

`transformers.DynamicCache` joins the whole cache anew for every token. Here a layer has room for
some hundred tokens ahead and writes into it. Prompts are read once: the cache of N prompts becomes
that of N * G rollouts (`GrowingCache.expand`), and rollouts that have ended leave it
(`GrowingCache.keep`).

Shapes: B sequences, H key heads, L tokens so far, D numbers a head.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from transformers.cache_utils import Cache, CacheLayerMixin

_ROOM = 256  # tokens; a longer completion copies the cache once every so many


class GrowingLayer(CacheLayerMixin):
    """One layer; `keys` and `values` are the buffers, of which `length` tokens are used."""

    is_sliding = False

    def __init__(self, **_options: Any) -> None:  # noqa: ANN401 - transformers passes its own
        """Empty; the first update says the shapes."""
        super().__init__()  # type: ignore[no-untyped-call]
        self.length = 0

    def lazy_initialization(self, key_states: Tensor, value_states: Tensor) -> None:
        """Makes buffers of the right type, with room for the first tokens."""
        self.dtype, self.device = key_states.dtype, key_states.device
        self.keys = _buffer(key_states, _ROOM)
        self.values = _buffer(value_states, _ROOM)
        self.is_initialized = True

    def update(
        self,
        key_states: Tensor,
        value_states: Tensor,
        *_args: Any,  # noqa: ANN401
        **_kwargs: Any,  # noqa: ANN401
    ) -> tuple[Tensor, Tensor]:
        """Adds tokens `[B, H, new, D]`; gives all so far `[B, H, L, D]`, as views."""
        if not self.is_initialized:
            self.lazy_initialization(key_states, value_states)
        keys, values = self._buffers()
        after = self.length + key_states.shape[-2]
        if after > keys.shape[-2]:
            more = max(_ROOM, after - keys.shape[-2])
            self.keys = keys = torch.cat([keys, _buffer(keys, more)], dim=-2)
            self.values = values = torch.cat([values, _buffer(values, more)], dim=-2)
        keys[:, :, self.length : after] = key_states
        values[:, :, self.length : after] = value_states
        self.length = after
        return keys[:, :, :after], values[:, :, :after]

    def get_mask_sizes(self, query_length: int) -> tuple[int, int]:
        """Tokens that a query of so many new ones sees, and where they begin."""
        return self.length + query_length, 0

    def get_seq_length(self) -> int:
        """L."""
        return self.length

    def get_max_length(self) -> int:
        """No limit."""
        return -1

    def expand(self, times: int) -> None:
        """Every sequence `times` times, copies next to each other."""
        keys, values = self._buffers()
        self.keys = keys.repeat_interleave(times, dim=0)
        self.values = values.repeat_interleave(times, dim=0)

    def keep(self, rows: Tensor) -> None:
        """Only these sequences, in this order."""
        keys, values = self._buffers()
        self.keys, self.values = keys.index_select(0, rows), values.index_select(0, rows)

    def _buffers(self) -> tuple[Tensor, Tensor]:
        assert self.keys is not None and self.values is not None, "nothing was written yet"
        return self.keys, self.values


class GrowingCache(Cache):
    """What a `transformers` model takes as `past_key_values`.

    Every layer keeps all tokens, those with a sliding window too: the model's mask hides what is
    outside of it.
    """

    def __init__(self) -> None:
        """Empty; layers are made as the model asks for them."""
        super().__init__(layer_class_to_replicate=GrowingLayer)

    def expand(self, times: int) -> None:
        """Every sequence `times` times, copies next to each other."""
        for layer in self._own_layers():
            layer.expand(times)

    def keep(self, rows: Tensor) -> None:
        """Only these sequences, in this order; `rows` are indexes, int64."""
        for layer in self._own_layers():
            layer.keep(rows)

    def _own_layers(self) -> list[GrowingLayer]:
        return [layer for layer in self.layers if isinstance(layer, GrowingLayer)]


def _buffer(like: Tensor, length: int) -> Tensor:
    """Room for `length` tokens; zeros, since masked garbage could still be NaN."""
    batch, heads, _, width = like.shape
    return like.new_zeros((batch, heads, length, width))
