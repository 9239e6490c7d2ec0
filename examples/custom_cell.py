"""A recurrent cell written as equations, trained without a line of Python in the loop.

Elman's network of 1990, from scratch: the state is a hidden layer that reads the input and itself. The class is
traced once, with symbolic tensors; derivative, fusion and the native plan follow from the equations. The built-in
cells are written in the same way.

Run: python examples/custom_cell.py
"""

import numpy as np

import elman


class ElmanCell(elman.layers.Cell):
    """h_t = tanh(x_t W_xh + h_{t-1} W_hh + b)"""

    def __init__(self, units):
        super().__init__()
        self.units = units
        self.state_size = units  # several states: a tuple

    def build(self, features):
        self.w_xh = self.add_weight("w_xh", (features, self.units), "glorot_uniform")
        self.w_hh = self.add_weight("w_hh", (self.units, self.units), "orthogonal")
        self.b = self.add_weight("b", (self.units,), "zeros")

    def step(self, x, h):
        h = elman.ops.tanh(x @ self.w_xh + h @ self.w_hh + self.b)
        return h, h  # output, then the new state(s)


def remember_first(rows, steps, seed):
    """Sequences of noise whose label is the sign of their first number: the network must remember it to the end."""
    x = np.random.default_rng(seed).normal(size=(rows, steps, 1)).astype("float32")
    return x, (x[:, 0, 0] > 0).astype("float32")


def main():
    """Train on 2000 sequences, test on 500 others; returns the test accuracy."""
    elman.set_seed(1)
    x, y = remember_first(2000, 10, seed=0)
    model = elman.Sequential(
        [elman.layers.Input((None, 1)), elman.layers.RNN(ElmanCell(32)), elman.layers.Dense(1, activation="sigmoid")]
    )
    model.compile(optimizer=elman.optimizers.Adam(0.005), loss="binary_crossentropy", metrics=["accuracy"])
    model.summary()
    model.fit(x, y, epochs=20, batch_size=32, verbose=2)
    loss, accuracy = model.evaluate(*remember_first(500, 10, seed=1), verbose=0)
    print(f"test loss {loss:.4f}, test accuracy {accuracy:.3f}")
    return accuracy


if __name__ == "__main__":
    main()
