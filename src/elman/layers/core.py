"""Input, Dense, Lambda: where a model starts, and what most models end with."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Sequence
from typing import Any, final

import numpy as np

from elman import dtypes, settings
from elman.arguments import as_plain, check_whole
from elman.errors import ArgumentError
from elman.graph.node import Tensor, placeholder
from elman.layers import activations
from elman.layers.arguments import check_units
from elman.layers.base import Layer
from elman.layers.registry import register
from elman.shapes import B, Dim, Shape, Size

_numbers = itertools.count()


def Input(  # noqa: N802  # Keras's name
    shape: Sequence[int | str | None] | None = None, batch_size: int | None = None, dtype: str | None = None,
    batch_shape: Sequence[int | str | None] | None = None, name: str | None = None,
) -> Tensor:  # fmt: skip
    """The start of a model: a tensor that will be given when the model runs.

    Sizes may stay open: None on the first axis of `shape` is the symbol T, a string names a symbol of its own. Inputs
    of one model may differ in length as long as no layer joins them step by step; give one a name, as in
    `shape=("S", 8)`, where layers are to see that they differ.

    Args:     shape: of one example, without the batch.
              batch_size: that of `fit`, `evaluate` and `predict` where they are told no other; any number of rows may
              come, also to stateful layers. batch_shape: both together.
              dtype: default `settings.floatx()`; "int32" for indices.
    Shapes:   -> (B, *shape).
    Raises:   ArgumentError: neither or both of shape and batch_shape; a size below 0.
    Example:
        >>> Input(shape=(None, 8)).shape, Input(shape=("S", 2), batch_size=16).shape
        ((B, T, 8), (16, S, 2))
    """
    whole = _whole_shape("Input", shape, batch_size, batch_shape)
    kind = settings.floatx() if dtype is None else dtypes.canonical(dtype)
    number = next(_numbers) if name is None else 0
    return placeholder(name or (f"input_layer_{number}" if number else "input_layer"), _symbols(whole), kind)


def _whole_shape(where: str, shape: Any, batch_size: int | None, batch_shape: Any) -> tuple[Any, ...]:
    """The shape with the batch, from the two ways to give it."""
    if (shape is None) == (batch_shape is None):
        cure = "Pass shape=(None, features)."
        raise ArgumentError.at(where, "shape", "be given, or batch_shape, not both", shape, cure)
    whole = batch_shape if shape is None else (shape,) if isinstance(shape, (int, np.integer)) else shape
    if isinstance(whole, str) or not isinstance(whole, Iterable):
        cure = "For example shape=(None, 8)."
        raise ArgumentError.at(
            where, "shape" if batch_shape is None else "batch_shape", "a tuple of sizes", whole, cure
        )
    if batch_size is not None:
        batch_size = check_whole(where, "batch_size", batch_size, 1)
    return tuple(whole) if shape is None else (batch_size, *whole)


def _symbols(sizes: Sequence[Any]) -> Shape:
    """Open sizes as symbols: B for the batch, T for the next open axis, D2, D3 … for others by their position."""
    found: list[Size] = []
    names = iter(["T"])
    for axis, size in enumerate(sizes):
        if axis == 0 and size is None:
            found.append(B)
        elif size is None:
            found.append(Dim.symbol(next(names, f"D{axis}")))
        elif isinstance(size, str):
            found.append(Dim.symbol(size))
        elif isinstance(size, Dim):
            found.append(size)
        else:
            plain = as_plain(size)
            if isinstance(plain, bool) or not isinstance(plain, int | float) or plain % 1 != 0 or plain < 0:
                raise ArgumentError.at("Input", "shape", "made of whole numbers from 0, names, or None", size)
            found.append(int(plain))
    return tuple(found)


@register
@final
class InputLayer(Layer):
    """The input of a Sequential, as a layer in its list; elsewhere use `Input`.

    Args:     as there; input_shape and batch_input_shape are older names of shape and batch_shape.
    """

    def __init__(
        self, shape: Sequence[Any] | None = None, batch_size: int | None = None, dtype: str | None = None,
        batch_shape: Sequence[Any] | None = None, name: str | None = None, **kwargs: Any,
    ) -> None:  # fmt: skip
        old, old_batch = kwargs.pop("input_shape", None), kwargs.pop("batch_input_shape", None)
        super().__init__(name=name, **kwargs)
        self.dtype = settings.floatx() if dtype is None else dtypes.canonical(dtype)  # indices, too
        shape, batch_shape = old if shape is None else shape, old_batch if batch_shape is None else batch_shape
        self.batch_shape = _whole_shape(self.where, shape, batch_size, batch_shape)
        self.built = True

    def call(self, x: Tensor) -> Tensor:
        """The input itself. Shapes: any -> as x."""
        return x

    def placeholder(self) -> Tensor:
        """A new input of this shape, type and name. Shapes: -> batch_shape."""
        return Input(batch_shape=self.batch_shape, dtype=self.dtype, name=self.name)

    def get_config(self) -> dict[str, Any]:
        """Shape, type and name."""
        return {"batch_shape": list(self.batch_shape), "dtype": self.dtype, "name": self.name}


def start_of(tensor: Tensor) -> InputLayer:
    """The layer that stands for what `Input` made. Shapes: any."""
    layer = InputLayer(batch_shape=tensor.shape, dtype=tensor.dtype, name=tensor.node.attrs["name"])
    layer.note_call(0, tensor, tensor)
    return layer


@register
@final
class Dense(Layer):
    """A fully connected layer: every output is a weighted sum of every input feature.

    y = f(x W + b), on the last axis; on a sequence, the same weights at every step.

    Args:
        units: size U of the output.
        activation: f; None is none.
        use_bias, kernel_*, bias_*: of W (F, U) and b (U,): how they start, what penalises and limits them.
        activity_regularizer: penalty on y.
    Shapes:   x (B, ..., F) -> (B, ..., U).
    Raises:   ShapeError: x has no feature axis. ArgumentError: units < 1.
    Example:
        >>> Dense(3, activation="relu")(Input((None, 8))).shape
        (B, T, 3)
    """

    axes = ("B", "...", "F")
    input_kind = "real"
    supports_masking = True
    stepwise = True
    units: int
    activation: activations.Activation
    use_bias: bool

    def __init__(
        self, units: int, activation: Any = None, use_bias: bool = True, kernel_initializer: Any = "glorot_uniform",
        bias_initializer: Any = "zeros", kernel_regularizer: Any = None, bias_regularizer: Any = None,
        activity_regularizer: Any = None, kernel_constraint: Any = None, bias_constraint: Any = None, **kwargs: Any,
    ) -> None:  # fmt: skip
        super().__init__(activity_regularizer=activity_regularizer, **kwargs)
        self._store(locals())
        check_units(self.where, "units", units)

    def build(self, input_shape: Shape) -> None:
        """Add kernel (F, U) and bias (U,)."""
        self.kernel = self._add_stem("kernel", (input_shape[-1], self.units))
        self.bias = self._add_stem("bias", (self.units,)) if self.use_bias else None

    def call(self, x: Tensor) -> Tensor:
        """The equation."""
        z = x @ self.kernel
        return self.activation(z if self.bias is None else z + self.bias)


@register
@final
class Lambda(Layer):
    """A function of tensors, written with `elman.ops`, as a layer without weights.

    Good for trying something out. A lambda cannot be saved: register a Layer subclass, or a named function, for that.
    What it needs of other layers it is called on, too: `Lambda(lambda t: t[0] * t[1])([x, other])`.

    Args:
        function: from a tensor (or a list of them) to a tensor.
        output_shape: accepted for Keras's sake; checked against the traced shape (None: open).
        mask: function (x, mask) -> mask of the output; None: no mask comes out.
        arguments: keyword arguments for the function.
    Raises:   ArgumentError: the function's output is not of `output_shape`.
    Example:
        >>> from elman import ops
        >>> Lambda(lambda x: ops.mean(x, 1))(Input((None, 8))).shape
        (B, 8)
    """

    function: Callable[..., Any]

    def __init__(
        self, function: Callable[..., Any], output_shape: Sequence[Any] | None = None, mask: Any = None,
        arguments: dict[str, Any] | None = None, **kwargs: Any,
    ) -> None:  # fmt: skip
        super().__init__(**kwargs)
        self.function, self.output_shape, self.mask, self.arguments = (
            function,
            output_shape,
            mask,
            dict(arguments or {}),
        )
        if mask is not None:
            self.supports_masking = True

    def call(self, x: Any) -> Any:
        """The function's result."""
        y = self.function(x, **self.arguments)
        wanted = self.output_shape
        if wanted is not None and not callable(wanted):
            found = y.shape[1:]
            fits = len(found) == len(wanted) and all(w is None or w == d for w, d in zip(wanted, found, strict=True))
            if not fits:
                raise ArgumentError.at(self.where, "output_shape", f"be {found}", wanted, "Leave it out: it is traced.")
        return y

    def compute_mask(self, x: Any, mask: Any) -> Any:
        """What the `mask` argument says."""
        return self.mask(x, mask) if callable(self.mask) else self.mask
