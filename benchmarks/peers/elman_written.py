"""Cells as a user would write them: an LSTM once more, and one that nobody has fused by hand."""

from __future__ import annotations

from typing import Any

from elman import ops
from elman.layers import Cell


class WrittenLSTM(Cell):
    """The LSTM: i, f, g, o = x W + h U + b; c = s(f) c + s(i) tanh(g); h = s(o) tanh(c)."""

    def __init__(self, units: int, **options: Any) -> None:
        super().__init__(**options)
        self.units = units
        self.state_size = (units, units)

    def build(self, features: int) -> None:
        """Add the weights."""
        self.kernel = self.add_weight("kernel", (features, 4 * self.units))
        self.recurrent_kernel = self.add_weight("recurrent_kernel", (self.units, 4 * self.units))
        self.bias = self.add_weight("bias", (4 * self.units,))

    def step(self, x: Any, h: Any, c: Any) -> Any:
        """Take one step."""
        i, f, g, o = ops.split(x @ self.kernel + h @ self.recurrent_kernel + self.bias, 4)
        c = ops.sigmoid(f) * c + ops.sigmoid(i) * ops.tanh(g)
        h = ops.sigmoid(o) * ops.tanh(c)
        return h, h, c


class NormalizedPeepholeLSTM(Cell):
    """The LSTM with peepholes and layer normalization of its gates and of its cell state."""

    def __init__(self, units: int, **options: Any) -> None:
        super().__init__(**options)
        self.units = units
        self.state_size = (units, units)

    def build(self, features: int) -> None:
        """Add the weights, in the order of problems.user_cell."""
        units = self.units
        self.kernel = self.add_weight("kernel", (features, 4 * units))
        self.recurrent_kernel = self.add_weight("recurrent_kernel", (units, 4 * units))
        self.bias = self.add_weight("bias", (4 * units,))
        self.gamma = self.add_weight("gamma", (4 * units,))
        self.peepholes = self.add_weight("peepholes", (3, units))
        self.cell_gamma = self.add_weight("cell_gamma", (units,))

    def step(self, x: Any, h: Any, c: Any) -> Any:
        """Take one step."""
        i, f, g, o = ops.split(normalized(x @ self.kernel + h @ self.recurrent_kernel) * self.gamma + self.bias, 4)
        i, f = ops.sigmoid(i + self.peepholes[0] * c), ops.sigmoid(f + self.peepholes[1] * c)
        c = f * c + i * ops.tanh(g)
        h = ops.sigmoid(o + self.peepholes[2] * c) * ops.tanh(normalized(c) * self.cell_gamma)
        return h, h, c


def normalized(z: Any) -> Any:
    """Return z with mean 0 and variance 1 in each row."""
    centred = z - ops.mean(z, axis=-1, keepdims=True)
    return centred * ops.rsqrt(ops.mean(centred * centred, axis=-1, keepdims=True) + 1e-5)


CELLS = {"lstm": WrittenLSTM}
