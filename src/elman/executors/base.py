"""What an executor is: something that turns a graph into a plan, and a plan into numbers.

A plan owns no data of a user: it reads the arrays it is given and the variables of its graph, returns new arrays for
the outputs, and writes the updated variables in place. All executors give the same numbers up to rounding; `reference`
is the definition.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from elman.executors.rows import Rows
from elman.graph.node import Graph, Variable

Arrays = Sequence[np.ndarray | Rows]
"""What a plan reads: one for each graph input."""


class Run(NamedTuple):
    """What came of running steps: how many were done, and whether the guard stopped the last one (`diverged`).

    outputs: of the last step that ran.
    """

    outputs: list[np.ndarray]
    steps: int = 1
    diverged: bool = False


Notes = Sequence[tuple[Variable, np.ndarray]]
"""Variables, and where the value of each is noted after each epoch."""

Limits = Mapping[int, tuple[float, float]]
"""By the place of an array, the least and the largest number it may have."""


class Bound(NamedTuple):
    """A plan on arrays that stay.

    run: reads the arrays and fills the outputs. step: puts an array in the place of `given`, runs, and gives a copy of
    `answer`; None, and nothing was done, unless the array has that type and shape and lies in one piece.
    """

    run: Callable[[], None]
    step: Callable[[Any], np.ndarray | None]


class Plan(ABC):
    """A graph made ready to run, for any batch size and length."""

    graph: Graph

    @abstractmethod
    def run(self, arrays: Arrays) -> Run:
        """One step: outputs from arrays, then the updates, unless the guard is not finite.

        Args: arrays: one for each graph input, with its type and shape; open sizes are taken from them.
        Shapes: arrays as the inputs of the graph -> outputs as its outputs, their open sizes filled in.
        Raises: ShapeError, DTypeError: an array does not fit its input.
        """

    def bound(
        self,
        arrays: Sequence[np.ndarray],
        outputs: Sequence[np.ndarray],
        given: np.ndarray | None = None,
        answer: np.ndarray | None = None,
    ) -> Bound:
        """`run` on arrays that stay: each call reads `arrays` and fills `outputs`, one for each graph output.

        An array may be among both: a state that one call leaves for the next.

        Args: given, answer: views of one of `arrays` and one of `outputs`, for `Bound.step`.
        Shapes: arrays as the inputs of the graph, outputs as its outputs.
        """

        def again() -> None:
            made = [np.array(value) for value in self.run(arrays).outputs]  # copies, for a value may be one of `arrays`
            for into, value in zip(outputs, made, strict=True):
                into[...] = value

        def step(x: Any) -> np.ndarray | None:
            if given is None or type(x) is not np.ndarray or x.dtype != given.dtype or x.shape != given.shape:
                return None
            given[...] = x
            again()
            return None if answer is None else answer.copy()

        return Bound(again, step)

    def again(
        self, arrays: Arrays, look: bool = False, limits: Limits | None = None
    ) -> Callable[..., list[np.ndarray] | None] | None:
        """`run` for arrays like those of a run before: of the same types and shapes, each in one piece.

        What comes back takes such arrays, one after another, and looks at nothing but their headers. It gives new
        arrays of outputs; no array where the guard failed or NaN was seen; None, and nothing is done, for arrays that
        are different, or beyond limits. Errors come as the extension raises them: `run` says what is wrong.

        Args: arrays: those of a run; look: whether arrays with NaN are refused, before or while they are read;
            limits: of arrays of real numbers.
        Returns None where this plan has no such way.
        """
        return None

    @abstractmethod
    def run_batches(self, arrays: Arrays, order: np.ndarray, batch_size: int) -> Run:
        """One step for each batch of `batch_size` rows of `order`; the last may be smaller.

        Args: arrays: data sets whose first axis counts rows, which may lie apart: neither a view of the first steps of
            all rows nor `Rows` are copied; order: int64 row numbers. Stops early when the guard fails.
        Shapes: arrays (rows, ...), order (N,) -> outputs of the last batch, (batch_size or fewer, ...).
        """

    def run_epochs(
        self,
        arrays: Arrays,
        orders: np.ndarray,
        batch_size: int,
        notes: Notes = (),
        sizes: Mapping[str, np.ndarray] | None = None,
    ) -> Run | None:
        """`run_batches` for each row of `orders`; after each, the sums of `notes` are noted and start again from zero.

        Args: orders: int64, N > 0; notes: sums, each with an array of its type, filled epoch by epoch: what was done
            before an interrupt is there. sizes: of ragged rows, by name: an open size in each batch; arrays may be
            longer. Stops early, then, where a batch behind the first needs more memory than there is: see `Run.steps`;
            and no outputs are given.
        Returns None, and nothing is done, where there are sizes and each batch must be cut and run by itself.
        Shapes: arrays (rows, ...), orders (E, N), arrays of notes (E, ...), sizes (E, batches).
        """
        if sizes is not None:
            return None
        steps, outputs = 0, list[np.ndarray]()
        for epoch, order in enumerate(orders):
            run = self.run_batches(arrays, order, batch_size)
            steps, outputs = steps + run.steps, run.outputs
            if run.diverged:
                return Run(outputs, steps, True)
            for variable, noted in notes:
                noted[epoch] = variable.value
                variable.value[...] = 0
        return Run(outputs, steps)

    def needed(self, arrays: Arrays) -> int:
        """Bytes that a run on arrays of these shapes would hold, without running it; 0: nobody knows.

        Shapes: arrays as the inputs of the graph.
        """
        return 0

    def release(self) -> None:  # noqa: B027  # an executor may keep nothing
        """Give back the memory that is kept between runs; the next run takes it anew."""


class Executor(ABC):
    """A way to run graphs."""

    name: str

    @abstractmethod
    def compile(self, graph: Graph, memory: int | None = None) -> Plan:
        """Make a graph ready to run; done once, whatever the sizes will be.

        Args: memory: the most bytes a run may hold, where the executor can tell; None: `settings.memory_limit()`.
        """
