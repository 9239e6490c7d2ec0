"""Every cell with every option: honoured alike by all of them, or refused with the reason. A new cell is a new row."""

from __future__ import annotations

import inspect
import json
from typing import Any, NamedTuple

import numpy as np
import pytest

from elman import Sequential, layers, load_model, ops
from elman.autodiff import gradients
from elman.errors import ArgumentError
from elman.executors import NativeExecutor, ReferenceExecutor
from elman.graph import Graph, Tensor, Variable, verify
from elman.graph.rewrite import hoist, segment, simplify
from elman.layers import Input, Mask, tracing
from elman.layers.rnn.recurrence import CellLayer, Recurrence
from elman.training.windows import Carried
from tests.oracle import cells_numpy
from tests.tolerances import assert_close, central_difference

U, F, B, T = 3, 4, 3, 5
LENGTH = F + 2 * U
"""The longest sum of a step: features and up to two states."""


class Row(NamedTuple):
    """A recurrent layer of U units, and the options it refuses with a part of the reason."""

    name: str
    config: dict[str, Any]
    refused: dict[str, str]

    def make(self, **options: Any) -> Recurrence:
        return getattr(layers, self.name)(**{"units": U, "dtype": "float64", **self.config, **options})


_INPUT_ONLY = {
    "recurrent_dropout": "its gates do not read the state", "weight_drop": "it has no recurrent weights",
    "recurrent_normalization": "its gates do not read the state",
}  # fmt: skip
_OWN_UNIT = {"recurrent_normalization": "each unit adds its own product"}

ROWS = [
    Row("SimpleRNN", {}, {}),
    Row("GRU", {}, {}),
    Row("GRU", {"reset_after": False}, {}),
    Row("LSTM", {}, {}),
    Row("PeepholeLSTM", {"peephole_initializer": "ones"}, {}),
    Row("ProjectionLSTM", {"projection_units": 2}, {}),
    Row("CIFG", {}, {}),
    Row("JANET", {}, {}),
    Row("MGU", {}, {}),
    Row("MUT1", {}, {}),
    Row("IndRNN", {}, _OWN_UNIT),
    Row("LiGRU", {}, {}),
    Row("UGRNN", {}, {}),
    Row("FastRNN", {}, {}),
    Row("FastGRNN", {}, {}),
    Row("AntisymmetricRNN", {}, {"recurrent_normalization": "no longer that of an antisymmetric matrix"}),
    Row("CoRNN", {}, {}),
    Row("LEM", {}, {}),
    Row("SLSTM", {}, {"zoneout": "one number in three parts", "learn_initial_state": "must not become negative"}),
    Row("MinGRU", {}, _INPUT_ONLY),
    Row("MinLSTM", {}, _INPUT_ONLY),
    Row("LRU", {"max_phase": 1.0}, {
        "recurrent_dropout": "nothing but the state itself", "weight_drop": "forgets everything",
        "recurrent_normalization": "must stay linear",
    }),
    Row("QRNN", {}, _INPUT_ONLY),
    Row("QRNN", {"window": 3}, _INPUT_ONLY),
    Row("SRU", {}, _OWN_UNIT),
    Row("SRU", {"units": F}, _OWN_UNIT),
    Row("JordanRNN", {"output_units": 2}, {}),
    Row("JordanRNN", {"decay": 0.5}, {}),
    Row("EchoState", {"connectivity": 1.0, "leak": 0.5}, {}),
]  # fmt: skip

PRODUCTS = {
    "GRU_reset_afterFalse": 2, "ProjectionLSTM_projection_units2": 2, "MGU": 2, "MUT1": 2, "LEM": 2, "IndRNN": 0,
    "MinGRU": 0, "MinLSTM": 0, "SRU": 0, "SRU_units4": 0, "JordanRNN_output_units2": 2, "JordanRNN_decay0.5": 2,
}  # fmt: skip
"""Matrix products that each step needs, where it is not one."""

OPTIONS: dict[str, dict[str, Any]] = {
    "dropout": {"dropout": 0.4},
    "recurrent_dropout": {"recurrent_dropout": 0.4},
    "zoneout": {"zoneout": 0.4},
    "weight_drop": {"weight_drop": 0.4},
    "recurrent_normalization": {"recurrent_normalization": "layer"},
    "learn_initial_state": {"learn_initial_state": True},
    "regularizers": {
        "kernel_regularizer": "l2", "recurrent_regularizer": "l1", "bias_regularizer": "l2",
        "activity_regularizer": "l2",
    },
    "constraints": {"kernel_constraint": "non_neg", "recurrent_constraint": "max_norm", "bias_constraint": "max_norm"},
    "no_bias": {"use_bias": False},
    "go_backwards": {"go_backwards": True},
    "last_output": {"return_sequences": False},
    "zero_output_for_mask": {"zero_output_for_mask": True},
}  # fmt: skip
DRAWN = ("dropout", "recurrent_dropout", "zoneout", "weight_drop")


def named(row: Row) -> str:
    return "_".join([row.name, *(f"{k}{v}" for k, v in row.config.items())])


every_row = pytest.mark.parametrize("row", ROWS, ids=named)


def each_with(*options: str | None) -> pytest.MarkDecorator:
    """Every row with each option that it does not refuse."""
    pairs = [(row, option) for row in ROWS for option in options if option not in row.refused]
    return pytest.mark.parametrize(("row", "option"), pairs, ids=[f"{named(row)}-{option}" for row, option in pairs])


every_pair = each_with(*OPTIONS)


def run(inputs: list[Tensor], outputs: list[Tensor], arrays: list[Any], native: bool = True) -> list[Any]:
    graph = Graph(tuple(inputs), tuple(outputs))
    verify(graph)
    plan = (NativeExecutor() if native else ReferenceExecutor()).compile(graph)
    return plan.run(arrays).outputs


def called(layer: Recurrence, training: bool = False, **call: Any) -> tuple[Tensor, list[Tensor], list[Tensor]]:
    """The input, the outputs and the penalties."""
    x = Input((None, F), dtype="float64")
    seed, step = Variable(np.int32(7)), Variable(np.int32(1))
    with tracing(training, seed, step) as now:
        y = layer(x, **call)
    return x, y if isinstance(y, list) else [y], now.losses


def scattered(layer: Recurrence, rng: np.random.Generator) -> None:
    """Give every weight numbers that no initializer gives, so that no term is hidden by a zero."""
    layer.set_weights([rng.normal(size=w.shape) * 0.4 - 0.3 * (w.name.endswith("nu")) for w in layer.weights])


def weights_of(layer: Recurrence) -> dict[str, Any]:
    return {w.name.rsplit("/", 1)[-1]: w.numpy() for w in layer.weights}


def test_the_table_has_every_layer_with_a_cell_of_its_own():
    found = {n for n in layers.__all__ if inspect.isclass(c := getattr(layers, n)) and issubclass(c, CellLayer)}
    assert found == {row.name for row in ROWS}
    assert found == set(cells_numpy.STEPS)
    for row in ROWS:
        assert set(row.make().cell.refuses) == set(row.refused)


@every_row
def test_the_cell_is_its_equation_in_numpy(row, rng):
    layer = row.make(return_sequences=True, return_state=True)
    x, outputs, _ = called(layer)
    scattered(layer, rng)
    data = rng.normal(size=(B, T, F))
    y, states = cells_numpy.walk(row.name, weights_of(layer), data, layer.cell.state_sizes, row.config)
    for found, expected in zip(run([x], outputs, [data]), [y, *states], strict=True):
        assert_close(found, expected, LENGTH, T)


@every_row
def test_float32_is_near(row, rng):
    layer = row.make(dtype="float32", return_sequences=True)
    x = Input((None, F))
    y = layer(x)
    data = rng.normal(size=(B, T, F)).astype(np.float32)
    for found, expected in zip(run([x], [y], [data]), run([x], [y], [data], native=False), strict=True):
        assert_close(found, expected, LENGTH, T)


@every_pair
@pytest.mark.parametrize("training", [False, True], ids=["use", "training"])
def test_native_is_the_reference(row, option, training, rng):
    layer = row.make(**{"return_sequences": True, **OPTIONS[option]}, return_state=True)
    x, outputs, penalties = called(layer, training)
    scattered(layer, rng)
    data = rng.normal(size=(B, T, F))
    results = [run([x], [*outputs, *penalties], [data], native) for native in (True, False)]
    assert len(results[0]) > len(layer.cell.state_sizes)
    for found, expected in zip(*results, strict=True):
        assert np.isfinite(expected).all()
        assert_close(found, expected, LENGTH * B * T, T)


@every_pair
def test_gradients_are_central_differences(row, option, rng):
    layer = row.make(**{"return_sequences": True, **OPTIONS[option]})
    x, (y,), penalties = called(layer, training=True)
    scattered(layer, rng)
    loss = ops.sum(ops.sin(y + 0.3))
    for penalty in penalties:
        loss = loss + penalty
    data = rng.normal(size=(2, T, F))
    found = run([x], gradients(loss, [*(w.tensor for w in layer.weights), x]), [data])
    plan = NativeExecutor().compile(Graph((x,), (loss,)))
    step = float(np.finfo(np.float64).eps) ** (1 / 3)
    for place, slopes in zip([*(w.value for w in layer.weights), data], found, strict=True):
        at = tuple(int(rng.integers(0, n)) for n in place.shape)
        kept, values = place[at], []
        for place[at] in (kept + step, kept - step):
            values.append(float(plan.run([data]).outputs[0]))
        place[at] = kept
        error = abs((values[0] - values[1]) / (2 * step) - slopes[at])
        assert error <= central_difference(values[0], float(np.abs(slopes).max()))


@every_pair
def test_a_configuration_makes_the_same_layer(row, option):
    layer = row.make(**OPTIONS[option])
    text = json.dumps(layers.serialize(layer))
    again = layers.deserialize(json.loads(text))
    assert json.dumps(layers.serialize(again)) == text
    for argument, value in OPTIONS[option].items():
        if not isinstance(value, str) or argument == "recurrent_normalization":
            assert getattr(again, argument) == value


@each_with(*DRAWN)
def test_what_is_drawn_acts_in_training_alone(row, option, rng):
    plain, layer = row.make(return_sequences=True), row.make(return_sequences=True, **OPTIONS[option])
    (x, (a,), _), (x2, (b,), _), (x3, (c,), _) = called(plain), called(layer), called(layer, training=True)
    scattered(plain, rng)
    layer.set_weights(plain.get_weights())
    data = rng.normal(size=(B, T, F)) + 1.0
    first, use, training = (run([i], [o], [data])[0] for i, o in ((x, a), (x2, b), (x3, c)))
    assert not np.array_equal(use, training)
    if option == "zoneout":
        sizes, rates = plain.cell.state_sizes, layer.cell.zoneout_rates
        expected, _ = cells_numpy.walk(row.name, weights_of(plain), data, sizes, row.config, rates)
        assert_close(use, expected, LENGTH, T)
    else:
        np.testing.assert_array_equal(first, use)


@each_with("recurrent_normalization", "learn_initial_state")
def test_what_adds_weights_uses_them(row, option, rng):
    layer = row.make(return_sequences=True, **OPTIONS[option])
    x, (y,), _ = called(layer)
    scattered(layer, rng)
    stem = "recurrent_gamma" if option == "recurrent_normalization" else "initial_state"
    added = [w for w in layer.weights if stem in w.name]
    assert len(added) == (1 if option == "recurrent_normalization" else len(layer.cell.state_sizes))
    data = rng.normal(size=(B, T, F))
    before = run([x], [y], [data])[0]
    for weight in added:
        weight.assign(weight.numpy() + 0.5)
        after = run([x], [y], [data])[0]
        assert not np.array_equal(before, after)
        before = after


REFUSED = [(row, option) for row in ROWS for option in row.refused]


@pytest.mark.parametrize(("row", "option"), REFUSED, ids=[f"{named(row)}-{option}" for row, option in REFUSED])
def test_what_makes_no_sense_is_refused_with_the_reason(row, option):
    with pytest.raises(ArgumentError, match=rf"{option} must be (0|None|False) .*Received {option}=.*") as caught:
        row.make(**OPTIONS[option])
    assert row.refused[option] in str(caught.value)


@each_with(
    None, *DRAWN, "recurrent_normalization", "learn_initial_state", "go_backwards", "zero_output_for_mask"
)  # fmt: skip
@pytest.mark.parametrize("sequences", [True, False], ids=["sequences", "last"])
def test_padding_changes_nothing_and_values_mean_what_lengths_mean(row, option, sequences, rng):
    layer = row.make(return_sequences=sequences, return_state=True, **(OPTIONS[option] if option else {}))
    x, alone, _ = called(layer)
    lengths, values = Input((), dtype="int32"), Input((None,), dtype="bool")
    with tracing(False):
        by_length, by_value = layer(x, mask=Mask(lengths=lengths)), layer(x, mask=Mask(values=values))
    scattered(layer, rng)
    data, counts = rng.normal(size=(B, T, F)), np.array([T, 2, 0], np.int32)
    real = np.arange(T) < counts[:, None]
    padded = run([x, lengths], by_length, [data, counts])
    chosen = run([x, values], by_value, [data, real])
    short = run([x], alone, [data[1:2, :2]])
    if sequences:
        np.testing.assert_array_equal(padded[0][~real], 0.0)
        assert_close(padded[0][1:2, :2], short.pop(0), LENGTH, T)
        # Backwards, what has lengths still comes first; what has values is turned round as a whole.
        assert_close(padded.pop(0)[real], chosen.pop(0)[real[:, ::-1] if layer.go_backwards else real], LENGTH, T)
    elif option == "zero_output_for_mask":  # a masked last step by value gives 0; a row of fewer steps has none
        np.testing.assert_array_equal(chosen.pop(0)[1:], 0.0)
        assert_close(padded.pop(0)[1:2], short.pop(0), LENGTH, T)
    for a, b in zip(padded, chosen, strict=True):
        assert_close(a, b, LENGTH, T)
    for a, b in zip(padded, short, strict=True):
        assert_close(a[1:2], b, LENGTH, T)


@each_with("learn_initial_state")
@pytest.mark.parametrize("sequences", [True, False], ids=["sequences", "last"])
def test_a_learned_start_is_the_same_state_given(row, option, sequences, rng):
    """Before the first real step the output is 0, whatever the state: also of a row that has none."""
    layer = row.make(return_sequences=sequences, **OPTIONS[option])
    x = Input((None, F), dtype="float64")
    lengths, values = Input((), dtype="int32"), Input((None,), dtype="bool")
    masks = (Mask(lengths=lengths), Mask(values=values))
    with tracing(False):
        learned = [layer(x, mask=m) for m in masks]
        states = [Input((size,), dtype="float64") for size in layer.cell.state_sizes]
        given = [layer(x, initial_state=states, mask=m) for m in masks]
    scattered(layer, rng)
    arrays = [rng.normal(size=(B, T, F)), np.array([T, 2, 0], np.int32), np.zeros((B, T), bool)]
    arrays[2][0, 2:] = arrays[2][1, 1] = True
    starts = [np.repeat(w.numpy()[None], B, 0) for w in layer.starts]
    found = run([x, lengths, values], learned, arrays)
    for a, b in zip(found, run([x, lengths, values, *states], given, [*arrays, *starts]), strict=True):
        assert_close(a, b, LENGTH, T)
        np.testing.assert_array_equal(a[2], 0.0)


@each_with(None, "learn_initial_state")
@pytest.mark.parametrize("dilated", [False, True], ids=["stack", "dilated"])
def test_a_cell_in_a_stack_has_the_options_of_a_walk(row, option, dilated, rng):
    def stack(**options: Any) -> Recurrence:
        cells = [row.make().cell, layers.GRUCell(2, dtype="float64")]
        options = {"return_sequences": True, "dtype": "float64", **options}
        return layers.DilatedRNN(cells, **options) if dilated else layers.RNN(cells, **options)

    layer = stack(return_state=True, **(OPTIONS[option] if option else {}))
    x, whole, _ = called(layer)
    y, *ends = [t for one in whole for t in (one if isinstance(one, list) else [one])]
    states = [Input((size,), dtype="float64") for size in layer.cell.state_sizes]
    with tracing(False):
        later = layer(x, initial_state=states)
    scattered(layer, rng)
    data = rng.normal(size=(B, T, F))
    (expected,) = run([x], [y], [data])
    middle = run([x], ends, [data[:, :2].copy()])
    (rest,) = run([x, *states], [later[0]], [data[:, 2:].copy(), *middle])
    assert_close(rest, expected[:, 2:], 2 * LENGTH, T)
    kept = stack(stateful=True)
    part = Input(batch_shape=(B, None, F), dtype="float64")
    with tracing(False) as now:
        z = kept(part)
    if option is None:
        kept.set_weights(layer.get_weights())
        plan = NativeExecutor().compile(Graph((part,), (z,), tuple(now.updates)))
        halves = [np.array(plan.run([data[:, a:b].copy()]).outputs[0]) for a, b in ((0, 2), (2, T))]
        assert_close(np.concatenate(halves, 1), expected, 2 * LENGTH, T)


@every_row
def test_a_stateful_layer_reads_a_sequence_in_two_halves(row, rng):
    whole = row.make(return_sequences=True)
    x, (y,), _ = called(whole)
    scattered(whole, rng)
    kept = row.make(return_sequences=True, stateful=True)
    part = Input(batch_shape=(B, None, F), dtype="float64")
    with tracing(False) as now:
        z = kept(part)
    kept.set_weights(whole.get_weights())
    plan = NativeExecutor().compile(Graph((part,), (z,), tuple(now.updates)))
    data = rng.normal(size=(B, 6, F))
    expected = run([x], [y], [data])[0]
    for _ in range(2):
        halves = [np.array(plan.run([data[:, a:b].copy()]).outputs[0]) for a, b in ((0, 2), (2, 6))]
        assert_close(np.concatenate(halves, 1), expected, LENGTH, 6)
        kept.reset_state()
    with pytest.raises(ArgumentError, match=r"learn_initial_state must be False .*starts where the last batch ended"):
        row.make(stateful=True, learn_initial_state=True, name="kept")


@each_with(None, "dropout", "recurrent_dropout", "zoneout", "weight_drop", "go_backwards")
def test_segments_computed_again_give_the_same_gradients(row, option, rng):
    layer = row.make(return_sequences=True, return_state=True, **(OPTIONS[option] if option else {}))
    lengths = Input((), dtype="int32")
    x, outputs, _ = called(layer, training=True, mask=Mask(lengths=lengths))
    scattered(layer, rng)
    loss = ops.sum(ops.sin(outputs[0] + 0.3)) + ops.sum(ops.sin(outputs[1]))
    plain = simplify(Graph((x, lengths), (loss,)))
    arrays = [rng.normal(size=(B, 11, F)), np.array([11, 4, 0], np.int32)]
    results = []
    for graph in (plain, simplify(segment(plain)), simplify(segment(plain, 4))):
        (total,) = hoist(graph).outputs
        slopes = gradients(total, [x, *(w.tensor for w in layer.weights)])
        results.append(run([x, lengths], [total, *slopes], arrays))
    for found in results[1:]:
        for a, b in zip(found, results[0], strict=True):
            assert_close(a, b, LENGTH * B * 11, 11)


@every_row
def test_states_start_anew_within_a_walk(row, rng):
    layer = row.make(return_sequences=True)
    x, (alone,), _ = called(layer)
    restart = Input((None,), dtype="bool")
    carried = Carried(restart)
    with tracing(False, companion=carried):
        y = layer(x)
    scattered(layer, rng)
    data, marks = rng.normal(size=(2, T, F)), np.zeros((2, T), bool)
    marks[0, 2] = marks[1, [0, 3]] = True
    before = [rng.uniform(0.5, 1, (2, int(t.shape[1]))) for t in carried.before]
    found = run([x, restart, *carried.before], [y, *carried.after], [data, marks, *before])
    for i, (a, b) in enumerate(((2, T), (3, T))):
        (expected,) = run([x], [alone], [data[i : i + 1, a:b].copy()])
        assert_close(found[0][i, a:b], expected[0], LENGTH, T)
    (expected,) = run([x], [alone], [data[1:, :3].copy()])
    assert_close(found[0][1, :3], expected[0], LENGTH, T)
    assert not np.array_equal(found[0][0, :2], run([x], [alone], [data[:1, :2].copy()])[0][0])


@every_row
def test_an_initial_state_goes_on_where_another_walk_ended(row, rng):
    layer = row.make(return_sequences=True, return_state=True)
    x, whole, _ = called(layer)
    states = [Input((size,), dtype="float64") for size in layer.cell.state_sizes]
    with tracing(False):
        later = layer(x, initial_state=states)
    scattered(layer, rng)
    data = rng.normal(size=(B, T, F))
    y, *_ = run([x], whole, [data])
    _, *middle = run([x], whole, [data[:, :2].copy()])
    rest, *_ = run([x, *states], later, [data[:, 2:].copy(), *middle])
    assert_close(rest, y[:, 2:], LENGTH, T)


@every_row
def test_it_goes_both_ways(row, rng):
    forth = row.make(return_sequences=True)
    both = layers.Bidirectional(row.make(return_sequences=True, zoneout=0.0))
    x = Input((None, F), dtype="float64")
    with tracing(False):
        a, b = forth(x), both(x)
    scattered(forth, rng)
    both.set_weights(forth.get_weights() * 2)
    data = rng.normal(size=(B, T, F))
    back = run([x], [a], [data[:, ::-1].copy()])[0][:, ::-1]
    expected = np.concatenate([run([x], [a], [data])[0], back], -1)
    assert_close(run([x], [b], [data])[0], expected, LENGTH, T)


@every_row
def test_the_product_with_the_input_leaves_the_loop(row):
    x = Input((None, F), dtype="float64")
    graph = hoist(simplify(Graph((x,), (row.make()(x),))))
    (scan,) = (node for node in graph.nodes() if node.op == "Scan")
    inside = sum(node.op in ("MatMul", "Gemm") for node in scan.attrs["body"].nodes())
    assert inside == PRODUCTS.get(named(row), 1)


@every_row
def test_it_learns_is_saved_and_streamed(row, rng, tmp_path):
    options = [option for option in ("zoneout", "weight_drop", "learn_initial_state") if option not in row.refused]
    layer = row.make(dtype="float32", return_sequences=True, **{k: v for o in options for k, v in OPTIONS[o].items()})
    model = Sequential([Input((None, F)), layer, layers.Dense(1)])
    model.compile("adam", "mse")
    x, y = rng.normal(size=(8, T, F)).astype("float32"), rng.normal(size=(8, T, 1)).astype("float32")
    before = [w.numpy() for w in model.weights if w.trainable]
    assert np.isfinite(model.fit(x, y, epochs=2, batch_size=4, verbose=0).history["loss"]).all()
    after = [w.numpy() for w in model.weights if w.trainable]
    assert all(not np.array_equal(a, b) for a, b in zip(before, after, strict=True))
    model.save(tmp_path / "model.safetensors")
    again = load_model(tmp_path / "model.safetensors")
    whole = model.predict(x[:1], verbose=0)
    np.testing.assert_array_equal(again.predict(x[:1], verbose=0), whole)
    stream = again.stream()
    for t in range(T):
        np.testing.assert_array_equal(np.ravel(stream.step(x[0, t])), whole[0, t])
