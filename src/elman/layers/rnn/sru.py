"""The simple recurrent unit: gates that see their own unit, and a way past."""

from __future__ import annotations

from typing import Any, ClassVar, final

from elman.graph import trace as ops
from elman.graph.node import Tensor
from elman.layers.registry import register
from elman.layers.rnn.cell import PlainCell
from elman.layers.rnn.recurrence import UnitLayer


@register
@final
class SRUCell(PlainCell):
    """One step of `SRU`. Weights: kernel (F, 3U) for n, f, r, or (F, 4U) with the way past where F is not U;
    recurrent_kernel (2, U) and bias (2, U) for f, r.
    """

    refuses: ClassVar[dict[str, str]] = {
        "recurrent_normalization": "each unit adds its own product, not one of a matrix"
    }

    def __init__(self, units: int, recurrent_initializer: Any = "glorot_uniform", **kwargs: Any) -> None:
        super().__init__(units, recurrent_initializer=recurrent_initializer, **kwargs)

    def build(self, features: int) -> None:
        """Add kernel, recurrent_kernel and bias."""
        self.parts = 3 if features == self.units else 4
        self.kernel = self._add_stem("kernel", (features, self.parts * self.units))
        self.recurrent_kernel = self._add_stem("recurrent", (2, self.units), "recurrent_kernel")
        self.bias = self._add_stem("bias", (2, self.units)) if self.use_bias else None

    def step(self, x: Tensor, c: Tensor) -> tuple[Tensor, Tensor]:
        """The equations. Shapes: x (B, F), c (B, U) -> h, c (B, U)."""
        n, f, r, *way = ops.split(x @ self.kernel, self.parts)
        seen, v = self.recall(c), self.weight(self.recurrent_kernel)
        if self.bias is not None:
            f, r = f + self.bias[0], r + self.bias[1]
        f, r = ops.sigmoid(f + v[0] * seen), ops.sigmoid(r + v[1] * seen)
        c = f * c + (1.0 - f) * n
        return r * c + (1.0 - r) * (way[0] if way else x), c


@register
@final
class SRU(UnitLayer):
    """As light as `QRNN`, with gates that know their own memory and a highway past the layer.

    For deep stacks on text: 3 to 10 layers of equal width. All matrix products leave the loop.

    With x_t W cut into n, f, r (and w where F is not U; else w = x_t), c = c_{t-1}: f' = sigmoid(f + v_f c + b_f);
    r' = sigmoid(r + v_r c + b_r);  c_t = f' c + (1 - f') n;  h_t = r' c_t + (1 - r') w. The state is c.

    Args:
        units: size U of the state and the output.
        use_bias, kernel_*, recurrent_*, bias_*: of W, U and b: how they start, what penalises and limits them.
        dropout, recurrent_dropout, zoneout, weight_drop, recurrent_normalization, seed: see `Cell`.
        return_sequences, return_state, go_backwards, stateful, zero_output_for_mask, learn_initial_state: see `RNN`.
    Shapes:   x (B, T, F) -> (B, U), or (B, T, U) with return_sequences; c (B, U).
    Raises:   ShapeError: x is not of rank 3. ArgumentError: units < 1, a rate outside [0, 1).
    Source:   Lei et al. 2018, "Simple Recurrent Units for Highly Parallelizable Recurrence", equations 1-4; without
              its scaling of w.
    Example:
        >>> from elman.layers import Input
        >>> SRU(16, return_sequences=True)(Input((None, 8))).shape
        (B, T, 16)
    """

    cell_class = SRUCell
