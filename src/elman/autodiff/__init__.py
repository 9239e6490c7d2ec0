"""Derivatives: graph to graph. `gradients` is the one door."""

from __future__ import annotations

from collections.abc import Sequence

from elman.autodiff.reverse import walk
from elman.autodiff.rules import RULES
from elman.autodiff.scan import scan_rule
from elman.graph.node import Tensor, constant
from elman.graph.trace import broadcast_to, zeros

__all__ = ["RULES", "gradients"]


def gradients(loss: Tensor, wrt: Sequence[Tensor], seed: Tensor | None = None) -> list[Tensor]:
    """The gradient of a loss with respect to each tensor of `wrt`; zeros where the loss does not depend on it.

    Args:
        loss: what to differentiate; a scalar, or any shape with `seed`.
        seed: gradient of the final result with respect to `loss`; default 1.
    Shapes: each gradient as its tensor.
    Raises: GraphError: an operator on the path has no row in rules.py.
    Example:
        >>> from elman.graph import placeholder
        >>> x = placeholder("x", ())
        >>> gradients(x * x, [x])[0].shape
        ()
    """
    start = broadcast_to(constant(1.0, loss.dtype), loss.shape) if seed is None else seed
    found = walk([(loss, start)], wrt, scan_rule)
    return [g if g is not None else zeros(t.shape, t.dtype) for g, t in zip(found, wrt, strict=True)]
