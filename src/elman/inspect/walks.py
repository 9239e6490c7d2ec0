"""What happens inside recurrent layers, step by step: states, gates, and the gradient that reaches each step.

A zero is added to every new state, and the loss differentiated with respect to it: that is the derivative by the state
itself, through everything that comes after. `gradient_flow` shows where it vanishes or explodes.

Source: Bengio et al. 1994, "Learning long-term dependencies with gradient descent is difficult"; Pascanu et al. 2013,
        "On the difficulty of training recurrent neural networks", section 2.
"""

from __future__ import annotations

import inspect
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, final

import numpy as np

from elman import charts, ops
from elman.autodiff import gradients
from elman.errors import ArgumentError, unknown_name
from elman.executors import Arrays, default
from elman.graph import Graph, Tensor, placeholder
from elman.graph.rewrite import hoist, simplify
from elman.layers.base import Companion, tracing
from elman.layers.rnn.recurrence import Recurrence
from elman.models import Model
from elman.shapes import Size
from elman.training import Adapter, Objective
from elman.training.program import Feeds

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["GradientFlow", "LayerFlow", "gradient_flow", "states"]

_FAR: Final = 1e3
"""How many times smaller or larger the first gradient is than the last where it vanishes or explodes."""


@final
@dataclass(eq=False)
class _Walk:
    """What is kept of one walk of a recurrent layer: tensors while tracing."""

    layer: str
    backwards: bool
    steps: Size = 0
    probes: list[Tensor] = field(default_factory=list)
    names: list[str] = field(default_factory=list)
    kept: list[Tensor] = field(default_factory=list)


@final
class _Watcher(Companion):
    """Keeps states and gates of every step; with `probing`, adds a sequence of zeros to each new state."""

    def __init__(self, probing: bool) -> None:
        self.probing = probing
        self.walks: list[_Walk] = []
        self._backwards = False

    def enter(self, layer: Any, x: Any, args: Any, kwargs: Any) -> None:
        """Which way the next walk goes."""
        if isinstance(layer, Recurrence):
            self._backwards = layer.go_backwards

    def start(self, layer: str, steps: Tensor, states: Sequence[Tensor]) -> Sequence[Tensor]:
        """A walk begins."""
        again = sum(walk.layer.partition(":")[0] == layer for walk in self.walks)
        self.walks.append(_Walk(f"{layer}:{again + 1}" if again else layer, self._backwards, steps.shape[0]))
        return states

    def probes(self, layer: str, steps: Tensor, states: Sequence[Tensor]) -> Sequence[Tensor]:
        """One a state."""
        made = [placeholder(f"{layer}_probe_{i}", (steps.shape[0], *s.shape), s.dtype) for i, s in enumerate(states)]
        self.walks[-1].probes = made if self.probing else []
        return self.walks[-1].probes

    def watch(self, cell: Any, x: Tensor, before: Sequence[Tensor], after: Sequence[Tensor]) -> Sequence[Tensor]:
        """The new states, then the gates."""
        gates = cell.gates(x, *before)
        self.walks[-1].names = [*_state_names(cell, len(after)), *gates]
        return [*after, *gates.values()]

    def watched(self, layer: str, kept: Sequence[Tensor]) -> None:
        """The same for all steps."""
        self.walks[-1].kept = list(kept)


def _state_names(cell: Any, count: int) -> list[str]:
    """The names a cell's equation has for its states."""
    given = list(inspect.signature(cell.step).parameters.values())[1:]
    named = [p.name for p in given if p.kind is p.POSITIONAL_OR_KEYWORD]
    return named if len(named) == count else [f"state_{i}" for i in range(count)]


@final
@dataclass(frozen=True, eq=False)
class LayerFlow:
    """One recurrent layer's part of a `GradientFlow`.

    Attributes:
        name: of the layer.
        backwards: whether it walks from the last step to the first.
        slopes: for each state by name, the gradient of the loss by it at each step. Shapes: (B, T, U).
        states, gates: their values by name. Shapes: (B, T, U).
        lengths: how many steps each row has; None: T. Shapes: (B,).
    """

    name: str
    backwards: bool
    slopes: dict[str, np.ndarray]
    states: dict[str, np.ndarray]
    gates: dict[str, np.ndarray]
    lengths: np.ndarray | None = None

    @property
    def norms(self) -> np.ndarray:
        """‖∂L/∂h_t‖ at each step, h all states together, the mean over the rows that have it. Shapes: (T,)."""
        return self._mean(self._of_rows, self._real)

    @property
    def _of_rows(self) -> np.ndarray:
        """Shapes: (B, T)."""
        flat = [s.reshape(*s.shape[:2], math.prod(s.shape[2:])).astype(np.float64) for s in self.slopes.values()]
        whole: np.ndarray = np.sqrt(sum((s**2).sum(-1) for s in flat))
        return whole

    @property
    def _real(self) -> np.ndarray:
        """Where a row has a step. Shapes: (B, T)."""
        rows, steps = next(iter(self.slopes.values())).shape[:2]
        real: np.ndarray = np.arange(steps) < (np.full(rows, steps) if self.lengths is None else self.lengths)[:, None]
        return real

    @staticmethod
    def _mean(norms: np.ndarray, real: np.ndarray) -> np.ndarray:
        """The mean over the rows that have a step, 0 where none has. Shapes: (B, T) twice -> (T,)."""
        mean: np.ndarray = np.where(real, norms, 0.0).sum(0) / np.maximum(real.sum(0), 1)
        return mean

    @property
    def _walked(self) -> np.ndarray:
        """The norms in the order of the walk, so that all rows end together: it is from there that they fall."""
        norms, real = self._of_rows, self._real
        if self.backwards:
            return self._mean(norms[:, ::-1], real[:, ::-1])
        last = real.sum(1)[:, None] - 1 - np.arange(real.shape[1])[::-1]  # the step of each row so far from its end
        return self._mean(np.take_along_axis(norms, np.maximum(last, 0), 1), last >= 0)

    @property
    def memory(self) -> int:
        """Effective memory: for how many steps back from the last the norm stays at or above 1/e of the last one's.

        It starts at the last step that has a gradient at all; T means that it lasts for the whole sequence.
        """
        norms = self._walked[::-1]
        reached = np.flatnonzero(norms > 0)
        if not len(reached):
            return 0
        norms = norms[reached[0] :]
        below = np.flatnonzero(norms < norms[0] / math.e)
        return int(below[0]) if len(below) else len(norms)

    @property
    def factor(self) -> float:
        """What one step back does to the norm, on average: their geometric mean. NaN for fewer than two steps."""
        norms = self._walked
        norms = norms[: int(np.flatnonzero(norms > 0)[-1]) + 1] if (norms > 0).any() else norms[:0]
        return float((norms[0] / norms[-1]) ** (1 / (len(norms) - 1))) if len(norms) > 1 else math.nan

    @property
    def verdict(self) -> str:
        """ "vanishes" or "explodes" where the first step's gradient is 1000 times smaller or larger; else "holds"."""
        norms = self._walked
        reached = norms[norms > 0]
        if not len(reached) or not np.isfinite(norms).all():
            return "explodes" if len(reached) else "vanishes"
        if norms[0] * _FAR < reached[-1]:
            return "vanishes"
        return "explodes" if norms[0] > _FAR * reached[-1] else "holds"


@final
@dataclass(frozen=True, eq=False)
class GradientFlow:
    """The gradient's way back through time, layer by layer: print it, `plot()` it, or take its numbers.

    Attributes: layers: one entry for each walk of a recurrent layer, in order.
    """

    layers: tuple[LayerFlow, ...]

    def __getitem__(self, name: str) -> LayerFlow:
        """A layer by name. Raises: UnknownNameError."""
        for layer in self.layers:
            if layer.name == name:
                return layer
        raise unknown_name("GradientFlow", "name", name, [layer.name for layer in self.layers])

    def __iter__(self) -> Iterator[LayerFlow]:
        return iter(self.layers)

    def __str__(self) -> str:
        head = ("layer", "steps", "first", "last", "per step", "memory", "gradient")
        rows = [head, *(_row(layer) for layer in self.layers)]
        widths = [max(len(row[i]) for row in rows) for i in range(len(head))]
        lines = ["  ".join(_aligned(row, widths)).rstrip() for row in rows]
        return "\n".join([lines[0], "-" * max(map(len, lines)), *lines[1:]])

    def plot(self, title: str = "gradient through time") -> Figure:
        """Norms over time on a logarithmic scale; below, for layers that tell their gates, the gates' means."""
        telling = [layer for layer in self.layers if layer.gates]
        figure, axes = charts.canvas(rows=1 + len(telling), size=(9.0, 3.4 + 2.2 * len(telling)))
        colors = (charts.FORECAST, charts.BASELINE, charts.THIRD, charts.ACTUAL, charts.MUTED)
        for i, layer in enumerate(self.layers):
            norms = np.where(layer.norms > 0, layer.norms, np.nan)
            label = f"{layer.name}: {layer.verdict}, memory {_memory(layer)}"
            axes[0].plot(np.arange(len(norms)), norms, color=colors[i % len(colors)], linewidth=1.6, label=label)
        axes[0].set_yscale("log")
        charts.finish(axes[0], title, "time step t", "‖∂L/∂h_t‖")
        for one, layer in zip(axes[1:], telling, strict=True):
            for color, (name, values) in zip(colors, layer.gates.items(), strict=False):
                _band(one, values.reshape(values.shape[0], values.shape[1], -1), color, name)
            charts.finish(one, f"{layer.name}: gates", "time step t", "mean, 10-90 % of units", ncols=4)
        return figure


def _row(layer: LayerFlow) -> tuple[str, ...]:
    norms = layer.norms
    ends = (f"{norms[0]:.2e}", f"{norms[-1]:.2e}") if len(norms) else ("-", "-")
    return (layer.name, str(len(norms)), *ends, f"x {layer.factor:.3f}", _memory(layer), layer.verdict)


def _memory(layer: LayerFlow) -> str:
    whole = layer.memory >= len(layer.norms)
    return f"all {layer.memory}" if whole else f"{layer.memory} step{'s' * (layer.memory != 1)}"


def _aligned(row: Sequence[str], widths: Sequence[int]) -> list[str]:
    return [t.ljust(w) if i in (0, 6) else t.rjust(w) for i, (t, w) in enumerate(zip(row, widths, strict=True))]


def _band(axes: Any, values: np.ndarray, color: str, label: str) -> None:
    """Mean over rows and units, and the range of most of them. Shapes: values (B, T, U)."""
    steps = np.arange(values.shape[1])
    low, high = np.quantile(values, [0.1, 0.9], axis=(0, 2))
    axes.fill_between(steps, low, high, color=color, alpha=0.12, linewidth=0)
    axes.plot(steps, values.mean((0, 2)), color=color, linewidth=1.5, label=label)


def gradient_flow(model: Model, x: Any, y: Any = None, loss: Any = None) -> GradientFlow:
    """How much each step's states matter to the loss: ‖∂L/∂h_t‖ for every step and recurrent layer.

    Falls to nothing going back: the gradient vanishes, and what happened early cannot be learned. Grows: it explodes,
    and clipping or a smaller rate is needed. Dropout is off. Ragged rows are followed back from the end of each.

    Args:
        model: one with recurrent layers.
        x: a batch, as `predict` takes it.
        y: targets; None takes as L the sum of the model's last outputs.
        loss: of y; default the model's own. L is then the sum over the rows, not their mean.
    Raises: ArgumentError: no recurrent layer, no steps, or y without a loss.
    Example:
        >>> from elman.layers import SimpleRNN
        >>> from elman.models import Sequential
        >>> model = Sequential([SimpleRNN(4, input_shape=(None, 1), name="rnn")])
        >>> flow = gradient_flow(model, np.zeros((2, 50, 1), "float32"))
        >>> flow["rnn"].norms.shape, flow["rnn"].verdict
        ((50,), 'holds')
    """
    program = model.program()
    objective = None
    if y is not None:
        chosen = model.loss if loss is None else loss
        if chosen is None:
            raise ArgumentError.at("gradient_flow", "loss", "given with y", None, "Pass loss='mse', or compile.")
        objective = Objective(model.where, program.names, chosen, dtype=program.outputs[0].dtype)
    adapter = Adapter(program, objective)
    data = adapter.inputs(x) if objective is None else adapter.data_set(x, y)
    feeds = Feeds.of(program, data.signature)
    watcher = _Watcher(probing=True)
    with tracing(training=False, companion=watcher):
        outputs = program.trace(feeds.inputs)
        if objective is None:
            total = _sum_of_last(outputs)
        else:
            total = objective.total(objective.terms(feeds, outputs), []) * ops.size(outputs[0], 0, outputs[0].dtype)
    probes = [p for walk in _found(watcher, "gradient_flow") for p in walk.probes]
    kept = [t for walk in watcher.walks for t in walk.kept]
    forward = hoist(simplify(Graph((*feeds.all, *probes), (total, *kept))))
    slopes = gradients(forward.outputs[0], probes)
    plan = default().compile(Graph(forward.inputs, (*slopes, *forward.outputs[1:])))
    zeros = _zeros(probes, data.arrays, feeds)
    if any(not len(z) for z in zeros):
        raise ArgumentError.at("gradient_flow", "x", "have steps", "none", "There is nothing to go back through.")
    made = plan.run([*data.arrays, *zeros]).outputs
    lengths = {t.shape[1]: n for t, n in zip(program.inputs, data.lengths, strict=True) if n is not None}
    return GradientFlow(tuple(_flows(watcher.walks, [np.swapaxes(a, 0, 1) for a in made], lengths)))


def states(model: Model, x: Any) -> dict[str, dict[str, np.ndarray]]:
    """States and gates of every recurrent layer at every step: {layer: {name: values}}.

    Args: x: a batch, as `predict` takes it.
    Shapes: (B, T, U) each.
    Raises: ArgumentError: no recurrent layer.
    Example:
        >>> from elman.layers import LSTM
        >>> from elman.models import Sequential
        >>> model = Sequential([LSTM(4, input_shape=(None, 1), name="lstm")])
        >>> found = states(model, np.zeros((2, 5, 1), "float32"))["lstm"]
        >>> list(found), found["c"].shape
        (['h', 'c', 'i', 'f', 'g', 'o'], (2, 5, 4))
    """
    program = model.program()
    data = Adapter(program).inputs(x)
    feeds = Feeds.of(program, data.signature)
    watcher = _Watcher(probing=False)
    with tracing(training=False, companion=watcher):
        program.trace(feeds.inputs)
    kept = tuple(t for walk in _found(watcher, "states") for t in walk.kept)
    made = iter(default().compile(Graph(feeds.all, kept)).run(data.arrays).outputs)
    return {walk.layer: {name: np.swapaxes(next(made), 0, 1) for name in walk.names} for walk in watcher.walks}


def _found(watcher: _Watcher, where: str) -> list[_Walk]:
    if not watcher.walks:
        raise ArgumentError.at(
            where, "model", "have recurrent layers over (B, T, F)", "none", "Their states are watched."
        )
    return watcher.walks


def _sum_of_last(outputs: Sequence[Tensor]) -> Tensor:
    """The sum of each output, at its last step where it is a sequence."""
    parts = [ops.sum(t[:, -1] if t.ndim > 2 else t) for t in outputs]
    total = parts[0]
    for part in parts[1:]:
        total = total + ops.cast(part, total.dtype)
    return total


def _zeros(probes: Sequence[Tensor], arrays: Arrays, feeds: Feeds) -> list[np.ndarray]:
    """Arrays of zeros for the probes, sized by the data."""
    sizes: dict[str, int] = {}
    for t, array in zip(feeds.all, arrays, strict=True):
        sizes.update({str(d): n for d, n in zip(t.shape, array.shape, strict=True) if not isinstance(d, int)})
    return [
        np.zeros([d if isinstance(d, int) else d.evaluate(sizes) for d in probe.shape], probe.dtype) for probe in probes
    ]


def _flows(
    walks: Sequence[_Walk], arrays: Sequence[np.ndarray], lengths: Mapping[Size, np.ndarray]
) -> Iterator[LayerFlow]:
    """Arrays: the slopes of all walks, then what was kept. Shapes: (B, T, U) each; lengths by open axis (B,)."""
    slopes, kept = iter(arrays), iter(arrays[sum(len(w.probes) for w in walks) :])
    for walk in walks:
        count = len(walk.probes)
        by_state = {name: next(slopes) for name in walk.names[:count]}
        values = {name: next(kept) for name in walk.names}
        gates = {name: values[name] for name in walk.names[count:]}
        whole = {n: values[n] for n in walk.names[:count]}
        yield LayerFlow(walk.layer, walk.backwards, by_state, whole, gates, lengths.get(walk.steps))
