"""MultiHeadAttention: several dot-product attentions side by side, each on its own projection."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, final

from elman import dtypes
from elman.errors import ArgumentError, ShapeError
from elman.graph import trace as ops
from elman.graph.node import Tensor, as_tensor
from elman.layers.arguments import check_rate, check_units
from elman.layers.base import Layer, Mask
from elman.layers.registry import register
from elman.layers.scores import both, causal, dropped, shares
from elman.shapes import Shape, Size, text

_SHARED = (
    "use_bias", "kernel_initializer", "bias_initializer", "kernel_regularizer", "bias_regularizer",
    "activity_regularizer", "kernel_constraint", "bias_constraint", "dtype",
)  # fmt: skip


@final
class Projection(Layer):
    """x W + b with a W of more than two axes: features in, heads and sizes out, or the other way. Inside attention.

    Args:     taken: sizes at the end of x that are summed over. given: sizes at the end of the result.
    Shapes:   x (B, T, *taken) -> (B, T, *given); W (*taken, *given); b (*given).
    """

    input_kind = "real"
    stepwise = True
    supports_masking = True

    def __init__(self, given: Sequence[int], taken: int, use_bias: bool, **kwargs: Any) -> None:
        super().__init__(**{k: v for k, v in kwargs.items() if k in ("name", "dtype", "activity_regularizer")})
        self._store({k: v for k, v in kwargs.items() if k.startswith(("kernel_", "bias_"))})
        self.given, self.taken, self.use_bias = tuple(given), taken, use_bias

    def build(self, input_shape: Shape) -> None:
        """Add kernel and bias."""
        self.kernel = self._add_stem("kernel", (*input_shape[-self.taken :], *self.given))
        self.bias = self._add_stem("bias", self.given) if self.use_bias else None

    def call(self, x: Tensor) -> Tensor:
        """The equation, as one product of matrices."""
        lead, rows = x.shape[: -self.taken], math.prod(self.kernel.shape[: self.taken])
        y = ops.reshape(x, (*lead, rows)) @ ops.reshape(self.kernel.tensor, (rows, math.prod(self.given)))
        y = ops.reshape(y, (*lead, *self.given))
        return y if self.bias is None else y + self.bias.tensor


@register
@final
class MultiHeadAttention(Layer):
    """Several attentions side by side: each head projects queries, keys and values to a space of its own.

    Head: softmax(q . k / sqrt(key_dim)) over steps of value, mean of its values; all heads' means joined and projected
    to the query's features. Masked steps of value are not seen.

    Args:
        num_heads: how many heads H. key_dim: size of each head's queries and keys; value_dim: of its values, default
            key_dim.
        dropout: share of the weights dropped in training; seed: of their mask.
        use_bias, kernel_*, bias_*: of all projections: how they start, what penalises and limits them.
        output_shape: features of the result; default those of the query.
        attention_axes: None or 1, the axis of time: others are refused.
        sliding_window: a query sees steps less than this many away.
        flash_attention: accepted for Keras's sake; changes no result.
        use_gate: each head's mean is multiplied by a sigmoid of the query.
        activity_regularizer: penalty on each projection, as in Keras.
    Call:     layer(query, value, key=None, attention_mask=None, return_attention_scores=False, use_causal_mask=False),
              or layer([query, value]). attention_mask (B, Q, S): where a query may look.
    Shapes:   query (B, Q, F), value (B, S, G), key (B, S, K) -> (B, Q, F); weights (B, H, Q, S).
    Raises:   ArgumentError: a size below 1; other axes. ShapeError: inputs that are no sequences.
    Source:   Vaswani et al. 2017, "Attention Is All You Need", section 3.2.2; as Keras 3.
    Example:
        >>> from elman.layers import Input
        >>> x = Input((None, 16))
        >>> MultiHeadAttention(num_heads=2, key_dim=8)(x, x, use_causal_mask=True).shape
        (B, T, 16)
    """

    supports_masking = True
    num_heads: int
    key_dim: int
    value_dim: int
    dropout: float
    seed: int | None
    sliding_window: int | None
    use_gate: bool
    query_dense: Projection
    key_dense: Projection
    value_dense: Projection
    gate_dense: Projection
    attention_output_dense: Projection

    def __init__(
        self, num_heads: int, key_dim: int, value_dim: int | None = None, dropout: float = 0.0, use_bias: bool = True,
        output_shape: Any = None, attention_axes: Any = None, sliding_window: int | None = None,
        flash_attention: bool | None = None, kernel_initializer: Any = "glorot_uniform",
        bias_initializer: Any = "zeros", kernel_regularizer: Any = None, bias_regularizer: Any = None,
        activity_regularizer: Any = None, kernel_constraint: Any = None, bias_constraint: Any = None,
        use_gate: bool = False, seed: int | None = None, **kwargs: Any,
    ) -> None:  # fmt: skip
        super().__init__(activity_regularizer=activity_regularizer, **kwargs)
        self._store(locals())
        self.value_dim = key_dim if value_dim is None else value_dim
        for size in ("num_heads", "key_dim", "value_dim"):
            check_units(self.where, size, getattr(self, size))
        check_rate(self.where, "dropout", dropout)
        if sliding_window is not None:
            check_units(self.where, "sliding_window", sliding_window)
        if attention_axes not in (None, 1, (1,), [1]):
            rule, cure = "None or 1, the axis of time", "Reshape the input to (B, T, F)."
            raise ArgumentError.at(self.where, "attention_axes", rule, attention_axes, cure)
        wanted = (output_shape,) if isinstance(output_shape, int) else tuple(output_shape or ())
        self._output = wanted

    def build(self, query: Shape, *_: Shape) -> None:
        """Add the projections query, key, (gate,) value and attention_output."""
        heads, out = self.num_heads, self._output or query[-1:]
        sizes = {"query": (heads, self.key_dim), "key": (heads, self.key_dim)}
        gate = {"gate": (heads, self.value_dim)} if self.use_gate else {}
        for name, given in {**sizes, **gate, "value": (heads, self.value_dim), "attention_output": out}.items():
            taken = 2 if name == "attention_output" else 1
            shared = {k: getattr(self, k) for k in _SHARED}
            setattr(self, f"{name}_dense", Projection(given, taken, name=name, **shared))  # type: ignore[arg-type]

    def call(
        self, x: Any, value: Any = None, key: Any = None, attention_mask: Any = None,
        return_attention_scores: bool = False, use_causal_mask: bool = False,
    ) -> Any:  # fmt: skip
        """The result, and the weights of each head if asked for."""
        query, value, key = self._inputs(x, value, key)
        visible = self._visible(query, value, key, attention_mask, use_causal_mask)
        q, k, v = _heads(self.query_dense(query)), _heads(self.key_dense(key)), _heads(self.value_dense(value))
        scores = ops.matmul(q * (1.0 / math.sqrt(self.key_dim)), k, transpose_b=True)
        weights = shares(scores, visible)
        mean = _heads(ops.matmul(dropped(weights, self.dropout, self.seed), v))
        if self.use_gate:
            mean = mean * ops.sigmoid(self.gate_dense(query))
        out = self.attention_output_dense(mean)
        return [out, weights] if return_attention_scores else out

    def compute_mask(self, x: Any, mask: Any) -> Any:
        """That of the query."""
        return mask[0] if isinstance(mask, list) else mask

    def _inputs(self, x: Any, value: Any, key: Any) -> tuple[Tensor, Tensor, Tensor]:
        """Query, value and key, however they were given. Raises: ShapeError: one is no sequence."""
        given = [t for t in (*(x if isinstance(x, (list, tuple)) else [x]), value, key) if t is not None]
        if not 2 <= len(given) <= 3:
            cure = "Call it as layer(query, value)."
            raise ArgumentError.at(
                self.where, "inputs", "two or three: query, value, and a key where it differs", len(given), cure
            )
        for name, t in zip(("query", "value", "key"), given, strict=False):
            if t.ndim != 3:
                raise ShapeError.at(self.where, name, "have shape (B, T, F)", text(t.shape), "Add an axis of time.")
        return given[0], given[1], given[-1]

    def _visible(self, query: Tensor, value: Tensor, key: Tensor, given: Any, ahead: bool) -> Tensor | None:
        """Which steps each query may see; None: all. Shapes: -> broadcasts with (B, H, Q, S)."""
        steps, seen = query.shape[1], value.shape[1]
        found = None if query.mask is None else ops.expand_dims(_real(query, steps), 2)
        found = both(found, None if value.mask is None else ops.expand_dims(_real(value, seen), 1))
        if key.node is not value.node and key.mask is not None:
            found = both(found, ops.expand_dims(_real(key, seen), 1))
        found = both(found, causal(steps, seen) if ahead else None)
        if self.sliding_window is not None:
            away = ops.abs(ops.expand_dims(ops.arange(steps), 1) - ops.expand_dims(ops.arange(seen), 0))
            found = both(found, ops.expand_dims(ops.less(away, self.sliding_window), 0))
        if given is not None:
            found = both(found, ops.cast(as_tensor(given), dtypes.BOOL))
        return None if found is None else ops.expand_dims(found, 1) if found.ndim == 3 else found


def _heads(x: Tensor) -> Tensor:
    """Heads before steps, or steps before heads. Shapes: (B, T, H, K) <-> (B, H, T, K)."""
    return ops.swapaxes(x, 1, 2)


def _real(x: Tensor, steps: Size) -> Tensor:
    """The mask of a tensor step by step. Shapes: -> (B, T) bool."""
    assert isinstance(x.mask, Mask), "asked for where there is one"
    return x.mask.tensor(steps)
