"""A network in words, for `explain()`: its layers with their sizes, and its losses."""

from __future__ import annotations

from typing import Any

from elman.models import Model

__all__ = ["layers_of", "loss_name"]

_SIZES = ("input_dim", "words", "width", "output_dim", "units", "filters", "kernel_size", "pool_size", "n", "steps")
_INSIDE = ("forward_layer", "layer")
_WEIGHTLESS = ("Attention", "Copied", "Last", "Means", "Pooling", "RepeatVector")


def layers_of(network: Model) -> str:
    """The layers that have weights, pool or look back, in the order of the walk, and how many weights there are.

    Example:
        >>> from elman import layers
        >>> x = layers.Input((None, 3))
        >>> print(layers_of(Model(x, layers.Dense(2, activation="softmax")(layers.GRU(4)(x)))))
        GRU(4), Dense(2, softmax); 118 weights
    """
    told = ", ".join(_named(layer) for layer in network.layers if _counts(layer))
    return f"{told}; {network.count_params()} weights"


def loss_name(loss: Any) -> str:
    """A loss as `compile` takes it, by name.

    Example:
        >>> from elman import losses
        >>> loss_name("mean_squared_error"), loss_name(losses.CTC())
        ('mean_squared_error', 'ctc')
    """
    if isinstance(loss, str):
        return loss
    smoothing = getattr(loss, "label_smoothing", 0)
    return f"{loss.name}, targets smoothed by {smoothing:g}" if smoothing else str(loss.name)


def _counts(layer: Any) -> bool:
    return bool(layer.weights) or any(part in _named(layer) for part in _WEIGHTLESS)


def _named(layer: Any) -> str:
    """A layer as it would be written, without what goes without saying."""
    known = [getattr(layer, name, None) for name in _SIZES]
    sizes = [_size(value) for value in known if isinstance(value, int | tuple)]
    inside = [_named(getattr(layer, name)) for name in _INSIDE if hasattr(layer, name)]
    if experts := getattr(layer, "experts", None):
        inside.append(f"{len(experts)} x {_named(experts[0])}")
    act = getattr(getattr(layer, "activation", None), "__name__", "linear")
    shown = [act] if act != "linear" and not hasattr(layer, "return_sequences") else []
    given = ", ".join([*sizes, *inside, *shown])
    return type(layer).__name__ + (f"({given})" if given else "")


def _size(value: Any) -> str:
    """A number, or an extent: (2, 2) as 2x2."""
    return "x".join(map(str, value)) if isinstance(value, tuple) else str(value)
