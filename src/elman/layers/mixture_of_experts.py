"""MixtureOfExperts: the modular network. Several layers do the task, and a gate says how much each counts."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, final

from elman.errors import ArgumentError, ShapeError
from elman.graph import trace as ops
from elman.graph.node import Tensor
from elman.layers.base import Layer, Mask
from elman.layers.core import Dense
from elman.layers.registry import register
from elman.shapes import Shape, text


@register
@final
class MixtureOfExperts(Layer):
    """Experts that divide a task among them: each input is given to those that do it best.

    y = sum over k of g_k(x) expert_k(x), g = softmax(gate(x)). Every expert is computed; the gate learns with them,
    and so experts come to differ.

    Args:
        experts: layers that take x and give results of one shape.
        gate: a layer that takes x and gives one number an expert; default `Dense(len(experts))`, which for a sequence
            decides at every step. Where experts turn a sequence into a vector, give a gate that does too.
    Shapes:   x (B, ..., F) -> (B, ..., U) as the experts say; g (B, ..., K).
    Raises:   ArgumentError: fewer than one expert, or no layers. ShapeError: results of different shapes, or a gate
              that does not give K numbers for each of them.
    Source:   Jacobs, Jordan, Nowlan and Hinton 1991, "Adaptive mixtures of local experts", equation 1.
    Example:
        >>> from elman.layers import Input
        >>> MixtureOfExperts([Dense(3), Dense(3, activation="tanh")])(Input((8,))).shape
        (B, 3)
    """

    input_kind = "real"
    experts: list[Layer]
    gate: Layer

    def __init__(self, experts: Sequence[Any], gate: Any = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.experts = list(experts)
        if not self.experts:
            raise ArgumentError.at(self.where, "experts", "have at least one layer", self.experts)
        self.gate = Dense(len(self.experts), name="gate") if gate is None else gate
        for part in (*self.experts, self.gate):
            if not isinstance(part, Layer):
                raise ArgumentError.at(self.where, "experts and gate", "be layers", part, "For example Dense(8).")
        self._share_dtype(kwargs.get("dtype"), *self.experts, self.gate)

    def build(self, *input_shapes: Shape) -> None:
        """The experts and the gate build themselves when they are called."""

    def call(self, x: Tensor, mask: Mask | None = None) -> Tensor:
        """The equation."""
        made = [expert(x, mask=mask) for expert in self.experts]
        shares = ops.softmax(self.gate(x, mask=mask))
        shapes = sorted({text(y.shape) for y in made})
        if len(shapes) > 1:
            raise ShapeError.at(
                self.where, "experts", "be layers that give results of one shape", " and ".join(shapes), "Match them."
            )
        if shares.shape != (*made[0].shape[:-1], len(made)):
            rule = f"be a layer that gives {len(made)} numbers for each result of shape {shapes[0]}"
            raise ShapeError.at(self.where, "gate", rule, text(shares.shape), "Give a gate of the experts' kind.")
        total: Tensor = made[0] * shares[..., 0:1]
        for k, y in enumerate(made[1:], 1):
            total = total + y * shares[..., k : k + 1]
        total.mask = made[0].mask
        return total
