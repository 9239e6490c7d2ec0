"""Streams: a model that reads one step at a time and remembers, for data that arrive while they are needed.

The model is traced once with its recurrent layers' states as inputs and outputs of the graph, and compiled for one step
and for pieces of any length. Both give bit for bit what `predict` gives for the same sequence alone.
"""

from __future__ import annotations

import hashlib
import json
import struct
import zlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Final, Literal, final

import numpy as np

from elman import dtypes
from elman.arguments import check_whole
from elman.errors import ArgumentError, DTypeError, FileFormatError, MemoryLimitError, ShapeError, WeightsError
from elman.executors import Plan, default
from elman.graph import Graph, Tensor, graph_digest, placeholder
from elman.graph.node import ancestors
from elman.graph.rewrite import hoist, simplify
from elman.layers.arguments import rows_named
from elman.layers.base import tracing
from elman.models.stepwise import Carrier
from elman.models.structure import packed
from elman.shapes import T, text
from elman.training import generation, parameters, weights_of
from elman.training.arrays import Column, cast, check_finite, to_array

__all__ = ["Stream"]

_MAGIC: Final = b"elman-stream"
_VERSION: Final = 1
_START: Final = struct.Struct("<12sHI")  # magic, version, length of the header
_DIGEST: Final = 16
_MOST_ROWS: Final = (1 << 31) - 1

_Part = Literal["start", "step", "piece"]


@final
class _Reader:
    """What all forks of a stream share: the model traced for streams, its plans, and the states at the start."""

    def __init__(self, model: Any, batch: int) -> None:
        self.model, self.batch, self.where = model, batch, f"{model.where}.stream"
        self.program = model.program()
        self._check_inputs()
        self._places: list[np.ndarray] = []
        self._plans: dict[_Part, Plan] = {}
        self._graphs: dict[_Part, Graph] = {}
        self.made = generation()
        self.names: list[str] = []
        self.timed: tuple[bool, ...] = ()
        self._learn()

    def _check_inputs(self) -> None:
        for t in self.program.inputs:
            no_time = t.ndim < 2 or (t.ndim == 2 and dtypes.is_real(t.dtype))
            if no_time or not all(isinstance(d, int) for d in t.shape[2:]):
                rule = "have inputs of shape (B, T, F), or (B, T) of indices"
                raise ArgumentError.at(self.where, "model", rule, text(t.shape), "A stream needs an axis of time.")

    def _trace(self, carried: list[bool] | None) -> tuple[Graph, Carrier]:
        """A graph (inputs, states) -> (outputs, states): of one step, whose walks carry what is told, or of pieces."""
        steps = T if carried is None else 1
        leaves = [
            placeholder(str(t.node.attrs["name"]), (self.batch, steps, *t.shape[2:]), t.dtype)
            for t in self.program.inputs
        ]
        carrier = Carrier(self.where, leaves, carried)
        with tracing(training=False, companion=carrier):
            outputs = self.program.trace(leaves)
        if carried is None:
            carrier.check_between(outputs)
        return Graph((*leaves, *carrier.before), (*outputs, *carrier.after)), carrier

    def _learn(self) -> None:
        """Trace a piece and a step, and learn which states they carry, and what these are before the first step."""
        piece, carrier = self._trace(None)
        outputs = piece.outputs[: len(self.program.outputs)]
        self.timed = tuple(t.ndim > 1 and t.shape[1] == T for t in outputs)
        if not carrier.before:
            cure = "Call predict on each step instead."
            raise ArgumentError.at(
                self.where, "model", "have a recurrent layer or a causal convolution that reads its input", "none", cure
            )
        states = len(carrier.before)
        needed = _needed(piece, states)
        step, _ = self._trace(carrier.carried)
        self._graphs = {
            "start": Graph((), tuple(carrier.initial[i] for i in needed)),
            "step": _with(hoist(step), needed, states),
            "piece": _with(hoist(piece), needed, states),
        }
        self.names = [str(carrier.before[i].node.attrs["name"]) for i in needed]
        self._computes: str | None = None

    def start(self) -> list[np.ndarray]:
        """The states before the first step, which may be weights."""
        return [np.array(state) for state in self.plan("start").run([]).outputs]

    def plan(self, part: _Part) -> Plan:
        """The plan of the start, of one step or of pieces, made at first use, and anew where weights have moved."""
        self.refresh()
        if part not in self._plans:
            self._places = [w.value for w in weights_of(self.program)]
            self._plans[part] = default().compile(self._graphs[part])
        return self._plans[part]

    def refresh(self) -> None:
        """Forget plans that read weights where they no longer lie, and graphs: weights may be codes now."""
        if self.made != generation():
            self.made = generation()
            now = [w.value for w in weights_of(self.program)]
            same = len(now) == len(self._places) and all(a is b for a, b in zip(now, self._places, strict=True))
            if not same:
                self._plans.clear()
                self._learn()

    def computes(self) -> str:
        """What the model does with its weights, as a number: of a state, the weights alone do not tell."""
        if self._computes is None:
            self._computes = graph_digest(self._graphs["piece"], weights_of(self.program))
        return self._computes

    def fingerprint(self) -> int:
        """A number that tells the weights from others: a state means something to the weights that made it alone."""
        found = 0
        for w in weights_of(self.program):
            found = zlib.crc32(np.ascontiguousarray(w.value).data.cast("B") if w.value.size else b"", found)
        return found


def _needed(piece: Graph, states: int) -> list[int]:
    """Numbers of the states that some output needs, in this piece or in a later one.

    `predict` computes no others, and what they share with these would be rounded otherwise.
    """
    number = {t.node.serial: i for i, t in enumerate(piece.inputs[-states:])}
    found: list[int] = []
    while len(found) < states:
        nodes = ancestors(_with(piece, found, states).outputs)
        read = sorted(number[n.serial] for n in nodes if n.serial in number)
        if read == found:
            break
        found = read
    return found


def _with(graph: Graph, needed: Sequence[int], states: int) -> Graph:
    """The graph (inputs, states) -> (outputs, states) with those of its states that are needed."""
    if len(needed) == states:
        return graph
    before, after = graph.inputs[-states:], graph.outputs[-states:]
    inputs = (*graph.inputs[:-states], *(before[i] for i in needed))
    return simplify(Graph(inputs, (*graph.outputs[:-states], *(after[i] for i in needed))))


@final
class Stream:
    """A model reading sequences as they come: `step` by `step`, or several steps at once with `feed`.

    Made by `model.stream()`. Each of its `batch` rows is a sequence of its own. After any steps, the output is bit for
    bit what `model.predict` gives for the sequence so far, alone; where the model returns sequences, for its last step.
    Training goes on under a stream: it always sees the weights as they are.

    Args:
        model: one whose layers look back, never ahead; `model.stream` says what cannot be streamed.
        batch: sequences that are read side by side.
    Raises: ArgumentError: the model looks ahead or at whole sequences, with the layer and the reason.
    Example:
        >>> import numpy as np
        >>> from elman.layers import GRU, Dense
        >>> from elman.models import Sequential
        >>> model = Sequential([GRU(4, input_shape=(None, 2)), Dense(1)])
        >>> x = np.ones((1, 3, 2), "float32")
        >>> s = model.stream()
        >>> for t in range(3):
        ...     y = s.step(x[0, t])
        >>> bool(y == model.predict(x, verbose=0)[0])
        True
    """

    def __init__(self, model: Any, batch: Any = 1) -> None:
        where = f"{model.where}.stream"
        rows = check_whole(where, "batch", batch, least=1, most=_MOST_ROWS, cure="1 is usual.")
        try:
            self._begin(_Reader(model, rows))
        except MemoryError:
            rule, cure = "as many sequences as there is memory for", "Take several streams one after the other."
            raise MemoryLimitError.at(where, "batch", rule, batch, cure) from None

    def _begin(self, reader: _Reader) -> None:
        self._reader = reader
        self._states = reader.start()
        self._run: Callable[[], None] = self._bind  # until then
        self._step: Callable[[Any], np.ndarray | None] = lambda _: None
        self._made = -1
        alone = reader.batch == 1
        inputs, outputs = reader.program.inputs, reader.program.outputs
        self._x = [np.zeros((reader.batch, 1, *t.shape[2:]), t.dtype) for t in inputs]
        self._rows = [x[0, 0, ...] if alone else x[:, 0] for x in self._x]  # views, of ids too
        sizes = [t.shape[2 if timed else 1 :] for t, timed in zip(outputs, reader.timed, strict=True)]
        shapes = [(reader.batch, *((1,) if timed else ()), *s) for s, timed in zip(sizes, reader.timed, strict=True)]
        self._y = [np.zeros(shape, t.dtype) for shape, t in zip(shapes, outputs, strict=True)]
        self._results = [
            y.reshape(size if alone else (reader.batch, *size)) for y, size in zip(self._y, sizes, strict=True)
        ]
        self._result = self._results[0]
        self._single = len(outputs) == 1

    # -- reading -----------------------------------------------------------------------------------------------------

    def step(self, x: Any) -> Any:
        """Read one step and give the model's output after it.

        Nobody looks for NaN here, for it would take longer than the step: one stays in the state until `reset`.

        Args: x: one array, or a list or dict of them where the model has several inputs.
        Shapes: x (B, F), or (F,) with batch=1 -> (B, U), or (U,).
        Raises: ShapeError: x has another shape. DTypeError: not numbers.
        """
        if self._made != parameters.moves:  # weights lie elsewhere
            self._bind()
        take = self._step  # called as an attribute it would be looked for in the class first
        y = take(x)
        if y is None:
            self._fill(x)
            self._run()
            y = self._result.copy()
        if self._single:
            return y
        return packed([result.copy() for result in self._results], self._reader.model.output)

    def feed(self, x: Any) -> Any:
        """Read several steps at once, faster than one by one and with the same bits.

        Shapes: x (B, T, F), or (T, F) with batch=1 -> what `predict` gives for them: (B, T, U), or (B, U) where the
            model gives the last output alone.
        Raises: as `step`; DataError: NaN or infinity.
        """
        reader = self._reader
        pieces = [
            self._finite(self._taken(array, (reader.batch, -1, *t.shape[2:]), t), t)
            for array, t in zip(self._split(x), reader.program.inputs, strict=True)
        ]
        if len({piece.shape[1] for piece in pieces}) > 1:
            sizes = ", ".join(str(piece.shape[1]) for piece in pieces)
            raise ShapeError.at(reader.where, "x", "of one length in all inputs", sizes, "Cut them alike.")
        made = reader.plan("piece").run([*pieces, *self._states]).outputs
        for state, value in zip(self._states, made[len(self._y) :], strict=True):
            state[...] = value
        return packed(made[: len(self._y)], reader.model.output)

    def bound(self) -> tuple[np.ndarray, np.ndarray, Callable[[], None]]:
        """Input, output and a call that reads a step from the one and leaves the answer in the other: nothing is made.

        For loops that count tenths of a microsecond. The input is not checked, and after training it must be asked for
        again. For models of one input and one output.

        Shapes: input (B, F), output (B, U); without B where batch=1.
        """
        if len(self._x) > 1 or not self._single:
            inputs, outputs = len(self._x), len(self._y)
            rule, cure = "have one input and one output", "Use step."
            raise ArgumentError.at(self._reader.where, "model", rule, f"{inputs} and {outputs}", cure)
        self._bind()
        return self._rows[0], self._result, self._run

    def _bind(self) -> None:
        """Bind the plan of one step to this stream's arrays, which stay."""
        given = self._rows[0] if len(self._x) == 1 else None
        self._run, self._step = self._reader.plan("step").bound(
            [*self._x, *self._states], [*self._y, *self._states], given, self._result
        )
        self._made = generation()

    def _fill(self, x: Any) -> None:
        for array, into, t in zip(self._split(x), self._x, self._reader.program.inputs, strict=True):
            into[...] = self._taken(array, into.shape[:1] + into.shape[2:], t).reshape(into.shape)

    def _split(self, x: Any) -> Iterable[Any]:
        """The arrays, one an input."""
        inputs = self._reader.program.inputs
        if isinstance(x, Mapping):
            names = [str(t.node.attrs["name"]) for t in inputs]
            form = self._reader.model.input
            keys = list(form) if isinstance(form, Mapping) else names
            if set(x) != set(keys):
                raise ArgumentError.at(self._reader.where, "x", f"a dict of {keys}", list(x), "Name every input.")
            return [x[key] for key in keys]
        if len(inputs) == 1:
            return [x]
        if not isinstance(x, (list, tuple)) or len(x) != len(inputs):
            raise ArgumentError.at(
                self._reader.where, "x", f"a list of {len(inputs)} arrays", type(x).__name__, "Pass one for each input."
            )
        return list(x)

    def _taken(self, x: Any, shape: tuple[int, ...], t: Tensor) -> np.ndarray:
        """x as an array of a shape (-1: open), in the input's type; with batch=1 the first axis may be missing."""
        column = Column(self._reader.where, self._name(t), t.shape, t.dtype)
        array = to_array(x, column)
        if self._reader.batch == 1 and array.ndim == len(shape) - 1:
            array = array[None]
        if array.ndim != len(shape) or any(w not in (-1, d) for w, d in zip(shape, array.shape, strict=True)):
            wanted = text(["T" if d == -1 else d for d in shape])  # a letter stands for a size
            cure = "One row for each sequence of the stream, in the model's order of features."
            raise ShapeError.at(self._reader.where, column.name, f"have shape {wanted}", text(array.shape), cure)
        return cast(array, column)

    def _finite(self, x: np.ndarray, t: Tensor) -> np.ndarray:
        check_finite(x, self._reader.where, self._name(t))
        return x

    def _name(self, t: Tensor) -> str:
        """What an input is called in errors."""
        return "x" if len(self._x) == 1 else f"x['{t.node.attrs['name']}']"

    # -- the state ---------------------------------------------------------------------------------------------------

    @property
    def batch(self) -> int:
        """Sequences that are read side by side."""
        return self._reader.batch

    @property
    def states(self) -> dict[str, np.ndarray]:
        """A copy of every state that the outputs need, by name. Shapes: (B, U) each."""
        return {name: state.copy() for name, state in zip(self._reader.names, self._states, strict=True)}

    def reset(self, rows: Sequence[int] | None = None) -> None:
        """Start again, all sequences or those of some rows, from the start as it is learned by now.

        Raises: ArgumentError: rows that the stream has not.
        """
        at: Any = slice(None) if rows is None else rows_named(self._reader.where, rows, self.batch)
        for state, start in zip(self._states, self._reader.start(), strict=True):
            state[at] = start[at]

    def __reduce_ex__(self, protocol: Any) -> Any:
        """Raises: DTypeError: plans are of the process that made them."""
        cure = "Call fork() for a second stream here; elsewhere give what save_state() gives to load_state."
        raise DTypeError.at(self._reader.where, "stream", "forked or saved", "copy or pickle", cure)

    def fork(self) -> Stream:
        """A second stream that goes on from here by itself: to try what would follow."""
        made = object.__new__(Stream)
        made._begin(self._reader)
        for mine, its in zip(self._states, made._states, strict=True):
            its[...] = mine
        return made

    def save_state(self) -> bytes:
        """Where the stream stands, as bytes for a file or a database; `load_state` goes on from there, bit for bit."""
        header = json.dumps(self._described()).encode()
        body = b"".join([_START.pack(_MAGIC, _VERSION, len(header)), header, *(s.tobytes() for s in self._states)])
        return body + _digest(body)

    def load_state(self, blob: bytes) -> None:
        """Go on where `save_state` was called, in this process or another, with the same weights.

        Raises: FileFormatError: not a state, damaged, or of a later version. ShapeError: of another batch or model.
            WeightsError: of other weights, or of a model that computes otherwise with them. Then nothing has changed.
        """
        header, data = _opened(self._reader.where, blob)
        mine = self._described()
        if header["states"] != mine["states"]:
            cure = f"Use model.stream(batch={header['batch']}) of the model that saved it."
            raise ShapeError.at(self._reader.where, "state", f"of {mine['states']}", header["states"], cure)
        if header["weights"] != mine["weights"]:
            cure = "Load the weights it was saved with, or start the stream anew."
            raise WeightsError.at(
                self._reader.where, "state", "of a model with these weights", header["weights"], cure,
                because="they have changed since",
            )  # fmt: skip
        if header.get("computes", mine["computes"]) != mine["computes"]:  # the first states did not say
            cure = "Use a stream of the model that saved it, or start the stream anew."
            raise WeightsError.at(
                self._reader.where, "state", "of this model", header["computes"], cure,
                because="that one computes otherwise with the same weights",
            )  # fmt: skip
        at = 0
        for state in self._states:
            state[...] = np.frombuffer(data, state.dtype.newbyteorder("<"), state.size, at).reshape(state.shape)
            at += state.nbytes

    def _described(self) -> dict[str, Any]:
        states = [[list(s.shape), str(s.dtype)] for s in self._states]
        weights, computes = f"{self._reader.fingerprint():08x}", self._reader.computes()
        return {"batch": self.batch, "states": states, "weights": weights, "computes": computes}

    def __repr__(self) -> str:
        return f"Stream({self._reader.model.where}, batch={self.batch}, states: {', '.join(self._reader.names)})"


def _digest(body: bytes) -> bytes:
    return hashlib.blake2b(body, digest_size=_DIGEST).digest()


def _opened(where: str, blob: Any) -> tuple[dict[str, Any], bytes]:
    """Header and numbers of a saved state, checked. Raises: FileFormatError."""

    def refused(rule: str, found: Any, cure: str) -> FileFormatError:
        return FileFormatError.at(where, "state", rule, found, cure)

    if not isinstance(blob, (bytes, bytearray, memoryview)):
        raise refused("bytes", type(blob).__name__, "Pass what save_state gave.")
    blob = bytes(blob)
    if len(blob) < _START.size + _DIGEST or not blob.startswith(_MAGIC):
        raise refused("a saved state of a stream", f"{len(blob)} bytes", "Pass what save_state gave.")
    _, version, length = _START.unpack_from(blob)
    if version != _VERSION:
        raise refused(f"of version {_VERSION}", version, "Update elman, or start the stream anew.")
    if _digest(blob[:-_DIGEST]) != blob[-_DIGEST:]:
        raise refused("whole", f"{len(blob)} bytes", "It was cut or changed on its way: save and copy it again.")
    header: dict[str, Any] = json.loads(blob[_START.size : _START.size + length])
    return header, blob[_START.size + length : -_DIGEST]
