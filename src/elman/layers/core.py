"""Input, Dense, Activation, Embedding, Masking, Lambda: the layers nearly every model has."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from typing import Any, final

from elman import dtypes, settings
from elman.errors import ArgumentError
from elman.graph import trace as ops
from elman.graph.node import Tensor, placeholder
from elman.layers import activations
from elman.layers.base import Layer, Mask
from elman.layers.registry import register
from elman.layers.rnn.cell import check_units
from elman.shapes import B, Dim, Shape, Size

_numbers = itertools.count()


def Input(  # noqa: N802  # Keras's name
    shape: Sequence[int | str | None] | None = None, batch_size: int | None = None, dtype: str | None = None,
    batch_shape: Sequence[int | str | None] | None = None, name: str | None = None,
) -> Tensor:  # fmt: skip
    """The start of a model: a tensor that will be given when the model runs.

    Sizes may stay open: None on the first axis of `shape` is the symbol T, a string names a symbol of its own. Two inputs whose
    open axes have the same symbol must be equally long in a run: give the other a name, as in `shape=("S", 8)`.

    Args:     shape: of one example, without the batch. batch_size: fixed only for stateful layers. batch_shape: both together.
              dtype: default `settings.floatx()`; "int32" for indices.
    Shapes:   -> (B, *shape).
    Raises:   ArgumentError: neither or both of shape and batch_shape; a size below 0.
    Example:
        >>> Input(shape=(None, 8)).shape, Input(shape=("S", 2), batch_size=16).shape
        ((B, T, 8), (16, S, 2))
    """
    if (shape is None) == (batch_shape is None):
        raise ArgumentError.at("Input", "shape", "be given, or batch_shape, not both", shape, "Pass shape=(None, features).")
    whole = tuple(batch_shape) if batch_shape is not None else (batch_size, *((shape,) if isinstance(shape, int) else shape or ()))
    kind = settings.floatx() if dtype is None else dtypes.canonical(dtype)
    number = next(_numbers) if name is None else 0
    return placeholder(name or (f"input_layer_{number}" if number else "input_layer"), _symbols(whole), kind)


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
        elif isinstance(size, bool) or int(size) != size or size < 0:
            raise ArgumentError.at("Input", "shape", "hold whole numbers from 0, names, or None", size)
        else:
            found.append(int(size))
    return tuple(found)


@register
@final
class InputLayer(Layer):
    """The input of a Sequential, as a layer in its list; elsewhere use `Input`. Arguments as there."""

    def __init__(
        self, shape: Sequence[Any] | None = None, batch_size: int | None = None, dtype: str | None = None,
        batch_shape: Sequence[Any] | None = None, name: str | None = None, **kwargs: Any,
    ) -> None:  # fmt: skip
        super().__init__(name=name, dtype="float32" if dtype is None and settings.floatx() == "float32" else dtype, **kwargs)
        if (shape is None) == (batch_shape is None):
            raise ArgumentError.at(self.where, "shape", "be given, or batch_shape, not both", shape, "Pass shape=(None, features).")
        self.batch_shape = tuple(batch_shape) if batch_shape is not None else (batch_size, *(shape or ()))
        self.built = True

    def call(self, x: Tensor) -> Tensor:
        """The input itself."""
        return x

    def placeholder(self) -> Tensor:
        """A new input of this shape, type and name."""
        return Input(batch_shape=self.batch_shape, dtype=self.dtype, name=self.name)

    def get_config(self) -> dict[str, Any]:
        """Shape, type and name."""
        return {"batch_shape": list(self.batch_shape), "dtype": self.dtype, "name": self.name}


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
        self.kernel = self._add_stem("kernel", (input_shape[-1], self.units))  # type: ignore[arg-type]  # an int: checked
        self.bias = self._add_stem("bias", (self.units,)) if self.use_bias else None

    def call(self, x: Tensor) -> Tensor:
        """The equation."""
        z = x @ self.kernel
        return self.activation(z if self.bias is None else z + self.bias)


@register
@final
class Activation(Layer):
    """An activation as a layer of its own: `Activation("softmax")`. Shapes: x (...) -> (...)."""

    input_kind = "real"
    supports_masking = True
    activation: activations.Activation

    def __init__(self, activation: Any, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self._store(locals())

    def call(self, x: Tensor) -> Tensor:
        """The function."""
        return self.activation(x)


@register
@final
class Embedding(Layer):
    """A table of vectors, one for each word or category; training moves the vectors.

    y = E[x]. Indices outside the table are an error when the model runs, with their position.

    Args:
        input_dim: size V of the vocabulary; indices are 0 to V - 1.
        output_dim: size U of a vector.
        mask_zero: index 0 is padding: later layers skip those steps. Then words start at 1.
        embeddings_*: of E (V, U): how it starts ("uniform"), what penalises and limits it.
        weights: a table to start from, or a list with it.
    Shapes:   x (B, ...) integers -> (B, ..., U).
    Raises:   ArgumentError: a size below 1. WeightsError: `weights` is not (V, U).
    Example:
        >>> Embedding(1000, 16, mask_zero=True)(Input((None,), dtype="int32")).shape
        (B, T, 16)
    """

    input_kind = "index"
    input_dim: int
    output_dim: int
    mask_zero: bool

    def __init__(
        self, input_dim: int, output_dim: int, embeddings_initializer: Any = "uniform", embeddings_regularizer: Any = None,
        embeddings_constraint: Any = None, mask_zero: bool = False, weights: Any = None, **kwargs: Any,
    ) -> None:  # fmt: skip
        super().__init__(**kwargs)
        self._store({k: v for k, v in locals().items() if k != "weights"})
        check_units(self.where, "input_dim", input_dim)
        check_units(self.where, "output_dim", output_dim)
        self.supports_masking = bool(mask_zero)
        self._start = weights[0] if isinstance(weights, (list, tuple)) and len(weights) == 1 else weights

    def build(self, input_shape: Shape) -> None:
        """Add embeddings (V, U)."""
        self.embeddings = self._add_stem("embeddings", (self.input_dim, self.output_dim))
        if self._start is not None:
            self.set_weights([self._start])

    def call(self, x: Tensor) -> Tensor:
        """The rows of the table."""
        return ops.take(self.embeddings, x)

    def compute_mask(self, x: Tensor, mask: Any) -> Mask | None:
        """Where the index is not 0."""
        return Mask(values=ops.not_equal(x, 0)) if self.mask_zero else None

    def get_config(self) -> dict[str, Any]:
        """As every layer's, without the starting table: weights are saved as weights."""
        return {k: v for k, v in super().get_config().items() if k != "weights"}


@register
@final
class Masking(Layer):
    """Marks steps to be skipped: those whose features all equal `mask_value`; they become 0.

    Later recurrent layers carry their state over such steps, and losses leave them out. Where you know the lengths, give those
    instead: they cost nothing.

    Shapes:   x (B, T, F) -> (B, T, F).
    Example:
        >>> Masking(-1.0)(Input((None, 8))).mask.values.shape
        (B, T)
    """

    axes = ("B", "T", "F")
    supports_masking = True
    mask_value: float

    def __init__(self, mask_value: float = 0.0, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self._store(locals())

    def call(self, x: Tensor) -> Tensor:
        """The input with masked steps 0."""
        return ops.where(ops.expand_dims(self._real(x), -1), x, ops.zeros_like(x))

    def compute_mask(self, x: Tensor, mask: Any) -> Mask:
        """Where any feature differs from `mask_value`."""
        return Mask(values=self._real(x))

    def _real(self, x: Tensor) -> Tensor:
        return ops.any(ops.not_equal(x, self.mask_value), -1)


@register
@final
class Lambda(Layer):
    """A function of tensors, written with `elman.ops`, as a layer without weights.

    Good for trying something out. A lambda cannot be saved: register a Layer subclass, or a named function, for that.

    Args:
        function: from a tensor (or a list of them) to a tensor.
        output_shape: accepted for Keras's sake; checked against the traced shape (None: open).
        mask: function (x, mask) -> mask of the output; None: no mask comes out.
        arguments: keyword arguments for the function.
    Raises:   ArgumentError: the function's output is not of `output_shape`.
    Example:
        >>> Lambda(lambda x: ops.mean(x, 1))(Input((None, 8))).shape
        (B, 8)
    """

    function: Callable[..., Any]

    def __init__(
        self, function: Callable[..., Any], output_shape: Sequence[Any] | None = None, mask: Any = None,
        arguments: dict[str, Any] | None = None, **kwargs: Any,
    ) -> None:  # fmt: skip
        super().__init__(**kwargs)
        self.function, self.output_shape, self.mask, self.arguments = function, output_shape, mask, dict(arguments or {})
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
