"""Attention and AdditiveAttention: every step of one sequence takes a mean of the steps of another that fit it."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from typing import Any, final

from elman import dtypes
from elman.errors import ArgumentError, ShapeError
from elman.graph import trace as ops
from elman.graph.node import Tensor
from elman.layers.arguments import check_rate
from elman.layers.base import Layer, Mask
from elman.layers.registry import register
from elman.layers.scores import both, causal, dropped, hidden, pairs
from elman.layers.tracing import current
from elman.shapes import Shape, Size, text


class Scored(Layer):
    """What attention layers share: which steps may be seen, the softmax over scores, the mean of values."""

    input_kind = "real"
    supports_masking = True
    use_scale: bool
    score_mode: str
    dropout: float
    seed: int | None

    def __init__(self, _arguments: dict[str, Any]) -> None:
        super().__init__(**_arguments["kwargs"])
        self._store(_arguments)
        check_rate(self.where, "dropout", self.dropout)

    def call(
        self, inputs: Sequence[Tensor], mask: Any = None, return_attention_scores: bool = False,
        use_causal_mask: bool = False,
    ) -> Any:  # fmt: skip
        """The mean of values that each query sees, and the weights of the mean if asked for.

        Shapes:   [query (B, Q, F), value (B, S, F)] or with a key (B, S, F) -> (B, Q, F); weights (B, Q, S).
        """
        query, value = inputs[:2]
        key = inputs[2] if len(inputs) > 2 else value
        steps, seen = query.shape[1], value.shape[1]
        query_mask, value_mask = (None, None) if mask is None else mask[:2]
        visible = None if value_mask is None else ops.expand_dims(_real(value_mask, seen), 1)
        if use_causal_mask:
            visible = both(visible, causal(steps, seen))
        weights = dropped(ops.softmax(hidden(self.scores(query, key), visible)), self.dropout, self.seed)
        current().companion.look(query, weights)
        context = ops.matmul(weights, value)
        if query_mask is not None:
            real = ops.expand_dims(_real(query_mask, steps), -1)
            context = ops.where(real, context, ops.zeros_like(context))
        return [context, weights] if return_attention_scores else context

    @abstractmethod
    def scores(self, query: Tensor, key: Tensor) -> Tensor:
        """How well each query fits each key. Shapes: (B, Q, F), (B, S, F) -> (B, Q, S)."""

    def compute_mask(self, inputs: Any, mask: Any) -> Any:
        """That of the query."""
        return None if mask is None else mask[0]

    def _accept(self, x: Any) -> Any:
        """Raises: ArgumentError: not two or three inputs. ShapeError: not sequences of equal features."""
        if not isinstance(x, (list, tuple)) or not 2 <= len(x) <= 3:
            cure = f"Call {type(self).__name__}()([query, value])."
            raise ArgumentError.at(self.where, "inputs", "[query, value] or [query, value, key]", x, cure)
        for name, t in zip(("query", "value", "key"), x, strict=False):
            if t.ndim != 3:
                cure = "A single vector a row is a sequence of one step: x[:, None, :]."
                raise ShapeError.at(self.where, name, "have shape (B, T, F)", text(t.shape), cure)
        query, key = x[0], x[-1]
        if query.shape[2] != key.shape[2]:
            given = f"{text(query.shape)} and {text(key.shape)}"
            cure = "Put a Dense before one of them, or use AttentiveRNN or MultiHeadAttention, which have their own."
            raise ShapeError.at(self.where, "inputs", "have queries and keys of equal features", given, cure)
        return super()._accept(x)


@register
@final
class Attention(Scored):
    """Dot-product (Luong) attention: each query takes the mean of the values whose keys point its way.

    score(q, k) = q . k;  weights = softmax over steps of value;  y = sum of weights times values. Masked steps of value
    are not seen, masked queries give 0.

    Args:
        use_scale: multiply scores by a learned number.
        score_mode: "dot", or "concat": c * sum(tanh(q + k)), c learned.
        dropout: share of the weights dropped in training; seed: of their mask.
    Call:     attention([query, value], return_attention_scores=False, use_causal_mask=False), or with a key as third.
              With `use_causal_mask` query i sees the values up to i.
    Shapes:   query (B, Q, F), value (B, S, V), key (B, S, F) -> (B, Q, V), weights (B, Q, S).
    Raises:   ArgumentError: not two or three inputs. ShapeError: queries and keys differ in features.
    Source:   Luong, Pham and Manning 2015, section 3.1; as Keras 3: no division by the square root of F.
    Example:
        >>> from elman.layers import Input
        >>> Attention()([Input((3, 8)), Input((None, 8))]).shape
        (B, 3, 8)
    """

    def __init__(
        self, use_scale: bool = False, score_mode: str = "dot", dropout: float = 0.0, seed: int | None = None,
        **kwargs: Any,
    ) -> None:  # fmt: skip
        super().__init__(locals())
        if score_mode not in ("dot", "concat"):
            raise ArgumentError.at(self.where, "score_mode", '"dot" or "concat"', score_mode, '"dot" is usual.')

    def build(self, input_shape: Shape, *_: Shape) -> None:
        """Add scale () and concat_score_weight (), where asked for."""
        self.scale = self.add_weight("scale", (), "ones") if self.use_scale else None
        concat = self.score_mode == "concat"
        self.concat_score_weight = self.add_weight("concat_score_weight", (), "ones") if concat else None

    def scores(self, query: Tensor, key: Tensor) -> Tensor:
        """The equation."""
        if self.concat_score_weight is None:
            z = ops.matmul(query, key, transpose_b=True)
            return z if self.scale is None else z * self.scale.tensor
        z = pairs(query, key)
        z = z if self.scale is None else z * self.scale.tensor
        return self.concat_score_weight.tensor * ops.sum(ops.tanh(z), -1)


@register
@final
class AdditiveAttention(Scored):
    """Additive (Bahdanau) attention: each query takes the mean of the values whose keys fit it through a tanh.

    score(q, k) = sum(v * tanh(q + k)); the rest as `Attention`. Bahdanau's projections of queries and keys are not in
    it, as in Keras: put a Dense before each, or use `AttentiveRNN`, which has them.

    Args:     use_scale: v is learned; else it is 1. dropout, seed: as in `Attention`.
    Call:     as `Attention`.
    Shapes:   query (B, Q, F), value (B, S, V), key (B, S, F) -> (B, Q, V), weights (B, Q, S); v (F,).
    Raises:   ArgumentError: not two or three inputs. ShapeError: queries and keys differ in features.
    Source:   Bahdanau, Cho and Bengio 2015, "Neural Machine Translation by Jointly Learning to Align and Translate".
    Example:
        >>> from elman.layers import Input
        >>> y, weights = AdditiveAttention()([Input((3, 8)), Input((5, 8))], return_attention_scores=True)
        >>> weights.shape
        (B, 3, 5)
    """

    def __init__(self, use_scale: bool = True, dropout: float = 0.0, seed: int | None = None, **kwargs: Any) -> None:
        super().__init__(locals())

    def build(self, input_shape: Shape, *_: Shape) -> None:
        """Add scale (F,)."""
        self.scale = self.add_weight("scale", (input_shape[-1],)) if self.use_scale else None

    def scores(self, query: Tensor, key: Tensor) -> Tensor:
        """The equation."""
        z = ops.tanh(pairs(query, key))
        return ops.sum(z if self.scale is None else self.scale.tensor * z, -1)


def _real(mask: Any, steps: Size) -> Tensor:
    """A mask step by step. Shapes: -> (B, T) bool."""
    found: Tensor = mask.tensor(steps) if isinstance(mask, Mask) else ops.cast(mask, dtypes.BOOL)
    return found
