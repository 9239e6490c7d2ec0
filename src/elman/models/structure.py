"""How inputs and outputs are grouped (one, a list, a dict), and a network as data: layers, calls, connections."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from elman.errors import ArgumentError, DTypeError, unknown_name
from elman.graph import Graph, Node, Tensor, Variable, constant
from elman.layers import Input
from elman.layers.base import Layer
from elman.layers.registry import deserialize, serialize
from elman.models.network import Network
from elman.shapes import Derived, Dim

__all__ = [
    "every_layer",
    "freeze",
    "frozen_in",
    "functional_config",
    "functional_from_config",
    "given_back",
    "inputs_config",
    "inputs_from_config",
    "leaves",
    "matched",
    "output_names",
    "packed",
    "parts_of",
    "pick_layer",
]


def leaves(structure: Any, where: str, argument: str) -> list[Tensor]:
    """The tensors of a structure, in order. Raises: DTypeError: something else among them."""
    items = (
        list(structure.values())
        if isinstance(structure, Mapping)
        else structure
        if isinstance(structure, (list, tuple))
        else [structure]
    )
    for item in items:
        if not isinstance(item, Tensor):
            raise DTypeError.at(
                where, argument, "symbolic tensors", type(item).__name__, "Start from Input and call layers on it."
            )
    return list(items)


def given_back(made: Any, where: str) -> list[Tensor]:
    """The tensors that a call has given. Raises: DTypeError: something else among them, or none."""
    items = list(made.values()) if isinstance(made, Mapping) else made if isinstance(made, (list, tuple)) else [made]
    for item in items or [made]:
        if not isinstance(item, Tensor):
            rule, cure = "a tensor, or a list or dict of tensors", "Compute it with layers and elman.ops."
            raise DTypeError.at(where, "what call gives", rule, type(item).__name__, cure)
    return list(items)


def packed(values: Sequence[Any], structure: Any) -> Any:
    """Values in the structure's form."""
    if isinstance(structure, Mapping):
        return dict(zip(structure, values, strict=True))
    return list(values) if isinstance(structure, (list, tuple)) else values[0]


def matched(given: Any, structure: Any, where: str) -> list[Tensor]:
    """What a model is called on, in the order of its inputs. Raises: ArgumentError: another number of tensors."""
    if isinstance(given, Mapping) and isinstance(structure, Mapping):
        return [given[key] for key in structure]
    found = leaves(given, where, "x")
    wanted = len(structure) if isinstance(structure, (list, tuple, Mapping)) else 1
    if len(found) != wanted:
        raise ArgumentError.at(
            where, "x", f"a list of {wanted} tensors", len(found), "Pass them in the order of inputs."
        )
    return found


def output_names(structure: Any, outputs: Sequence[Tensor]) -> tuple[str, ...]:
    """A name for each output: the key of a dict, else that of the layer that made it, numbered where it repeats."""
    if isinstance(structure, Mapping):
        return tuple(str(key) for key in structure)
    names: list[str] = []
    for i, t in enumerate(outputs):
        name = t.origin.layer.name if t.origin is not None else f"output_{i}"
        names.append(name if name not in names else f"{name}_{i}")
    return tuple(names)


def parts_of(layer: Layer) -> list[Layer]:
    """The layers directly inside a layer."""
    return layer._all_parts()  # noqa: SLF001  # a model is a layer of layers


def every_layer(layer: Layer) -> list[Layer]:
    """A layer and all layers inside it, each once."""
    inner = [found for part in parts_of(layer) for found in every_layer(part)]
    return list({id(found): found for found in [layer, *inner]}.values())


def frozen_in(model: Layer) -> dict[str, Any]:
    """Which layers train, where some do not, as JSON can hold it: of layers inside layers no constructor tells."""
    flags = [layer.trainable for layer in every_layer(model)]
    return {} if all(flags) else {"trainable": flags}


def freeze(model: Layer, told: Mapping[str, Any]) -> None:
    """Freeze what `frozen_in` has told of a model of the same layers."""
    if "trainable" in told:
        for layer, flag in zip(every_layer(model), told["trainable"], strict=True):
            layer._train_own(flag)  # noqa: SLF001  # a model is a layer of layers


def pick_layer(where: str, layers: Sequence[Layer], name: str | None, index: int | None) -> Layer:
    """The layer of a name or a position. Raises: UnknownNameError, ArgumentError."""
    if (name is None) == (index is None):
        raise ArgumentError.at(
            where, "name or index", "given, not both", (name, index), "get_layer('dense') or get_layer(index=0)."
        )
    if index is not None:
        if not -len(layers) <= index < len(layers):
            raise ArgumentError.at(where, "index", f"between 0 and {len(layers) - 1}", index, "See summary().")
        return layers[index]
    for layer in layers:
        if layer.name == name:
            return layer
    raise unknown_name(where, "name", name, [layer.name for layer in layers])


# ---- a network as data ---------------------------------------------------------------------------------------------


def functional_config(name: str, network: Network, inputs: Any, outputs: Any) -> dict[str, Any]:
    """The network as JSON can hold it.

    Raises: ArgumentError: an operator between layers that cannot be written down, or a layer that is not registered.
    """
    writer = _Writer(network)
    calls = [
        {"layer": call.layer.name, "args": writer.value(call.args), "kwargs": writer.value(call.kwargs)}
        for call, _ in network.calls
    ]
    ends = [writer.value(t) for t in network.outputs]
    return {
        "name": name,
        **inputs_config(network.inputs, inputs),
        "layers": [serialize(layer) for layer in network.layers],
        "calls": calls,
        "nodes": writer.nodes,
        "outputs": ends,
        "output_names": list(outputs) if isinstance(outputs, Mapping) else _form(outputs),
    }


def inputs_config(tensors: Sequence[Tensor], form: Any) -> dict[str, Any]:
    """Inputs as JSON can hold them, and the form they are in."""
    return {
        "inputs": [{"name": t.node.attrs["name"], "shape": _symbolic(t), "dtype": t.dtype} for t in tensors],
        "input_names": list(form) if isinstance(form, Mapping) else _form(form),
    }


def inputs_from_config(config: Mapping[str, Any]) -> Any:
    """New inputs as `inputs_config` has described them."""
    return _formed(_new_inputs(config), config["input_names"])


def _new_inputs(config: Mapping[str, Any]) -> list[Tensor]:
    return [Input(batch_shape=item["shape"], dtype=item["dtype"], name=item["name"]) for item in config["inputs"]]


def _form(structure: Any) -> str:
    return "list" if isinstance(structure, (list, tuple)) else "one"


def _symbolic(t: Tensor) -> list[int | str | None]:
    """A shape whose open axes keep their names."""
    return [d if isinstance(d, int) else None if i == 0 else str(d) for i, d in enumerate(t.shape)]


class _Writer:
    """Turns arguments of calls into data; tensors become references to an input, a call or a node."""

    def __init__(self, network: Network) -> None:
        self.where = network.where
        self.inputs = {id(t): i for i, t in enumerate(network.inputs)}
        self.calls = {id(call.kwargs): i for i, (call, _) in enumerate(network.calls)}
        self.nodes: list[dict[str, Any]] = []
        self._numbers: dict[int, int] = {}

    def value(self, value: Any) -> Any:
        """Any argument."""
        if isinstance(value, Tensor):
            return {"tensor": self._reference(value)}
        if isinstance(value, (list, tuple)):
            return [self.value(item) for item in value]
        if isinstance(value, Mapping):
            return {k: self.value(v) for k, v in value.items()}
        return serialize(value, self.where, "argument of a call")

    def _reference(self, t: Tensor) -> list[Any]:
        if id(t) in self.inputs:
            return ["input", self.inputs[id(t)], 0]
        if t.origin is not None:
            return ["call", self.calls[id(t.origin.kwargs)], t.origin.index]
        if t.node.serial not in self._numbers:
            written = {
                "op": t.node.op,
                "attrs": self._attributes(t.node),
                "inputs": [self._reference(i) for i in t.node.inputs],
            }
            self._numbers[t.node.serial] = len(self.nodes)
            self.nodes.append(written)
        return ["node", self._numbers[t.node.serial], t.index]

    def _attributes(self, node: Node) -> dict[str, Any]:
        return {k: self._attribute(node, v) for k, v in node.attrs.items()}

    def _attribute(self, node: Node, value: Any) -> Any:
        if isinstance(value, Dim):
            return {"dim": [[[self._attribute(node, atom) for atom in m], c] for m, c in value.terms]}
        if isinstance(value, Derived):
            return {"derived": self._attribute(node, value.of), "by": self._attribute(node, value.by)}
        if isinstance(value, (list, tuple)):
            return [self._attribute(node, item) for item in value]
        if isinstance(value, np.ndarray):
            return {"array": value.tolist(), "dtype": str(value.dtype)}
        if isinstance(value, (Graph, Variable)):
            cure = "Put it into a layer of your own, decorated with @elman.layers.register."
            raise ArgumentError.at(
                self.where, "operators between layers", "without loops and loose variables to be saved", node.op, cure
            )
        return value


def functional_from_config(config: Mapping[str, Any]) -> tuple[Any, Any]:
    """New inputs and outputs, connected as the configuration says."""
    inputs = _new_inputs(config)
    layers = {item["config"]["name"]: deserialize(item) for item in config["layers"]}
    reader = _Reader(inputs, config["nodes"])
    for call in config["calls"]:
        args, kwargs = reader.value(call["args"]), reader.value(call["kwargs"])
        made = layers[call["layer"]](*args, **kwargs)
        reader.calls.append(
            list(made) if isinstance(made, (list, tuple)) else list(made.values()) if isinstance(made, dict) else [made]
        )
    outputs = [reader.value(t) for t in config["outputs"]]
    return _formed(inputs, config["input_names"]), _formed(outputs, config["output_names"])


def _formed(tensors: list[Tensor], form: Any) -> Any:
    if isinstance(form, str):
        return tensors[0] if form == "one" else tensors
    return dict(zip(form, tensors, strict=True))


class _Reader:
    """Turns data back into arguments of calls."""

    def __init__(self, inputs: Sequence[Tensor], nodes: Sequence[Mapping[str, Any]]) -> None:
        self.inputs = inputs
        self.calls: list[list[Tensor]] = []
        self.written = nodes
        self._made: dict[int, Node] = {}

    def value(self, value: Any) -> Any:
        """Any argument."""
        if isinstance(value, Mapping):
            if set(value) == {"tensor"}:
                return self._tensor(value["tensor"])
            if "class_name" in value:
                return deserialize(value)
            return {k: self.value(v) for k, v in value.items()}
        return [self.value(item) for item in value] if isinstance(value, list) else value

    def _tensor(self, reference: Sequence[Any]) -> Tensor:
        kind, number, index = reference
        sources: dict[str, Callable[[], Tensor]] = {
            "input": lambda: self.inputs[number],
            "call": lambda: self.calls[number][index],
            "node": lambda: self._node(number).outputs[index],
        }
        return sources[kind]()

    def _node(self, number: int) -> Node:
        if number not in self._made:
            written = self.written[number]
            attrs = {k: _attribute(v) for k, v in written["attrs"].items()}
            if written["op"] == "Constant":
                self._made[number] = constant(attrs["value"], attrs["dtype"]).node
            else:
                self._made[number] = Node(written["op"], [self._tensor(t) for t in written["inputs"]], attrs)
        return self._made[number]


def _attribute(value: Any) -> Any:
    if isinstance(value, Mapping):
        if "dim" in value:
            return Dim({tuple(_attribute(atom) for atom in m): int(c) for m, c in value["dim"]})
        if "derived" in value:
            return Derived(_attribute(value["derived"]), _attribute(value["by"]))
        return np.array(value["array"], value["dtype"])
    return tuple(_attribute(item) for item in value) if isinstance(value, list) else value
