"""`stateful=True`: any batch size, states kept row by row, forgotten when asked."""

from __future__ import annotations

import numpy as np
import pytest

from elman import Sequential
from elman.layers import GRU, LSTM, Bidirectional, Dense, Input
from tests.tolerances import assert_close


def model(rows: int | None = None) -> Sequential:
    made = Sequential([
        Input((None, 3), batch_size=rows),
        GRU(4, stateful=True, return_sequences=True, name="low"), LSTM(3, stateful=True, name="high"),
    ])  # fmt: skip
    for i, w in enumerate(made.weights):
        w.assign(np.random.default_rng(i).normal(size=w.shape) * 0.5)
    made.compile("sgd", "mse")
    return made


@pytest.mark.parametrize("rows", [None, 2, 5])
def test_row_i_goes_on_where_row_i_was(rows, rng):
    made, x = model(rows), rng.normal(size=(5, 9, 3)).astype("float32")
    made.reset_states()
    wanted = made.predict(x, batch_size=5, verbose=0)
    made.reset_states()
    made.predict(x[:, :4], batch_size=5, verbose=0)
    assert_close(made.predict(x[:2, 4:], batch_size=2, verbose=0), wanted[:2], 12, 9)
    alone = made.predict_on_batch(x[:1, :1])
    made.reset_states(rows=[0])
    again = made.predict(x[:1], batch_size=1, verbose=0)
    assert_close(again, wanted[:1], 12, 9)
    assert not np.array_equal(alone, again)


def test_batches_of_one_call_follow_each_other(rng):
    made, x = model(), rng.normal(size=(5, 4, 3)).astype("float32")
    found = made.predict(x, batch_size=2, verbose=0)
    other = model()
    expected = [other.predict(x[i : i + 2], batch_size=2, verbose=0) for i in (0, 2, 4)]
    np.testing.assert_array_equal(found, np.concatenate(expected))


def test_a_model_trained_on_many_rows_predicts_one(rng):
    made, x = model(8), rng.normal(size=(16, 5, 3)).astype("float32")
    made.fit(x, rng.normal(size=(16, 3)), epochs=2, shuffle=False, verbose=0)
    made.evaluate(x[:3], np.ones((3, 3)), verbose=0)
    made.reset_states()
    plain = Sequential([Input((None, 3)), GRU(4, return_sequences=True), LSTM(3)])
    plain.set_weights(made.get_weights())
    assert_close(made.predict(x[:1], verbose=0), plain.predict(x[:1], verbose=0), 12, 5)
    more = rng.normal(size=(20, 5, 3)).astype("float32")
    made.reset_states()
    assert_close(made.predict(more, batch_size=20, verbose=0), plain.predict(more, verbose=0), 12, 5)


def test_training_on_batches_of_any_size(rng):
    made = model()
    for rows in (3, 6, 2):
        assert np.isfinite(made.train_on_batch(rng.normal(size=(rows, 4, 3)), np.ones((rows, 3))))
    assert all(len(v.value) == 6 for v in made.states)
    batches = ((rng.normal(size=(n, 4, 3)), np.ones((n, 3))) for n in (2, 7))
    made.fit(batches, steps_per_epoch=2, verbose=0)
    assert all(len(v.value) == 7 for v in made.states)


def test_both_directions_keep_and_forget(rng):
    made = Sequential([Input((None, 3)), Bidirectional(GRU(2, stateful=True)), Dense(1)])
    x = rng.normal(size=(3, 4, 3)).astype("float32")
    first = made.predict(x, verbose=0)
    assert not np.array_equal(made.predict(x, verbose=0), first)
    made.layers[-2].reset_state(rows=[0, 1, 2])
    np.testing.assert_array_equal(made.predict(x, verbose=0), first)


def test_a_checkpoint_keeps_states(rng, tmp_path):
    made, x = model(), rng.normal(size=(4, 3, 3)).astype("float32")
    made.train_on_batch(x, np.ones((4, 3)))
    made.save_checkpoint(tmp_path / "c.safetensors", {})
    wanted = made.predict(x, verbose=0)
    other = model()
    other.train_on_batch(x[:1], np.ones((1, 3)))
    other.load_checkpoint(tmp_path / "c.safetensors")
    np.testing.assert_array_equal(other.predict(x, verbose=0), wanted)
