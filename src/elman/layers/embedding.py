"""Embedding and Masking: from indices to vectors, and which steps are real."""

from __future__ import annotations

from typing import Any, final

from elman.graph import trace as ops
from elman.graph.node import Tensor
from elman.layers.base import Layer, Mask
from elman.layers.registry import register
from elman.layers.rnn.cell import check_units
from elman.shapes import Shape


@register
@final
class Embedding(Layer):
    """A table of vectors, one for each word or category; training moves the vectors.

    y = E[x]. Indices outside the table are an error when the model runs, with their position.

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
        """Where the index is not 0; without `mask_zero` that of the input, whose lengths then go on."""
        return Mask(values=ops.not_equal(x, 0)) if self.mask_zero else mask


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
        self._store(locals())

    def call(self, x: Tensor) -> Tensor:
        """The input with masked steps 0."""
        return ops.where(ops.expand_dims(self._real(x), -1), x, ops.zeros_like(x))

    def compute_mask(self, x: Tensor, mask: Any) -> Mask:
        """Where any feature differs from `mask_value`."""
        return Mask(values=self._real(x))

    def _real(self, x: Tensor) -> Tensor:
        different = ops.not_equal(x, self.mask_value)
        return ops.max(ops.cast(different, self.dtype), -1) > 0.0  # one real type in a graph: not ops.any
