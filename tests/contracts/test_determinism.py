"""Same seed, same bits: run after run, for any number of threads, after a resume, on every executor alone."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from elman.layers import (
    GRU,
    LSTM,
    BatchNormalization,
    Bidirectional,
    Concatenate,
    Dense,
    Dropout,
    Embedding,
    Flatten,
    Input,
    SimpleRNN,
    set_seed,
)
from elman.models import Model, Sequential
from elman.training.callbacks import BackupAndRestore, Callback

RNG = np.random.default_rng(8)
SERIES = RNG.normal(size=(70, 6, 2)).astype(np.float32)
WORDS = RNG.integers(0, 9, (70, 6)).astype(np.int32)
RAGGED = [SERIES[i, : 1 + i % 6] for i in range(70)]
TARGETS = SERIES.sum((1, 2)).astype(np.float32)


def dropping() -> tuple[Sequential, Any]:
    """Random numbers in every step."""
    recurrent = LSTM(5, dropout=0.2, recurrent_dropout=0.3, input_shape=(None, 2))
    return Sequential([recurrent, Dropout(0.4), Dense(1)]), SERIES


def masked() -> tuple[Sequential, Any]:
    """A mask from an embedding, walked in both directions."""
    return Sequential([Embedding(9, 4, mask_zero=True), Bidirectional(GRU(3)), Dense(1)]), WORDS


def ragged() -> tuple[Sequential, Any]:
    """Sequences of different lengths."""
    return Sequential([Input((None, 2)), SimpleRNN(6), Dense(1)]), RAGGED


def ragged_shared() -> tuple[Sequential, Any]:
    """Sequences of different lengths, and work enough for several threads."""
    return Sequential([Input((None, 2)), GRU(96), Dense(1)]), RAGGED


def shared() -> tuple[Sequential, Any]:
    """Work enough for several threads, whose sums over the batch meet in several stages."""
    wide = [Flatten(), Dense(512), BatchNormalization(), Dense(512), Dense(1)]
    return Sequential([Input((6, 2)), LSTM(64, return_sequences=True), *wide]), SERIES


def wide() -> tuple[Sequential, Any]:
    """Matrices that a tile unit multiplies in parts, of all shards together on one thread, of each alone on several."""
    return Sequential([Input((6, 2)), LSTM(128, return_sequences=True), GRU(96), Dense(1)]), SERIES


def ragged_wide() -> tuple[Sequential, Any]:
    """Matrices that no cache keeps: one thread walks rows of different lengths with all shards side by side."""
    return Sequential([Input((None, 2)), LSTM(384, return_sequences=True), Bidirectional(LSTM(384)), Dense(1)]), RAGGED


MODELS = {f.__name__: f for f in (dropping, masked, ragged, ragged_shared, shared, wide, ragged_wide)}


def train(
    name: str, epochs: int = 3, callbacks: Any = None, first_seed: int = 11
) -> tuple[Sequential, dict[str, list[float]]]:
    """Train a model from a seed; 70 rows in batches of 16, or of 32 where they are wide, leave an odd tail."""
    set_seed(first_seed)
    model, x = MODELS[name]()
    model.compile("adam", "mse", metrics=["mae"])
    rows = 32 if name.endswith("wide") else 16
    history = model.fit(x, TARGETS, epochs=epochs, batch_size=rows, verbose=0, callbacks=callbacks)
    return model, history.history


def fingerprint(name: str) -> str:
    """A digest of everything a training gives."""
    model, history = train(name)
    digest = hashlib.sha256(repr(sorted(history.items())).encode())
    for array in [
        *model.get_weights(),
        np.concatenate([np.ravel(p) for p in model.predict(MODELS[name]()[1], verbose=0)]),
    ]:
        digest.update(array.tobytes())
    return digest.hexdigest()


@pytest.mark.parametrize("name", MODELS)
def test_the_same_seed_gives_the_same_bits(name: str) -> None:
    assert fingerprint(name) == fingerprint(name)


@pytest.mark.parametrize("name", MODELS)
def test_another_seed_gives_other_bits(name: str) -> None:
    a, b = train(name)[0], train(name, first_seed=12)[0]
    assert not np.array_equal(a.get_weights()[0], b.get_weights()[0])


CODE = """
import sys
sys.path.insert(0, sys.argv[1])
import test_determinism as t
print(*[t.fingerprint(name) for name in t.MODELS])
"""


def fingerprints(**environment: str) -> str:
    """The fingerprints of all models in a fresh process."""
    path = os.pathsep.join(filter(None, sys.path))
    command = [sys.executable, "-c", CODE, str(Path(__file__).parent)]
    run = subprocess.run(
        command, capture_output=True, text=True, check=True, env={**os.environ, "PYTHONPATH": path, **environment}
    )
    return run.stdout


@pytest.mark.slow
def test_threads_do_not_change_a_bit() -> None:
    found = {threads: fingerprints(ELMAN_NUM_THREADS=threads) for threads in ("1", "2", "4")}
    assert len(set(found.values())) == 1, found


def test_a_shard_may_have_no_rows_left_before_others(monkeypatch: pytest.MonkeyPatch) -> None:
    by_length = sorted(RAGGED[:32], key=len)
    found = []
    for threads in ("1", "2"):
        monkeypatch.setenv("ELMAN_NUM_THREADS", threads)
        set_seed(3)
        first, second = Input((None, 2)), Input((None, 2))  # rows are put in order by one of them
        model = Model([first, second], Dense(1)(Concatenate()([LSTM(384)(first), LSTM(384)(second)])))
        model.compile("sgd", "mse")
        for rows in (by_length, by_length[::-1]):
            model.train_on_batch([rows, rows[::-1]], TARGETS[:32])
        found.append(np.concatenate([np.ravel(w) for w in model.get_weights()]))
    np.testing.assert_array_equal(*found)


class PowerCut(Callback):
    """A crash in the third epoch."""

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        if epoch == 2:
            raise RuntimeError("power cut")


@pytest.mark.parametrize("name", MODELS)
def test_a_resumed_training_gives_the_same_bits(name: str, tmp_path: Path) -> None:
    whole, history = train(name, epochs=4)
    with pytest.raises(RuntimeError, match="power cut"):
        train(name, epochs=4, callbacks=[BackupAndRestore(tmp_path), PowerCut()])
    resumed, again = train(name, epochs=4, callbacks=[BackupAndRestore(tmp_path)], first_seed=99)
    assert again == history
    for a, b in zip(whole.get_weights(), resumed.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize("name", MODELS)
def test_a_saved_model_predicts_the_same_bits(name: str, tmp_path: Path) -> None:
    from elman.models import load_model

    model, _ = train(name, epochs=1)
    x = MODELS[name]()[1]
    model.save(tmp_path / "m.safetensors")
    for a, b in zip(
        model.predict(x, verbose=0), load_model(tmp_path / "m.safetensors").predict(x, verbose=0), strict=True
    ):
        np.testing.assert_array_equal(a, b)
