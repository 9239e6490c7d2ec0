"""A batch that needs more memory than a step should take is learned from in portions, and nothing else changes."""

from __future__ import annotations

import numpy as np
import pytest

from elman import Model, Sequential, layers, losses
from elman.errors import DivergenceError, ElmanWarning, MemoryLimitError
from elman.executors import native
from elman.layers import GRU, LSTM, BatchNormalization, Bidirectional, Dense, Dropout, Input
from elman.optimizers import Adam
from elman.training import portions
from elman.training.portions import MOST, Portions, step_memory
from tests.tolerances import assert_close

pytestmark = pytest.mark.skipif(not native.available(), reason="only the native executor knows what a plan needs")

LENGTHS = (0, 1, 3, 50, 400, 37, 2, 0, 400, 10)
ROWS, STEPS, EPOCHS = len(LENGTHS), max(LENGTHS), 2
RNG = np.random.default_rng(0)
X = [RNG.normal(size=(n, 2)).astype("float32") for n in LENGTHS]
EVERY = [np.arange(n) % 3 for n in LENGTHS]
"""A class for each step."""
WHOLE, FEW, ALONE = 1 << 40, 1_600_000, 700_000
"""Limits at which a batch of X is learned from whole, in a few portions, and with long rows alone."""


def classifier() -> Model:
    made = [LSTM(8, dropout=0.3, kernel_regularizer="l2", activity_regularizer="l2"), Dropout(0.2)]
    model = Sequential([Input((None, 2)), *made, Dense(3, activation="softmax")], name="m", seed=3)
    model.compile(Adam(0.01, global_clipnorm=0.1), "sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


def regressor(loss: object = "mse") -> Model:
    model = Sequential([Input((None, 2)), GRU(8), Dense(1)], name="m", seed=3)
    model.compile("sgd", loss, metrics=["mae"])
    return model


def tagger(loss: object = "sparse_categorical_crossentropy") -> Model:
    made = [Bidirectional(GRU(4, return_sequences=True)), Dense(3, activation="softmax")]
    model = Sequential([Input((None, 2)), *made], name="m", seed=3)
    model.compile("adam", loss, metrics=["accuracy"])
    return model


def crf() -> Model:
    made = [Bidirectional(LSTM(4, return_sequences=True)), Dense(3), layers.CRF()]
    model = Sequential([Input((None, 2)), *made], name="m", seed=3)
    model.compile("adam", losses.CRF())
    return model


def transcriber() -> Model:
    model = Sequential([Input((None, 2)), GRU(8, return_sequences=True), Dense(3, activation="softmax")], seed=3)
    model.compile("adam", losses.CTC())
    return model


def two_answers() -> Model:
    x = Input((None, 2), name="x")
    steps = GRU(8, return_sequences=True)(x)
    model = Model(x, {"tag": Dense(3, activation="softmax")(steps), "all": Dense(1)(GRU(4)(steps))}, name="m", seed=3)
    model.compile(
        "adam", {"tag": "sparse_categorical_crossentropy", "all": "mse"}, loss_weights={"tag": 2.0, "all": 0.5}
    )
    return model


NUMBERS = np.arange(ROWS) / ROWS
LABELS = [[1, 2][: min(n, 2)] for n in LENGTHS]
WEIGHTS = np.linspace(0, 2, ROWS)
CASES = {
    "classes, dropout, penalties, clipping": (classifier, np.arange(ROWS) % 3, {}),
    "numbers": (regressor, NUMBERS, {}),
    "numbers, weights": (regressor, NUMBERS, {"sample_weight": WEIGHTS}),
    "numbers, a sum": (lambda: regressor(losses.MeanSquaredError(reduction="sum")), NUMBERS / 10, {}),
    "numbers, by weight": (
        lambda: regressor(losses.MeanSquaredError(reduction="mean_with_sample_weight")), NUMBERS,
        {"sample_weight": WEIGHTS / 100},
    ),
    "tags": (tagger, EVERY, {}),
    "tags, not reduced": (lambda: tagger(losses.SparseCategoricalCrossentropy(reduction="none")), EVERY, {}),
    "tags, weights of classes": (tagger, EVERY, {"class_weight": {0: 1.0, 1: 3.0, 2: 0.5}}),
    "tags by a CRF": (crf, EVERY, {}),
    "symbols by CTC": (transcriber, LABELS, {}),
    "two answers": (two_answers, {"tag": EVERY, "all": NUMBERS}, {}),
}  # fmt: skip


@pytest.fixture
def cuts(monkeypatch) -> list[list[int]]:
    """Rows of each portion, batch by batch."""
    found: list[list[int]] = []
    plain = Portions._cut

    def noted(self, arrays, room):
        made = list(plain(self, arrays, room))
        found.append([len(p.arrays[0]) for p in made])
        assert all(self._needed(p.plan, p.arrays) <= room or len(p.arrays[0]) == 1 for p in made), (
            "a portion of several rows needs more than it may"
        )
        return made

    monkeypatch.setattr(Portions, "_cut", noted)
    return found


def fitted(monkeypatch, limit: int, make, y, **options) -> tuple[Model, dict[str, list[float]]]:
    monkeypatch.setenv("ELMAN_MEMORY_LIMIT", str(limit))
    layers.set_seed(1)
    model = make()
    history = model.fit(X, y, **{"batch_size": ROWS, "epochs": EPOCHS, "verbose": 0, **options}).history
    return model, history


def assert_same(one: tuple[Model, dict[str, list[float]]], two: tuple[Model, dict[str, list[float]]]) -> None:
    for a, b in zip(one[0].get_weights(), two[0].get_weights(), strict=True):
        assert_close(a, b, ROWS * STEPS, EPOCHS)
    assert one[1].keys() == two[1].keys()
    for name in one[1]:
        assert_close(np.float32(one[1][name]), np.float32(two[1][name]), ROWS * STEPS, EPOCHS, what=name)


@pytest.mark.parametrize("limit", [FEW, ALONE])
@pytest.mark.parametrize("case", CASES)
def test_portions_make_the_step_of_the_whole_batch(case, limit, monkeypatch, cuts):
    make, y, options = CASES[case]
    whole = fitted(monkeypatch, WHOLE, make, y, **options)
    assert not cuts
    parted = fitted(monkeypatch, limit, make, y, **options)
    assert len(cuts) == EPOCHS
    assert all(len(rows) > 1 and sum(rows) == ROWS for rows in cuts)
    assert_same(parted, whole)


def test_arrays_of_one_length_are_parted_too(monkeypatch, cuts, rng):
    x, y = rng.normal(size=(20, STEPS, 2)).astype("float32"), rng.normal(size=20)
    made = {}
    for limit in (WHOLE, FEW):
        monkeypatch.setenv("ELMAN_MEMORY_LIMIT", str(limit))
        layers.set_seed(1)
        model = regressor()
        history = model.fit(x, y, batch_size=8, epochs=EPOCHS, verbose=0).history
        made[limit] = model, history
    assert len(cuts) == 3 * EPOCHS
    assert {sum(rows) for rows in cuts} == {8, 4}
    assert all(max(rows) - min(rows) <= 1 for rows in cuts)
    assert_same(made[FEW], made[WHOLE])


def test_batches_given_one_by_one_are_parted(monkeypatch, cuts):
    whole = fitted(monkeypatch, WHOLE, regressor, NUMBERS, epochs=1)
    monkeypatch.setenv("ELMAN_MEMORY_LIMIT", str(FEW))
    for way in ("stream", "batch"):
        layers.set_seed(1)
        model = regressor()
        if way == "stream":
            model.fit(iter([(X, NUMBERS)]), steps_per_epoch=1, verbose=0)
        else:
            told = model.train_on_batch(X, NUMBERS, return_dict=True)
            assert_close(np.float32(told["loss"]), np.float32(whole[1]["loss"][0]), ROWS * STEPS)
            plain = model.train_on_batch(X, NUMBERS)
            assert plain[0] < told["loss"]
            continue
        for a, b in zip(model.get_weights(), whole[0].get_weights(), strict=True):
            assert_close(a, b, ROWS * STEPS)
    assert len(cuts) == 3


def test_one_row_that_is_too_long_is_computed_again_and_that_is_said(monkeypatch, cuts):
    whole = fitted(monkeypatch, WHOLE, regressor, NUMBERS)
    text = r"m': a sequence of 400 steps needs [\d.]+ KiB .* computed again on the way back\. .*gradient is the same"
    with pytest.warns(ElmanWarning, match=text) as told:
        again = fitted(monkeypatch, 150_000, regressor, NUMBERS)
    assert len(told) == 1
    assert_same(again, whole)


def test_what_fits_in_no_way_is_refused_and_changes_nothing(monkeypatch):
    monkeypatch.setenv("ELMAN_MEMORY_LIMIT", "80000")
    model = tagger()
    before = model.get_weights()
    text = r"must fit into 78\.1 KiB of memory\. Received a batch of 1 row that needs \d.* Cut the sequences to \d+ %"
    with pytest.raises(MemoryLimitError, match=text) as caught:
        model.fit(X, EVERY, batch_size=ROWS, verbose=0)
    assert caught.value.needed > caught.value.limit == 80000
    assert all(np.array_equal(a, b) for a, b in zip(before, model.get_weights(), strict=True))
    short = [n for n, length in enumerate(LENGTHS) if length < 5]
    model.fit([X[n] for n in short], [EVERY[n] for n in short], verbose=0)


def test_a_portion_that_diverges_refuses_the_whole_step(monkeypatch, cuts):
    monkeypatch.setenv("ELMAN_MEMORY_LIMIT", str(FEW))
    model = regressor()
    before = model.get_weights()
    with pytest.raises(DivergenceError, match="at step 0; the weights of the last good step are kept"):
        model.fit(X, NUMBERS * 3e38, batch_size=ROWS, verbose=0)
    assert all(np.array_equal(a, b) for a, b in zip(before, model.get_weights(), strict=True))
    model.fit(X, NUMBERS, batch_size=ROWS, verbose=0)
    assert len(cuts) == 2


def test_memory_is_given_back_behind_a_parted_step(monkeypatch, cuts):
    model, _ = fitted(monkeypatch, FEW, regressor, NUMBERS)
    (plan,) = model.make_steps()._plans.values()
    assert plan.whole._plan.arena_bytes() == plan._plans["portion"]._plan.arena_bytes() == 0
    assert plan.needed(model._adapter.data_set(X, NUMBERS).arrays) > step_memory()


def test_rows_that_layers_see_together_are_seen_by_portion(monkeypatch, cuts):
    def make() -> Model:
        model = Sequential([Input((None, 2)), GRU(8), BatchNormalization(), Dense(1)], name="m", seed=3)
        model.compile("sgd", "mse")
        return model

    _, history = fitted(monkeypatch, FEW, make, NUMBERS)
    assert np.isfinite(history["loss"]).all()
    assert len(cuts) == EPOCHS


def test_states_that_are_kept_forbid_portions(monkeypatch):
    monkeypatch.setenv("ELMAN_MEMORY_LIMIT", "100000")
    model = Sequential([Input((None, 2), batch_size=4), GRU(8, stateful=True), Dense(1)], name="m")
    model.compile("sgd", "mse")
    with pytest.raises(MemoryLimitError, match=r"Received a batch of 4 rows that needs .* Lower batch_size"):
        model.fit(np.zeros((4, 500, 2), "float32"), np.zeros(4), batch_size=4, verbose=0)


def test_a_portion_is_a_quarter_of_the_memory_at_most(monkeypatch):
    monkeypatch.setenv("ELMAN_MEMORY_LIMIT", "8000")
    assert step_memory() == 2000
    monkeypatch.setenv("ELMAN_MEMORY_LIMIT", str(1 << 50))
    assert step_memory() == MOST == portions.MOST
