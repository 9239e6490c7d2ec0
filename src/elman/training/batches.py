"""Data sets as a plan takes them: arrays whose first axis counts rows, and the signature that says what they are.

Targets are shaped after the outputs, sample and class weights become one weight a row or step.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any

import numpy as np

from elman import dtypes, losses, ops
from elman.errors import DataError, ShapeError, unknown_name
from elman.executors import Arrays, Plan, Rows, default
from elman.graph import Graph, Tensor
from elman.layers.base import tracing
from elman.losses import Loss
from elman.shapes import Dim, Shape, is_symbol
from elman.training.arrays import Column, Padded, cast, check_finite, convert, is_ragged, shape_text, take, to_array
from elman.training.buckets import Trim, left
from elman.training.classes import ClassWeight, by_output, class_weights
from elman.training.indices import check_indices, tables_of
from elman.training.objective import Objective
from elman.training.program import Feeds, Program, Signature, Target, name_of
from elman.training.sources import DataSet

BATCH = 32
"""Keras's batch size where none is given."""

__all__ = ["BATCH", "Adapter"]


class Adapter:
    """Turns what `fit`, `evaluate` and `predict` are given into data sets for one program."""

    def __init__(self, program: Program, objective: Objective | None = None) -> None:
        self.program = program
        self.objective = objective
        self.columns = [
            Column(program.where, _argument(program, i), t.shape, t.dtype) for i, t in enumerate(program.inputs)
        ]
        self._shared = _shared_axes(self.columns)
        self._tables = tables_of(program)
        self._counting: dict[tuple[int, Signature], Plan] = {}

    @cached_property
    def validating(self) -> Adapter:
        """The same for `validation_data`, which errors then name."""
        program = dataclasses.replace(self.program, where=f"{self.program.where}, validation_data")
        return Adapter(program, self.objective)

    def batch_size(self, given: int | None = None) -> int:
        """The batch size to use: what was given, else what the model's first input names, else 32."""
        named = self.program.inputs[0].shape[0]
        return int(given or (isinstance(named, int) and named) or BATCH)

    def inputs(self, x: Any) -> DataSet:
        """A data set without targets."""
        given = self._parts("x", x, [name_of(t) for t in self.program.inputs], [t.ndim for t in self.program.inputs])
        found = [take(a, column) for a, column in zip(given, self.columns, strict=True)]
        arrays, lengths = [values for values, _ in found], [n for _, n in found]
        _check_rows(self.program.where, {c.name: a for c, a in zip(self.columns, arrays, strict=True)})
        self._check_symbols(arrays)
        for array, column, table in zip(arrays, self.columns, self._tables, strict=True):
            check_indices(array, column, table)
        arrays += [n for n in lengths if n is not None]
        return DataSet(arrays, Signature(tuple(n is not None for n in lengths)), lengths)

    def data_set(self, x: Any, y: Any, sample_weight: Any = None, class_weight: ClassWeight | None = None) -> DataSet:
        """A data set with targets and weights.

        Raises: DataError, ShapeError, DTypeError, ArgumentError: what does not fit, with row and column.
        """
        assert self.objective is not None
        data = self.inputs(x)
        targets = self._targets(y, data)
        weights = self._weights(sample_weight, targets, data)
        signature = Signature(
            data.signature.ragged,
            tuple(None if t is None else self._target(i, t) for i, t in enumerate(targets)),
            tuple(0 if w is None else w.ndim for w in weights),
        )
        given = [a for a in (*targets, *weights) if a is not None]
        made = DataSet([*data.arrays, *given], signature, data.lengths)
        return made if class_weight is None else self.weighted(made, class_weight)

    def weighted(self, data: DataSet, class_weight: ClassWeight) -> DataSet:
        """A data set whose rows or steps also count as the classes of its targets do.

        Raises: DataError: targets that are no classes, or classes without a weight. ArgumentError: no mapping.
        """
        signature, program, arrays = data.signature, self.program, iter(data.arrays)
        kept = [next(arrays) for _ in range(len(self.columns) + sum(signature.ragged))]
        targets = [None if t is None else np.asarray(next(arrays)) for t in signature.targets]
        weights = [np.asarray(next(arrays)) if rank else None for rank in signature.weights]
        lengths = {t.shape[1]: n for t, n in zip(program.inputs, data.lengths, strict=True) if n is not None}
        asked = by_output(program.where, class_weight, program.names)
        for i, (target, weight, output) in enumerate(zip(targets, weights, program.outputs, strict=True)):
            one = asked[i]
            if target is None or one is None:
                continue
            n = left(output.shape[1], lengths) if output.ndim > 2 else None
            ignored = None if self.objective is None else getattr(self.objective.losses[i], "ignore_class", None)
            made = class_weights(program.where, one, target, self._target_name(i), n, ignored)
            if weight is not None:
                made = weight.reshape(weight.shape + (1,) * (made.ndim - weight.ndim)) * made
            weights[i] = np.ascontiguousarray(made, output.dtype)
        ranks = tuple(0 if w is None else w.ndim for w in weights)
        given = [a for a in (*targets, *weights) if a is not None]
        return DataSet([*kept, *given], signature._replace(weights=ranks), data.lengths)

    def batch(self, item: Any) -> DataSet:
        """A data set from one item of a stream: (x, y), (x, y, sample_weight), or a dict of inputs and targets."""
        if isinstance(item, Mapping):
            inputs = {k: v for k, v in item.items() if k in {name_of(t) for t in self.program.inputs}}
            return self.data_set(inputs, {k: v for k, v in item.items() if k not in inputs})
        if not isinstance(item, (tuple, list)) or len(item) not in (2, 3):
            cure = "Let the generator yield (x, y) or (x, y, sample_weight)."
            raise DataError.at(self.program.where, "batch", "a tuple of 2 or 3", type(item).__name__, cure)
        return self.data_set(*item)

    # -- parts ------------------------------------------------------------------------------------------------------

    def _parts(self, argument: str, data: Any, names: Sequence[str], ranks: Sequence[int]) -> list[Any]:
        """One entry for each input or output, from a dict, a list, or the thing itself where there is one."""
        where = self.program.where
        if isinstance(data, Mapping):
            for key in data:
                if key not in names:
                    raise unknown_name(where, f"{argument} key", key, names)
            missing = [name for name in names if name not in data]
            if missing and argument == "x":
                raise DataError.at(
                    where,
                    argument,
                    f"a dict with {', '.join(map(repr, names))}",
                    sorted(data),
                    f"Missing: {', '.join(missing)}.",
                )
            return [data.get(name) for name in names]
        if len(names) == 1:
            single = (
                isinstance(data, (list, tuple))
                and len(data) == 1
                and _rank(data[0]) >= ranks[0]
                and not is_ragged(data)
            )
            return [data[0] if single else data]
        if isinstance(data, (list, tuple)) and len(data) == len(names):
            return list(data)
        count = len(data) if isinstance(data, (list, tuple)) else type(data).__name__
        raise DataError.at(
            where, argument, f"a list or dict of {len(names)} arrays", f"{count}", f"In order: {', '.join(names)}."
        )

    def _check_symbols(self, arrays: Arrays) -> None:
        """Raises: ShapeError: inputs that share an open axis but differ in it."""
        for (first, axis), *others in self._shared:
            known, name = arrays[first].shape[axis], self.columns[first].name
            for i, at in others:
                if arrays[i].shape[at] != known:
                    column, rule = self.columns[i], f"of {known} steps as {name}"
                    cure = 'Cut or pad them to one length, or name one open axis by itself, as in Input(("S", 2)).'
                    raise ShapeError.at(column.where, column.name, rule, arrays[i].shape, cure)

    def _targets(self, y: Any, data: DataSet) -> list[np.ndarray | None]:
        program, objective = self.program, self.objective
        assert objective is not None
        if y is None and any(loss is not None for loss in objective.losses):
            raise DataError.at(
                program.where, "y", "given", None, "A loss was compiled, so pass the targets: fit(x, y)."
            )
        ranks = [t.ndim for t in program.outputs]
        given = self._parts("y", y, program.names, ranks) if y is not None else [None] * len(ranks)
        found: list[np.ndarray | None] = []
        for i, (part, output) in enumerate(zip(given, program.outputs, strict=True)):
            if part is None and objective.losses[i] is not None:
                raise DataError.at(program.where, f"y['{program.names[i]}']", "given", None, "This output has a loss.")
            found.append(None if part is None else self._one_target(i, part, output, data))
        names = {self._target_name(i): a for i, a in enumerate(found) if a is not None}
        _check_rows(program.where, {self.columns[0].name: data.arrays[0], **names})
        return found

    def _target_name(self, i: int) -> str:
        return "y" if len(self.program.names) == 1 else f"y['{self.program.names[i]}']"

    def _one_target(self, i: int, part: Any, output: Tensor, data: DataSet) -> np.ndarray:
        assert self.objective is not None
        loss = self.objective.losses[i]
        if loss is not None and not loss.aligned:
            return self._own_steps(i, loss, part, data)
        integers = self.objective.wants_integers(i)
        dtype = dtypes.INT32 if integers else output.dtype
        shape: Shape = output.shape[:-1] if integers else output.shape
        column = Column(self.program.where, self._target_name(i), shape, dtype, _cure_of_targets(loss, output))
        padded = convert(part, column) if not is_ragged(part) else self._ragged_target(part, column, output, data)
        if not integers:
            check_target(padded.values, column)
        if loss is not None and isinstance(output.shape[-1], int):
            loss.check_targets(column.where, column.name, padded.values, None, output.shape[-1])
        return padded.values

    def _own_steps(self, i: int, loss: Loss, part: Any, data: DataSet) -> np.ndarray:
        """Targets with steps of their own, -1 behind the last, checked by their loss. Shapes: -> (N, L)."""
        output, name = self.program.outputs[i], self._target_name(i)
        column = Column(self.program.where, name, (output.shape[0], _own_size(i)), dtypes.INT32)
        padded = convert(part, column)
        values = np.pad(padded.values, [(0, 0), (0, 0 if padded.values.shape[1] else 1)], constant_values=-1)
        if padded.lengths is not None:
            values = np.where(np.arange(values.shape[1]) < padded.lengths[:, None], values, -1).astype(np.int32)
        if len(values) == data.rows:  # else another check says so
            loss.check_targets(column.where, name, values, self._frames(i, data), int(output.shape[-1]))  # type: ignore[arg-type]
        return values

    def _frames(self, i: int, data: DataSet) -> np.ndarray:
        """How many steps of an output are real, row by row. Shapes: -> (N,)."""
        key = i, data.signature.untargeted()
        if key not in self._counting:
            self._counting[key] = self._counts_frames(*key)
        plan = self._counting[key]
        trim, found = Trim.of(data, plan.graph.inputs), np.zeros(data.rows, np.float32)
        if trim is None:
            return plan.run(data.arrays).outputs[0]
        for rows in trim.sorted(data.rows, data.rows):
            found[rows] = trim.run(plan, rows).outputs[0]
        return found

    def _counts_frames(self, i: int, signature: Signature) -> Plan:
        feeds = Feeds.of(self.program, signature)
        with tracing(training=False):
            output = self.program.trace(feeds.inputs)[i]
        shape = output.shape[:2]
        real = ops.ones(shape) if output.mask is None else ops.cast(output.mask.tensor(shape[1]), dtypes.FLOAT32)
        return default().compile(Graph(feeds.all, (ops.sum(real, 1),)))

    def _ragged_target(self, part: Any, column: Column, output: Tensor, data: DataSet) -> Padded:
        """Targets as long as the output of each row: as x, or what strides leave of it."""
        padded, size = convert(part, column), output.shape[1] if output.ndim > 1 else 1
        wanted: np.ndarray | None = None
        for tensor, array, n in zip(self.program.inputs, data.arrays, data.lengths, strict=False):
            lengths = None if n is None else left(size, {tensor.shape[1]: n})
            if lengths is None:
                continue
            wanted = lengths if wanted is None else wanted
            if padded.lengths is not None and np.array_equal(lengths, padded.lengths):
                (longest,) = left(size, {tensor.shape[1]: np.array([array.shape[1]])})  # type: ignore[misc]  # as lengths are
                return Padded(_with_steps(padded.values, int(longest)), lengths)
        rule, cure = "as long as x, row by row", "Give one target for each step of x."
        if wanted is not None and size not in [t.shape[1] for t in self.program.inputs if t.ndim > 1]:
            rule, cure = "as long as the output, row by row", "Give one target for each step that predict gives."
        because = _first_difference(padded.lengths, wanted)
        raise DataError.at(column.where, column.name, rule, "sequences of other lengths", cure, because=because)

    def _target(self, i: int, array: np.ndarray) -> Target:
        """The symbolic shape of a target: open where the output is open, except where the sizes differ."""
        output = self.program.outputs[i]
        loss = None if self.objective is None else self.objective.losses[i]
        if loss is not None and not loss.aligned:
            return Target(str(array.dtype), (output.shape[0], _own_size(i)))
        sizes = [
            output.shape[axis] if axis < output.ndim and not isinstance(output.shape[axis], int) else size
            for axis, size in enumerate(array.shape)
        ]
        return Target(str(array.dtype), (output.shape[0], *sizes[1:]))

    def _weights(
        self, sample_weight: Any, targets: Sequence[np.ndarray | None], data: DataSet
    ) -> list[np.ndarray | None]:
        program = self.program
        given: list[Any] = [None] * len(program.names)
        if sample_weight is not None:
            several = isinstance(sample_weight, (Mapping, list, tuple)) and len(program.names) > 1
            given = (
                self._parts("sample_weight", sample_weight, program.names, [1])
                if several
                else [sample_weight] * len(program.names)
            )
        return [
            None if part is None or target is None else np.ascontiguousarray(self._one_weight(part, output, data))
            for part, output, target in zip(given, program.outputs, targets, strict=True)
        ]

    def _one_weight(self, part: Any, output: Tensor, data: DataSet) -> np.ndarray:
        if is_ragged(part) and output.ndim > 2:
            steps = Column(self.program.where, "sample_weight", output.shape[:2], output.dtype)
            return self._ragged_target(part, steps, output, data).values
        rows = data.rows
        column = Column(self.program.where, "sample_weight", output.shape[:1], output.dtype)
        weight = cast(to_array(part, column), column)
        check_finite(weight, column.where, column.name, part)
        if weight.ndim == 2 and weight.shape[1] == 1 and output.ndim == 2:
            weight = weight[:, 0]
        if weight.ndim not in (1, 2) or weight.ndim > output.ndim - 1 or len(weight) != rows:
            wanted = f"have shape ({rows},)" + (f" or ({rows}, T)" if output.ndim > 2 else "")
            raise ShapeError.at(
                self.program.where, "sample_weight", wanted, weight.shape, "Give one number for each row of x."
            )
        return weight


def _rank(item: Any) -> int:
    """How many axes something has; 0 where its parts differ in shape, of which another check tells."""
    try:
        return np.ndim(item)
    except ValueError:
        return 0


def _own_size(i: int) -> Dim:
    """The open size of targets that have steps of their own."""
    return Dim.symbol(f"L{i}")


def _cure_of_targets(loss: Loss | None, output: Tensor) -> str:
    """What to do where targets have another shape than the loss takes; empty where nothing is known."""
    size = output.shape[-1]
    if isinstance(loss, losses.SparseCategoricalCrossentropy):
        return "Give one class number each; for one-hot targets compile categorical_crossentropy."
    if isinstance(loss, losses.CategoricalCrossentropy):
        return f"Give {size} numbers each; for class numbers compile sparse_categorical_crossentropy."
    return f"Give {size} numbers each, or end with a layer of 1 unit." if isinstance(size, int) and size > 1 else ""


def check_target(values: np.ndarray, column: Column) -> None:
    """Raises: ShapeError: targets that do not have the output's rank after an axis of size 1 was added.

    Shapes: values (N, ...) of the rank of the column.
    """
    if values.ndim != len(column.shape):
        raise ShapeError.at(
            column.where,
            column.name,
            f"have shape {shape_text(column.shape)}",
            values.shape,
            "Give one target for each output.",
        )


def _shared_axes(columns: Sequence[Column]) -> list[list[tuple[int, int]]]:
    """Where the same open size stands in several places: (input, axis) of each, for every such size."""
    places: dict[str, list[tuple[int, int]]] = {}
    for i, column in enumerate(columns):
        for axis, size in enumerate(column.shape):
            if axis and is_symbol(size):
                places.setdefault(str(size), []).append((i, axis))
    return [found for found in places.values() if len(found) > 1]


def _argument(program: Program, i: int) -> str:
    return "x" if len(program.inputs) == 1 else f"x['{name_of(program.inputs[i])}']"


def _check_rows(where: str, arrays: Mapping[str, np.ndarray | Rows]) -> None:
    """Raises: DataError: arrays of different numbers of rows."""
    counts = {name: len(a) for name, a in arrays.items()}
    if len(set(counts.values())) > 1:
        received = ", ".join(f"{name} with {n}" for name, n in counts.items())
        cure = "Give one target for each row." if any(name.startswith("y") for name in counts) else "Rows must line up."
        rule = f"{where}: {' and '.join(counts)} must have the same number of rows."
        raise DataError(f"{rule} Received {received}. {cure}")


def _with_steps(rows: np.ndarray, steps: int) -> np.ndarray:
    """Rows with zeros behind them. Shapes: rows (N, S, ...) -> (N, steps, ...)."""
    missing = steps - rows.shape[1]
    return np.pad(rows, [(0, 0), (0, missing), *[(0, 0)] * (rows.ndim - 2)]) if missing else rows


def _first_difference(a: np.ndarray | None, b: np.ndarray | None) -> str:
    if a is None or b is None:
        return "x has no lengths" if b is None else "y has none"
    row = int(np.argmax(a != b)) if len(a) == len(b) else min(len(a), len(b))
    return f"row {row}" + (f" has {a[row]} targets and {b[row]} steps" if len(a) == len(b) else "")
