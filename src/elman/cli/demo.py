"""`elman demo`: the noisy sine of the tutorials, from data to picture in about a second."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

from elman import charts
from elman.cli.screen import Progress, say, show_table
from elman.cli.tables import check_free
from elman.errors import ArgumentError
from elman.fields import windows
from elman.inspect import plot_split
from elman.layers import Dense, SimpleRNN, set_seed
from elman.layers.initializers import check_seed
from elman.models import Sequential
from elman.training.callbacks import Callback, EarlyStopping

__all__ = ["demo", "noisy_sine"]

_Array = npt.NDArray[np.float64]

_POINTS, _SPLIT, _WINDOW = 1000, 800, 4
_NOISE_FLOOR = 1 / 3
"""Variance of 2 U(0, 1): what no forecast can get below."""


def noisy_sine(seed: int) -> _Array:
    """x[t] = sin(0.02 t) + 2 U(0, 1), 1000 points.

    Shapes:
        -> (1000,).

    Example:
        >>> noisy_sine(0).shape
        (1000,)
    """
    noise = np.random.default_rng(seed).random(_POINTS)
    return np.asarray(np.sin(0.02 * np.arange(_POINTS)) + 2 * noise)


def demo(seed: int, longer: int | None, output: Path, epochs: int = 100) -> None:
    """Train, measure and draw.

    Args:
        seed: of data, weights and order.
        longer: also train on windows of that length; None: only the tutorial's four points.
        output: the picture.
        epochs: of the tutorial.

    Raises:
        ArgumentError: a window that does not fit into the training part; a seed below 0.
    """
    check_free(output, force=True, where="demo")
    charts.check_ending("demo", "--output", output)
    check_seed("demo", seed)
    if longer is not None and not 1 <= longer <= _SPLIT // 2:
        raise ArgumentError.at("demo", "window", f"between 1 and {_SPLIT // 2}", longer)
    series = noisy_sine(seed)
    say(f"x[t] = sin(0.02 t) + 2 U(0, 1), {_POINTS} points, seed {seed}")
    say(f"train on the first {_SPLIT}, test on the last {_POINTS - _SPLIT}\n")
    rows, predictions = [], {}
    for window in [_WINDOW] if longer is None else [_WINDOW, longer]:
        predicted = _run(series, window, seed, epochs)
        name = f"SimpleRNN, window {window}"
        predictions[name] = predicted
        rows.append([name, *_errors(series, predicted)])
    rows += [["last value", *_errors(series, np.roll(series, 1))]]
    rows += [["mean of the training part", *_errors(series, np.full(_POINTS, series[:_SPLIT].mean()))]]
    rows += [["noise floor", f"{_NOISE_FLOOR:.4f}", f"{_NOISE_FLOOR:.4f}"]]
    show_table("mean squared error", [["", "train", "test"], *rows])
    title = f"one step ahead, test MSE {rows[0][2]} (noise floor {_NOISE_FLOOR:.3f})"
    charts.save(plot_split(series, predictions, _SPLIT, title, "x"), output)
    say(f"picture: {output}")
    if longer is None:
        say("what a longer memory gains: elman demo --window 64")


def _run(series: _Array, window: int, seed: int, epochs: int) -> _Array:
    """Train on windows before the split; predict every point that has a window: (N,), NaN before."""
    x = windows(series[:-1], window)
    y, training = series[window:], _SPLIT - window
    # The tutorial gives its four points as four features of one step; a longer window is read step by step.
    x = x[:, None, :] if window == _WINDOW else x[:, :, None]
    set_seed(seed)
    model = _network((x.shape[1], x.shape[2]))
    if window == _WINDOW:
        model.summary()
    callbacks: list[Callback] = [Progress(f"window {window}")]
    if window != _WINDOW:
        # A longer window can be learned by heart, noise and all.
        callbacks.append(EarlyStopping("val_loss", patience=10, restore_best_weights=True))
    model.fit(
        x[:training],
        y[:training],
        epochs=epochs,
        batch_size=16,
        validation_split=0.0 if window == _WINDOW else 0.2,
        callbacks=callbacks,
        verbose=0,
    )
    return np.concatenate([np.full(window, np.nan), model.predict(x, verbose=0)[:, 0]])


def _network(shape: Sequence[int]) -> Sequential:
    model = Sequential([SimpleRNN(32, activation="relu", input_shape=tuple(shape))])
    for units in (8, 12, 8):
        model.add(Dense(units, activation="relu"))
    model.add(Dense(1))
    model.compile(loss="mean_squared_error", optimizer="rmsprop")
    return model


def _errors(series: _Array, predicted: _Array) -> list[str]:
    """Mean squared error on both parts; the first points, which no window reaches, do not count."""
    squares = np.square(series - predicted)
    squares[0] = np.nan
    return [f"{np.nanmean(part):.4f}" for part in (squares[:_SPLIT], squares[_SPLIT:])]
