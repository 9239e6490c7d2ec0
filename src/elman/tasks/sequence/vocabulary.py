"""Tokens as vectors, and vectors as chances of the next token: the two ends of a network that writes."""

from __future__ import annotations

from typing import final

from elman import layers
from elman.graph import Tensor
from elman.layers.initializers import RandomNormal
from elman.tasks.sequence.design import Design

__all__ = ["Vocabulary"]


@final
class Vocabulary:
    """A table of vectors for the tokens, and a softmax over them: two matrices, or one where weights are tied.

    Source: Press and Wolf 2017, "Using the Output Embedding to Improve Language Models".

    Example:
        >>> words = Vocabulary(50, Design(size=8, tie_weights=True))
        >>> words.chances(words.vectors(layers.Input((None,), dtype="int32"))).shape
        (B, T, 50)
    """

    def __init__(self, size: int, design: Design) -> None:
        self.size, self.design = size, design
        kind = layers.ReversibleEmbedding if design.tie_weights else layers.Embedding
        # Vectors as small as those of a layer alone drown beside what was read: a decoder learns how frequent tokens
        # are, and for long nothing else. Where they score the next token they must not be as large.
        spread = design.width**-0.5 if design.tie_weights else 1.0
        self.table = kind(size, design.width, embeddings_initializer=RandomNormal(stddev=spread))

    def vectors(self, ids: Tensor) -> Tensor:
        """Shapes: (B, T) int32 -> (B, T, W)."""
        made: Tensor = self.table(ids)
        return made

    def scores(self, x: Tensor) -> Tensor:
        """Shapes: (B, T, F) -> (B, T, V)."""
        if not self.design.tie_weights:
            made: Tensor = layers.Dense(self.size)(x)
            return made
        tied: Tensor = self.table(layers.Dense(self.design.width)(x), reverse=True)
        return tied

    def chances(self, x: Tensor) -> Tensor:
        """The softmax of the scores. Shapes: (B, T, F) -> (B, T, V)."""
        if not self.design.tie_weights:
            made: Tensor = layers.Dense(self.size, activation="softmax")(x)
            return made
        tied: Tensor = layers.Softmax()(self.scores(x))
        return tied
