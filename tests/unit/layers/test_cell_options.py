"""What the options of cells do, number by number; that every cell honours them is in tests/contracts/test_cells.py."""

from __future__ import annotations

import numpy as np
import pytest

from elman import layers, ops
from elman.errors import ArgumentError, ShapeError
from elman.executors import NativeExecutor
from elman.graph import Graph, Variable
from elman.layers import Input, tracing
from tests.tolerances import assert_close

B, T, F, U = 64, 6, 3, 8


def trained(layer, data, step=0, **call):
    """The outputs of a training pass at a step of training."""
    x = Input(batch_shape=data.shape if call else (None, None, data.shape[-1]), dtype="float64")
    with tracing(True, Variable(np.int32(3)), Variable(np.int32(step))):
        y = layer(x, **call)
    outputs = y if isinstance(y, list) else [y]
    return NativeExecutor().compile(Graph((x,), tuple(outputs))).run([data]).outputs


def test_zoneout_keeps_a_share_of_the_state_at_each_step(rng):
    layer = layers.SimpleRNN(U, return_sequences=True, zoneout=0.3, dtype="float64")
    h = trained(layer, rng.normal(size=(B, T, F)))[0]
    kept = h[:, 1:] == h[:, :-1]
    assert abs(kept.mean() - 0.3) < 4 * np.sqrt(0.3 * 0.7 / kept.size)
    assert not np.array_equal(kept[:, 0], kept[:, 1])


def test_zoneout_has_a_rate_for_each_state(rng):
    layer = layers.LSTM(U, return_sequences=True, return_state=True, zoneout=[0.0, 0.5], dtype="float64")
    _, h, c = trained(layer, rng.normal(size=(B, 1, F)))
    assert (h != 0).all()
    assert 0.3 < (c == 0).mean() < 0.7


def test_zoneout_needs_as_many_rates_as_states():
    with pytest.raises(ArgumentError, match=r"zoneout must be one rate, or 2, one for each state. Received zoneout="):
        layers.LSTM(U, zoneout=[0.1])(Input((None, F)))


@pytest.mark.parametrize("option", ["zoneout", "weight_drop"])
def test_a_rate_is_a_share(option):
    with pytest.raises(ArgumentError, match=rf"{option} must be in \[0, 1\). Received {option}=1.5"):
        layers.GRU(U, **{option: 1.5})


def test_a_normalization_has_a_name():
    with pytest.raises(ArgumentError, match=r'recurrent_normalization must be "layer" or None. Received .*batch'):
        layers.GRU(U, recurrent_normalization="batch")


def test_weight_drop_drops_the_same_weights_for_every_row_and_step(rng):
    layer = layers.SimpleRNN(U, activation="linear", return_sequences=True, weight_drop=0.5, dtype="float64")
    data = np.repeat(rng.normal(size=(1, 2, F)), B, 0)
    h = trained(layer, data)[0]
    np.testing.assert_array_equal(h, h[:1].repeat(B, 0))
    kernel, recurrent, bias = layer.get_weights()
    first = data[0] @ kernel + bias
    left = [trained(layer, data, step=step)[0][0, 1] - first[1] for step in range(200)]
    assert not np.array_equal(left[0], left[1])
    error = np.sqrt((first[0] ** 2) @ recurrent**2 / len(left))  # a mask is 0 or 2: its variance is 1
    assert (np.abs(np.mean(left, 0) - first[0] @ recurrent) < 5 * error).all()


def test_weight_drop_is_drawn_before_the_loop(rng):
    layer = layers.LSTM(U, weight_drop=0.5)
    x = Input((None, F))
    with tracing(True):
        y = layer(x)
    scan = next(n for n in Graph((x,), (y,)).nodes() if n.op == "Scan")
    assert "RandomUniform" not in [n.op for n in scan.attrs["body"].nodes()]


def test_a_normalized_product_has_mean_0_and_the_scale_of_gamma(rng):
    layer = layers.SimpleRNN(U, activation="linear", return_sequences=True, recurrent_normalization="layer",
                             dtype="float64")  # fmt: skip
    data = rng.normal(size=(B, 2, F))
    h = trained(layer, data)[0]
    kernel, _, bias, gamma = layer.get_weights()
    z = h[:, 1] - (data[:, 1] @ kernel + bias)
    product = h[:, 0] @ layer.get_weights()[1]
    spread = product.std(-1)
    assert_close(z - z.mean(-1, keepdims=True), z, 2 * U, 2)
    assert_close(z.std(-1), spread / np.sqrt(spread**2 + 1e-3) * gamma[0], 2 * U, 2)


def test_an_initial_state_is_learned_and_one_that_is_given_comes_first(rng):
    layer = layers.GRU(U, learn_initial_state=True, return_state=True, dtype="float64")
    data = rng.normal(size=(B, 0, F))
    start = rng.normal(size=U)
    layer(Input((None, F), dtype="float64"))
    layer.starts[0].assign(start)
    np.testing.assert_array_equal(trained(layer, data)[1], np.tile(start, (B, 1)))
    given = trained(layer, data, initial_state=[ops.zeros((B, U), "float64")])[1]
    np.testing.assert_array_equal(given, 0.0)


class Own(layers.Cell):
    """A user's cell that asks for nothing."""

    state_size = U

    def build(self, features):
        self.w = self.add_weight("w", (features, U))
        self.u = self.add_weight("u", (U, U))

    def step(self, x, h):
        h = ops.tanh(x @ self.w + h @ self.u)
        return h, h


class Heeding(Own):
    """The same with everything."""

    def build(self, features):
        super().build(features)
        self.add_recurrent_gamma(U)

    def step(self, x, h):
        h = ops.tanh(x @ self.w + self.recur(h, self.u))
        return h, h


@pytest.mark.parametrize(
    ("option", "value", "cure"),
    [
        ("weight_drop", 0.5, r"Write self.recur\(h, U\) in step, not h @ U."),
        ("recurrent_normalization", "layer", r"Call self.add_recurrent_gamma\(size\) in build"),
        ("recurrent_dropout", 0.5, r"Write self.recall\(h\) in step"),
    ],
)
def test_a_cell_that_does_not_heed_an_option_is_told_how(option, value, cure, rng):
    with pytest.raises(ArgumentError, match=rf"{option} must be (0|None) for this cell. Received .*{cure}"):
        trained(layers.RNN(Own(**{option: value}, dtype="float64")), rng.normal(size=(B, T, F)))
    trained(layers.RNN(Heeding(**{option: value}, dtype="float64")), rng.normal(size=(B, T, F)))


def test_zoneout_needs_no_word_in_the_cell(rng):
    h = trained(layers.RNN(Own(zoneout=0.5, dtype="float64"), return_sequences=True), rng.normal(size=(B, T, F)))[0]
    assert 0.4 < (h[:, 1:] == h[:, :-1]).mean() < 0.6


def test_cells_of_a_stack_have_options_of_their_own(rng):
    stack = [layers.LSTMCell(U, zoneout=0.5, weight_drop=0.2), layers.GRUCell(4, recurrent_normalization="layer")]
    assert trained(layers.RNN(stack, dtype="float64"), rng.normal(size=(B, T, F)))[0].shape == (B, 4)
    with pytest.raises(ArgumentError, match=r"zoneout must be 0 for this cell.*each cell of the stack has its own"):
        layers.StackedRNNCells([layers.GRUCell(4)], zoneout=0.5)


def test_a_dilated_layer_is_the_cell_on_every_dth_step(rng):
    dilated = layers.DilatedRNN([layers.GRUCell(U)], dilations=[3], return_sequences=True, dtype="float64")
    plain = layers.GRU(U, return_sequences=True, dtype="float64")
    data = rng.normal(size=(2, 7, F))
    whole = trained(dilated, data)[0]
    trained(plain, data)
    plain.set_weights(dilated.get_weights())
    for first in range(3):
        assert_close(whole[:, first::3], trained(plain, data[:, first::3].copy())[0], U, T)


def test_a_dilated_layer_starts_with_1_2_4_and_needs_one_for_each():
    cells = [layers.GRUCell(4), layers.LSTMCell(4), layers.MGUCell(4)]
    assert layers.DilatedRNN(cells).dilations == [1, 2, 4]
    with pytest.raises(ArgumentError, match=r"dilations must be one number of steps for each of the cells"):
        layers.DilatedRNN(cells, dilations=[1])
    with pytest.raises(ArgumentError, match=r"dilations must be a whole number from 1. Received dilations=0"):
        layers.DilatedRNN(cells[:1], dilations=[0])
    with pytest.raises(ArgumentError, match=r"cell must be a Cell. Received cell="):
        layers.DilatedCell(layers.GRU(4))


def test_ways_past_a_layer(rng):
    data = rng.normal(size=(2, T, F))
    residual = layers.ResidualWrapper(layers.GRU(F, return_sequences=True), dtype="float64")
    y = trained(residual, data)[0]
    assert_close(y, data + trained(residual.layer, data)[0], U, T)
    highway = layers.HighwayWrapper(layers.GRU(F, return_sequences=True), dtype="float64")
    y = trained(highway, data)[0]
    gate = 1 / (1 + np.exp(-(data @ highway.gate_kernel.numpy() - 2)))
    assert_close(y, gate * trained(highway.layer, data)[0] + (1 - gate) * data, U, T)
    back = layers.ResidualWrapper(layers.GRU(F, return_sequences=True, go_backwards=True), dtype="float64")
    y = trained(back, data)[0]
    assert_close(y, data[:, ::-1] + trained(back.layer, data)[0], U, T)
    with pytest.raises(
        ArgumentError, match=r"layer must be a recurrent layer over \(B, T, F\) with return_sequences=True. Received"
    ):
        layers.ResidualWrapper(layers.GRU(F))
    with pytest.raises(ArgumentError, match=r"layer must have one output. Received .*merge_mode=None, which gives two"):
        layers.HighwayWrapper(layers.Bidirectional(layers.GRU(F, return_sequences=True), merge_mode=None))
    with pytest.raises(
        ShapeError, match=r"layer must have as many outputs as x has features, 3. Received .*\(B, T, 5\)"
    ):
        layers.ResidualWrapper(layers.GRU(5, return_sequences=True))(Input((None, F)))


def test_a_reservoir_has_its_spectral_radius_and_is_not_trained():
    layer = layers.EchoState(40, spectral_radius=0.7)
    layer(Input((None, F)))
    assert layer.trainable_weights == []
    radius = np.abs(np.linalg.eigvals(layer.recurrent_kernel.numpy().astype(np.float64))).max()
    assert_close(radius, 0.7, length=40, dtype=np.float32)
    with pytest.raises(ArgumentError, match=r"leak must be in \(0, 1\]. Received leak=0"):
        layers.EchoState(4, leak=0)


def test_a_readout_is_found_in_one_go(rng):
    states = rng.normal(size=(4, 50, 6))
    kernel, bias = rng.normal(size=(6, 2)), rng.normal(size=2)
    found = layers.ridge_readout(states, states @ kernel + bias, ridge=0.0)
    assert_close(found[0], kernel, 200)
    assert_close(found[1], bias, 200)
    assert np.linalg.norm(layers.ridge_readout(states, states @ kernel, 100.0)[0]) < np.linalg.norm(kernel)
    with pytest.raises(ShapeError, match=r"ridge_readout: targets must have \(4, 50\) before its last axis"):
        layers.ridge_readout(states, np.zeros((4, 49, 2)))


def test_eigenvalues_start_in_their_ring():
    layer = layers.LRU(200, min_radius=0.8, max_radius=0.99, max_phase=0.5, dtype="float64")
    layer(Input((None, F), dtype="float64"))
    radius, phase = np.exp(-np.exp(layer.nu.numpy())), np.exp(layer.theta.numpy())
    assert 0.8 <= radius.min() <= radius.max() <= 0.99
    assert 0.0 < phase.min() <= phase.max() <= 0.5
    assert_close(np.exp(2 * layer.log_gamma.numpy()), 1 - radius**2, 1)


def test_an_argument_no_cell_has_is_told():
    with pytest.raises(TypeError, match="unit"):
        layers.MGU(unit=3)
    with pytest.raises(ValueError, match="activaton"):
        layers.MGU(3, activaton="relu")
