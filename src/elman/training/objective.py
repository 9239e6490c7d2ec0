"""What is to become small, and what is to be reported: losses and metrics joined for all outputs.

    loss = sum over outputs (weight × loss) + penalties of the layers

Reported losses are means over rows, as in Keras: each batch counts by its number of rows. `Means` holds the running
sums as variables, so that a plan adds to them and Python reads them once an epoch.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from elman import losses, metrics, ops
from elman.arguments import check_number
from elman.errors import ArgumentError, unknown_name
from elman.graph import Tensor, Variable
from elman.losses.base import divided
from elman.metrics.base import Total
from elman.training.program import Feeds

__all__ = ["Means", "Objective", "per_output"]

Updates = list[tuple[Variable, Tensor]]


class Means:
    """Running means of several numbers, each batch counted by its rows.

    Example:
        >>> Means(["loss"]).result()
        {'loss': 0.0}
    """

    def __init__(self, names: Sequence[str], dtype: str = "float32") -> None:
        self.names, self.dtype = tuple(names), dtype
        self.totals = [Total(f"{name}_total", (), dtype) for name in names]
        self.rows = Total("rows", (), dtype)

    def updates(self, values: Sequence[Tensor], rows: Tensor) -> Updates:
        """What a step adds. Shapes: values () each, rows ()."""
        return [
            pair for total, v in zip(self.totals, values, strict=True) for pair in total.add(v * rows)
        ] + self.rows.add(rows)

    def result(self) -> dict[str, float]:
        """The means so far; 0 before the first row."""
        rows = _sum(self.rows) or 1.0
        return {name: _sum(total) / rows for name, total in zip(self.names, self.totals, strict=True)}

    def reset(self) -> None:
        """Start again from nothing."""
        for total in (self.rows, *self.totals):
            total.high.value.fill(0)
            total.low.value.fill(0)


def _sum(total: Total) -> float:
    """The sum as a Python number, without the arrays that `Total.value` makes."""
    return float(total.high.value) + float(total.low.value)


def per_output(where: str, argument: str, given: Any, names: Sequence[str]) -> list[Any]:
    """One entry for each output from what compile was given: one for all, a list, or a dict by output name."""
    if isinstance(given, Mapping) and "class_name" not in given:  # else it is one configuration
        for key in given:
            if key not in names:
                raise unknown_name(where, f"{argument} key", key, names)
        return [given.get(name) for name in names]
    if isinstance(given, (list, tuple)):
        if len(given) != len(names):
            cure = f"Outputs: {', '.join(names)}."
            raise ArgumentError.at(where, argument, f"have one entry for each of {len(names)} outputs", given, cure)
        return list(given)
    return [given] * len(names)


class Objective:
    """The losses and metrics of a compiled model.

    Args:
        where: how errors call the model.
        names: of the outputs.
        loss, loss_weights, metrics, weighted_metrics: as `compile` takes them.
        dtype: real type of the outputs.
    Raises: ArgumentError, UnknownNameError: entries that fit no output, names nobody knows.
    """

    def __init__(
        self,
        where: str,
        names: Sequence[str],
        loss: Any,
        loss_weights: Any = None,
        metrics: Any = None,
        weighted_metrics: Any = None,
        dtype: str = "float32",
    ) -> None:
        self.where = where
        self.names = tuple(names)
        self.losses = [None if item is None else losses.get(item) for item in per_output(where, "loss", loss, names)]
        self.loss_weights = [
            1.0 if w is None else float(check_number(where, "loss_weights", w))
            for w in per_output(where, "loss_weights", loss_weights, names)
        ]
        self._wanted = [
            _metric_lists(where, "metrics", metrics, names),
            _metric_lists(where, "weighted_metrics", weighted_metrics, names),
        ]
        self._metrics: list[list[list[metrics.Metric]]] | None = None
        self.reported: list[tuple[str, metrics.Metric]] = []
        single = len(self.names) == 1
        parts = (
            [] if single else [f"{n}_loss" for n, item in zip(self.names, self.losses, strict=True) if item is not None]
        )
        self.means = Means(["loss", *parts], dtype)

    @property
    def metric_names(self) -> list[str]:
        """Names of everything reported, in order; complete after the first step is built."""
        return [*self.means.names, *(name for name, _ in self.reported)]

    def wants_integers(self, output: int) -> bool:
        """Whether the targets of an output are class numbers."""
        return isinstance(self.losses[output], (losses.SparseCategoricalCrossentropy, losses.CTC, losses.CRF))

    def terms(self, feeds: Feeds, outputs: Sequence[Tensor]) -> list[Tensor]:
        """The loss of each output that has one; of one that is not reduced, the mean. Shapes: scalars."""
        found = []
        for loss, true, out, weight in zip(self.losses, feeds.targets, outputs, feeds.weights, strict=True):
            if loss is not None and true is not None:
                value = loss(true, out, sample_weight=weight, mask=_mask(out))
                if value.shape:
                    value = divided(*loss.totals(true, out, weight, _mask(out)), loss.reduction)
                found.append(value)
        return found

    def counts(self, feeds: Feeds, outputs: Sequence[Tensor]) -> Tensor:
        """What the loss of each output that has one is divided by; 1 where it is a sum. Shapes: -> (losses,)."""
        found = [count for _, count in self._totals(feeds, outputs)]
        real = self.means.dtype
        return ops.concatenate(
            [ops.full((1,), 1, real) if n is None else ops.reshape(ops.cast(n, real), (1,)) for n in found]
        )

    def portions(self, feeds: Feeds, outputs: Sequence[Tensor], counts: Tensor) -> list[Tensor]:
        """What a portion of a batch adds to `terms` of the whole. Shapes: counts (losses,), of the batch -> scalars."""
        found = []
        losses = [loss for loss in self.losses if loss is not None]
        for i, (loss, (total, count)) in enumerate(zip(losses, self._totals(feeds, outputs), strict=True)):
            found.append(divided(total, None if count is None else ops.cast(counts[i], total.dtype), loss.reduction))
        return found

    def _totals(self, feeds: Feeds, outputs: Sequence[Tensor]) -> list[tuple[Tensor, Tensor | None]]:
        """Each loss before its division. Shapes: -> (), () each."""
        return [
            loss.totals(true, out, weight, _mask(out))
            for loss, true, out, weight in zip(self.losses, feeds.targets, outputs, feeds.weights, strict=True)
            if loss is not None and true is not None
        ]

    def total(self, terms: Sequence[Tensor], penalties: Sequence[Tensor]) -> Tensor:
        """The number to make small. Shapes: scalars -> ()."""
        weights = [w for w, loss in zip(self.loss_weights, self.losses, strict=True) if loss is not None]
        parts = [t if w == 1.0 else t * w for t, w in zip(terms, weights, strict=True)]
        total = parts[0]
        for part in (*parts[1:], *penalties):
            total = total + ops.cast(part, total.dtype)
        return total

    def updates(self, feeds: Feeds, outputs: Sequence[Tensor], total: Tensor, terms: Sequence[Tensor]) -> Updates:
        """What a step adds to the running means and metrics."""
        return [
            *self.mean_updates(total, terms, ops.size(outputs[0], 0, total.dtype)),
            *self.metric_updates(feeds, outputs),
        ]

    def mean_updates(self, total: Tensor, terms: Sequence[Tensor], rows: Tensor) -> Updates:
        """What a step adds to the running means. Shapes: scalars."""
        return self.means.updates([total] if len(self.names) == 1 else [total, *terms], rows)

    def metric_updates(self, feeds: Feeds, outputs: Sequence[Tensor]) -> Updates:
        """What rows add to the metrics."""
        made: Updates = []
        plain, weighted = self._resolve(feeds, outputs)
        for i, (true, out, weight) in enumerate(zip(feeds.targets, outputs, feeds.weights, strict=True)):
            if true is None:
                continue
            for metric in plain[i]:
                made.extend(metric.updates(true, out, mask=_mask(out)))
            for metric in weighted[i]:
                made.extend(metric.updates(true, out, weight, _mask(out)))
        return made

    def result(self) -> dict[str, Any]:
        """Everything reported, by name: a float, or a list of them for a metric of several numbers."""
        logs: dict[str, Any] = {**self.means.result()}
        for name, metric in self.reported:
            found = np.asarray(metric.result())
            logs[name] = found.item() if found.size == 1 else found.tolist()
        return logs

    def reset(self) -> None:
        """Start an epoch."""
        self.means.reset()
        for _, metric in self.reported:
            metric.reset_state()

    @property
    def sums(self) -> list[Variable]:
        """Everything that an epoch adds up, complete after the first step is built."""
        own = [v for total in (self.means.rows, *self.means.totals) for v in (total.high, total.low)]
        return own + [v for _, metric in self.reported for v in metric.variables]

    @property
    def starts_from_zero(self) -> bool:
        """Whether `reset` sets all sums to zero and does nothing else."""
        return all(type(metric).reset_state is metrics.Metric.reset_state for _, metric in self.reported)

    def _resolve(self, feeds: Feeds, outputs: Sequence[Tensor]) -> list[list[list[metrics.Metric]]]:
        """The metric objects of each output, made once the shapes of targets and outputs are known."""
        if self._metrics is None:
            self._metrics = [
                [
                    [] if true is None else [metrics.resolve(item, true, out) for item in wanted]
                    for wanted, true, out in zip(lists, feeds.targets, outputs, strict=True)
                ]
                for lists in self._wanted
            ]
            self.reported = self._named(self._metrics)
        return self._metrics

    def _named(self, groups: Sequence[Sequence[Sequence[metrics.Metric]]]) -> list[tuple[str, metrics.Metric]]:
        found: list[tuple[str, metrics.Metric]] = []
        taken = set(self.means.names)
        for group in groups:
            for output, items in zip(self.names, group, strict=True):
                for metric in items:
                    name = metric.name if len(self.names) == 1 else f"{output}_{metric.name}"
                    name = f"weighted_{name}" if name in taken and group is groups[1] else name
                    taken.add(name)
                    found.append((name, metric))
        return found


def _metric_lists(where: str, argument: str, given: Any, names: Sequence[str]) -> list[list[Any]]:
    """A list of metric identifiers for each output; a flat list belongs to the only output."""
    if given is None:
        return [[] for _ in names]
    if len(names) == 1 and isinstance(given, (list, tuple)) and not any(isinstance(g, (list, tuple)) for g in given):
        return [list(given)]
    lists = per_output(where, argument, given, names)
    return [[] if item is None else list(item) if isinstance(item, (list, tuple)) else [item] for item in lists]


def _mask(output: Tensor) -> Tensor | None:
    if output.mask is None or output.ndim < 2:
        return None
    made: Tensor = output.mask.tensor(output.shape[1])
    return made
