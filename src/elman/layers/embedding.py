"""Embedding and Masking: from indices to vectors, and which steps are real."""

from __future__ import annotations

from typing import Any, final

from elman import dtypes
from elman.arguments import check_number
from elman.errors import ArgumentError
from elman.graph import trace as ops
from elman.graph.node import Tensor
from elman.layers.arguments import check_units
from elman.layers.base import Layer, Mask
from elman.layers.registry import register
from elman.shapes import Shape


@register
class Embedding(Layer):
    """A table of vectors, one for each word or category; training moves the vectors.

    y = E[x]. Indices outside the table are refused, with their row, before a model runs; computed ones as it does.

    Args:
        input_dim: size V of the vocabulary; indices are 0 to V - 1.
        output_dim: size U of a vector.
        mask_zero: index 0 is padding: later layers skip those steps. Then words start at 1.
        embeddings_*: of E (V, U): how it starts ("uniform"), what penalises and limits it.
        weights: a table to start from, or a list with it.
    Shapes:   x (B, ...) integers -> (B, ..., U).
    Raises:   ArgumentError: a size below 1. WeightsError: `weights` is not (V, U).
    Example:
        >>> from elman.layers import Input
        >>> Embedding(1000, 16, mask_zero=True)(Input((None,), dtype="int32")).shape
        (B, T, 16)
    """

    input_kind = "index"
    supports_masking = True
    unsaved = ("weights",)
    input_dim: int
    output_dim: int
    mask_zero: bool

    def __init__(
        self, input_dim: int, output_dim: int, embeddings_initializer: Any = "uniform",
        embeddings_regularizer: Any = None, embeddings_constraint: Any = None, mask_zero: bool = False,
        weights: Any = None, **kwargs: Any,
    ) -> None:  # fmt: skip
        super().__init__(**kwargs)
        self._store({k: v for k, v in locals().items() if k != "weights"})
        check_units(self.where, "input_dim", input_dim)
        check_units(self.where, "output_dim", output_dim)
        self._start = weights[0] if isinstance(weights, (list, tuple)) and len(weights) == 1 else weights

    def build(self, input_shape: Shape) -> None:
        """Add embeddings (V, U)."""
        self.embeddings = self._add_stem("embeddings", (self.input_dim, self.output_dim))
        if self._start is not None:
            self.set_weights([self._start])

    def call(self, x: Tensor) -> Tensor:
        """The rows of the table."""
        return ops.take(self.embeddings, x)

    def compute_mask(self, x: Tensor, mask: Any) -> Mask | None:
        """Where the index is not 0, too; without `mask_zero` that of the input, whose lengths then go on."""
        return _within(mask, ops.not_equal(x, 0)) if self.mask_zero else mask


@register
@final
class ReversibleEmbedding(Embedding):
    """An embedding that also goes back: from vectors to a score for each word, with the same table (tied weights).

    For the last layer of a language model: V * U weights less, and rare words learn faster. y = E[x];
    reverse: z = y E^T, without a bias. Call the one layer at both ends of the model.

    Args:
        input_dim, output_dim, embeddings_*, mask_zero: see `Embedding`.
        tie_weights: False: the way back has a matrix of its own, reverse_embeddings (U, V).
        reverse_dtype: None or the layer's dtype: a graph has one real type.
        logit_soft_cap: c; scores become c tanh(z / c).
    Call:     layer(ids), layer(vectors, reverse=True).
    Shapes:   x (B, ...) integers -> (B, ..., U); reverse: (B, ..., U) -> (B, ..., V).
    Raises:   ArgumentError: a size below 1; another reverse_dtype.
    Source:   Press and Wolf 2017, "Using the Output Embedding to Improve Language Models"; as Keras 3.
    Example:
        >>> from elman.layers import LSTM, Input
        >>> words = ReversibleEmbedding(1000, 16)
        >>> x = Input((None,), dtype="int32")
        >>> words(LSTM(16, return_sequences=True)(words(x)), reverse=True).shape
        (B, T, 1000)
    """

    embeddings_initializer: Any
    tie_weights: bool
    logit_soft_cap: float | None

    def __init__(
        self, input_dim: int, output_dim: int, tie_weights: bool = True, embeddings_initializer: Any = "uniform",
        embeddings_regularizer: Any = None, embeddings_constraint: Any = None, mask_zero: bool = False,
        reverse_dtype: str | None = None, logit_soft_cap: float | None = None, **kwargs: Any,
    ) -> None:  # fmt: skip
        super().__init__(
            input_dim, output_dim, embeddings_initializer, embeddings_regularizer, embeddings_constraint, mask_zero,
            **kwargs,
        )  # fmt: skip
        self.tie_weights, self.reverse_dtype, self.logit_soft_cap = tie_weights, reverse_dtype, logit_soft_cap
        if logit_soft_cap is not None:
            self.logit_soft_cap = check_number(self.where, "logit_soft_cap", logit_soft_cap, "a finite number above 0")
        if reverse_dtype not in (None, self.dtype):
            rule = f"None or {self.dtype}, the layer's type"
            raise ArgumentError.at(self.where, "reverse_dtype", rule, reverse_dtype, "Leave it out.")

    def build(self, input_shape: Shape) -> None:
        """Add embeddings (V, U), and reverse_embeddings (U, V) where they are not tied."""
        super().build(input_shape)
        if not self.tie_weights:
            shape = (self.output_dim, self.input_dim)
            self.reverse_embeddings = self.add_weight("reverse_embeddings", shape, self.embeddings_initializer)

    def call(self, x: Tensor, reverse: bool = False) -> Tensor:
        """The rows of the table, or the scores of all rows."""
        if not reverse:
            return super().call(x)
        tied = self.embeddings.tensor
        z = ops.matmul(x, tied, transpose_b=True) if self.tie_weights else x @ self.reverse_embeddings
        cap = self.logit_soft_cap
        return z if cap is None else ops.tanh(z / cap) * cap

    def compute_mask(self, x: Tensor, mask: Any) -> Mask | None:
        """Of indices: where they are not 0; of vectors: theirs."""
        return mask if dtypes.is_real(x.dtype) else super().compute_mask(x, mask)

    def _convert(self, x: Tensor) -> Tensor:
        return x if dtypes.is_real(x.dtype) else super()._convert(x)


@register
@final
class Masking(Layer):
    """Marks steps to be skipped: those whose features all equal `mask_value`; they become 0.

    Later recurrent layers carry their state over such steps, and losses leave them out. Where you know the lengths,
    give those
    instead: they cost nothing.

    Shapes:   x (B, T, F) -> (B, T, F).
    Example:
        >>> from elman.layers import Input
        >>> Masking(-1.0)(Input((None, 8))).mask.values.shape
        (B, T)
    """

    axes = ("B", "T", "F")
    supports_masking = True
    mask_value: float

    def __init__(self, mask_value: float = 0.0, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self._store(locals(), mask_value="a finite number")

    def call(self, x: Tensor) -> Tensor:
        """The input with masked steps 0."""
        return ops.where(ops.expand_dims(self._real(x), -1), x, ops.zeros_like(x))

    def compute_mask(self, x: Tensor, mask: Any) -> Mask:
        """Where any feature differs from `mask_value`, in what is real so far."""
        return _within(mask, self._real(x))

    def _real(self, x: Tensor) -> Tensor:
        different = ops.not_equal(x, self.mask_value)
        return ops.max(ops.cast(different, self.dtype), -1) > 0.0  # one real type in a graph: not ops.any


def _within(mask: Mask | None, real: Tensor) -> Mask:
    """The steps that a mask has left and that are real. Shapes: real (B, T, ...) bool."""
    return Mask(values=real if mask is None else ops.logical_and(real, mask.over(real)))
