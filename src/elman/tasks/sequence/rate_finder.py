"""Which learning rate to use: raise it step by step and watch where the loss falls fastest.

Source: Smith 2017, "Cyclical Learning Rates for Training Neural Networks", §3.3.
Weakness: one step a rate is a noisy test; the suggestion is good within a factor of two or so.
"""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from elman import charts
from elman.arguments import check_number, check_whole
from elman.errors import ArgumentError, DivergenceError
from elman.tasks.sequence.blueprint import Blueprint
from elman.tasks.sequence.learning import Training

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["RateSearch", "search_rate"]


@dataclasses.dataclass(frozen=True)
class RateSearch:
    """Rates that were tried, the loss after each, and the rate where it fell fastest.

    Shapes:
        rates, losses (n,): losses are running means.
    """

    rates: np.ndarray
    losses: np.ndarray

    @property
    def suggestion(self) -> float:
        """A third of the rate with the lowest loss: below it training is steady, and not much slower."""
        return float(self.rates[int(np.argmin(self.losses))] / 3)

    def plot(self, path: str | os.PathLike[str] | None = None) -> Figure:
        """Draw loss against rate, and the suggestion."""
        figure, (axes,) = charts.canvas()
        axes.plot(self.rates, self.losses)
        axes.axvline(self.suggestion, color=charts.SPLIT, label=f"suggestion {self.suggestion:.2g}")
        axes.set_xscale("log")
        charts.finish(axes, "loss while the rate rises", "learning rate", "loss")
        if path is not None:
            charts.save(figure, path)
        return figure


def search_rate(
    blueprint: Blueprint, training: Training, columns: Mapping[str, Any], lowest: float, highest: float, steps: int
) -> RateSearch:
    """Train `steps` batches on fresh weights, the rate rising from lowest to highest.

    Stops early where the loss is four times its best.

    Raises: ArgumentError: no steps, or rates that do not rise.
    """
    check_whole("find_learning_rate", "steps", steps, 1)
    check_number("find_learning_rate", "lowest", lowest, "a finite number above 0")
    check_number("find_learning_rate", "highest", highest, "a finite number above 0")
    if highest <= lowest:
        raise ArgumentError.at("find_learning_rate", "highest", f"above lowest, {lowest:g}", highest)
    x, y = blueprint.arrays(columns)
    blueprint.learn(x)
    network = blueprint.build(training.seed, lowest, training.clipnorm)
    rows = len(next(iter(x.values())))
    order = (
        np.random.Generator(np.random.Philox(training.seed)).permutation(max(rows, steps * training.batch_size)) % rows
    )
    rates = np.geomspace(lowest, highest, steps)
    losses: list[float] = []
    mean = 0.0
    for step, rate in enumerate(rates):
        network.optimizer.learning_rate = float(rate)
        chosen = order[step * training.batch_size : (step + 1) * training.batch_size]
        try:
            found = network.train_on_batch(_rows(x, chosen), _rows(y, chosen))
        except DivergenceError:
            break
        loss = float(found[0] if isinstance(found, list) else found)
        mean = 0.9 * mean + 0.1 * loss
        losses.append(mean / (1 - 0.9 ** (step + 1)))
        if losses[-1] > 4 * min(losses):
            break
    return RateSearch(rates[: len(losses)], np.array(losses))


def _rows(arrays: Mapping[str, Any], rows: np.ndarray) -> dict[str, Any]:
    return {k: a[rows] if isinstance(a, np.ndarray) else [a[i] for i in rows] for k, a in arrays.items()}
