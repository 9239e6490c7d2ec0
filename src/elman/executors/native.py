"""The native executor: graphs lowered to plans of the compiled extension.

The only file that imports `elman._native`.
"""

from __future__ import annotations

import functools
import math
import os
import threading
import warnings
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from typing import Any, ClassVar, TypeVar

import numpy as np

from elman import dtypes, settings
from elman.errors import (
    ArgumentError,
    DataError,
    DTypeError,
    ExecutorError,
    MemoryLimitError,
    ShapeError,
    reference_executor_warning,
)
from elman.executors.base import Arrays, Bound, Executor, Limits, Notes, Plan, Run
from elman.executors.lowering import HOMES, ONCE, OPS, Lowered, lower
from elman.executors.pointwise import CODES
from elman.executors.rows import Rows
from elman.graph.node import Graph, Tensor
from elman.graph.verify import verify
from elman.shapes import Dim, bind, number, symbols, text

T = TypeVar("T")


def _other_version(extension: Any) -> str:
    """What is wrong with an extension built from other sources: its words would mean other instructions, silently."""
    own = {"HOMES": HOMES, "OPS": OPS, "CODES": CODES}
    if all(getattr(extension, table, "") == " ".join(words) for table, words in own.items()):
        return ""
    return "the compiled extension is of another version than the Python code; reinstall: pip install -e ."


try:
    import elman._native as extension

    _missing = _other_version(extension)
except ImportError as error:  # no compiler when elman was installed
    extension, _missing = None, str(error)
_native: Any = None if _missing else extension

_TABLES = {"gather": "Gather", "scatter_add": "ScatterAdd", "linear_cross_entropy": "LinearCrossEntropy"}

ISAS = ("baseline", "avx2", "avx512", "amx")
KEPT_SHAPES = 256
"""Shapes of arrays whose sizes a plan remembers; then it forgets all."""


@functools.cache
def available() -> bool:
    """Whether the compiled extension can be used; where it cannot, says so once, with the cure."""
    if _native is None:
        warnings.warn(reference_executor_warning(_missing), stacklevel=2)
        return False
    return True


def chosen_isa() -> str:
    """The instruction set plans are made for: ELMAN_ISA, or the best this CPU has.

    Raises: ArgumentError: ELMAN_ISA names one this CPU does not have.
    """
    wanted = settings.isa()
    if wanted is None:
        return ISAS[_native.best_isa()]
    if not _native.isa_supported(ISAS.index(wanted)):
        from_here = [name for i, name in enumerate(ISAS) if _native.isa_supported(i)]
        raise ArgumentError.at(
            "native",
            "ELMAN_ISA",
            f"an instruction set of this CPU ({', '.join(from_here)})",
            wanted,
            "Unset it to choose the best.",
        )
    return wanted


class NativeExecutor(Executor):
    """Compiles a graph once into a native plan; any batch size and length runs on it."""

    name = "native"

    def compile(self, graph: Graph, memory: int | None = None) -> Plan:
        """A native plan of the graph.

        Raises: GraphError: two real types in one graph. ExecutorError: bfloat16 products, and no unit for them.
        """
        if _in_bfloat16(graph) and not _native.bfloat16_unit(ISAS.index(chosen_isa())):
            _need_emulation()
        if settings.verify():
            verify(graph)
        return NativePlan(graph, lower(graph), memory)


def _in_bfloat16(graph: Graph) -> bool:
    """Whether the operands of some product are to be rounded."""
    found = (n for n in graph.nodes() if "precision" in n.attrs or (n.op == "Scan" and _in_bfloat16(n.attrs["body"])))
    return next(found, None) is not None


def _need_emulation() -> None:
    """Raises: ExecutorError: nobody asked for bfloat16 to be emulated."""
    if settings.bfloat16() != "emulate":
        raise ExecutorError.at(
            "native",
            "dtype_policy",
            "one this CPU has a unit for",
            settings.MIXED,
            "Use dtype='float32', or set ELMAN_BFLOAT16=emulate to get the same rounding slowly.",
            because=f"{chosen_isa()} has no bfloat16 tiles (AMX)",
        )


class NativePlan(Plan):
    """A lowered graph with its memory. Arrays are checked here, at the border, before any pointer leaves Python."""

    def __init__(self, graph: Graph, lowered: Lowered, memory: int | None = None) -> None:
        self.graph = graph
        self.lowered = lowered
        made = _native.PlanFloat64 if lowered.real == dtypes.FLOAT64 else _native.PlanFloat32
        self._plan = made(
            lowered.spec,
            [v.value for v in lowered.variables],
            lowered.constants,
            ISAS.index(chosen_isa()),
            settings.memory_limit() if memory is None else memory,
        )
        self._threads = settings.num_threads()
        multiplied = zip(graph.inputs, lowered.spec["input_rows"], lowered.spec["input_steps"], strict=True)
        looked = all(row and step >= 0 for t, row, step in multiplied if dtypes.is_real(t.dtype))
        self._looks = looked and not graph.updates  # a state must not change because of what is refused
        self._lock = _Turns()
        # The kernels know one real type, int32 and int8: truth values are 0.0 and 1.0 of the real type.
        self._types = [np.dtype(lowered.real if t.dtype == dtypes.BOOL else t.dtype) for t in graph.inputs]
        self._batched = [bool(t.shape) and t.shape[0] == Dim.symbol("B") for t in graph.inputs]
        # Inputs of which batches cannot be cut: the batch is another axis than the first.
        self._across = any("B" in symbols(t.shape[b:]) for t, b in zip(graph.inputs, self._batched, strict=True))
        self._bound: tuple[Any, ...] | None = None
        self._sizes: dict[str, int] = {}
        self._symbols: list[int] = []
        self._bindings: dict[tuple[Any, ...], tuple[dict[str, int], list[int]]] = {}  # by shapes
        self._truths = any(t.dtype == dtypes.BOOL for t in graph.outputs)
        self._results: tuple[int, list[tuple[tuple[int, ...], np.dtype[Any]]]] = (-1, [])
        # Where no result has an open size, batches of other lengths ask for the same arrays.
        self._open = any(isinstance(size, Dim) for t in graph.outputs for size in t.shape)

    def run(self, arrays: Arrays) -> Run:
        """One step on arrays, as `Plan.run`."""
        with self._lock:
            views = self._accept(arrays)
            made = self._empty(self._sizes.get("B", 1))
            steps, diverged = _named(self._plan.run, views, self._batched, self._symbols, None, 0, self._threads, made)
            return Run(self._as_typed(made), steps, diverged)

    def bound(
        self,
        arrays: Sequence[np.ndarray],
        outputs: Sequence[np.ndarray],
        given: np.ndarray | None = None,
        answer: np.ndarray | None = None,
    ) -> Bound:
        """The plan on arrays that stay, as `Plan.bound`; a call looks nothing up and takes well below a microsecond."""
        with self._lock:
            self._bind(arrays)
            self._bound = tuple(a.shape for a in arrays)
            views = [*arrays, *outputs]
            kept = all(a.flags.c_contiguous for a in views) and dtypes.BOOL not in {t.dtype for t in self.graph.outputs}
            fits = all(a.dtype == kind for a, kind in zip(arrays, self._types, strict=True))
            # Addresses are fixed here, so nothing may be copied or converted later, and no rows be gathered.
            if not (kept and fits) or any(self._batched) or self.graph.updates or self.graph.guard is not None:
                return super().bound(arrays, outputs, given, answer)
            made = self._plan.bound(list(arrays), self._symbols, list(outputs), given, answer, self._threads)
        if self._reads_tables():
            return Bound(functools.partial(_named, made.run), functools.partial(_named, made.step))
        return Bound(made.run, made.step)

    def again(
        self, arrays: Arrays, look: bool = False, limits: Limits | None = None
    ) -> Callable[..., list[np.ndarray] | None] | None:
        """`run` for arrays like these, as `Plan.again`; a call takes a microsecond beside the work."""
        with self._lock:
            if self._truths or any(type(a) is not np.ndarray for a in arrays) or self._accept(arrays) is not arrays:
                return None
            made = self._empty(self._sizes.get("B", 1))
            run: Callable[..., list[np.ndarray] | None] = self._plan.again(
                list(arrays),
                self._batched,
                self._symbols,
                self._threads,
                made,
                look and not self._looks,
                [(at, *between) for at, between in (limits or {}).items()],
            ).run
            return run

    def _reads_tables(self) -> bool:
        """Whether an index may lie outside a table when the plan runs."""
        spec = self.lowered.spec
        blocks = [*(s[1] for s in (*spec["segments"], *spec["last"])), *(b[0] for b in spec["bodies"])]
        return any([*OPS][i[0]] in _TABLES for block in blocks for i in block)

    def run_batches(self, arrays: Arrays, order: np.ndarray, batch_size: int) -> Run:
        """Steps over batches of rows, as `Plan.run_batches`; no Python in between."""
        if len(order) == 0:
            return Run([], 0)
        with self._lock:
            if all(self._readable(i, a) for i, a in enumerate(arrays)):
                self._note(arrays)
                views = arrays
            else:  # convert these rows, and no others
                views = self._accept([a[order] if self._batched[i] else a for i, a in enumerate(arrays)])
                order = np.arange(len(order))
            self._check_cut(views, min(batch_size, len(order)))
            rows = np.ascontiguousarray(order, dtype=np.int64)
            steps, diverged = _named(
                self._plan.run, views, self._batched, self._symbols, rows, batch_size, self._threads, []
            )
            return Run(self._outputs(_last_batch(len(order), batch_size, steps, diverged)), steps, diverged)

    def _cuttable(self, arrays: Arrays, names: Collection[str]) -> bool:
        """Whether arrays can be read where they lie, and agree in these sizes, which are those of first steps."""
        if not all(self._readable(i, a) for i, a in enumerate(arrays)):
            return False
        longest: dict[str, int] = {}
        for t, a, batched in zip(self.graph.inputs, arrays, self._batched, strict=True):
            for axis, size in enumerate(t.shape):
                if not isinstance(size, Dim) or size.symbols.isdisjoint(names):
                    continue
                if not (batched and axis == 1 and str(size) in names):
                    return False
                if longest.setdefault(str(size), a.shape[1]) != a.shape[1]:
                    return False
        return True

    def _check_cut(self, arrays: Arrays, rows: int) -> None:
        """Raises: ShapeError: an array has the batch on another axis than the first, and batches are not all of it."""
        sizes = {"B": rows}
        for t, a, batched in zip(self.graph.inputs, arrays, self._batched, strict=True) if self._across else ():
            bind("Plan", t.node.attrs["name"], t.shape, (rows, *a.shape[1:]) if batched else a.shape, sizes)

    def _cut(self, sizes: Mapping[str, np.ndarray]) -> np.ndarray:
        """The number of each symbol in batches of which some sizes are smaller than those of the arrays.

        Shapes: sizes (E, batches) -> (E · batches, symbols) int64.
        """
        batches = list(zip(*(n.ravel().tolist() for n in sizes.values()), strict=True))
        found = {one: self._cut_to(dict(zip(sizes, one, strict=True))) for one in set(batches)}
        return np.array([found[one] for one in batches], np.int64).reshape(len(batches), len(self.lowered.symbols))

    def _cut_to(self, cut: Mapping[str, int]) -> list[int]:
        key = (self._bound, *cut.items())
        if key not in self._bindings:
            sizes = {**self._sizes, **cut}
            self._check_slices(sizes)
            if len(self._bindings) >= KEPT_SHAPES:
                self._bindings.clear()
            self._bindings[key] = sizes, [*_known(self.lowered.symbols, sizes).values()]
        return self._bindings[key][1]

    def run_epochs(
        self,
        arrays: Arrays,
        orders: np.ndarray,
        batch_size: int,
        notes: Notes = (),
        sizes: Mapping[str, np.ndarray] | None = None,
    ) -> Run | None:
        """Several epochs, as `Plan.run_epochs`; no Python in between."""
        if sizes is not None and not self._cuttable(arrays, sizes):
            return None
        places = {id(v): i for i, v in enumerate(self.lowered.variables)}
        with self._lock:
            views = self._accept(arrays)
            self._check_cut(views, min(batch_size, orders.shape[1]))
            rows = np.ascontiguousarray(orders, dtype=np.int64)
            steps, diverged = _named(
                self._plan.run_epochs, views, self._batched, self._symbols, rows.reshape(-1), len(rows), batch_size,
                self._threads, [places[id(v)] for v, _ in notes], [noted for _, noted in notes],
                None if sizes is None else self._cut(sizes),
            )  # fmt: skip
            if sizes is not None:
                return Run([], steps, diverged)
            # Steps of the epoch that was cut short; 0 where the last one was finished.
            done = steps % -(-rows.shape[1] // batch_size)
            return Run(self._outputs(_last_batch(rows.shape[1], batch_size, done, diverged)), steps, diverged)

    def needed(self, arrays: Arrays) -> int:
        """Bytes that a run on arrays of these shapes would hold, as `Plan.needed`."""
        sizes: dict[str, int] = {}
        for t, a in zip(self.graph.inputs, arrays, strict=True):
            bind("Plan", t.node.attrs["name"], t.shape, a.shape, sizes)
        found: int = _named(self._plan.needed, [*_known(self.lowered.symbols, sizes).values()])
        return found

    def release(self) -> None:
        """Give the memory back, as `Plan.release`."""
        with self._lock:
            self._plan.release()

    def _accept(self, arrays: Arrays) -> Arrays:
        """The arrays as the plan reads them: right type and shape, each row contiguous. Open sizes are noted."""
        self._note(arrays)
        for a, kind in zip(arrays, self._types, strict=True):
            if isinstance(a, Rows) or a.dtype is not kind or not a.flags.c_contiguous:
                return [a if self._readable(i, a) else self._converted(i, a) for i, a in enumerate(arrays)]
        return arrays

    def _note(self, arrays: Arrays) -> None:
        """Note the open sizes of arrays. Raises: ShapeError: some do not fit the graph."""
        shapes = tuple([a.shape for a in arrays])
        if shapes != self._bound:
            self._bind(arrays)
            self._bound = shapes

    def _readable(self, index: int, array: np.ndarray | Rows) -> bool:
        """Whether the plan can read an array where it is: of its type, in one piece, or with a batch each row of it."""
        if array.dtype != self._types[index]:
            return False
        if isinstance(array, Rows):
            return self._batched[index]
        return array.flags.c_contiguous or (self._batched[index] and array[:1].flags.c_contiguous)

    def _converted(self, index: int, array: np.ndarray | Rows) -> np.ndarray:
        """One array in the plan's type (booleans are numbers there). Raises: DTypeError: of another type."""
        t, kind = self.graph.inputs[index], self._types[index]
        if array.dtype != kind and (t.dtype != dtypes.BOOL or array.dtype != np.bool_):
            cure = f"Convert it with .astype('{t.dtype}')."
            raise DTypeError.at("Plan", t.node.attrs["name"], f"of type {t.dtype}", array.dtype, cure)
        return np.ascontiguousarray(array, dtype=kind)

    def _bind(self, arrays: Arrays) -> None:
        # Evaluating every open size takes longer than a small step, and ragged batches come with few lengths.
        shapes = tuple([a.shape for a in arrays])
        if shapes not in self._bindings:
            sizes: dict[str, int] = {}
            for t, a in zip(self.graph.inputs, arrays, strict=True):
                bind("Plan", t.node.attrs["name"], t.shape, a.shape, sizes)
            self._check_slices(sizes)
            if len(self._bindings) >= KEPT_SHAPES:
                self._bindings.clear()
            self._bindings[shapes] = sizes, [*_known(self.lowered.symbols, sizes).values()]
        self._sizes, self._symbols = self._bindings[shapes]
        if self._open:
            self._results = (-1, [])

    def _check_slices(self, sizes: dict[str, int]) -> None:
        for start, length, step, size in self.lowered.checks:
            first, count, whole = (
                d if isinstance(d, int) else d.evaluate(_known(d.symbols, sizes)) for d in (start, length, size)
            )
            last = first + (count - 1) * step
            # An empty slice reads nothing, so it may start anywhere.
            if count < 0 or (count > 0 and not (0 <= first < whole and 0 <= last < whole)):
                raise ShapeError.at(
                    "Slice",
                    "range",
                    f"inside an axis of size {whole}",
                    f"start {first}, length {count}",
                    "The sequence is shorter than the model needs.",
                )

    def _outputs(self, rows: int) -> list[np.ndarray]:
        made = self._empty(rows)
        self._plan.read(made)
        return self._as_typed(made)

    def _empty(self, rows: int) -> list[np.ndarray]:
        """Arrays for the results of a batch, new ones each time: a result must not change under the caller later.

        Raises: MemoryLimitError: the machine has no room for them.
        """
        if self._results[0] != rows:
            sizes = {**self._sizes, "B": rows}
            self._results = (
                rows,
                [
                    (
                        tuple(d if isinstance(d, int) else d.evaluate(sizes) for d in t.shape),
                        np.dtype(self.lowered.real if t.dtype == dtypes.BOOL else t.dtype),
                    )
                    for t in self.graph.outputs
                ],
            )
        try:
            return [np.empty(shape, kind) for shape, kind in self._results[1]]
        except MemoryError:
            needed = _named(self._plan.needed, [rows, *self._symbols[1:]])
            raise MemoryLimitError.of(needed, 0, rows) from None

    def _as_typed(self, made: list[np.ndarray]) -> list[np.ndarray]:
        """Results in the types of the graph."""
        if not self._truths:
            return made
        return [
            a.astype(np.bool_) if t.dtype == dtypes.BOOL else a for t, a in zip(self.graph.outputs, made, strict=True)
        ]

    def profile(self, repeats: int = 100) -> list[tuple[str, float]]:
        """What each instruction does and the nanoseconds it takes, with the sizes of the last run.

        Runs updates too: for a throw-away model.
        """
        names = [*OPS]
        spec = self.lowered.spec
        once = {i for i, v in enumerate(spec["values"]) if v[0] == ONCE}
        code = [i for segment in (*spec["segments"], *spec["last"]) for i in segment[1] if not once.intersection(i[2])]
        sizes = _known(self.lowered.symbols, self._sizes)
        dims = [sum(c * math.prod(sizes[self.lowered.symbols[s]] for s in m) for c, m in d) for d in spec["dims"]]
        told = [
            f"{names[i[0]]} {'x'.join(str(dims[d]) for d in i[3][:4])}" + (f" {len(i[5][1])} steps" if i[5] else "")
            for i in code
        ]
        return list(zip(told, self._plan.profile(repeats), strict=True))

    def __repr__(self) -> str:
        return f"NativePlan({', '.join(_describe(t) for t in self.graph.inputs)}; {chosen_isa()})"


def _last_batch(rows: int, batch_size: int, steps: int, diverged: bool) -> int:
    """Rows of the last batch that ran: the one that failed, or the end."""
    return min(batch_size, rows - steps * batch_size) if diverged else (rows - 1) % batch_size + 1


def _known(symbols: Iterable[str], sizes: Mapping[str, int]) -> dict[str, int]:
    """The number of each symbol, in order; 0 for one that no input has."""
    plain = defaultdict(int, sizes)
    return {s: number(s, plain) for s in symbols}


class _Turns:
    """A plan has one memory: Python threads take turns, as with `native/plan/turns.h`."""

    forks: ClassVar[int] = 0

    def __init__(self) -> None:
        self._renew()

    def _renew(self) -> None:
        self._lock, self._owner, self._forks = threading.Lock(), 0, _Turns.forks

    def __enter__(self) -> None:
        me = threading.get_ident()
        if self._forks != _Turns.forks:  # a thread that had its turn does not exist here
            self._renew()
        elif self._owner == me:
            raise reentered()
        self._lock.acquire()
        self._owner = me

    def __exit__(self, *_: object) -> None:
        self._owner = 0
        self._lock.release()


def _forked() -> None:
    _Turns.forks += 1


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forked)


def reentered() -> ExecutorError:
    """The error of a run that is asked for in the middle of another, by the same thread."""
    return ExecutorError.at(
        "native",
        "a model",
        "at rest when it is run",
        "a run in the middle of another",
        "Let the signal's handler leave a note, and run the model when this call is over.",
        because="a handler of a signal runs while the model does",
    )


def _named(call: Callable[..., T], *args: Any) -> T:
    """What a call into the extension gives.

    Raises: DataError: an index outside a table, with its place. MemoryLimitError: a batch that cannot fit.
    """
    try:
        return call(*args)
    except MemoryError as error:
        raise MemoryLimitError.of(*(error.args if len(error.args) == 3 else (0, 0, 0))) from None
    except IndexError as error:
        if len(error.args) != 4:
            raise
        where, position, index, rows = error.args
        raise DataError.at(
            _TABLES.get(where, where),
            "index",
            f"between 0 and {rows - 1}",
            index,
            "Enlarge the table (input_dim) or map unknown values to a reserved index.",
            because=f"position {position} of what is looked up",
        ) from None


def _describe(t: Tensor) -> str:
    return f"{t.node.attrs['name']} {text(t.shape)} {t.dtype}"
