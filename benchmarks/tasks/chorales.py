"""The next chord of Bach's chorales: 88 keys, each pressed or not, from everything before.

Run: python -m benchmarks.tasks.chorales --data DATA
"""

from __future__ import annotations

import numpy as np

import elman
from benchmarks.tasks.trial import Trial
from elman import layers, optimizers
from elman.callbacks import EarlyStopping
from elman.optimizers import schedules

KEYS = 88
BATCH = 16


def main() -> None:
    """Train, stop on the validation pieces, measure on the test pieces."""
    trial = Trial("jsb_chorales", "test negative log-likelihood of a chord 8.5; stretch: 8.1", cell="LSTM", size=300)
    given = trial.arguments
    data = np.load(trial.data / "music" / "jsb_chorales" / "jsb_chorales.npz", allow_pickle=False)
    parts = {part: pieces(data, part) for part in ("train", "valid", "test")}
    layers.set_seed(given.seed)
    x = layers.Input((None, KEYS))
    h = getattr(layers, given.cell)(given.size, return_sequences=True, recurrent_dropout=0.1)(layers.Dropout(0.1)(x))
    y = layers.Dense(KEYS, activation="sigmoid")(layers.Dropout(0.5)(h))
    model = elman.Model(x, y, seed=given.seed)
    told, asked = shifted(parts["train"])
    epochs = given.epochs or 130
    rate = schedules.CosineDecay(0.005, epochs * -(-len(told) // BATCH))
    model.compile(optimizers.Adam(rate, global_clipnorm=1.0), loss="binary_crossentropy")
    stop = [EarlyStopping("val_loss", patience=30, restore_best_weights=True)]
    history = model.fit(
        told, asked, batch_size=BATCH, epochs=epochs, validation_data=shifted(parts["valid"]), callbacks=stop,
        verbose=given.verbose,
    )  # fmt: skip
    trial.clocked()
    trial.history = {name: [round(float(v), 4) for v in values] for name, values in history.history.items()}
    often = np.concatenate(parts["train"]).mean(axis=0).clip(1e-3, 1)
    trial.finish(
        test_nll=likelihood(model, parts["test"]),
        validation_nll=likelihood(model, parts["valid"]),
        frequency_of_keys_nll=surprise(np.concatenate(parts["test"]), often),
    )


def pieces(data: np.lib.npyio.NpzFile, part: str) -> list[np.ndarray]:
    """Each piece as (steps, 88) of 0 and 1."""
    rolls = np.unpackbits(data[f"{part}_roll"], axis=1)[:, :KEYS].astype("float32")
    return np.split(rolls, data[f"{part}_lengths"].cumsum()[:-1])


def shifted(rolls: list[np.ndarray]) -> tuple[list[np.ndarray], list[np.ndarray]]:
    """Chords, and the chords one later; before the first there is silence."""
    silence = np.zeros((1, KEYS), "float32")
    return [np.concatenate([silence, roll[:-1]]) for roll in rolls], rolls


def surprise(truth: np.ndarray, chances: np.ndarray) -> float:
    """Mean negative log-likelihood of a chord."""
    p = np.clip(chances, 1e-7, 1 - 1e-7)
    return float(-(truth * np.log(p) + (1 - truth) * np.log(1 - p)).sum(axis=-1).mean())


def likelihood(model: elman.Model, rolls: list[np.ndarray]) -> float:
    """Mean negative log-likelihood of the chords of all pieces."""
    chances = model.predict(shifted(rolls)[0], verbose=0)
    return surprise(np.concatenate(rolls), np.concatenate(chances))


if __name__ == "__main__":
    main()
