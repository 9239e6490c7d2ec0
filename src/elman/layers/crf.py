"""CRF: tags that are chosen together, for what follows what has a score of its own."""

from __future__ import annotations

from typing import Any, final

from elman.graph.node import Tensor
from elman.layers.base import Layer
from elman.layers.registry import register
from elman.shapes import Shape


@register
@final
class CRF(Layer):
    """A linear-chain conditional random field: the last layer of a tagger, behind a Dense that scores each tag.

    score(y | x) = start[y_1] + sum of x_t[y_t] + sum of transitions[y_{t-1}, y_t] + end[y_T]. Its output is its input:
    what the layer learns is read by the loss "crf", which is -log of the share of the right tags among all, and by
    `elman.decoding.viterbi`, which finds the best. The largest score of each step alone is not the best sequence.

    Args:
        transition_initializer: of transitions (K, K); start (K,) and end (K,) begin at 0.
        transition_regularizer, transition_constraint: of transitions.
    Shapes:   x (B, T, K) -> (B, T, K).
    Raises:   ShapeError: x is not of rank 3.
    Source:   Lafferty, McCallum and Pereira 2001, "Conditional Random Fields"; over a recurrent network Huang, Xu and
              Yu 2015, "Bidirectional LSTM-CRF Models for Sequence Tagging".
    Example:
        >>> from elman.layers import Dense, Input
        >>> x = Input((None, 8))
        >>> CRF()(Dense(5)(x)).shape
        (B, T, 5)
    """

    axes = ("B", "T", "F")
    input_kind = "real"
    supports_masking = True
    stepwise = True
    transition_initializer: Any

    def __init__(
        self, transition_initializer: Any = "glorot_uniform", transition_regularizer: Any = None,
        transition_constraint: Any = None, **kwargs: Any,
    ) -> None:  # fmt: skip
        super().__init__(**kwargs)
        self._store(locals())

    def build(self, input_shape: Shape) -> None:
        """Add transitions (K, K), start (K,) and end (K,)."""
        tags: Any = input_shape[-1]
        self.transitions = self._add_stem("transition", (tags, tags), "transitions")
        self.start = self.add_weight("start", (tags,), "zeros")
        self.end = self.add_weight("end", (tags,), "zeros")

    def call(self, x: Tensor) -> Tensor:
        """The scores as they are."""
        return x
