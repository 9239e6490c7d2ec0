"""Train small models with Keras from fixed weights; train the tutorial to the end over several seeds."""

from __future__ import annotations

import json
import sys
from typing import Any, NamedTuple

import keras
import numpy as np

from . import store
from .store import Spec, spec

sys.path.insert(0, str(store.FOLDER.parent.parent / "benchmarks" / "peers"))
import series

SEEDS = tuple(range(20))


class Run(NamedTuple):
    """One call of `fit`, and what leads to it."""

    name: str
    layers: list[Spec]
    compiled: dict[str, Any]
    fit: dict[str, Any]
    x: Any
    y: Any
    sample_weight: Any = None


def tutorial_layers() -> list[Spec]:
    """The tutorial's model."""
    dense = [spec("Dense", units=units, activation="relu") for units in (8, 12, 8)]
    return [spec("SimpleRNN", units=32, activation="relu", input_shape=[1, 4]), *dense, spec("Dense", units=1)]


def runs() -> list[Run]:
    """All runs of the file."""
    random = store.generator("training")
    sine = series.tutorial()
    x, y = sine.x_train[:320], sine.y_train[:320]
    three = {"epochs": 3, "batch_size": 16, "shuffle": False}
    mse = {"loss": "mean_squared_error", "optimizer": "rmsprop"}
    walks = random.normal(size=(10, 4)).cumsum(1).astype(np.float32)
    tensor = random.normal(size=(40, 6, 3)).astype(np.float32)
    target = tensor.sum((1, 2), keepdims=False)[:, None].astype(np.float32) / 4
    labels = (np.abs(target[:, 0]) * 2).astype(np.int32) % 3
    words = random.integers(1, 9, (40, 6)).astype(np.int32)
    for row, length in enumerate(random.integers(1, 7, 40)):
        words[row, length:] = 0
    tags = (words % 3).astype(np.int32)
    weight = random.uniform(0.2, 2, 40).astype(np.float32)
    few = {"epochs": 3, "batch_size": 8, "shuffle": False}
    gru = [spec("GRU", units=5, input_shape=[6, 3]), spec("Dense", units=1)]
    lstm = [
        spec("LSTM", units=5, return_sequences=True, input_shape=[6, 3]),
        spec("LSTM", units=4),
        spec("Dense", units=3, activation="softmax"),
    ]
    embedding = spec("Embedding", input_dim=9, output_dim=4, mask_zero=True)
    tagger = [
        embedding,
        spec("Bidirectional", layer=spec("LSTM", units=3, return_sequences=True)),
        spec("Dense", units=3, activation="softmax"),
    ]
    reader = [embedding, spec("GRU", units=4), spec("Dense", units=3, activation="softmax")]
    sparse = "sparse_categorical_crossentropy"
    clipped = spec("Adam", "optimizers", learning_rate=0.01, clipnorm=0.1)
    averaged = spec("Adam", "optimizers", learning_rate=0.01, use_ema=True, ema_momentum=0.9)
    decay = spec("ExponentialDecay", "optimizers.schedules", initial_learning_rate=0.1, decay_steps=5, decay_rate=0.5)
    decaying = spec("SGD", "optimizers", learning_rate=decay, momentum=0.9)
    regular = [
        spec(
            "LSTM",
            units=4,
            input_shape=[6, 3],
            kernel_regularizer=spec("L2", "regularizers", l2=0.02),
            recurrent_regularizer=spec("L1", "regularizers", l1=0.01),
        ),
        spec("Dense", units=1, activity_regularizer=spec("L2", "regularizers", l2=0.1)),
    ]
    walker = [spec("SimpleRNN", units=8, activation="tanh", input_shape=[None, 1]), spec("Dense", units=1)]
    return [
        Run("tutorial", tutorial_layers(), mse, three, x, y),
        Run("tutorial_adam", tutorial_layers(), {**mse, "optimizer": "adam"}, three, x, y),
        Run("tutorial_odd_batch", tutorial_layers(), mse, {**three, "batch_size": 30}, x[:100], y[:100]),
        Run(
            "random_walk",
            walker,
            {"loss": "mean_squared_error", "optimizer": "adam"},
            {"epochs": 5, "shuffle": False},
            walks[:, :3],
            walks[:, 3],
        ),
        Run("gru_validation", gru, {**mse, "metrics": ["mae"]}, {**few, "validation_split": 0.25}, tensor, target),
        Run(
            "gru_sample_weight",
            gru,
            {**mse, "optimizer": "sgd", "metrics": ["mae"], "weighted_metrics": ["mse"]},
            few,
            tensor,
            target,
            weight,
        ),
        Run(
            "lstm_classifier",
            lstm,
            {"loss": sparse, "optimizer": clipped, "metrics": ["accuracy"]},
            few,
            tensor,
            labels,
        ),
        Run(
            "lstm_class_weight",
            lstm,
            {"loss": sparse, "optimizer": "adam"},
            {**few, "class_weight": {"0": 1.0, "1": 0.5, "2": 2.0}},
            tensor,
            labels,
        ),
        Run("lstm_regularizers", regular, {"loss": "mse", "optimizer": "sgd"}, few, tensor, target),
        Run("gru_ema", gru, {"loss": "huber", "optimizer": averaged}, few, tensor, target),
        Run("gru_schedule", gru, {"loss": "mae", "optimizer": decaying}, few, tensor, target),
        Run("masked_tagger", tagger, {"loss": sparse, "optimizer": "adam", "metrics": ["accuracy"]}, few, words, tags),
        Run(
            "masked_reader", reader, {"loss": sparse, "optimizer": "adam", "metrics": ["accuracy"]}, few, words, labels
        ),
    ]


def train(run: Run, weights: list[Any] | None) -> tuple[Any, Any, list[Any]]:
    """Build, set the weights (draw them where None), train; return model, history, first weights."""
    keras.utils.clear_session()
    model = keras.Sequential(store.build(run.layers, keras))
    if not model.built:
        model.build(run.x.shape)
    if weights is None:
        random = store.generator(run.name)
        weights = [
            store.exact(random.uniform(-1, 1, value.shape) / np.sqrt(max(value.shape[0], 4)))
            for value in model.get_weights()
        ]
    model.set_weights(weights)
    compiled = {key: store.build(value, keras) for key, value in run.compiled.items()}
    model.compile(**compiled)
    fit = dict(run.fit)
    if "class_weight" in fit:
        fit["class_weight"] = {int(key): value for key, value in fit["class_weight"].items()}
    history = model.fit(run.x, run.y, sample_weight=run.sample_weight, verbose=0, **fit)
    return model, history.history, weights


def add(golden: store.Golden, run: Run) -> None:
    """Train in float32 and in float64, record both."""
    keras.config.set_floatx("float32")
    model, rounded, weights = train(run, None)
    final_rounded = model.get_weights()
    keras.config.set_floatx("float64")
    model, history, _ = train(run, weights)
    batch = run.fit.get("batch_size", 32)
    evaluated = model.evaluate(run.x, run.y, batch_size=batch, verbose=0, return_dict=True)
    arrays: dict[str, Any] = {"x": run.x, "y": run.y, "prediction": model.predict(run.x, verbose=0)[:40]}
    if run.sample_weight is not None:
        arrays["sample_weight"] = run.sample_weight
    for key, group in (("weight", weights), ("final", model.get_weights()), ("final_float32", final_rounded)):
        arrays |= {f"{key}/{i}": value for i, value in enumerate(group)}
    case = {
        "name": run.name,
        "model": spec("Sequential", "models", layers=run.layers),
        "compile": run.compiled,
        "fit": run.fit,
        "weights": [{"path": weight.path, "shape": list(weight.shape)} for weight in model.weights],
        "history": history,
        "history_float32": rounded,
        "evaluate": evaluated,
        "predicted_rows": len(arrays["prediction"]),
    }
    golden.add(case, arrays)


def make(made_by: dict[str, str]) -> None:
    """Write keras_training."""
    golden = store.Golden("keras_training", made_by)
    for run in runs():
        add(golden, run)
    golden.save()


def make_accuracy(made_by: dict[str, str]) -> None:
    """Write keras_accuracy.json: the tutorial over SEEDS, shuffled, as users run it."""
    data = series.tutorial()
    results: dict[str, list[float]] = {"mse_train": [], "mse_test": []}
    for seed in SEEDS:
        keras.utils.clear_session()
        keras.utils.set_random_seed(seed)
        model = keras.Sequential(store.build(tutorial_layers(), keras))
        model.compile(loss="mean_squared_error", optimizer="rmsprop")
        model.fit(data.x_train, data.y_train, epochs=series.EPOCHS, batch_size=series.BATCH, verbose=0)
        results["mse_train"].append(float(model.evaluate(data.x_train, data.y_train, verbose=0)))
        results["mse_test"].append(float(model.evaluate(data.x_test, data.y_test, verbose=0)))
        print(f"seed {seed}: train {results['mse_train'][-1]:.4f}, test {results['mse_test'][-1]:.4f}", flush=True)
    made_from = {
        "seed": series.SEED,
        "points": series.POINTS,
        "training_points": series.TRAINING_POINTS,
        "step": series.STEP,
    }
    summary = {
        "made_by": made_by,
        "series": made_from,
        "epochs": series.EPOCHS,
        "batch_size": series.BATCH,
        "seeds": SEEDS,
        **results,
        "mean": float(np.mean(results["mse_train"])),
        "std": float(np.std(results["mse_train"])),
    }
    (store.FOLDER / "keras_accuracy.json").write_text(json.dumps(summary, indent=1) + "\n")
