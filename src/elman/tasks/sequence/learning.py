"""How a sequence model is trained: a part to check on, the best weights kept, a rate that falls when nothing helps."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Mapping, Sequence
from typing import Any

from elman.arguments import check_whole
from elman.errors import ArgumentError, DivergenceError, unknown_name
from elman.layers.initializers import check_seed
from elman.models import Model
from elman.optimizers import schedules
from elman.tasks.sequence.blueprint import Blueprint
from elman.tasks.sequence.design import is_number
from elman.training.callbacks import Callback, EarlyStopping, ReduceLROnPlateau

__all__ = ["Training", "train"]

DECAYS = ("plateau", "cosine")


@dataclasses.dataclass(frozen=True)
class Training:
    """How a network learns.

    Args:
        epochs: at most. batch_size: rows of a step. learning_rate: of Adam.
        decay: how the rate falls: "plateau", "cosine", or None.
        patience: epochs without a better score on the validation part before training stops; None: as many as the
            slowest head asks for.
        validation: share of the rows to check on.
        seconds: the most time training may take; None: no limit.
        clipnorm: the norm to which all gradients together are cut; None: never.
        class_weight: "balanced", or class -> weight; for outputs that are classes or tags.
        seed: of weights, order and dropout. verbose: 0 silent, 1 a live line, 2 a line an epoch.
    """

    epochs: int = 40
    batch_size: int = 32
    learning_rate: float = 0.002
    decay: str | None = None
    patience: int | None = None
    validation: float | None = 0.1
    seconds: float | None = None
    clipnorm: float | None = 1.0
    class_weight: Any = None
    seed: int = 0
    verbose: int = 0

    def __post_init__(self) -> None:
        for name in ("epochs", "batch_size", *(["patience"] if self.patience is not None else [])):
            check_whole("SequenceModel", name, getattr(self, name), 1)
        for name, free in (("learning_rate", False), ("clipnorm", True), ("seconds", True)):
            value = getattr(self, name)
            if not (free and value is None) and not (is_number(value) and value > 0):
                rule = "a number above 0" + (", or None" if free else "")
                raise ArgumentError.at("SequenceModel", name, rule, value)
        check_seed("SequenceModel", self.seed)
        if self.decay not in (None, *DECAYS):
            raise unknown_name("SequenceModel", "decay", str(self.decay), DECAYS)


def train(
    blueprint: Blueprint,
    training: Training,
    columns: Mapping[str, Any],
    check: Mapping[str, Any] | None,
    callbacks: Sequence[Callback] = (),
    network: Model | None = None,
) -> tuple[Model, dict[str, list[float]], BaseException | None]:
    """A trained network, the course of its training, and what ended it before its time: Ctrl-C, or divergence.

    Args:
        blueprint: of fitted fields.
        training: settings.
        columns: rows to learn from. check: rows to check on; None: train to the end.
        callbacks: told how it goes.
        network: whose training goes on; None: a new one.
    """
    x, y = blueprint.arrays(columns)
    falling = (training.decay or ("plateau" if check is not None else "cosine")) == "cosine"
    rate = _wave(training, len(next(iter(x.values())))) if falling else training.learning_rate
    if network is None:
        blueprint.learn(x)
        network = blueprint.build(training.seed, rate, training.clipnorm)
    else:
        blueprint.compile(network, rate, training.clipnorm)
    followers: list[Callback] = [*callbacks]
    if training.seconds is not None:
        followers.append(TimeLimit(training.seconds))
    if check is not None:
        patience = training.patience or max(head.patience for head in blueprint.heads.values())
        followers += [Score(blueprint), *_stopping(patience, falling)]
    held_out = None if check is None else blueprint.arrays(check)
    weights = _weights(blueprint, columns, training.class_weight)
    for head in blueprint.heads.values():
        head.learn(columns)
    ended: BaseException | None = None
    try:
        network.fit(
            x,
            y,
            batch_size=training.batch_size,
            epochs=training.epochs,
            validation_data=held_out,
            sample_weight=weights,
            callbacks=followers,
            verbose=training.verbose,
        )
    except (KeyboardInterrupt, DivergenceError) as error:
        if not int(network.optimizer.iterations.value):
            raise
        ended = error
    history = network.history.history
    return network, {name: [float(value) for value in values] for name, values in history.items()}, ended


def _wave(training: Training, rows: int) -> schedules.CosineDecay:
    """Half a cosine wave that ends at 0 with the last step: the weights come to rest without anything to check on."""
    return schedules.CosineDecay(training.learning_rate, training.epochs * -(-rows // training.batch_size))


def _stopping(patience: int, falling: bool) -> list[Callback]:
    """Stop when the score stands still, and keep the best weights; `falling`: the rate falls by itself, else then."""
    stop = EarlyStopping("val_score", patience=patience, mode="max", restore_best_weights=True)
    slower = ReduceLROnPlateau("val_score", factor=0.5, patience=max(1, patience // 3), mode="max")
    return [stop] if falling else [slower, stop]


def _weights(blueprint: Blueprint, columns: Mapping[str, Any], class_weight: Any) -> Any:
    if class_weight is None:
        return None
    found = {name: head.weights(columns[name], class_weight) for name, head in blueprint.heads.items()}
    if all(weight is None for weight in found.values()):
        rule, kinds = "left out here", ", ".join(f"{name}:{head.field.kind}" for name, head in blueprint.heads.items())
        cure = "It is for classes and tags."
        raise ArgumentError.at("SequenceModel", "class_weight", rule, class_weight, cure, because=kinds)
    return next(iter(found.values())) if len(found) == 1 else found


class Score(Callback):
    """Adds to the logs what training stops on: the sum of what each head watches, more is better."""

    def __init__(self, blueprint: Blueprint) -> None:
        super().__init__()
        self.heads = blueprint.heads

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        """Add `val_score`."""
        total = 0.0
        for name, head in self.heads.items():
            key, sign = head.monitor
            prefix = "val_" if len(self.heads) == 1 else f"val_{name}_"
            total += sign * logs[prefix + key]
        # Between epochs of one accuracy the one with the smaller loss is better.
        logs["val_score"] = total - 1e-3 * logs["val_loss"] / (1 + abs(logs["val_loss"]))


class TimeLimit(Callback):
    """Stops training after a number of seconds, in the midst of an epoch if need be."""

    def __init__(self, seconds: float) -> None:
        super().__init__()
        self.seconds = seconds
        self.start = 0.0

    def on_train_begin(self, logs: Any = None) -> None:
        """Start the clock."""
        self.start = time.perf_counter()

    def on_progress(self, done: int, logs: Any = None) -> None:
        """Look at the clock."""
        if time.perf_counter() - self.start > self.seconds:
            self.model.stop_training = True
