"""Weights in int8: which ones, what predict, stream and files do with them, what they cost, and what is refused."""

from __future__ import annotations

import inspect

import numpy as np
import pytest

import elman
from elman import Model, SequenceModel, Sequential, load_model, settings
from elman.errors import ArgumentError, DTypeError, FileFormatError, NotBuiltError, ShapeError, WeightsError
from elman.executors import NativeExecutor, ReferenceExecutor, available
from elman.graph import Graph, Variable, apply, placeholder
from elman.graph.node import QuantizedVariable
from elman.layers import GRU, LSTM, RNN, Bidirectional, Cell, Dense, Embedding, Input, ProjectionLSTM, TimeDistributed
from elman.layers.rnn.recurrence import CellLayer
from elman.models import Quantization
from elman.tasks import Forecaster
from elman.training import read
from tests.tolerances import nearly

native = pytest.mark.skipif(not available(), reason="the native extension is not built")
UNITS = 64
CELLS = [
    layer
    for layer in vars(elman.layers).values()
    if inspect.isclass(layer) and issubclass(layer, CellLayer) and layer is not CellLayer
]
"""Every recurrent layer that makes its own cell."""


def tagger(cell=LSTM, **options):
    elman.set_seed(3)
    model = Sequential(
        [
            Input((None, 64)),
            cell(UNITS, return_sequences=True, name="memory", **options),
            Dense(80, name="wide"),
            Dense(5, activation="softmax", name="dense"),
        ]
    )
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


@pytest.fixture
def x(rng):
    return rng.normal(size=(4, 6, 64)).astype("float32")


def named(model):
    return {w.name: w.dtype for w in model.weights}


def test_large_kernels_are_codes_and_all_else_stays():
    model = tagger()
    made = model.quantize()
    assert made.weights == ("memory/lstm_cell/kernel", "memory/lstm_cell/recurrent_kernel", "wide/kernel")
    types = named(model)
    assert {name for name, dtype in types.items() if dtype == "int8"} == set(made.weights)
    assert {f"{name}_scale" for name in made.weights} <= set(types)
    assert types["wide/bias"] == types["dense/kernel"] == "float32"
    assert made.bytes_after < 0.3 * made.bytes_before
    assert (made.count, dict(made.metrics_before)) == (0, {})


def test_a_code_is_the_nearest_multiple_of_its_columns_scale():
    model = tagger()
    kernel = model.get_layer("wide").kernel
    kernel.value[:, 7] = 0
    floats = kernel.numpy()
    model.quantize()
    kept = model.get_layer("wide").kernel
    assert isinstance(kept, QuantizedVariable)
    scale = np.abs(floats).max(0) / np.float32(127)
    np.testing.assert_array_equal(kept.scale.value, scale)
    assert np.abs(kept.codes.value).max() == 127
    assert kept.shape == floats.shape
    assert (np.abs(kept.value - floats) <= scale * (0.5 + 1e-5)).all()


@pytest.mark.parametrize("layer", CELLS)
def test_every_cell_predicts_nearly_as_before_and_its_stream_exactly_as_it_predicts(layer, x):
    elman.set_seed(0)
    options = {"projection_units": 32} if layer is ProjectionLSTM else {}
    model = Sequential([Input((None, 64)), layer(UNITS, return_sequences=True, **options), Dense(64)])
    made = model.quantize(x=x)
    assert made.count == 4 * 6 * 64
    assert 0 < made.mean < 0.05 * made.size
    stream = model.stream()
    for row in (0, 3):
        steps = np.stack([stream.step(x[row, t]) for t in range(6)])
        np.testing.assert_array_equal(steps, model.predict(x[row : row + 1], verbose=0)[0])
        stream.reset()


@pytest.mark.parametrize("options", [{}, {"reset_after": False}, {"recurrent_normalization": "layer"}])
def test_every_product_of_a_gru_reads_codes(options, x):
    model = tagger(GRU, **options)
    assert "memory/gru_cell/recurrent_kernel" in model.quantize().weights
    graph = elman.training.predict_graph(model.program(), elman.training.Signature((False,)))
    found = {n.op for n in graph.nodes()} | {
        n.op for s in graph.nodes() if s.op == "Scan" for n in s.attrs["body"].nodes()
    }
    assert "QuantizedMatMul" in found
    reads = [v for n in graph.nodes() if n.op == "Variable" and isinstance(v := n.attrs["variable"], QuantizedVariable)]
    assert not reads


def test_a_cell_of_ones_own_and_nested_layers_are_quantized(x):
    @elman.layers.register
    class Plain(Cell):
        def __init__(self, units, **options):
            super().__init__(**options)
            self.units = self.state_size = units

        def build(self, features):
            self.w = self.add_weight("w", (features, self.units))
            self.u = self.add_weight("u", (self.units, self.units))

        def step(self, x, h):
            h = elman.ops.tanh(x @ self.w + h @ self.u)
            return h, h

    inner = Sequential([Input((None, 128)), TimeDistributed(Dense(64))], name="inner")
    made = Input((None, 64))
    y = inner(Bidirectional(RNN(Plain(64), return_sequences=True))(made))
    model = Model(made, y)
    assert len(model.quantize().weights) == 5
    assert np.isfinite(model.predict(x, verbose=0)).all()


@native
def test_native_is_reference_bit_for_bit_on_every_instruction_set(rng, monkeypatch):
    for m, n, k in ((1, 33, 70), (7, 9, 256), (40, 5, 31)):
        arrays = [
            rng.normal(size=(m, k)).astype("float32"),
            rng.integers(-127, 128, (n, k)).astype("int8"),
            rng.uniform(0, 0.1, n).astype("float32"),
        ]
        leaves = tuple(placeholder(f"x{i}", a.shape, str(a.dtype)) for i, a in enumerate(arrays))
        graph = Graph(leaves, (apply("QuantizedMatMul", *leaves),))
        (wanted,) = ReferenceExecutor().compile(graph).run(arrays).outputs
        for isa in ("baseline", "avx2", "avx512"):
            monkeypatch.setenv("ELMAN_ISA", isa)
            try:
                plan = NativeExecutor().compile(graph)
            except ArgumentError:
                continue  # not of this CPU
            np.testing.assert_array_equal(plan.run(arrays).outputs[0], wanted)


def test_a_row_alone_gives_the_bits_it_gives_in_a_batch(x):
    model = tagger(GRU)
    model.quantize()
    whole = model.predict(x, verbose=0)
    for i in range(len(x)):
        np.testing.assert_array_equal(model.predict(x[i : i + 1], verbose=0)[0], whole[i])


@native
def test_ragged_rows_and_a_stream_that_was_open_before(x):
    model = tagger()
    stream = model.stream()
    stream.step(x[0, 0])
    model.quantize()
    stream.reset()
    steps = np.stack([stream.step(x[0, t]) for t in range(3)])
    ragged = model.predict([x[0, :3], x[1]], verbose=0)
    np.testing.assert_array_equal(steps, ragged[0])


def test_a_file_is_smaller_and_gives_the_same_bits(x, tmp_path):
    model = tagger()
    model.fit(x, np.zeros((4, 6)), verbose=0)
    model.save(tmp_path / "float.safetensors")
    model.quantize()
    model.save(tmp_path / "int8.safetensors")
    sizes = [(tmp_path / f"{name}.safetensors").stat().st_size for name in ("float", "int8")]
    assert sizes[1] < 0.15 * sizes[0]  # a quarter, and the optimizer's two slots are gone
    tensors = read(tmp_path / "int8.safetensors").tensors
    assert tensors["memory/lstm_cell/kernel"].dtype == np.int8
    assert tensors["memory/lstm_cell/kernel"].shape == (4 * UNITS, 64)
    again = load_model(tmp_path / "int8.safetensors")
    np.testing.assert_array_equal(again.predict(x, verbose=0), model.predict(x, verbose=0))
    assert again.evaluate(x, np.zeros((4, 6)), verbose=0) == model.evaluate(x, np.zeros((4, 6)), verbose=0)
    again.save(tmp_path / "again.safetensors")
    copy = read(tmp_path / "again.safetensors")
    assert (set(copy.tensors), copy.metadata) == (set(tensors), read(tmp_path / "int8.safetensors").metadata)


def test_what_it_costs_is_measured_and_can_be_printed(x):
    model = tagger()
    y = np.argmax(model.predict(x, verbose=0), -1)
    made = model.quantize("int8", x, y)
    assert isinstance(made, Quantization)
    assert (made.metrics_before["accuracy"], set(made.metrics_after)) == (1.0, {"loss", "accuracy"})
    text = str(made).splitlines()
    assert text[0] == f"3 weights in int8: {made.bytes_after:,} bytes instead of {made.bytes_before:,} (28.0 %)"
    assert text[1].startswith("120 outputs of mean size 0.2 differ: largest ")
    assert text[2].startswith("loss: ")
    assert text[3].startswith("accuracy: 1.0000 -> ")


def test_the_summary_tells(capsys):
    model = tagger()
    model.quantize()
    model.summary()
    assert "Params in int8: 37,888 (37.00 KB)" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("filters", "weights"),
    [
        ("wide", ("wide/kernel",)),
        (["^mem", "nothing"], ("memory/lstm_cell/kernel", "memory/lstm_cell/recurrent_kernel")),
        (lambda layer: isinstance(layer, Dense), ("wide/kernel",)),
    ],
)
def test_filters_choose_layers(filters, weights):
    assert tagger().quantize(filters=filters).weights == weights


def test_an_embedding_stays_float():
    model = Sequential([Input((None,), dtype="int32"), Embedding(200, 64), GRU(UNITS)])
    assert all("gru_cell" in name for name in model.quantize().weights)


def test_a_penalty_sees_the_numbers_that_the_codes_stand_for(x):
    model = Sequential([Input((64,)), Dense(64, kernel_regularizer="l2", name="dense")])
    model.compile("sgd", "mse")
    flat = x.reshape(-1, 64)
    model.quantize()
    penalty = 0.01 * np.sum(model.get_layer("dense").kernel.value.astype(float) ** 2)
    assert model.evaluate(flat, model.predict(flat, verbose=0), verbose=0) == nearly(penalty, 4096, np.float32)


def test_estimators_keep_codes_in_their_files(tmp_path, rng):
    series = np.sin(np.arange(200) / 5)
    forecaster = Forecaster(window=12, units=64, epochs=1, seed=0).fit(series)
    forecaster.learned_.network.quantize()
    forecaster.save(tmp_path / "forecaster.safetensors")
    again = Forecaster.load(tmp_path / "forecaster.safetensors")
    np.testing.assert_array_equal(again.predict(), forecaster.predict())

    words = [" ".join(rng.choice(["good", "bad", "so", "so"], 6)) for _ in range(24)]
    data = {"text": words, "kind": [str("good" in w) for w in words]}
    model = SequenceModel({"text": "text"}, {"kind": "category"}, size=64, epochs=1).fit(data)
    model.network_.quantize()
    model.save(tmp_path / "model.safetensors")
    assert SequenceModel.load(tmp_path / "model.safetensors").predict(data) == model.predict(data)


# ---- what is refused ------------------------------------------------------------------------------------------------


def test_training_is_refused(x):
    model = tagger()
    model.quantize()
    text = r"weights must be floats to be trained. Received weights='memory/lstm_cell/kernel in int8'. Train first"
    with pytest.raises(ArgumentError, match=text):
        model.fit(x, np.zeros((4, 6)), verbose=0)
    with pytest.raises(ArgumentError, match=text):
        model.train_on_batch(x, np.zeros((4, 6)))


@pytest.mark.parametrize("mode", ["int4", "float8", None])
def test_other_modes_are_refused(mode):
    with pytest.raises(ArgumentError, match=r"quantize: mode must be 'int8'. Received mode="):
        tagger().quantize(mode)


def test_a_model_without_large_kernels_is_refused_and_a_quantized_one():
    text = "quantize: model must be made of layers with kernels of 4096 or more float32 numbers"
    with pytest.raises(ArgumentError, match=text):
        Sequential([Input((None, 3)), LSTM(4)]).quantize()
    model = tagger()
    model.quantize()
    with pytest.raises(ArgumentError, match=text):
        model.quantize()
    with pytest.raises(NotBuiltError):
        Sequential([Dense(3)]).quantize()


def test_float64_stays_float64():
    settings.set_floatx("float64")
    try:
        with pytest.raises(ArgumentError, match="of 4096 or more float32 numbers"):
            tagger().quantize()
    finally:
        settings.set_floatx("float32")


def test_targets_need_data_and_a_compiled_model(x):
    y = np.zeros((4, 6))
    with pytest.raises(ArgumentError, match=r"y must be given with x, to a compiled model. Received y='no x'"):
        tagger().quantize(y=y)
    plain = Sequential([Input((None, 64)), LSTM(UNITS)])
    with pytest.raises(ArgumentError, match="Received y='a model that was not compiled'"):
        plain.quantize(x=x, y=y)
    assert set(named(plain).values()) == {"float32"}


def test_nan_among_the_weights_is_an_error_and_nothing_changes():
    model = tagger()
    model.get_layer("wide").kernel.value[3, 4] = np.nan
    with pytest.raises(WeightsError, match=r"weight 'wide/kernel' must be of finite numbers. Received"):
        model.quantize()
    assert set(named(model).values()) == {"float32"}


def test_data_that_do_not_fit_are_an_error_and_nothing_changes():
    model = tagger()
    with pytest.raises(ShapeError):
        model.quantize(x=np.zeros((2, 3, 5), "float32"))
    assert set(named(model).values()) == {"float32"}


def test_weights_of_the_other_kind_do_not_load(tmp_path):
    floats, codes = tagger(), tagger()
    codes.quantize()
    floats.save_weights(tmp_path / "float.safetensors")
    codes.save_weights(tmp_path / "int8.safetensors")
    with pytest.raises(WeightsError, match="missing: memory/lstm_cell/kernel_scale"):
        codes.load_weights(tmp_path / "float.safetensors")
    with pytest.raises(WeightsError, match=r"unknown: .*wide/kernel_scale"):
        floats.load_weights(tmp_path / "int8.safetensors")


def test_codes_of_another_type_do_not_load(tmp_path):
    model = tagger()
    model.quantize()
    model.save(tmp_path / "m.safetensors")
    contents = read(tmp_path / "m.safetensors")
    wide = contents.tensors["wide/kernel"].astype("float32")
    meta = {k: v for k, v in contents.metadata.items() if k != "elman"}
    elman.training.write(tmp_path / "bad.safetensors", {**contents.tensors, "wide/kernel": wide}, meta)
    with pytest.raises(WeightsError, match=r"weight 'wide/kernel' must be of type int8. Received"):
        load_model(tmp_path / "bad.safetensors")
    elman.training.write(tmp_path / "bad.safetensors", contents.tensors, {**meta, "int8": ["nowhere"]})
    with pytest.raises(FileFormatError, match="its architecture cannot be read"):
        load_model(tmp_path / "bad.safetensors")


@pytest.mark.parametrize(
    ("shapes", "types", "error", "text"),
    [
        (((2, 3), (4, 5), (4,)), ("float32", "int8", "float32"), ShapeError, "inputs must be of shapes"),
        (((2, 3), (4, 3), (3,)), ("float32", "int8", "float32"), ShapeError, "inputs must be of shapes"),
        (((2, 3), (4, 3), (4,)), ("float64", "int8", "float32"), DTypeError, "a float32 tensor"),
        (((2, 3), (4, 3), (4,)), ("float32", "int32", "float32"), DTypeError, "an? int8 tensor"),
        (((2, 140_000), (4, 140_000), (4,)), ("float32", "int8", "float32"), ShapeError, "K must be at most 131072"),
    ],
)
def test_the_operator_says_what_it_reads(shapes, types, error, text):
    leaves = [placeholder("x", s, d) for s, d in zip(shapes, types, strict=True)]
    with pytest.raises(error, match=text):
        apply("QuantizedMatMul", *leaves)


def test_nothing_but_products_reads_int8():
    codes = Variable(np.zeros((4, 3)), "codes", dtype="int8")
    with pytest.raises(DTypeError, match="Products alone read int8"):
        codes + codes
    with pytest.raises(DTypeError, match="axis must be 0 of int8 codes"):
        codes[:, 1:]
