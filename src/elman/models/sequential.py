"""A plain stack of layers, each fed by the one before."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Self, final

from elman.errors import ArgumentError, DTypeError, NotBuiltError
from elman.graph import Tensor
from elman.layers import Input, InputLayer
from elman.layers.base import Layer, tracing
from elman.layers.registry import deserialize, register, serialize
from elman.models.first_seen import first_that, is_whole, shapes_in
from elman.models.model import Model
from elman.models.network import Network

__all__ = ["Sequential"]


@register
@final
class Sequential(Model):
    """Layers one after another: the model of most tutorials.

    The input's shape comes from an `Input`, from `input_shape=` of the first layer, from `build`, or from the first
    data; until then the layers have no weights.

    Args:
        layers: the stack, or what `add` will add to.
        name: default "sequential", numbered.
        seed: see `Model`.
    Raises: DTypeError: something that is not a layer. ArgumentError: two layers of one name.
    Example:
        >>> from elman.layers import Dense, SimpleRNN
        >>> model = Sequential([SimpleRNN(4, input_shape=(None, 1)), Dense(1)])
        >>> model.output_shape
        (None, 1)
    """

    def __init__(
        self,
        layers: Iterable[Layer | Tensor] | None = None,
        trainable: bool = True,
        name: str | None = None,
        seed: int | None = None,
    ) -> None:
        Layer.__init__(self, name=name)
        self._start(seed)
        self._network = None
        self._stack: list[Layer] = []
        self._start_tensor: Tensor | None = None
        self._set_trainable = trainable
        for layer in layers or ():
            self.add(layer, rebuild=False)
        self._rebuild()

    def add(self, layer: Layer | Tensor, rebuild: bool = True) -> None:
        """Put a layer on top.

        Raises: DTypeError: no layer. ArgumentError: an Input that does not come first; a name that is taken.
        """
        if isinstance(layer, InputLayer):
            layer = Input(batch_shape=layer.batch_shape, dtype=layer.dtype, name=layer.name)
        if isinstance(layer, Tensor):
            self._add_input(layer)
        else:
            self._add_layer(layer)
        if rebuild:
            self._rebuild()

    def _add_input(self, tensor: Tensor) -> None:
        if self._stack or self._start_tensor is not None or tensor.node.op != "Input":
            raise ArgumentError.at(self.where, "Input", "the first entry", tensor, "Put it before all layers.")
        self._start_tensor = tensor

    def _add_layer(self, layer: Layer) -> None:
        if not isinstance(layer, Layer):
            raise DTypeError.at(
                self.where, "layer", "a Layer", type(layer).__name__, "Pass an instance such as Dense(8)."
            )
        if layer.name in [known.name for known in self._stack]:
            cure = "Give one of them another name=."
            raise ArgumentError.at(
                self.where, "layers", "of different names", layer.name, cure, because="two layers have it"
            )
        if not self._stack and self._start_tensor is None:
            self._start_tensor = _start_of(layer)
        self._stack.append(layer)

    def pop(self, rebuild: bool = True) -> Layer:
        """Take off the top layer and return it. Raises: ArgumentError: there is none."""
        if not self._stack:
            raise ArgumentError.at(self.where, "pop", "called on a model with layers", "no layers", "Add one first.")
        layer = self._stack.pop()
        layer.forget_call(id(self))
        if rebuild:
            self._rebuild()
        return layer

    def build(self, input_shape: Sequence[int | None] | None = None) -> None:
        """Make the weights for inputs of a shape, batch first: `build((None, 10, 3))`."""
        if input_shape is not None:
            stateful = any(getattr(layer, "stateful", False) for layer in self._stack)
            rows = input_shape[0] if stateful else None  # only kept states need a fixed number of rows
            dtype = self._stack[0].input_dtype if self._stack else None
            self._start_tensor = Input(batch_shape=(rows, *input_shape[1:]), dtype=dtype)
        self._rebuild()
        _ = self.network  # raises where the shape is not known

    def _rebuild(self) -> None:
        """Connect the stack, if the start is known."""
        self._network = None
        self._parts = list(self._stack)
        self.built = False
        if self._start_tensor is None or not self._stack:
            return
        x: Any = self._start_tensor
        for layer in self._stack:
            before = x
            with tracing(training=False):
                x = layer(before)
            layer.note_call(id(self), before, x)  # in the place of the one before
            if not isinstance(x, Tensor):
                cure = "Leave out return_state, or use the functional Model."
                raise ArgumentError.at(
                    self.where, "layers", "of one output each", layer.where, cure, because=f"it gives {len(x)} outputs"
                )
        self._input_structure, self._output_structure = self._start_tensor, x
        self._connect([self._start_tensor], [x])
        if not self._set_trainable:
            self.trainable = False

    def _build_for(self, x: Any) -> None:
        if self.built or x is None or not self._stack:
            return
        tokens = self._stack[0].input_kind == "index" or is_whole(x)
        first_that(self.build, shapes_in(x, tokens))  # a layer may need to know how many steps there are

    @property
    def network(self) -> Network:
        """The network. Raises: NotBuiltError: the input's shape is not known."""
        if self._network is None:
            what = (
                "Add layers, then" if not self._stack else "Put an Input first, pass input_shape= to the first layer,"
            )
            raise NotBuiltError(
                f"{self.where}: the shape of its input must be known. {what} "
                "call build((None, ...)), or call fit with data."
            )
        return self._network

    def call(self, x: Any, /) -> Any:
        """Trace the stack on a tensor; builds it for that tensor's shape if it was not built."""
        if not self.built or self._network is None:
            self.build([d if isinstance(d, int) else None for d in x.shape])
        return super().call(x)

    def _build_once(self, inputs: Any, args: tuple[Any, ...]) -> None:
        """Building is `call`'s work here."""

    @property
    def layers(self) -> list[Layer]:
        """The stack."""
        return list(self._stack)

    def get_config(self) -> dict[str, Any]:
        """The architecture as JSON can hold it."""
        if type(self) is not Sequential:
            cure = "Write a function that makes the Sequential, or a Model with a call of its own."
            raise ArgumentError.at(self.where, "class", "Sequential itself to be told as data", type(self), cure)
        start = self._start_tensor
        shape = None if start is None else [d if isinstance(d, int) else None for d in start.shape]
        config: dict[str, Any] = {
            "name": self.name,
            "layers": [serialize(layer) for layer in self._stack],
            "batch_shape": shape,
        }
        return config if start is None else {**config, "dtype": start.dtype, "input_name": start.node.attrs["name"]}

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> Self:
        """The model that a configuration describes, with fresh weights."""
        model = cls(name=config.get("name"))
        if config.get("batch_shape") is not None:
            model.add(
                Input(batch_shape=config["batch_shape"], dtype=config.get("dtype"), name=config.get("input_name")),
                rebuild=False,
            )
        for layer in config["layers"]:
            model.add(deserialize(layer), rebuild=False)
        model._rebuild()
        return model


def _start_of(layer: Layer) -> Tensor | None:
    """The input that the first layer's own arguments describe, if they do."""
    if isinstance(layer, Model) and layer.built:
        first = layer.inputs[0]
        return Input(batch_shape=[d if isinstance(d, int) else None for d in first.shape], dtype=first.dtype)
    if layer.input_shape_hint is None:
        return None
    return Input(batch_shape=(layer.batch_size_hint, *layer.input_shape_hint), dtype=layer.input_dtype)
