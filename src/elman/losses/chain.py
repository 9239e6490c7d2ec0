"""The loss of a linear-chain CRF: -log of the share of the right tags among all sequences of tags.

Source: Lafferty, McCallum and Pereira 2001; the sum over all sequences is the forward recursion of Rabiner 1989, "A
    tutorial on hidden Markov models", equations 18 to 21, in logarithms.
Cost: T K^2 of each row.
"""

from __future__ import annotations

from typing import Any, final

from elman import dtypes, ops
from elman.errors import ArgumentError
from elman.graph import Tensor, as_tensor
from elman.graph.node import Operand
from elman.losses.base import Loss
from elman.losses.classification import class_numbers

__all__ = ["CRF"]


@final
class CRF(Loss):
    """For taggers that end with `layers.CRF`, whose weights it reads: -log p(tags | scores), a number for each row.

    Args: reduction, name, dtype: see `Loss`. The dtype must be None.
    Shapes: y_true (B, T) tag numbers, y_pred (B, T, K) of a CRF layer, mask (B, T): real steps, which come first -> ().
    Raises: ArgumentError: y_pred is no output of a CRF layer. DataError: when the graph runs, a tag outside 0..K-1.
    Source: Lafferty et al. 2001.
    Example:
        >>> from elman import layers
        >>> from elman.graph import placeholder
        >>> CRF()(placeholder("y", (4, 3), "int32"), layers.CRF()(placeholder("p", (4, 3, 5)))).shape
        ()
    """

    def __init__(
        self, reduction: str | None = "sum_over_batch_size", name: str | None = None, dtype: str | None = None
    ) -> None:
        super().__init__(name or "crf", reduction, dtype)

    def call(self, y_true: Tensor, y_pred: Tensor) -> Tensor:
        """A value for each row, all of whose steps are real."""
        return self._rows(y_true, y_pred, None)

    def values(self, y_true: Tensor, y_pred: Tensor, mask: Operand | None) -> tuple[Tensor, Operand | None]:
        """A value for each row; the mask says how many steps are real. Shapes: as `call`, mask (B, T) -> (B,), None."""
        return self._rows(y_true, y_pred, mask), None

    def _rows(self, y_true: Tensor, y_pred: Tensor, mask: Operand | None) -> Tensor:
        layer: Any = y_pred.origin.layer if y_pred.origin is not None else None
        if not hasattr(layer, "transitions"):
            cure = "End the model with layers.CRF()."
            raise ArgumentError.at("CRF", "y_pred", "the output of a CRF layer", layer or y_pred, cure)
        tags = class_numbers("CRF", y_true, y_pred)
        rows, steps = tags.shape
        real = ops.ones((rows, steps), y_pred.dtype) if mask is None else ops.cast(as_tensor(mask), y_pred.dtype)
        lengths = ops.sum(real, 1)
        weights = (layer.transitions.tensor, layer.start.tensor, layer.end.tensor)
        values = _every(y_pred, *weights, lengths) - _one(tags, y_pred, *weights, real, lengths)
        return ops.where(lengths > 0.0, values, ops.zeros_like(values))


def _one(tags: Tensor, x: Tensor, moves: Tensor, start: Tensor, end: Tensor, real: Tensor, lengths: Tensor) -> Tensor:
    """The score of these tags. Shapes: tags, real (B, T), x (B, T, K), moves (K, K), lengths (B,) -> (B,)."""
    count, steps = x.shape[2], tags.shape[1]
    place = ops.arange(steps, x.dtype)
    before = ops.pad(tags, 1, before=1)[:, :steps]
    pair = before * ops.full((), count, dtypes.INT32) + tags  # type: ignore[arg-type]  # a known number of tags
    moved = ops.where(ops.equal(place, 0.0), ops.take(start, tags), ops.take(ops.reshape(moves, (-1,)), pair))
    here = ops.sum(ops.where(ops.equal(ops.expand_dims(tags, -1), ops.arange(count)), x, 0.0), -1)
    last = ops.cast(ops.equal(ops.expand_dims(place, 0), ops.expand_dims(lengths - 1.0, 1)), x.dtype)
    return ops.sum((here + moved) * real + last * ops.take(end, tags), 1)


def _every(x: Tensor, moves: Tensor, start: Tensor, end: Tensor, lengths: Tensor) -> Tensor:
    """log of the sum over all tags. Shapes: x (B, T, K), moves (K, K), start, end (K,), lengths (B,) -> (B,)."""

    def step(states: tuple[Tensor, ...], now: tuple[Tensor, ...]) -> tuple[list[Tensor], list[Tensor]]:
        paths = ops.logsumexp(ops.expand_dims(states[0], 2) + moves, 1)
        return [ops.where(now[1] > 0.0, start, paths) + now[0]], []

    first = ops.cast(ops.equal(ops.arange(x.shape[1]), 0), x.dtype)
    sequences = [ops.swapaxes(x, 0, 1), ops.broadcast_to(ops.reshape(first, (-1, 1, 1)), (x.shape[1], x.shape[0], 1))]
    none = ops.zeros((x.shape[0], x.shape[2]), x.dtype)
    (paths,), _ = ops.scan(step, [none], sequences, ops.cast(lengths, dtypes.INT32))
    return ops.logsumexp(paths + end, 1)
