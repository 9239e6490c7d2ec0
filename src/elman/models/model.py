"""A network between symbolic inputs and outputs, with everything a person does with one."""

from __future__ import annotations

import inspect
import json
import math
import os
from collections.abc import Callable, Mapping, Sequence
from typing import Any, ClassVar, Self

from elman.arguments import Absent, checked
from elman.errors import ArgumentError, NotBuiltError, ShapeError
from elman.graph import Tensor, Variable
from elman.graph.node import products_in
from elman.graph.symbolic import answer_by
from elman.layers.base import Layer, current, masks_of, tracing
from elman.layers.core import InputLayer
from elman.layers.registry import register
from elman.layers.rnn.recurrence import Recurrence
from elman.layers.tracing import calls_within
from elman.layers.weighted import inside
from elman.models import first_seen, saving, structure
from elman.models.compiled import Compiled
from elman.models.network import Network
from elman.models.numbers import numbers_of
from elman.models.quantizing import Filters, Quantization, quantize_model
from elman.models.stream import Stream
from elman.models.summary import summary
from elman.shapes import rank_problem, text
from elman.training import Program, weights_of

__all__ = ["Model"]

_STEP = "A step is one compiled plan: a loss, a Layer with add_loss, or a Callback may be what you need."
_STEPS = ("compute_loss", "predict_step", "test_step", "train_step")
"""What Keras lets a model write anew, and nobody would call here."""


@register
class Model(Compiled):
    """A network given by its inputs and outputs, several of each if you like; or a class with a `call` of its own.

    A model is a layer: it can be called on tensors, and stand inside another model; both then share weights.

    A class with its own `call` stores its layers as attributes, alone or in lists and dicts, and gives no inputs. Its
    network is what `call` makes of the first it sees: data, a tensor, or the shape told to `build`. `call` may name
    `training` and `mask`, as that of a `Layer`, and is traced: it runs for each plan, not for each batch, so that
    `if` sees shapes and settings, not values. Several inputs come to it in a list, or in a dict by name.

    Args:
        inputs: a tensor of `Input`, or a list or dict of them.
        outputs: tensors made from the inputs, in a list or dict if several. A dict's keys name the outputs in `fit`.
        name: default "model", numbered.
        seed: of dropout and of the order of rows; default drawn from the generator of `layers.set_seed`.
        dtype: of the inputs that a class with its own `call` is given; its layers have theirs.
    Raises: ArgumentError: outputs that depend on other inputs, or layers that share a name.
    Example:
        >>> from elman.layers import Dense, Input
        >>> x = Input((4,))
        >>> Model(x, Dense(2)(x), name="small").count_params()
        10
        >>> class Tagger(Model):
        ...     def __init__(self, classes):
        ...         super().__init__()
        ...         self.classes = classes
        ...         self.top = Dense(classes, activation="softmax")
        ...     def call(self, x):
        ...         return self.top(x)
        >>> tagger = Tagger(3)
        >>> tagger.build((None, None, 4))
        >>> tagger.output_shape
        (None, None, 3)
    """

    family: ClassVar[str] = "layer"  # its arguments are no part of a class's own configuration
    supports_masking = True
    _network: Network | None = None
    _readings: Sequence[Any] = ()
    _own_built = False
    _written = False
    """Whether `call` is the network, which is not known before it has seen something."""

    def __init__(
        self,
        inputs: Any = None,
        outputs: Any = None,
        name: str | None = None,
        trainable: bool = True,
        seed: int | None = None,
        dtype: str | None = None,
    ) -> None:
        super().__init__(name=name, dtype=dtype)
        self._start(seed)
        self._refuse_steps()
        own = type(self).call is not Model.call
        if inputs is None and outputs is None and own:
            self._written, self.trainable = True, trainable
            return
        if own:
            cure = "Give super().__init__ no inputs and outputs, or leave out call: nobody would call it."
            raise ArgumentError.at(self.where, "inputs and outputs", "left out beside a call", inputs, cure)
        if inputs is None or outputs is None:
            cure = "Pass Model(inputs, outputs); for a plain stack of layers use Sequential."
            if type(self) is not Model:
                cure = "Give them to super().__init__, or write call(self, x)."
            raise ArgumentError.at(self.where, "inputs and outputs", "given", None, cure)
        self._input_structure, self._output_structure = inputs, outputs
        self._connect(structure.leaves(inputs, self.where, "inputs"), structure.leaves(outputs, self.where, "outputs"))
        if not trainable:
            self.trainable = False

    def _refuse_steps(self) -> None:
        """Raises: ArgumentError: a class that writes how a step is done."""
        own = {name for base in type(self).__mro__ if base not in Model.__mro__ for name in vars(base)}
        for name in _STEPS:
            if name in own:
                raise ArgumentError.at(self.where, "class", f"without {name}, which nobody calls", name, _STEP)

    def _connect(self, inputs: Sequence[Tensor], outputs: Sequence[Tensor]) -> None:
        """Take a network; what was compiled for another is forgotten."""
        for t in inputs:
            if t.node.op != "Input" or t.origin is not None:
                cure = "Start from elman.layers.Input."
                raise ArgumentError.at(self.where, "inputs", "made by Input", t, cure)
        self._network = Network(self.where, inputs, outputs, self._call_again if self._written else None)
        if not self._written:
            self._parts = list(self._network.layers)
        self.built = True
        self._program = self._steps = self._adapter = self._objective = self._kept = self._predicts = None

    # -- what models of Keras, of any age, have, and these have not ----------------------------------------------------

    compute_output_shape = Absent("output_shape is the shape of what it gives.")
    evaluate_generator = Absent("evaluate takes generators.")
    fit_generator = Absent("fit takes generators.")
    metrics = Absent("metrics_names are their names; evaluate(x, y, return_dict=True) gives their numbers.")
    predict_classes = Absent("predict(x).argmax(-1) are the likeliest classes; of one sigmoid, predict(x) > 0.5.")
    predict_generator = Absent("predict takes generators.")
    predict_proba = Absent("predict gives the probabilities.")
    test_step = Absent(_STEP)
    train_step = Absent(_STEP)

    def __dir__(self) -> list[str]:
        known = super().__dir__()
        return [name for name in known if not isinstance(inspect.getattr_static(type(self), name, None), Absent)]

    # -- a call of its own -------------------------------------------------------------------------------------------

    @property
    def built(self) -> bool:
        """Whether the network is known."""
        return self._network is not None or bool(self._readings)

    @built.setter
    def built(self, value: bool) -> None:
        self._own_built = value

    def build(self, input_shape: Any = None) -> None:
        """Make the weights for inputs of a shape, batch first: `build((None, 10, 3))`; of several, a list or a dict.

        A class may write its own, to add weights of its own. Raises: as `call` does on inputs of that shape.
        """
        if self._written and type(self).build is Model.build and input_shape is not None:
            self._learn(first_seen.from_shape(input_shape, self.dtype))

    def _build_for(self, x: Any) -> None:
        """A functional model is built from the start."""
        if not self.built and x is not None:
            self._learn(first_seen.from_data(x, self.dtype))

    def _build_once(self, inputs: Any, args: tuple[Any, ...]) -> None:
        if type(self).build is not Model.build and not self._own_built:
            super()._build_once(inputs, args)

    def _note(
        self, outputs: Any, inputs: Any, mask: Any, args: tuple[Any, ...], kwargs: dict[str, Any], start: int
    ) -> Any:  # fmt: skip
        if not self.built:
            self._all_parts()
            if len(args) == 1 and kwargs.keys() <= {"mask", "training"}:
                self._readings = first_seen.from_tensors(args[0], self.dtype)
        return super()._note(outputs, inputs, mask, args, kwargs, start)

    def _learn(self, readings: Sequence[Any]) -> None:
        """Take the network that `call` makes of the first of these inputs that it can be traced on."""
        given = [p for p in inspect.signature(self.call).parameters.values() if p.name not in ("mask", "training")]
        needed = [p.name for p in given if p.default is p.empty and p.kind is p.POSITIONAL_OR_KEYWORD]
        if len(needed) > 1:
            cure = "Several inputs come in a list or a dict: a, b = x."
            raise ArgumentError.at(self.where, "call", "a function of one x", needed, cure)
        first_seen.first_that(self._learn_from, readings)

    def _learn_from(self, x: Any) -> None:
        with tracing(training=False):
            made = self._call_on(x)
        inputs = structure.leaves(x, self.where, "x")
        outputs = structure.given_back(made, self.where)
        network = Network(self.where, inputs, outputs, self._call_again)
        typed = first_seen.read_as(network, x)
        if typed is not x:
            return self._learn_from(typed)
        if self._told(None).keys() & {"training"}:
            with tracing(training=True):
                self._call_on(x)  # what is called in training alone has weights, too
        self._input_structure, self._output_structure = x, made
        self._connect(inputs, outputs)
        return None

    def _call_on(self, x: Any) -> Any:
        """What `call` makes of tensors in the form of the inputs, in the pass that goes on."""
        with inside(self.name), products_in(self.precision):
            self._build_once(x, ())
            with calls_within() as called:
                outputs = self.call(x, **self._told(masks_of(x)))
            self._check_held(called)
            self._penalize(current(), outputs)
        return outputs

    def _call_again(self, tensors: Sequence[Tensor]) -> list[Tensor]:
        """Trace the network on other tensors."""
        outputs = structure.given_back(self._call_on(structure.packed(tensors, self._input_structure)), self.where)
        if len(outputs) != len(self.network.outputs):
            cure = "Let call give as many tensors in training as in use."
            rule = f"{len(self.network.outputs)} tensors, as before"
            raise ArgumentError.at(self.where, "what call gives", rule, len(outputs), cure)
        return outputs

    # -- as a layer --------------------------------------------------------------------------------------------------

    def call(self, x: Any, /) -> Any:
        """Trace the network on other tensors."""
        network = self.network
        tensors = structure.matched(x, self._input_structure, self.where)
        for given, wanted in zip(tensors, network.inputs, strict=True):
            if given.ndim != wanted.ndim:
                because, cure = rank_problem("x", wanted.shape, given.ndim)
                rule = f"have shape {text(wanted.shape)}"
                raise ShapeError.at(self.where, "x", rule, text(given.shape), cure, because=because)
        return structure.packed(network.trace(tensors), self._output_structure)

    def compute_mask(self, x: Any, mask: Any) -> Any:
        """Masks stay with the tensors that the layers inside gave them to."""
        return None

    @property
    def network(self) -> Network:
        """The network. Raises: NotBuiltError: a class with its own `call` has seen nothing yet."""
        if self._network is None and self._readings:
            self._learn(self._readings)
        if self._network is None:
            cure = "Call build((None, ...)), or call fit or predict with data."
            raise NotBuiltError(f"{self.where}: the shape of its input must be known. {cure}")
        return self._network

    def _make_program(self) -> Program:
        network = self.network
        names = structure.output_names(self._output_structure, network.outputs)
        inputs, outputs = network.apart()
        kept = [layer for layer in structure.every_layer(self) if isinstance(layer, Recurrence) and layer.stateful]

        def make_room(rows: int) -> bool:
            return sum(layer.make_room(rows) for layer in kept) > 0  # every one of them, not until the first

        room = make_room if kept else None
        layers = (*self.layers, self) if self._written else tuple(network.layers)  # it may have weights of its own
        return Program(self.where, inputs, outputs, names, network.trace, layers, room)

    def _structured(self, outputs: list[Any]) -> Any:
        return structure.packed(outputs, self._output_structure)

    # -- parts -------------------------------------------------------------------------------------------------------

    @property
    def layers(self) -> list[Layer]:
        """The layers, in the order in which they are called; before them, as in Keras, one for each input.

        Of a class with its own `call`, those stored as attributes.
        """
        return structure.parts_of(self) if self._written else [*self.network.starts, *self.network.layers]

    @property
    def inputs(self) -> list[Tensor]:
        """The symbolic inputs. Shapes: each (B, ...)."""
        return list(self.network.inputs)

    @property
    def outputs(self) -> list[Tensor]:
        """The symbolic outputs. Shapes: each (B, ...)."""
        return list(self.network.outputs)

    @property
    def input(self) -> Any:
        """The input, or inputs as they were given."""
        _ = self.network  # raises where there is none yet
        return self._input_structure

    @property
    def output(self) -> Any:
        """The output, or outputs as they were given."""
        _ = self.network
        return self._output_structure

    @property
    def input_shape(self) -> Any:
        """Shape of the input, None where it is open; a list where there are several."""
        return _shapes(self.inputs)

    @property
    def output_shape(self) -> Any:
        """Shape of the output, None where it is open; a list where there are several."""
        return _shapes(self.outputs)

    @property
    def output_names(self) -> list[str]:
        """Names of the outputs, as `compile` and `history` use them."""
        return list(self.program().names)

    def get_layer(self, name: str | None = None, index: int | None = None) -> Layer:
        """The layer of a name or a position. Raises: UnknownNameError, ArgumentError."""
        listed = self.layers if name is None else sorted(self.layers, key=lambda layer: isinstance(layer, InputLayer))
        return structure.pick_layer(self.where, listed, name, index)

    @checked
    def summary(
        self,
        line_length: int | None = None,
        positions: Sequence[float] | None = None,
        print_fn: Callable[[str], Any] | None = None,
        expand_nested: bool = False,
        show_trainable: bool = False,
        layer_range: Sequence[str] | None = None,
    ) -> None:
        """Print a table of layers, output shapes and numbers of parameters.

        Args: as in Keras; print_fn is called once a line.
        """
        summary(self, line_length, positions, print_fn, expand_nested, show_trainable, layer_range)

    def count_params(self) -> int:
        """How many numbers the weights hold."""
        return sum(math.prod(w.shape) for w in weights_of(self.program()))

    @property
    def states(self) -> list[Variable]:
        """What stateful layers remember between batches."""
        layers = [layer for layer in structure.every_layer(self) if not isinstance(layer, Model)]
        return [v for layer in layers for v in getattr(layer, "states", None) or ()]

    def reset_states(self, rows: Sequence[int] | None = None) -> None:
        """Forget what stateful layers remember, for all rows of the batch or some.

        Raises: ArgumentError: rows that no batch had.
        """
        for layer in structure.every_layer(self):
            if isinstance(layer, Recurrence):
                layer.reset_state(rows)

    def stream(self, batch: int = 1) -> Stream:
        """A reader that takes one step at a time and remembers; its outputs are bit for bit those of `predict`.

        Args: batch: sequences read side by side.
        Raises: ArgumentError: a layer looks ahead or at whole sequences (bidirectional, pooling, attention, ...).
        """
        return Stream(self, batch)

    def quantize(self, mode: str = "int8", x: Any = None, y: Any = None, filters: Filters = None) -> Quantization:
        """Keep the large weights in 8 bits from now on: a quarter of the memory, and faster predictions and streams.

        Weights that only products read, kernels and recurrent kernels of every cell and of `Dense`, become whole
        numbers of -127 to 127 with a scale for each column; what they are multiplied with is rounded row by row as
        it comes. Biases, states, gates and embeddings stay float32. The floats are gone: save the model before. It
        cannot be trained any more. Other models that share layers have them in 8 bits, too. See
        docs/guides/precision.md.

        Args: mode: "int8". x: data to measure the loss of accuracy on; y: its targets, for a compiled model: then
            metrics are compared, too. filters: which layers: a regular expression of their names, several, or a
            function of a layer; default all. As in Keras 3, but for x and y.
        Returns: what was done and what it cost; print it.
        Raises: ArgumentError: another mode, or no weight that is large enough. WeightsError: NaN among the weights.
        """
        return quantize_model(self, mode, x, y, filters)

    # -- saving ------------------------------------------------------------------------------------------------------

    @checked
    def save(self, filepath: str | os.PathLike[str], overwrite: bool = True) -> None:
        """Write architecture, weights, what was compiled and the optimizer's state into one .safetensors file.

        Raises: OverwriteError: the file exists and overwrite is False. ArgumentError: a layer that is not registered.
        """
        saving.save_model(self, filepath, overwrite)

    def __reduce_ex__(self, protocol: Any) -> Any:
        """`copy` and `pickle` make a model of its own from what `save` writes, once there are weights."""
        return (saving.copied, (saving.copy_of(self),)) if self.built else super().__reduce_ex__(protocol)

    @checked
    def save_weights(self, filepath: str | os.PathLike[str], overwrite: bool = True) -> None:
        """Write the weights alone."""
        saving.save_weights(self, filepath, overwrite)

    @checked
    def load_weights(self, filepath: str | os.PathLike[str], skip_mismatch: bool = False) -> None:
        """Fill the weights from a file by name. Raises: FileFormatError, WeightsError; then no weight has changed."""
        saving.load_weights(self, filepath, skip_mismatch)

    def save_checkpoint(self, filepath: str | os.PathLike[str], state: Mapping[str, Any]) -> None:
        """Write weights, optimizer, counters and states of layers, and `state`, so that training can go on exactly."""
        saving.save_checkpoint(self, filepath, state)

    def load_checkpoint(self, filepath: str | os.PathLike[str]) -> dict[str, Any]:
        """Put back what `save_checkpoint` wrote; gives its `state`. Raises: FileFormatError, WeightsError."""
        return saving.load_checkpoint(self, filepath)

    @staticmethod
    def load(filepath: str | os.PathLike[str]) -> Model:
        """The model in a file; the same as `elman.models.load_model`."""
        model: Model = saving.load_model(filepath)
        return model

    def get_config(self) -> dict[str, Any]:
        """The architecture as JSON can hold it: layers and the calls that connect them.

        Of a class with its own `call`, or with a constructor that makes the layers, the arguments of its constructor.
        """
        if _makes_its_layers(type(self)):
            return super().get_config()
        return structure.functional_config(self.name, self.network, self._input_structure, self._output_structure)

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> Self:
        """The model that a configuration describes, with fresh weights. Raises: UnknownNameError, ArgumentError."""
        if "calls" not in config:
            return super().from_config(config)
        inputs, outputs = structure.functional_from_config(config)
        return cls(inputs, outputs, name=config.get("name"))

    def get_build_config(self) -> dict[str, Any] | None:
        """What `get_config` does not tell: what a `call` of its own has seen, and which layers are frozen."""
        seen = self._written and self.built
        inputs = structure.inputs_config(self.network.inputs, self._input_structure) if seen else {}
        return {**inputs, **structure.frozen_in(self)} or None

    def build_from_config(self, config: Mapping[str, Any]) -> None:
        """Make the network again that `get_build_config` has told, and freeze what was frozen."""
        if "inputs" in config:
            self._learn([structure.inputs_from_config(config)])
        structure.freeze(self, config)

    def to_json(self, **options: Any) -> str:
        """The architecture as text; `elman.models.model_from_json` makes the model again.

        Args: options: of json.dumps.
        """
        return json.dumps(saving.described(self), **options)


def _makes_its_layers(cls: type[Model]) -> bool:
    """Whether the arguments of a class's constructor tell its layers: it is given no network, to pass it on."""
    taken = inspect.signature(cls.__init__).parameters
    given = {"inputs", "outputs"} <= taken.keys() or any(p.kind is p.VAR_POSITIONAL for p in taken.values())
    return not given or cls.call is not Model.call


def _shapes(tensors: Sequence[Tensor]) -> Any:
    shapes = [tuple(d if isinstance(d, int) else None for d in t.shape) for t in tensors]
    return shapes[0] if len(shapes) == 1 else shapes


answer_by(numbers_of)
