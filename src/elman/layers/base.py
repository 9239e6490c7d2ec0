"""What every layer is: something with weights that, called with symbolic tensors, traces operators onto them.

A layer computes nothing. `build` adds its weights once the features of its input are known, `call` writes its
equation, and `__call__` does what is the same for all: it checks the input, builds, follows masks, collects
penalties, and notes on each output which call made it, so that a model can walk back and trace the same calls again
for training.

Source: the contract (names, defaults, order of weights) is Keras 3's; where elman deviates, the layer says so.
"""

from __future__ import annotations

import inspect
import itertools
import warnings
from abc import abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, final

from elman import dtypes
from elman.arguments import unknown_argument
from elman.errors import ArgumentError, DTypeError, ElmanWarning, ShapeError
from elman.graph import trace as ops
from elman.graph.node import Tensor, Variable, as_tensor, count_on, products_in
from elman.layers import regularizers
from elman.layers.configured import Configured
from elman.layers.initializers import rng as rng  # noqa: PLC0414
from elman.layers.initializers import set_seed as set_seed  # noqa: PLC0414
from elman.layers.only_call import OfOnlyCall
from elman.layers.tracing import Companion as Companion  # noqa: PLC0414
from elman.layers.tracing import Mask as Mask  # noqa: PLC0414
from elman.layers.tracing import Tracing as Tracing  # noqa: PLC0414
from elman.layers.tracing import active, calls_within, switched
from elman.layers.tracing import current as current  # noqa: PLC0414
from elman.layers.tracing import tracing as tracing  # noqa: PLC0414
from elman.layers.weighted import Weighted, inside
from elman.layers.weighted import reset_names as reset_names  # noqa: PLC0414
from elman.shapes import rank_problem, text


@final
@dataclass(frozen=True, eq=False)
class Call:
    """How a tensor came to be: `layer(*args, **kwargs)`, its output number `index`. Held by `Tensor.origin`.

    Nodes whose serial is smaller than `start` were there before the call.
    """

    layer: Layer
    args: tuple[Any, ...]
    kwargs: dict[str, Any]
    index: int
    start: int


class Layer(Weighted, Configured):
    """A part of a network: weights and an equation over symbolic tensors.

    Write one with `call`, and `build` where it has weights. Layers inside are attributes, alone or in lists and dicts;
    one that `call` makes is refused, for it is new each time. Store each constructor argument under its own name and
    `get_config` writes itself; decorate the class with `@elman.layers.register` and it can be saved.

    Args:
        name: unique in a model; default the class in snake_case, numbered.
        trainable: whether training changes the weights; may be set later, and passes on to layers inside.
        dtype: number type of weights and results, or "mixed_bfloat16"; default `settings.dtype_policy()`.
        activity_regularizer: penalty on the output, divided by the batch size; padded steps count as 0.
        input_shape: shape of one example (None: open), as old tutorials give it to the first layer of a Sequential.
        batch_input_shape, input_dim, input_length: other old ways to say the same.
    Raises:   ArgumentError: an argument the layer does not know.
    Example:
        >>> class Scale(Layer):
        ...     def build(self, input_shape):
        ...         self.s = self.add_weight("s", (input_shape[-1],), "ones")
        ...     def call(self, x):
        ...         return x * self.s
        >>> from elman.layers import Input
        >>> Scale()(Input((3,))).shape
        (B, 3)
    """

    family: ClassVar[str] = "layer"
    input_kind: ClassVar[str] = "any"
    """"real": integers are cast to the layer's type; "index": reals are cast to int32; "any": integers stay."""

    stepwise: bool = False
    """Whether the layer on (B, T, F) does at each step what it does on (B, F)."""

    supports_masking: bool = False
    """Whether padded steps of x have no part in what comes out; see `follows_mask`."""

    input: ClassVar[Any] = OfOnlyCall(0)
    """The tensor, or the tensors, the layer was called on, if once. Raises: NotBuiltError: never, or several times."""

    output: ClassVar[Any] = OfOnlyCall(1)
    """What that call gave: `Model(model.input, layer.output)` ends at this layer. Raises: as `input`."""

    def __init__(
        self, *, name: str | None = None, trainable: bool = True, dtype: str | None = None,
        activity_regularizer: Any = None, input_shape: Sequence[Any] | None = None,
        batch_input_shape: Sequence[Any] | None = None, input_dim: int | None = None, input_length: int | None = None,
        **unknown: Any,
    ) -> None:  # fmt: skip
        super().__init__(name, trainable, dtype)
        self._refuse(unknown)
        self.activity_regularizer = regularizers.get(activity_regularizer, self.where, "activity_regularizer")
        self.input_shape_hint = self._shape_hint(input_shape, batch_input_shape, input_dim, input_length)

    # -- to be written by a layer ------------------------------------------------------------------------------------

    @abstractmethod
    def call(self, x: Any, /, *args: Any, **kwargs: Any) -> Any:
        """The equation: tensors from tensors. May name `mask` and `training` among its arguments to be given them."""

    def compute_mask(self, x: Any, mask: Any) -> Any:
        """The mask of the output, from the input's; a list where there are several outputs."""
        return mask if self.follows_mask(x, mask) else None

    def follows_mask(self, x: Any, mask: Any) -> bool:
        """Whether the layer leaves out what a mask says; where not, the mask ends here, with a warning."""
        return self.supports_masking

    # -- calling -----------------------------------------------------------------------------------------------------

    def __call__(self, x: Any, *args: Any, mask: Any = None, training: bool | None = None, **kwargs: Any) -> Any:
        """Trace the layer onto tensors.

        Args:     x: a tensor, or a list of them. mask: which steps are real, if not what the tensors say themselves.
                  training: default what the model is doing.
        Raises:   ShapeError: the rank or the features of x are not the layer's.
        """
        if not active():
            symbolic = any(isinstance(t, Tensor) for t in _flat(x))
            seed = None if symbolic or not training else Variable(rng().integers(1 << 31), "seed", dtype=dtypes.INT32)
            with tracing(bool(training), seed):
                made = self.__call__(x, *args, mask=mask, training=training, **kwargs)
            if symbolic:  # arrays are of no graph, and would be kept
                self.note_call(0, x, made)
            return made
        self._check_names(kwargs)
        x = _map(_tensor, x)
        given = {k: v for k, v in (("mask", _map(_values, mask)), ("training", training)) if v is not None}
        start, now = count_on(), current()
        now.companion.enter(self, x, args, kwargs)
        switch = switched(now.training if training is None else bool(training))
        with inside(self.name), switch, products_in(self.precision):
            inputs = self._accept(x)
            self._build_once(inputs, args)
            mask = masks_of(inputs) if mask is None else _map(_as_mask, mask)
            with calls_within() as called:
                outputs = self.call(inputs, *args, **kwargs, **self._told(mask))
            self._check_held(called)
            now.companion.leave(self, outputs)
            noted = self._note(outputs, inputs, mask, (x, *args), {**kwargs, **given}, start)
            self._penalize(now, noted)
        now.called.append(self)
        return noted

    def _check_held(self, called: Sequence[Layer]) -> None:
        """Raises: ArgumentError: `call` makes a layer with weights, or takes one from elsewhere."""
        for layer in called:
            if layer.weights and not self.holds(layer):
                cure = "Make it in __init__ of a Layer or Model, self.layer = ...: what call makes is new each time."
                raise ArgumentError.at(self.where, "layers", "stored as attributes", layer.where, cure)

    def _told(self, mask: Any) -> dict[str, Any]:
        """The mask, and whether the pass trains, where `call` names them."""
        told = {"mask": mask, "training": current().training}
        return {k: v for k, v in told.items() if k in _call_parameters(type(self))}

    def _check_names(self, given: Mapping[str, Any]) -> None:
        """Raises: UnknownNameError: an argument that `call` does not have."""
        known = _call_parameters(type(self))
        if given and not known.issuperset(given) and not _takes_any(type(self)):
            name = next(name for name in given if name not in known)
            named = {*list(inspect.signature(self.call).parameters)[1:], "mask", "training"}
            raise unknown_argument(self.where, name, named)

    def note_call(self, caller: int, x: Any, made: Any) -> None:
        """Remember what a call took and gave. caller: 0, or that of a model which connects its stack."""
        calls = self.__dict__.setdefault("_called", {})
        calls[caller] = None if caller == 0 and 0 in calls else (x, made)

    def forget_call(self, caller: int) -> None:
        """Forget the call of a model that has let go of the layer."""
        self.__dict__.get("_called", {}).pop(caller, None)

    def __getstate__(self) -> dict[str, Any]:
        """What copies and pickles hold: calls are of the graph they were made in."""
        return {name: value for name, value in self.__dict__.items() if name != "_called"}

    def _accept(self, x: Any) -> Any:
        """The inputs checked and in the layer's number type."""
        if isinstance(x, Tensor):
            self._check(x)
        return _map(self._convert, x)

    def _convert(self, x: Tensor) -> Tensor:
        if self.input_kind == "index":
            wanted = dtypes.INT32
        elif dtypes.is_real(x.dtype) or self.input_kind == "real":
            wanted = self.dtype
        else:
            wanted = x.dtype
        if x.dtype == wanted:
            return x
        converted = ops.cast(x, wanted)
        converted.mask = x.mask
        return converted

    def _check(self, x: Tensor) -> None:
        """Raises: ShapeError: x does not look like `axes`, or has other features than the layer was built with."""
        axes = self.axes
        if not axes:
            return
        short = [a for a in axes if a != "..."]
        right = x.ndim == len(axes) if len(short) == len(axes) else x.ndim >= len(short)
        if not right:
            because, cure = _rank_problem(axes, x.ndim)
            last = _last_step_of(x) if "T" in axes and x.ndim < len(axes) else None
            cure = cure if last is None else f"Pass return_sequences=True to {last}: it gives its last step alone."
            raise ShapeError.at(self.where, "x", f"have shape {self._expected()}", text(x.shape), cure, because=because)
        if axes[-1] != "F":
            return
        features = x.shape[-1]
        if not isinstance(features, int):
            cure = "Say how many features there are in Input(shape=...)."
            raise ShapeError.at(self.where, "x", "have a known number of features", text(x.shape), cure)
        if self.features is not None and features != self.features:
            cure = f"It was built for {self.features} features: give it those, or make a new layer."
            because = f"{features} features"
            raise ShapeError.at(self.where, "x", f"have shape {self._expected()}", text(x.shape), cure, because=because)

    def _expected(self) -> str:
        known = "F" if self.features is None else str(self.features)
        return text([known if a == "F" else a for a in self.axes])

    def _build_once(self, inputs: Any, args: tuple[Any, ...]) -> None:
        if self.built:
            return
        tensors = [t for t in _flat([inputs, *args]) if isinstance(t, Tensor)]
        self.build(*(t.shape for t in tensors[: _build_arity(type(self))]))
        self._all_parts()
        self.built = True

    def _note(
        self, outputs: Any, inputs: Any, mask: Any, args: tuple[Any, ...], kwargs: dict[str, Any], start: int
    ) -> Any:  # fmt: skip
        """The outputs as tensors of this call, each with its origin and mask; the node behind them is the same."""
        masks = self.compute_mask(inputs, mask)
        if masks is None and mask is not None and not self.follows_mask(inputs, mask) and self._loses_mask(outputs):
            warnings.warn(
                f"{self.where}: x has a mask, which this layer cannot follow: what comes after it treats padded "
                "steps as data. Reduce over time before it, or set supports_masking in your own layer.",
                ElmanWarning, stacklevel=3,
            )  # fmt: skip
        spare = iter(masks if isinstance(masks, (list, tuple)) else [masks])
        count = itertools.count()
        taken = {id(t) for t in _flat(inputs)}

        def note(t: Any) -> Any:
            index, offered = next(count), next(spare, None)
            if not isinstance(t, Tensor):
                raise DTypeError.at(
                    self.where, "output", "made of tensors", type(t).__name__, "Write it with elman.ops."
                )
            made = Tensor(t.node, t.index, t.shape, t.dtype)
            made.mask = offered if id(t) in taken or t.mask is None else t.mask
            made.origin = Call(self, args, kwargs, index, start)
            return made

        return _map(note, outputs)

    def _loses_mask(self, outputs: Any) -> bool:
        return any(isinstance(t, Tensor) and t.mask is None for t in _flat(outputs))

    def add_loss(self, penalty: Tensor) -> None:
        """Add a real scalar to what training minimises. Call it inside `call`. Shapes: penalty ().

        Raises: ArgumentError: outside of `call`, where nobody would read it. ShapeError: no scalar.
        """
        if not active():
            cure = "Write a layer whose call adds it; weights are penalised by kernel_regularizer=, outputs by a loss."
            raise ArgumentError.at(self.where, "add_loss", "called inside call", "a call outside", cure)
        penalty = as_tensor(penalty)
        if penalty.shape:
            cure = "Reduce it, as by elman.ops.mean."
            raise ShapeError.at(self.where, "penalty", "a scalar", text(penalty.shape), cure)
        current().losses.append(penalty)

    def _penalize(self, now: Tracing, outputs: Any) -> None:
        """Collect the penalties on weights (once a pass, however often the layer is called) and on real outputs."""
        for variable, penalty in self.regularizers:
            if variable.trainable and id(variable) not in now.penalized:
                now.penalized.add(id(variable))
                self.add_loss(penalty(variable.tensor))
        if self.activity_regularizer is not None:
            for t in _flat(outputs):
                rows = ops.maximum(ops.size(t, 0, self.dtype), 1.0)
                real = t if t.mask is None else ops.where(t.mask.over(t), t, 0.0)
                self.add_loss(self.activity_regularizer(real) / rows)

    @property
    def input_dtype(self) -> str:
        """The number type a Sequential gives to the input it makes for this layer."""
        return dtypes.INT32 if self.input_kind == "index" else self.dtype

    def __repr__(self) -> str:
        return f"<{self.where}, {'built' if self.built else 'not built'}>"


def _tensor(value: Any) -> Any:
    return value if isinstance(value, Tensor) or value is None else as_tensor(value)


def _as_mask(value: Any) -> Mask | None:
    if value is None or isinstance(value, Mask):
        return value
    t = as_tensor(value)
    return Mask(values=t if t.dtype == dtypes.BOOL else ops.cast(t, dtypes.BOOL))


def _values(value: Any) -> Any:
    """A mask of values as the tensor it holds: what a call was given is made anew, and saved, tensor by tensor."""
    return value if not isinstance(value, Mask) or value.values is None else value.values


def masks_of(inputs: Any) -> Any:
    """The mask of a tensor; of a list of tensors, their masks in a list, or None when nobody has one."""
    if isinstance(inputs, Tensor):
        return inputs.mask
    masks = [t.mask for t in _flat(inputs)]
    return masks if any(m is not None for m in masks) else None


def _map(function: Callable[[Any], Any], value: Any) -> Any:
    """The function on every leaf of nested lists, tuples and dicts."""
    if isinstance(value, (list, tuple)):
        return type(value)(_map(function, item) for item in value)
    if isinstance(value, dict):
        return {k: _map(function, v) for k, v in value.items()}
    return function(value)


def _flat(value: Any) -> list[Any]:
    if isinstance(value, (list, tuple)):
        return [leaf for item in value for leaf in _flat(item)]
    if isinstance(value, dict):
        return [leaf for item in value.values() for leaf in _flat(item)]
    return [value]


def _last_step_of(x: Tensor) -> str | None:
    """The recurrent layer that x is the last step of, through layers that work on each number; None: there is none."""
    while x.origin is not None:
        layer, args = x.origin.layer, _flat(x.origin.args)
        if getattr(layer, "return_sequences", True) is False:
            return f"the layer in {layer.where}" if hasattr(layer, "forward_layer") else str(layer.where)
        if not layer.stepwise or not args or not isinstance(args[0], Tensor):
            return None
        x = args[0]
    return None


def _rank_problem(axes: tuple[str, ...], rank: int) -> tuple[str, str]:
    """What is wrong with a rank, and the cure."""
    because, cure = rank_problem("x", [a for a in axes if a != "..."], rank)
    return because, cure if rank < len(axes) else "Reshape it, or wrap the layer in TimeDistributed."


def _call_parameters(cls: type[Layer]) -> frozenset[str]:
    return frozenset(inspect.signature(cls.call).parameters)


def _takes_any(cls: type[Layer]) -> bool:
    return any(p.kind is p.VAR_KEYWORD for p in inspect.signature(cls.call).parameters.values())


def _build_arity(cls: type[Layer]) -> int | None:
    """How many shapes `build` takes; None: any number."""
    parameters = list(inspect.signature(cls.build).parameters.values())[1:]
    return None if any(p.kind is p.VAR_POSITIONAL for p in parameters) else len(parameters)
